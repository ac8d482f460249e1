#include "daemon/pack/import/turned_weights.h"

#include <cstdint>
#include <variant>
#include <vector>

#include "daemon/pack/onnx/onnx_limits.h"

namespace layerd {

bool TurnedWeights::Take(const Node& node) {
  if (node.op_type != "Transpose") return false;
  const Value& from = graph_->values[static_cast<size_t>(node.inputs[0])];
  if (from.constant < 0 || from.shape->size() != 2 ||
      graph_->constants[static_cast<size_t>(from.constant)].file < 0 ||
      std::get<std::vector<int64_t>>(node.attributes.at("perm"))[0] != 1) {
    return false;
  }
  waiting_.emplace(node.outputs[0], node);
  return true;
}

void TurnedWeights::ReadFromFile(Node& product) {
  const bool is_gemm = product.op_type == "Gemm";
  if ((!is_gemm && product.op_type != "MatMul") || product.inputs.size() < 2) {
    return;
  }
  const auto turned = waiting_.find(product.inputs[1]);
  if (turned == waiting_.end()) return;
  if (is_gemm) {
    AttributeValue& turns =
        product.attributes.try_emplace("transB", int64_t{0}).first->second;
    if (!std::holds_alternative<int64_t>(turns)) return;  // Refused later.
    turns = int64_t{std::get<int64_t>(turns) == 0};
  } else {
    product.op_type = "MatMulOfRows";
    product.opset = kOpsetOfOurOwn;
  }
  product.inputs[1] = turned->second.inputs[0];
}

std::optional<Node> TurnedWeights::Release(int value) {
  auto found = waiting_.extract(value);
  if (found.empty()) return std::nullopt;
  return std::move(found.mapped());
}

}  // namespace layerd
