#include "daemon/pack/network/simplify.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "config/status_macros.h"
#include "daemon/pack/graph/element_type.h"

namespace layerd {
namespace {

using Shape = std::vector<int64_t>;

// Small enough to look at; what is larger is no bias and no scale.
constexpr int64_t kLookedAtMax = 1 << 16;

bool IsView(const Operation& node) {
  return std::holds_alternative<Reshape>(node.op) ||
         std::holds_alternative<Transpose>(node.op);
}

bool KeepsOrder(const Transpose& transpose) {
  return std::is_sorted(transpose.permutation.begin(),
                        transpose.permutation.end());
}

class Simplifier {
 public:
  explicit Simplifier(Network* network) : network_(network), uses_(*network) {}

  absl::Status Run() {
    // Each round moves views by one node at least, and never back.
    for (bool changes = true; changes;) {
      changes = false;
      for (size_t n = 0; n < network_->nodes.size(); ++n) {
        ASSIGN_OR_RETURN(const bool changed, SimplifyNode(n));
        changes = changes || changed;
      }
      std::erase_if(network_->nodes,
                    [](const Operation& node) { return node.output < 0; });
      uses_ = Uses(*network_);
    }
    return absl::OkStatus();
  }

 private:
  absl::StatusOr<bool> SimplifyNode(size_t n) {
    if (network_->nodes[n].output < 0) return false;
    ASSIGN_OR_RETURN(const bool idle, IsIdle(network_->nodes[n]));
    if (idle && TakeOut(n)) return true;
    if (JoinViews(n)) return true;
    if (SinkView(n)) return true;
    return ScaleProduct(n);
  }

  absl::StatusOr<bool> IsIdle(const Operation& node) const;
  bool TakeOut(size_t n);
  bool JoinViews(size_t n);
  bool SinkView(size_t n);
  absl::StatusOr<bool> ScaleProduct(size_t n);

  bool WorksOnElements(const Operation& node, const Shape& before) const;
  bool IsWorthIt(const Operation& node, const Operation& view) const;
  // The node that makes what `node` reads, if nobody else reads it.
  Operation* SoleProducer(const Operation& node);
  Operation* SoleReader(const Operation& node);
  const Shape& ShapeOf(int value) const {
    return network_->values[value].shape;
  }

