#ifndef LAYERD_DAEMON_PACK_SPELL_SPELLER_H_
#define LAYERD_DAEMON_PACK_SPELL_SPELLER_H_

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/pack/graph/graph.h"
#include "daemon/pack/onnx/allowance.h"

namespace layerd {

// Writes the nodes that say the same as one (spell_out.h): what each of the
// functions below is given.
//
// Ownership: graph, node, held_bytes and the nodes before it are loans.
class Speller {
 public:
  using Attributes = std::map<std::string, AttributeValue>;
  using Shape = std::vector<int64_t>;

  Speller(const Node* node, Graph* graph, Allowance* held_bytes,
          std::span<const Node> before)
      : node_(node), graph_(graph), held_bytes_(held_bytes), before_(before) {}

  const Node& node() const { return *node_; }
  int input(size_t i) const { return node_->inputs[i]; }
  Shape shape(int value) const;
  DataType dtype(int value) const;
  bool is_known(int value) const;
  // The node that writes it, of those before; null of an input or a constant.
  const Node* WriterOf(int value) const;
  template <typename T>
  const T& attribute(const char* name) const {
    return std::get<T>(node_->attributes.at(name));
  }
  bool has_input(size_t i) const {
    return i < node_->inputs.size() && node_->inputs[i] != kAbsent;
  }
  bool has_output(size_t i) const {
    return i < node_->outputs.size() && node_->outputs[i] != kAbsent;
  }
  // Of nodes that are not inferred, whose attributes are as they were written.
  // Errors: INVALID_ARGUMENT for another type.
  absl::StatusOr<int64_t> IntOr(const char* name, int64_t otherwise) const;
  absl::StatusOr<std::string> StringOr(const char* name,
                                       const char* otherwise) const;
  absl::StatusOr<float> FloatOr(const char* name, float otherwise) const;
  // T: int64_t, float.
  template <typename T>
  absl::StatusOr<std::vector<T>> ListOr(const char* name,
                                        std::vector<T> otherwise) const {
    const auto found = node_->attributes.find(name);
    if (found == node_->attributes.end()) return otherwise;
    if (const auto* list = std::get_if<std::vector<T>>(&found->second)) {
      return *list;
    }
    return Invalid(std::string("attribute ") + name + " is no list of those");
  }
  absl::Status CheckAttributes(const std::vector<std::string>& known) const;
  // REQUIRES: is_known(value), integers.
  absl::StatusOr<std::vector<int64_t>> Elements(int value) const;
  // Elements [first, first + count), counted through all.
  // REQUIRES: is_known(value), floats.
  absl::StatusOr<std::vector<float>> Numbers(int value, int64_t first,
                                             int64_t count) const;

  // Constants, of type I64 but for the last two. Returned is a value.
  absl::StatusOr<int> Known(const std::vector<int64_t>& elements, Shape shape);
  absl::StatusOr<int> KnownList(const std::vector<int64_t>& elements);
  absl::StatusOr<int> KnownTruths(const std::vector<int64_t>& elements,
                                  Shape shape);
  absl::StatusOr<int> Zeros(DataType dtype, const Shape& shape);
  // A list of floats.
  absl::StatusOr<int> KnownNumbers(DataType dtype,
                                   const std::vector<float>& numbers);
  // A number, of any type.
  absl::StatusOr<int> KnownNumber(DataType dtype, float number);
  // A run of the elements of a constant, from `first` on, where they are.
  // REQUIRES: is_known(value).
  absl::StatusOr<int> Piece(int value, int64_t first, Shape shape);

  // The bytes of a constant, where they are, in another shape: as its own
  // elements, or `per_byte` unsigned ones in each, if those are more than one.
  // Errors: INVALID_ARGUMENT where they are not as many.
  // REQUIRES: is_known(value).
  absl::StatusOr<Constant> Seen(int value, Shape shape, int per_byte) const;
  // A constant in bytes that has scales, as it is stored, where it is; and, as
  // many, what is taken off its bytes, if it is not 0.
  struct Stored {
    int value;
    std::vector<float> scales, zero_points;
  };
  // REQUIRES: is_known(value), and its constant is such a one.
  absl::StatusOr<Stored> AsStored(int value);
  // A constant that others refer to.
  int AddConstant(Constant constant);
  // What `constant` means, of `dtype`. Returned is a value.
  int Meant(DataType dtype, Constant constant) {
    return ValueOf(dtype, std::move(constant));
  }

