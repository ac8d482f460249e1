#include "daemon/pack/spell/spell_out.h"

#include <algorithm>
#include <iterator>

#include "config/status_macros.h"
#include "daemon/pack/spell/speller.h"

namespace layerd {
namespace {

using Shape = Speller::Shape;

// `x` along the axis, `by` places later (or sooner, if reverse), after as many
// of `fill`, a number.
absl::StatusOr<int> Shifted(Speller& speller, int x, int64_t by, int fill) {
  const Shape shape = speller.shape(speller.input(0));
  const auto axis = speller.attribute<int64_t>("axis");
  const bool is_reverse = speller.attribute<int64_t>("reverse") != 0;
  const int64_t length = shape[static_cast<size_t>(axis)];
  if (by >= length) {
    ASSIGN_OR_RETURN(const int whole, speller.KnownList(shape));
    return speller.Add("Expand", {fill, whole});
  }
  ASSIGN_OR_RETURN(const int first, speller.KnownList({is_reverse ? by : 0}));
  ASSIGN_OR_RETURN(const int end,
                   speller.KnownList({is_reverse ? length : length - by}));
  ASSIGN_OR_RETURN(const int axes, speller.KnownList({axis}));
  std::vector<int64_t> pads(2 * shape.size(), 0);
  pads[static_cast<size_t>(axis) + (is_reverse ? shape.size() : 0)] = by;
  ASSIGN_OR_RETURN(const int widths, speller.KnownList(pads));
  const int kept = speller.Add("Slice", {x, first, end, axes});
  return speller.Add("Pad", {kept, widths, fill});
}

// Sums of 2, 4, 8, ... neighbours: as many additions as the length has bits;
// and so with products.
absl::Status SpellCumulation(Speller& speller) {
  const bool is_sum = speller.node().op_type == "CumSum";
  const char* joins = is_sum ? "Add" : "Mul";
  ASSIGN_OR_RETURN(
      const int fill,
      speller.KnownNumber(speller.dtype(speller.input(0)), is_sum ? 0 : 1));
  const auto axis = static_cast<size_t>(speller.attribute<int64_t>("axis"));
  const int64_t length = speller.shape(speller.input(0))[axis];
  int sum = speller.input(0);
  if (speller.attribute<int64_t>("exclusive") != 0) {
    ASSIGN_OR_RETURN(sum, Shifted(speller, sum, 1, fill));
  }
  for (int64_t by = 1; by < length; by *= 2) {
    ASSIGN_OR_RETURN(const int before, Shifted(speller, sum, by, fill));
    sum = speller.Add(joins, {sum, before});
  }
  speller.Finish(sum);
  return absl::OkStatus();
}

// What a division of integers leaves has the sign of what is divided, as in C:
// so does quotient times divisor, which is rounded towards zero.
absl::Status SpellRemainder(Speller& speller) {
  const int quotient =
      speller.Add("Div", {speller.input(0), speller.input(1)});
  const int whole = speller.Add("Mul", {quotient, speller.input(1)});
  speller.Finish(speller.Add("Sub", {speller.input(0), whole}));
  return absl::OkStatus();
}

bool Always(const Node&, const Graph&) { return true; }

bool FindsPlaces(const Node& node, const Graph&) {
  return node.outputs.size() > 1 && node.outputs[1] != kAbsent;
}

bool Wraps(const Node& node) {
  const auto mode = node.attributes.find("mode");
  if (mode == node.attributes.end()) return false;
  const auto* word = std::get_if<std::string>(&mode->second);
  return word != nullptr && *word == "wrap";
}

bool IsSpelledPad(const Node& node, const Graph&) {
  if (Wraps(node) || node.inputs.size() > 1) return true;
  const auto pads = node.attributes.find("pads");
  if (pads == node.attributes.end()) return false;
  const auto* widths = std::get_if<std::vector<int64_t>>(&pads->second);
  return widths != nullptr &&
         std::any_of(widths->begin(), widths->end(),
                     [](int64_t width) { return width < 0; });
}

// Inference leaves the attribute on integers alone.
bool IsRemainder(const Node& node, const Graph&) {
  return node.attributes.contains("fmod");
}

bool IsOfU64(const Node& node, const Graph& graph) {
  const Value& first = graph.values[static_cast<size_t>(node.inputs[0])];
  return first.dtype == DataType::kU64;
}

// By attributes: limits that are inputs are compared with as they are.
bool IsClipOfDoubles(const Node& node, const Graph& graph) {
  const Value& x = graph.values[static_cast<size_t>(node.inputs[0])];
  return x.dtype == DataType::kF64 && node.attributes.count("min") != 0;
}

struct Row {
  std::string_view op_type;
  absl::Status (*spell)(Speller& speller);
  bool (*applies)(const Node& node, const Graph& graph) = Always;
};

constexpr Row kRows[] = {
    {"Acos", SpellFunction},
    {"Acosh", SpellFunction},
    {"Add", SpellUnsignedArithmetic, IsOfU64},
    {"AffineGrid", SpellAffineGrid},
    {"Asin", SpellFunction},
    {"Asinh", SpellFunction},
    {"Atan", SpellFunction},
    {"Atanh", SpellFunction},
    {"Attention", SpellOnnxAttention},
    {"BitShift", SpellBitShift},
    {"BitwiseAnd", SpellBitwise},
    {"BitwiseNot", SpellBitwise},
    {"BitwiseOr", SpellBitwise},
    {"BitwiseXor", SpellBitwise},
    {"BlackmanWindow", SpellWindow},
    {"CausalConvWithState", SpellCausalConvWithState},
    {"CenterCropPad", SpellCenterCropPad},
    {"Clip", SpellClipOfDoubles, IsClipOfDoubles},
    {"Col2Im", SpellCol2Im},
    {"Compress", SpellCompress},
    {"ConvInteger", SpellConvInteger},
    {"Cosh", SpellFunction},
    {"CumProd", SpellCumulation},
    {"CumSum", SpellCumulation},
    {"DFT", SpellDft},
    {"DeformConv", SpellDeformConv},
    {"DequantizeLinear", SpellDequantizeLinear},
    {"Div", SpellUnsignedArithmetic, IsOfU64},
    {"DynamicQuantizeLinear", SpellDynamicQuantizeLinear},
    {"Einsum", SpellEinsum},
    {"Equal", SpellUnsignedComparison, IsOfU64},
    {"GRU", SpellRecurrent},
    {"Gather", SpellGatherOfBytes, LooksUpBytes},
    {"GatherElements", SpellGatherElements},
    {"GatherND", SpellGatherNd},
    {"GlobalLpPool", SpellGlobalLpPool},
    {"Greater", SpellUnsignedComparison, IsOfU64},
    {"GreaterOrEqual", SpellUnsignedComparison, IsOfU64},
    {"GridSample", SpellGridSample},
    {"HammingWindow", SpellWindow},
    {"HannWindow", SpellWindow},
    {"Hardmax", SpellHardmax},
    {"IsInf", SpellIsInf},
    {"LSTM", SpellRecurrent},
    {"Less", SpellUnsignedComparison, IsOfU64},
    {"LessOrEqual", SpellUnsignedComparison, IsOfU64},
    {"LpNormalization", SpellLpNormalization},
    {"LpPool", SpellLpPool},
    {"MatMulInteger", SpellMatMulInteger},
    {"Max", SpellUnsignedExtreme, IsOfU64},
    {"MaxPool", SpellMaxPoolPlaces, FindsPlaces},
    {"MaxUnpool", SpellMaxUnpool},
    {"MeanVarianceNormalization", SpellMeanVarianceNormalization},
    {"MelWeightMatrix", SpellMelWeightMatrix},
    {"Min", SpellUnsignedExtreme, IsOfU64},
    {"Mod", SpellUnsignedArithmetic, IsOfU64},
    {"Mod", SpellRemainder, IsRemainder},
    {"Mul", SpellUnsignedArithmetic, IsOfU64},
    {"OneHot", SpellOneHot},
    {"Pad", SpellPad, IsSpelledPad},
    {"QLinearConv", SpellQLinearConv},
    {"QLinearMatMul", SpellQLinearMatMul},
    {"QuantizeLinear", SpellQuantizeLinear},
    {"RMSNormalization", SpellRootNormalization},
    {"RNN", SpellRecurrent},
    {"ReverseSequence", SpellReverseSequence},
    {"RoiAlign", SpellRoiAlign},
    {"RotaryEmbedding", SpellRotaryEmbedding},
    {"STFT", SpellStft},
    {"Scatter", SpellScatterElements},
    {"ScatterElements", SpellScatterElements},
    {"ScatterND", SpellScatterNd},
    {"Shrink", SpellShrink},
    {"SimplifiedLayerNormalization", SpellRootNormalization},
    {"Sinh", SpellFunction},
    {"Sub", SpellUnsignedArithmetic, IsOfU64},
    {"SwiGLU", SpellSwiGlu},
    {"Swish", SpellSwish},
    {"Tan", SpellFunction},
    {"TensorScatter", SpellTensorScatter},
    {"TopK", SpellTopK},
    {"Trilu", SpellTrilu},
    {"ai.onnx.ml.ArrayFeatureExtractor", SpellArrayFeatureExtractor},
    {"ai.onnx.ml.Binarizer", SpellBinarizer},
    {"ai.onnx.ml.FeatureVectorizer", SpellFeatureVectorizer},
    {"ai.onnx.ml.Imputer", SpellImputer},
    {"ai.onnx.ml.LinearClassifier", SpellLinearClassifier},
    {"ai.onnx.ml.LinearRegressor", SpellLinearRegressor},
    {"ai.onnx.ml.Normalizer", SpellNormalizer},
    {"ai.onnx.ml.Scaler", SpellScaler},
    {"com.microsoft.Attention", SpellAttention},
    {"com.microsoft.BiasGelu", SpellMicrosoftGelu},
    {"com.microsoft.DequantizeLinear", SpellMicrosoftDequantizeLinear},
    {"com.microsoft.DynamicQuantizeLSTM", SpellRecurrent},
    {"com.microsoft.DynamicQuantizeMatMul", SpellDynamicQuantizeMatMul},
    {"com.microsoft.EmbedLayerNormalization", SpellEmbedLayerNormalization},
    {"com.microsoft.FastGelu", SpellMicrosoftGelu},
    {"com.microsoft.FusedConv", SpellFusedConv},
    {"com.microsoft.FusedGemm", SpellFusedGemm},
    {"com.microsoft.FusedMatMul", SpellFusedMatMul},
    {"com.microsoft.GatherBlockQuantized", SpellGatherBlockQuantized},
    {"com.microsoft.Gelu", SpellMicrosoftGelu},
    {"com.microsoft.GridSample", SpellGridSample},
    {"com.microsoft.GroupQueryAttention", SpellGroupQueryAttention},
    {"com.microsoft.MatMulIntegerToFloat", SpellMatMulIntegerToFloat},
    {"com.microsoft.MatMulNBits", SpellMatMulNBits},
    {"com.microsoft.MultiHeadAttention", SpellMultiHeadAttention},
    {"com.microsoft.QAttention", SpellQAttention},
    {"com.microsoft.QEmbedLayerNormalization", SpellQEmbedLayerNormalization},
    {"com.microsoft.QGemm", SpellQGemm},
    {"com.microsoft.QLinearAdd", SpellQLinearAdd},
    {"com.microsoft.QLinearAveragePool", SpellQLinearAveragePool},
    {"com.microsoft.QLinearConcat", SpellQLinearConcat},
    {"com.microsoft.QLinearGlobalAveragePool", SpellQLinearGlobalAveragePool},
    {"com.microsoft.QLinearLeakyRelu", SpellQLinearLeakyRelu},
    {"com.microsoft.QLinearMul", SpellQLinearMul},
    {"com.microsoft.QLinearSigmoid", SpellQLinearSigmoid},
    {"com.microsoft.QLinearSoftmax", SpellQLinearSoftmax},
    {"com.microsoft.QLinearWhere", SpellQLinearWhere},
    {"com.microsoft.QuantizeLinear", SpellMicrosoftQuantizeLinear},
    {"com.microsoft.QuickGelu", SpellSwish},
    {"com.microsoft.RotaryEmbedding", SpellRotaryEmbedding},
    {"com.microsoft.SkipLayerNormalization", SpellSkipLayerNormalization},
    {"com.microsoft.SkipSimplifiedLayerNormalization",
     SpellSkipLayerNormalization},
};

const Row* Find(const Node& node, const Graph& graph) {
  const Row* row = std::find_if(
      std::begin(kRows), std::end(kRows), [&](const Row& any) {
        return any.op_type == node.op_type && any.applies(node, graph);
      });
  return row == std::end(kRows) ? nullptr : row;
}

}  // namespace

bool IsSpelledOut(const Node& node, const Graph& graph) {
  return Find(node, graph) != nullptr;
}

absl::StatusOr<std::vector<Node>> SpellOut(const Node& node, Graph& graph,
                                           Allowance& held_bytes,
                                           std::span<const Node> before) {
  Speller speller(&node, &graph, &held_bytes, before);
  RETURN_IF_ERROR(Find(node, graph)->spell(speller));
  return speller.TakeNodes();
}

}  // namespace layerd
