#ifndef LAYERD_DAEMON_PACK_NETWORK_TRANSLATOR_H_
#define LAYERD_DAEMON_PACK_NETWORK_TRANSLATOR_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/pack/graph/graph.h"
#include "daemon/pack/network/network.h"

namespace layerd {

// Translates one graph; Translate() is its door. Each Take method appends the
// operations of one node.
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

  // translate_weighted.cc
  absl::Status TakeConv(const Node& node);
  absl::Status TakeConvTranspose(const Node& node);
  absl::Status TakeBatchNormalization(const Node& node);
  absl::Status TakeGemm(const Node& node);
  absl::Status TakeMatMul(const Node& node);
  absl::Status TakeRecurrent(const Node& node);

  // translate_window.cc
  absl::Status TakeMaxPool(const Node& node);
  absl::Status TakeAveragePool(const Node& node);
  absl::Status TakeGlobalPool(const Node& node);
  absl::Status TakePad(const Node& node);

  // translate_elementwise.cc
  absl::Status TakeUnary(const Node& node);
  absl::Status TakeCelu(const Node& node);
  absl::Status TakeClip(const Node& node);
  absl::Status TakeClipByInputs(const Node& node);
  absl::Status TakeBinary(const Node& node);
  absl::Status TakeVariadic(const Node& node);
  absl::Status TakeIsNaN(const Node& node);
  absl::Status TakeWhere(const Node& node);
  absl::Status TakeCast(const Node& node);

  // translate_reduction.cc
  absl::Status TakeReduce(const Node& node);
  absl::Status TakeTopPlaces(const Node& node);
  absl::Status TakeReduceLogSumExp(const Node& node);
  absl::Status TakeSoftmax(const Node& node);
  absl::Status TakeLogSoftmax(const Node& node);
  absl::Status TakeLrn(const Node& node);
  absl::Status TakeLayerNormalization(const Node& node);
  absl::Status TakeLayerMoments(const Node& node);
  absl::Status TakeInstanceNormalization(const Node& node);
  absl::Status TakeGroupNormalization(const Node& node);
  absl::Status TakeRunTimeBatchNormalization(const Node& node);
  absl::Status TakeTrainingBatchNormalization(const Node& node);

  // translate_layout.cc
  absl::Status TakeConcat(const Node& node);
  absl::Status TakeReshape(const Node& node);
  absl::Status TakeTranspose(const Node& node);
  absl::Status TakeExpand(const Node& node);
  absl::Status TakeSlice(const Node& node);
  absl::Status TakeGather(const Node& node);
  absl::Status TakeDepthToSpace(const Node& node);
  absl::Status TakeSpaceToDepth(const Node& node);
  absl::Status TakeTile(const Node& node);
  absl::Status TakeResize(const Node& node);

  bool IsConstant(int value) const {
    return network_.values[value].constant >= 0;
  }
  const Shape& ShapeOf(int value) const { return network_.values[value].shape; }
  // All numbers of a small constant.
  absl::StatusOr<std::vector<float>> ReadVector(const Node& node, int value);
  Weight WeightOf(int value) const;
  int NewValue(const Node& node, Shape shape, DataType dtype = DataType::kF32);
  Operation& Append(const Node& node, NetworkOperator op,
                    std::vector<int> inputs, int output);
  // From the node's only input to its only output: of bytes too, which are
  // exact in f32.
  void AppendOfFloats(const Node& node, NetworkOperator op);
  // Each returns its output, a new value.
  int AppendUnary(const Node& node, const Activation& activation, int input);
  int AppendBinary(const Node& node, Binary::Kind kind, int left, int right);
  int AppendReduce(const Node& node, Reduce op, int input, DataType dtype);
  int AppendLogSumExp(const Node& node, int input, int most, const Shape& axes);
  int AppendScaled(const Node& node, int input, float factor);
  int AppendIntegers(const Node& node, Shape numbers);
  int Reshaped(const Node& node, int value, Shape shape);
  int Transposed(const Node& node, int value, Shape permutation);
  int PerChannel(const Node& node, int value, size_t rank);
  // `kernel` is what it is, or the value that it will be.
  template <typename Op>
  absl::Status Convolve(const Node& node, Op conv,
                        std::variant<Weight, int> kernel);
  int GroupedKernel(const Node& node, int kernel, int64_t groups);
  int TransposedKernel(const Node& node, int kernel, int64_t groups);

  void AppendBinary(const Node& node, Binary::Kind kind, int left, int right,
                    int output);
  absl::Status AppendAddition(const Node& node, int product, int addend,
                              float beta);
  absl::Status AppendScaleShift(const Node& node, int input, int scale,
                                int shift, int output);
  absl::Status AppendRearranged(const Node& node, Shape split,
                                Shape permutation);
  absl::StatusOr<bool> AppendAsSlice(const Node& node, int64_t axis);
  // `value`, cast and reshaped to what `output` is.
  absl::Status Finish(const Node& node, int value, int output);

  // Integers that are not computed on as they are pass through i64: operands
  // are widened before, results narrowed after, so that they wrap as their own
  // type does.
  static bool IsComputedOn(DataType dtype);
  int Widened(const Node& node, int value);
  int Widened(const Node& node, int value, DataType dtype);
  int WideOutput(const Node& node, int output);
  void Narrow(const Node& node, int wide, int output);

  const Graph& graph_;
  Network network_;
};

// Attributes of a node that the importer wrote.
int64_t IntOf(const Node& node, const char* name);
float FloatOf(const Node& node, const char* name);
const std::string& StringOf(const Node& node, const char* name);
const std::vector<int64_t>& IntsOf(const Node& node, const char* name);
const std::vector<float>& FloatsOf(const Node& node, const char* name);

// Pads as ONNX has them: all beginnings, then all ends.
std::vector<int64_t> BeginsOf(const std::vector<int64_t>& pads);
std::vector<int64_t> EndsOf(const std::vector<int64_t>& pads);

}  // namespace layerd

#endif  // LAYERD_DAEMON_PACK_NETWORK_TRANSLATOR_H_