  // A node, and the value that it writes.
  int Add(const char* op_type, std::vector<int> inputs,
          Attributes attributes = {});
  // A node that no file may contain.
  int AddOwn(const char* op_type, std::vector<int> inputs,
             Attributes attributes);
  absl::StatusOr<int> Reshaped(int value, const Shape& shape);
  int Transposed(int value, Shape permutation);
  int CastTo(int value, DataType dtype);
  // Input `i` in steps of input `scale`, from input `zero` if it is there; both
  // along `axis` if they are several.
  int Dequantised(size_t i, size_t scale, size_t zero, int64_t axis);
  // The node's output is this value.
  void Finish(int value) { FinishOutput(0, value); }
  // One of several; the node keeps its name for one of them.
  void FinishOutput(size_t i, int value);

  absl::Status Unsupported(std::string_view why) const;
  absl::Status Invalid(std::string_view why) const;
  // Whether so many elements may be computed while packing.
  absl::Status CheckSize(int64_t rows, int64_t columns = 1) const;
  std::vector<Node> TakeNodes() { return std::move(nodes_); }

 private:
  int NewValue();
  int ValueOf(DataType dtype, Constant constant);
  int ConstantOf(Constant constant);
  template <typename T>
  absl::StatusOr<int> Hold(DataType dtype, const std::vector<T>& elements,
                           Shape shape);