  Network* network_;
  Uses uses_;
};

Operation* Simplifier::SoleProducer(const Operation& node) {
  const int input = node.inputs.empty() ? -1 : node.inputs[0];
  if (input < 0 || uses_.count[input] != 1 || uses_.producer[input] < 0) {
    return nullptr;
  }
  return &network_->nodes[uses_.producer[input]];
}

Operation* Simplifier::SoleReader(const Operation& node) {
  if (uses_.count[node.output] != 1 || uses_.last[node.output] < 0) {
    return nullptr;
  }
  return &network_->nodes[uses_.last[node.output]];
}

// Whether its output is its input.
absl::StatusOr<bool> Simplifier::IsIdle(const Operation& node) const {
  if (node.inputs.size() != 1 ||
      ShapeOf(node.inputs[0]) != ShapeOf(node.output)) {
    return false;
  }
  if (std::holds_alternative<Reshape>(node.op) ||
      std::holds_alternative<Slice>(node.op) ||
      std::holds_alternative<Expand>(node.op)) {
    return true;
  }
  if (const auto* transpose = std::get_if<Transpose>(&node.op)) {
    return KeepsOrder(*transpose);
  }
  const auto* binary = OperatorOf<Binary>(node);
  if (binary == nullptr || binary->activation.kind != ActivationKind::kNone ||
      network_->values[node.output].dtype != DataType::kF32 ||
      CountOf(node.weights[0].shape) > kLookedAtMax) {
    return false;
  }
  const bool left = binary->constant == Binary::Constant::kLeft;
  float neutral = 0;
  switch (binary->kind) {
    case Binary::Kind::kAdd:
      break;
    case Binary::Kind::kSub:
      if (left) return false;
      break;
    case Binary::Kind::kMul:
      neutral = 1;
      break;
    case Binary::Kind::kDiv:
    case Binary::Kind::kPow:
      if (left) return false;
      neutral = 1;
      break;
    default:
      return false;
  }
  ASSIGN_OR_RETURN(const std::vector<float> numbers,
                   ReadAll(*network_, node.weights[0]));
  return std::all_of(numbers.begin(), numbers.end(),
                     [neutral](float number) { return number == neutral; });
}

// Whoever read the output reads the input. An output of the network keeps its
// name: then what makes the input makes it, if it can.
bool Simplifier::TakeOut(size_t n) {
  Operation& node = network_->nodes[n];
  const int from = node.output;
  const int to = node.inputs[0];
  if (network_->values[from].dtype != network_->values[to].dtype) return false;
  if (uses_.is_output[from]) {
    Operation* producer = SoleProducer(node);
    if (producer == nullptr) return false;
    producer->output = from;
    uses_.producer[from] = uses_.producer[to];
    node.output = -1;
    return true;
  }
  for (size_t m = n + 1; m < network_->nodes.size(); ++m) {
    for (int& input : network_->nodes[m].inputs) {
      if (input == from) input = to;
    }
  }
  uses_.count[to] += uses_.count[from] - 1;
  uses_.last[to] = std::max(uses_.last[to], uses_.last[from]);
  node.output = -1;
  return true;
}

// Reshape behind Reshape, Transpose behind Transpose.
bool Simplifier::JoinViews(size_t n) {
  Operation& node = network_->nodes[n];
  if (!IsView(node)) return false;
  Operation* before = SoleProducer(node);
  if (before == nullptr || before->op.index() != node.op.index()) return false;
  if (auto* transpose = std::get_if<Transpose>(&node.op)) {
    const auto& first = std::get<Transpose>(before->op).permutation;
    for (int64_t& d : transpose->permutation) d = first[d];
  }
  node.inputs = before->inputs;
  uses_.last[node.inputs[0]] =
      std::max(uses_.last[node.inputs[0]], static_cast<int>(n));
  before->output = -1;
  return true;
}

// Whether it gives the same for each element when its input is seen as
// `before`.
bool Simplifier::WorksOnElements(const Operation& node,
                                 const Shape& before) const {
  const Shape& after = ShapeOf(node.output);
  if (node.inputs.size() != 1 || ShapeOf(node.inputs[0]) != after ||
      network_->values[node.output].dtype !=
          network_->values[node.inputs[0]].dtype) {
    return false;
  }
  if (OperatorOf<Unary>(node) != nullptr) return true;
  if (OperatorOf<Binary>(node) == nullptr) return false;
  const Shape& constant = node.weights[0].shape;
  if (constant.size() > before.size()) return false;
  if (CountOf(constant) == 1) return true;
  // One number for each place of the last dimension, which a Reshape kept.
  return constant.back() == CountOf(constant) && !before.empty() &&
         before.back() == constant.back() && after.back() == before.back();
}

// Whether somebody waits for `node` where its input came from.
bool Simplifier::IsWorthIt(const Operation& node, const Operation& view) const {
  const Operation* from = &view;
  while (IsView(*from)) {
    const int input = from->inputs[0];
    if (uses_.count[input] != 1 || uses_.producer[input] < 0) return false;
    from = &network_->nodes[uses_.producer[input]];
  }
  const Activation* activation = ActivationOf(const_cast<Operation&>(*from));
  if (activation == nullptr) {
    return OperatorOf<MatMul>(*from) != nullptr &&
           OperatorOf<Binary>(node) != nullptr;
  }
  return activation->kind == ActivationKind::kNone;
}

bool UndoneBy(const Operation* reader, const Operation& view) {
  const auto* second =
      reader == nullptr ? nullptr : std::get_if<Transpose>(&reader->op);
  const auto* first = std::get_if<Transpose>(&view.op);
  if (first == nullptr || second == nullptr) return false;
  for (size_t d = 0; d < second->permutation.size(); ++d) {
    if (first->permutation[second->permutation[d]] != static_cast<int64_t>(d)) {
      return false;
    }
  }
  return true;
}

// view, node become node, view.
bool Simplifier::SinkView(size_t n) {
  Operation& node = network_->nodes[n];
  Operation* view = SoleProducer(node);
  if (view == nullptr || !IsView(*view)) return false;
  const int source = view->inputs[0];
  const int between = view->output;
  const bool scalar =
      node.weights.empty() || CountOf(node.weights[0].shape) == 1;
  if ((!scalar && std::holds_alternative<Transpose>(view->op)) ||
      !WorksOnElements(node, ShapeOf(source)) ||
      !(IsWorthIt(node, *view) || UndoneBy(SoleReader(node), *view))) {
    return false;
  }
  network_->values[between].shape = ShapeOf(source);
  node.inputs[0] = source;
  view->inputs[0] = between;
  std::swap(node.output, view->output);
  std::swap(node, *view);
  return true;
}

absl::StatusOr<bool> Simplifier::ScaleProduct(size_t n) {
  Operation& node = network_->nodes[n];
  const auto* binary = OperatorOf<Binary>(node);
  if (binary == nullptr || binary->activation.kind != ActivationKind::kNone ||
      (binary->kind != Binary::Kind::kMul &&
       (binary->kind != Binary::Kind::kDiv ||
        binary->constant != Binary::Constant::kRight)) ||
      binary->constant == Binary::Constant::kNone ||
      CountOf(node.weights[0].shape) != 1 ||
      ShapeOf(node.inputs[0]) != ShapeOf(node.output) ||
      network_->values[node.output].dtype != DataType::kF32) {
    return false;
  }
  Operation* reader = SoleReader(node);
  while (reader != nullptr && IsView(*reader)) reader = SoleReader(*reader);
  MatMul* product = reader == nullptr ? nullptr : OperatorOf<MatMul>(*reader);
  if (product == nullptr || uses_.is_output[node.output]) return false;
  ASSIGN_OR_RETURN(const std::vector<float> number,
                   ReadAll(*network_, node.weights[0]));
  const bool divides = binary->kind == Binary::Kind::kDiv;
  const float factor = divides ? 1 / number[0] : number[0];
  if (divides && !std::isfinite(factor)) return false;
  product->scale *= factor;
  return TakeOut(n);
}

}  // namespace

absl::Status Simplify(Network* network) { return Simplifier(network).Run(); }

}  // namespace layerd
