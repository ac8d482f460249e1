#ifndef LAYERD_DAEMON_PACK_TRANSLATOR_H_
#define LAYERD_DAEMON_PACK_TRANSLATOR_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/pack/graph.h"
#include "daemon/pack/network.h"

namespace layerd {

// Translates one graph; Translate() is its door. Each Take method appends the
// operations of one node: translate_weighted.cc, translate_window.cc,
// translate.cc for the others.
//
// REQUIRES: nodes as the importer leaves them, with every attribute.
class Translator {
 public:
  explicit Translator(const Graph& graph);

  absl::StatusOr<Network> Run();

 private:
  using Shape = std::vector<int64_t>;
  using Method = absl::Status (Translator::*)(const Node&);
  static const std::map<std::string, Method>& Methods();

  absl::Status TakeConv(const Node& node);
  absl::Status TakeMaxPool(const Node& node);
  absl::Status TakeAveragePool(const Node& node);
  absl::Status TakeGlobalAveragePool(const Node& node);
  absl::Status TakeBatchNormalization(const Node& node);
  absl::Status TakeGemm(const Node& node);
  absl::Status TakeMatMul(const Node& node);
  absl::Status TakeUnary(const Node& node);
  absl::Status TakeBinary(const Node& node);
  absl::Status TakeSum(const Node& node);
  absl::Status TakeConcat(const Node& node);
  absl::Status TakeReshape(const Node& node);
  absl::Status TakeTranspose(const Node& node);
  absl::Status TakeSoftmax(const Node& node);
  absl::Status TakeCast(const Node& node);
  absl::Status TakeLrn(const Node& node);
  absl::Status TakePad(const Node& node);

  bool IsConstant(int value) const {
    return network_.values[value].constant >= 0;
  }
  const Shape& ShapeOf(int value) const { return network_.values[value].shape; }
  // All numbers of a small constant.
  absl::StatusOr<std::vector<float>> ReadVector(const Node& node, int value);
  Weight WeightOf(int value) const;
  int NewValue(const Node& node, Shape shape);
  Operation& Append(const Node& node,
                    std::variant<Operator, Reshape, Transpose, Concat> op,
                    std::vector<int> inputs, int output);
  void AppendBinary(const Node& node, Binary::Kind kind, int left, int right,
                    int output);
  absl::Status AppendAddition(const Node& node, int product, int addend,
                              float beta);
  int Reshaped(const Node& node, int value, Shape shape);
  int Transposed(const Node& node, int value);

  const Graph& graph_;
  Network network_;
};

// Attributes of a node that the importer wrote.
int64_t IntOf(const Node& node, const char* name);
float FloatOf(const Node& node, const char* name);
const std::string& StringOf(const Node& node, const char* name);
const std::vector<int64_t>& IntsOf(const Node& node, const char* name);

// Pads as ONNX has them: all beginnings, then all ends.
std::vector<int64_t> BeginsOf(const std::vector<int64_t>& pads);
std::vector<int64_t> EndsOf(const std::vector<int64_t>& pads);

}  // namespace layerd

#endif  // LAYERD_DAEMON_PACK_TRANSLATOR_H_