  const Node* node_;
  Graph* graph_;
  Allowance* held_bytes_;
  std::span<const Node> before_;
  std::vector<Node> nodes_;
  bool is_named_ = false;  // A node has the name of the one that is spelled.
};

// spell_bits.cc
absl::Status SpellBitShift(Speller& speller);
absl::Status SpellBitwise(Speller& speller);
// spell_blocks.cc
absl::Status SpellGatherBlockQuantized(Speller& speller);
absl::Status SpellMatMulNBits(Speller& speller);
// spell_deform.cc
absl::Status SpellDeformConv(Speller& speller);
// spell_einsum.cc
absl::Status SpellEinsum(Speller& speller);
// spell_places.cc
absl::Status SpellGatherElements(Speller& speller);
absl::Status SpellGatherNd(Speller& speller);
absl::Status SpellScatterElements(Speller& speller);
absl::Status SpellScatterNd(Speller& speller);
// spell_recurrent.cc
absl::Status SpellRecurrent(Speller& speller);
// spell_choice.cc
absl::Status SpellTopK(Speller& speller);
absl::Status SpellTrilu(Speller& speller);
absl::Status SpellOneHot(Speller& speller);
absl::Status SpellClipOfDoubles(Speller& speller);
// spell_quantised.cc
bool LooksUpBytes(const Node& node, const Graph& graph);
absl::Status SpellGatherOfBytes(Speller& speller);
absl::Status SpellQuantizeLinear(Speller& speller);
absl::Status SpellDequantizeLinear(Speller& speller);
// spell_integers.cc
absl::Status SpellConvInteger(Speller& speller);
absl::Status SpellDynamicQuantizeLinear(Speller& speller);
absl::Status SpellDynamicQuantizeMatMul(Speller& speller);
absl::Status SpellMatMulInteger(Speller& speller);
absl::Status SpellMatMulIntegerToFloat(Speller& speller);
absl::Status SpellQLinearConv(Speller& speller);
absl::Status SpellQLinearMatMul(Speller& speller);
// spell_mel.cc
absl::Status SpellMelWeightMatrix(Speller& speller);
// spell_microsoft.cc
absl::Status SpellMicrosoftDequantizeLinear(Speller& speller);
absl::Status SpellQGemm(Speller& speller);
absl::Status SpellQLinearAdd(Speller& speller);
absl::Status SpellQLinearAveragePool(Speller& speller);
absl::Status SpellQLinearConcat(Speller& speller);
absl::Status SpellQLinearGlobalAveragePool(Speller& speller);
absl::Status SpellQLinearLeakyRelu(Speller& speller);
absl::Status SpellQLinearMul(Speller& speller);
absl::Status SpellQLinearSigmoid(Speller& speller);
absl::Status SpellQLinearSoftmax(Speller& speller);
absl::Status SpellQLinearWhere(Speller& speller);
absl::Status SpellMicrosoftQuantizeLinear(Speller& speller);
// spell_functions.cc
absl::Status SpellCompress(Speller& speller);
absl::Status SpellFunction(Speller& speller);
absl::Status SpellHardmax(Speller& speller);
absl::Status SpellIsInf(Speller& speller);
absl::Status SpellLpNormalization(Speller& speller);
absl::Status SpellMeanVarianceNormalization(Speller& speller);
absl::Status SpellShrink(Speller& speller);
// spell_fused.cc
absl::Status SpellEmbedLayerNormalization(Speller& speller);
absl::Status SpellFusedConv(Speller& speller);
absl::Status SpellFusedGemm(Speller& speller);
absl::Status SpellFusedMatMul(Speller& speller);
absl::Status SpellMicrosoftGelu(Speller& speller);
absl::Status SpellQEmbedLayerNormalization(Speller& speller);
absl::Status SpellRootNormalization(Speller& speller);
absl::Status SpellSkipLayerNormalization(Speller& speller);
absl::Status SpellSwiGlu(Speller& speller);
absl::Status SpellSwish(Speller& speller);
// spell_attention.cc
absl::Status SpellOnnxAttention(Speller& speller);
absl::Status SpellRotaryEmbedding(Speller& speller);
// spell_grouped_attention.cc
absl::Status SpellGroupQueryAttention(Speller& speller);
// spell_microsoft_attention.cc
absl::Status SpellAttention(Speller& speller);
absl::Status SpellMultiHeadAttention(Speller& speller);
absl::Status SpellQAttention(Speller& speller);
// spell_roi_align.cc
absl::Status SpellRoiAlign(Speller& speller);
// spell_sequence.cc
absl::Status SpellCausalConvWithState(Speller& speller);
absl::Status SpellReverseSequence(Speller& speller);
absl::Status SpellTensorScatter(Speller& speller);
// spell_spectrum.cc
absl::Status SpellDft(Speller& speller);
absl::Status SpellStft(Speller& speller);
absl::Status SpellWindow(Speller& speller);
// spell_tables.cc
absl::Status SpellArrayFeatureExtractor(Speller& speller);
absl::Status SpellBinarizer(Speller& speller);
absl::Status SpellFeatureVectorizer(Speller& speller);
absl::Status SpellImputer(Speller& speller);
absl::Status SpellLinearClassifier(Speller& speller);
absl::Status SpellLinearRegressor(Speller& speller);
absl::Status SpellNormalizer(Speller& speller);
absl::Status SpellScaler(Speller& speller);
// spell_unfold.cc
absl::Status SpellCol2Im(Speller& speller);
absl::Status SpellMaxUnpool(Speller& speller);
// spell_unsigned.cc
absl::Status SpellUnsignedArithmetic(Speller& speller);
absl::Status SpellUnsignedComparison(Speller& speller);
absl::Status SpellUnsignedExtreme(Speller& speller);
// spell_window.cc
absl::Status SpellCenterCropPad(Speller& speller);
absl::Status SpellGlobalLpPool(Speller& speller);
absl::Status SpellLpPool(Speller& speller);
absl::Status SpellMaxPoolPlaces(Speller& speller);
absl::Status SpellPad(Speller& speller);
// spell_grid_sample.cc
absl::Status SpellAffineGrid(Speller& speller);
absl::Status SpellGridSample(Speller& speller);

}  // namespace layerd

#endif  // LAYERD_DAEMON_PACK_SPELL_SPELLER_H_
