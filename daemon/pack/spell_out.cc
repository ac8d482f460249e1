#include "daemon/pack/spell_out.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <numeric>

#include "config/status_macros.h"
#include "daemon/pack/index_places.h"

namespace layerd {
namespace {

using Shape = Speller::Shape;

int64_t Product(const Shape& shape, size_t first) {
  return std::accumulate(shape.begin() + static_cast<int64_t>(first),
                         shape.end(), int64_t{1}, std::multiplies<>());
}

std::vector<int64_t> Counted(int64_t count) {
  std::vector<int64_t> numbers(static_cast<size_t>(count));
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

// `x` along the axis, `by` places later (or sooner, if reverse), zeros first.
absl::StatusOr<int> Shifted(Speller& speller, int x, int64_t by) {
  const Shape shape = speller.shape(speller.input(0));
  const auto axis = speller.attribute<int64_t>("axis");
  const bool is_reverse = speller.attribute<int64_t>("reverse") != 0;
  const int64_t length = shape[static_cast<size_t>(axis)];
  if (by >= length) {
    return speller.Zeros(speller.dtype(speller.input(0)), shape);
  }
  ASSIGN_OR_RETURN(const int first, speller.KnownList({is_reverse ? by : 0}));
  ASSIGN_OR_RETURN(const int end,
                   speller.KnownList({is_reverse ? length : length - by}));
  ASSIGN_OR_RETURN(const int axes, speller.KnownList({axis}));
  std::vector<int64_t> pads(2 * shape.size(), 0);
  pads[static_cast<size_t>(axis) + (is_reverse ? shape.size() : 0)] = by;
  ASSIGN_OR_RETURN(const int widths, speller.KnownList(pads));
  const int kept = speller.Add("Slice", {x, first, end, axes});
  return speller.Add("Pad", {kept, widths});
}

// Sums of 2, 4, 8, ... neighbours: as many additions as the length has bits.
absl::Status SpellCumSum(Speller& speller) {
  const auto axis = static_cast<size_t>(speller.attribute<int64_t>("axis"));
  const int64_t length = speller.shape(speller.input(0))[axis];
  int sum = speller.input(0);
  if (speller.attribute<int64_t>("exclusive") != 0) {
    ASSIGN_OR_RETURN(sum, Shifted(speller, sum, 1));
  }
  for (int64_t by = 1; by < length; by *= 2) {
    ASSIGN_OR_RETURN(const int before, Shifted(speller, sum, by));
    sum = speller.Add("Add", {sum, before});
  }
  speller.Finish(sum);
  return absl::OkStatus();
}

// Numbers in [0, length) for indices that may be negative; the job fails for
// one that is outside.
absl::StatusOr<int> Within(Speller& speller, int indices, int64_t length) {
  RETURN_IF_ERROR(speller.CheckSize(length));
  ASSIGN_OR_RETURN(const int counted, speller.KnownList(Counted(length)));
  return speller.Add("Gather", {counted, indices}, {{"axis", int64_t{0}}});
}

absl::StatusOr<int> Scaled(Speller& speller, int x, int64_t factor) {
  if (factor == 1) return x;
  ASSIGN_OR_RETURN(const int known, speller.Known({factor}, {}));
  return speller.Add("Mul", {x, known});
}

absl::Status SpellGatherElements(Speller& speller) {
  const Shape shape = speller.shape(speller.input(0));
  const Shape indices_shape = speller.shape(speller.input(1));
  const auto axis = speller.attribute<int64_t>("axis");
  const int64_t count = Product(indices_shape, 0);
  RETURN_IF_ERROR(speller.CheckSize(count));

  std::vector<int64_t> indices(static_cast<size_t>(count), 0);
  if (speller.is_known(speller.input(1))) {
    ASSIGN_OR_RETURN(indices, speller.Elements(speller.input(1)));
  }
  ASSIGN_OR_RETURN(const std::vector<int64_t> places,
                   ElementPlaces(indices, indices_shape, shape, axis));
  ASSIGN_OR_RETURN(int place, speller.Known(places, indices_shape));
  if (!speller.is_known(speller.input(1))) {
    const auto along = static_cast<size_t>(axis);
    ASSIGN_OR_RETURN(const int within,
                     Within(speller, speller.input(1), shape[along]));
    ASSIGN_OR_RETURN(const int moved,
                     Scaled(speller, within, Product(shape, along + 1)));
    place = speller.Add("Add", {moved, place});
  }
  ASSIGN_OR_RETURN(const int from,
                   speller.Reshaped(speller.input(0), {Product(shape, 0)}));
  speller.Finish(speller.Add("Gather", {from, place}, {{"axis", int64_t{0}}}));
  return absl::OkStatus();
}

absl::Status SpellGatherNd(Speller& speller) {
  const Shape shape = speller.shape(speller.input(0));
  const Shape indices_shape = speller.shape(speller.input(1));
  const auto last = static_cast<int64_t>(indices_shape.size()) - 1;
  const auto length = static_cast<size_t>(indices_shape.back());
  int place = 0;
  for (size_t d = 0; d < length; ++d) {
    ASSIGN_OR_RETURN(const int which,
                     speller.Known({static_cast<int64_t>(d)}, {}));
    const int coordinate =
        speller.Add("Gather", {speller.input(1), which}, {{"axis", last}});
    ASSIGN_OR_RETURN(const int within, Within(speller, coordinate, shape[d]));
    if (d == 0) {
      place = within;
      continue;
    }
    ASSIGN_OR_RETURN(const int before, Scaled(speller, place, shape[d]));
    place = speller.Add("Add", {before, within});
  }
  Shape pieces(shape.begin() + static_cast<int64_t>(length), shape.end());
  pieces.insert(pieces.begin(), Product(shape, 0) / Product(pieces, 0));
  ASSIGN_OR_RETURN(const int from, speller.Reshaped(speller.input(0), pieces));
  speller.Finish(speller.Add("Gather", {from, place}, {{"axis", int64_t{0}}}));
  return absl::OkStatus();
}

// The data in `rows` pieces, of which those at `places` are replaced.
absl::Status PutRows(Speller& speller, const std::vector<int64_t>& places,
                     int64_t rows) {
  if (places.empty()) {
    speller.Finish(speller.input(0));
    return absl::OkStatus();
  }
  const int data = speller.input(0);
  const int64_t piece = Product(speller.shape(data), 0) / rows;
  std::vector<int64_t> update_of(static_cast<size_t>(rows), 0);
  std::vector<int64_t> is_replaced(static_cast<size_t>(rows), 0);
  for (size_t i = 0; i < places.size(); ++i) {
    update_of[static_cast<size_t>(places[i])] = static_cast<int64_t>(i);
    is_replaced[static_cast<size_t>(places[i])] = 1;
  }
  ASSIGN_OR_RETURN(
      const int updates,
      speller.Reshaped(speller.input(2),
                       {static_cast<int64_t>(places.size()), piece}));
  ASSIGN_OR_RETURN(const int which, speller.KnownList(update_of));
  ASSIGN_OR_RETURN(const int mask, speller.KnownTruths(is_replaced, {rows, 1}));
  ASSIGN_OR_RETURN(const int old, speller.Reshaped(data, {rows, piece}));
  const int spread =
      speller.Add("Gather", {updates, which}, {{"axis", int64_t{0}}});
  const int put = speller.Add("Where", {mask, spread, old});
  ASSIGN_OR_RETURN(const int shaped,
                   speller.Reshaped(put, speller.shape(data)));
  speller.Finish(shaped);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<int64_t>> KnownIndices(const Speller& speller) {
  if (speller.is_known(speller.input(1))) {
    return speller.Elements(speller.input(1));
  }
  return speller.Unsupported(
      "its indices are computed at run time; they must be known while packing");
}

absl::Status SpellScatterElements(Speller& speller) {
  const Shape shape = speller.shape(speller.input(0));
  RETURN_IF_ERROR(speller.CheckSize(Product(shape, 0)));
  ASSIGN_OR_RETURN(const std::vector<int64_t> indices, KnownIndices(speller));
  ASSIGN_OR_RETURN(const std::vector<int64_t> places,
                   ElementPlaces(indices, speller.shape(speller.input(1)),
                                 shape, speller.attribute<int64_t>("axis")));
  return PutRows(speller, places, Product(shape, 0));
}

absl::Status SpellScatterNd(Speller& speller) {
  const Shape shape = speller.shape(speller.input(0));
  const auto length =
      static_cast<size_t>(speller.shape(speller.input(1)).back());
  const int64_t rows = Product(shape, 0) / Product(shape, length);
  RETURN_IF_ERROR(speller.CheckSize(rows));
  ASSIGN_OR_RETURN(const std::vector<int64_t> indices, KnownIndices(speller));
  ASSIGN_OR_RETURN(const std::vector<int64_t> places,
                   TuplePlaces(indices, std::span(shape).first(length)));
  return PutRows(speller, places, rows);
}

bool Always(const Node&, const Graph&) { return true; }

bool FindsPlaces(const Node& node, const Graph&) {
  return node.outputs.size() > 1 && node.outputs[1] != kAbsent;
}

bool Crops(const Node& node, const Graph&) {
  const auto pads = node.attributes.find("pads");
  if (pads == node.attributes.end()) return false;
  const auto* widths = std::get_if<std::vector<int64_t>>(&pads->second);
  return widths != nullptr &&
         std::any_of(widths->begin(), widths->end(),
                     [](int64_t width) { return width < 0; });
}

bool IsOfU64(const Node& node, const Graph& graph) {
  const Value& first = graph.values[static_cast<size_t>(node.inputs[0])];
  return first.dtype == DataType::kU64;
}

struct Row {
  std::string_view op_type;
  absl::Status (*spell)(Speller& speller);
  bool (*applies)(const Node& node, const Graph& graph) = Always;
};

constexpr Row kRows[] = {
    {"ConvInteger", SpellConvInteger},
    {"CumSum", SpellCumSum},
    {"DequantizeLinear", SpellDequantizeLinear},
    {"DynamicQuantizeLinear", SpellDynamicQuantizeLinear},
    {"Einsum", SpellEinsum},
    {"GRU", SpellRecurrent},
    {"GatherElements", SpellGatherElements},
    {"GatherND", SpellGatherNd},
    {"GridSample", SpellGridSample},
    {"LSTM", SpellRecurrent},
    {"MatMulInteger", SpellMatMulInteger},
    {"Max", SpellUnsignedExtreme, IsOfU64},
    {"MaxPool", SpellMaxPoolPlaces, FindsPlaces},
    {"Min", SpellUnsignedExtreme, IsOfU64},
    {"OneHot", SpellOneHot},
    {"Pad", SpellCroppingPad, Crops},
    {"QLinearConv", SpellQLinearConv},
    {"QLinearMatMul", SpellQLinearMatMul},
    {"QuantizeLinear", SpellQuantizeLinear},
    {"RNN", SpellRecurrent},
    {"ScatterElements", SpellScatterElements},
    {"ScatterND", SpellScatterNd},
    {"TopK", SpellTopK},
    {"Trilu", SpellTrilu},
    {"ai.onnx.ml.ArrayFeatureExtractor", SpellArrayFeatureExtractor},
    {"ai.onnx.ml.FeatureVectorizer", SpellFeatureVectorizer},
    {"ai.onnx.ml.Imputer", SpellImputer},
    {"ai.onnx.ml.LinearClassifier", SpellLinearClassifier},
    {"ai.onnx.ml.LinearRegressor", SpellLinearRegressor},
    {"ai.onnx.ml.Normalizer", SpellNormalizer},
    {"ai.onnx.ml.Scaler", SpellScaler},
    {"com.microsoft.DequantizeLinear", SpellMicrosoftDequantizeLinear},
    {"com.microsoft.DynamicQuantizeLSTM", SpellRecurrent},
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
};

const Row* Find(std::string_view op_type) {
  const Row* row =
      std::find_if(std::begin(kRows), std::end(kRows),
                   [&](const Row& any) { return any.op_type == op_type; });
  return row == std::end(kRows) ? nullptr : row;
}

}  // namespace

bool IsSpelledOut(const Node& node, const Graph& graph) {
  const Row* row = Find(node.op_type);
  return row != nullptr && row->applies(node, graph);
}

absl::StatusOr<std::vector<Node>> SpellOut(const Node& node, Graph& graph,
                                           Allowance& held_bytes) {
  Speller speller(&node, &graph, &held_bytes);
  RETURN_IF_ERROR(Find(node.op_type)->spell(speller));
  return speller.TakeNodes();
}

}  // namespace layerd
