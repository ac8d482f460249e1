// Reductions and normalisations.

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "config/status_macros.h"
#include "daemon/pack/network/translator.h"

namespace layerd {
namespace {

using Shape = std::vector<int64_t>;
using Kind = Binary::Kind;

// What is done to each element before, and to the sum after.
struct ReduceRow {
  const char* op_type;
  Reduce::Kind kind;
  ActivationKind before = ActivationKind::kNone;
  bool squares = false;
  ActivationKind after = ActivationKind::kNone;
};
constexpr ReduceRow kReduce[] = {
    {"ReduceL1", Reduce::Kind::kSum, ActivationKind::kAbs},
    {"ReduceL2", Reduce::Kind::kSum, ActivationKind::kNone, true,
     ActivationKind::kSqrt},
    {"ReduceLogSum", Reduce::Kind::kSum, ActivationKind::kNone, false,
     ActivationKind::kLog},
    {"ReduceMax", Reduce::Kind::kMax},
    {"ReduceMean", Reduce::Kind::kMean},
    {"ReduceMin", Reduce::Kind::kMin},
    {"ReduceProd", Reduce::Kind::kProduct},
    {"ReduceSum", Reduce::Kind::kSum},
    {"ReduceSumSquare", Reduce::Kind::kSum, ActivationKind::kNone, true},
    {"ArgMax", Reduce::Kind::kArgMax},
    {"ArgMin", Reduce::Kind::kArgMin},
};

Shape From(const Shape& shape, int64_t axis) {
  return {shape.begin() + axis, shape.end()};
}

Shape Dimensions(int64_t first, int64_t end) {
  Shape dimensions(static_cast<size_t>(end - first));
  std::iota(dimensions.begin(), dimensions.end(), first);
  return dimensions;
}

}  // namespace

int Translator::AppendReduce(const Node& node, Reduce op, int input,
                             DataType dtype) {
  Shape shape = ShapeOf(input);
  for (const int64_t d : op.dimensions) shape[static_cast<size_t>(d)] = 1;
  const int output = NewValue(node, std::move(shape), dtype);
  Append(node, Operator(std::move(op)), {input}, output);
  return output;
}

absl::Status Translator::TakeReduce(const Node& node) {
  const ReduceRow* row = std::find_if(
      std::begin(kReduce), std::end(kReduce),
      [&](const ReduceRow& r) { return node.op_type == r.op_type; });
  int value = Widened(node, node.inputs[0]);
  if (network_.values[value].dtype == DataType::kBool) {
    value = Widened(node, value, DataType::kI64);
  }
  const Shape& axes = IntsOf(node, "axes");
  if (row->before != ActivationKind::kNone) {
    value = AppendUnary(node, {row->before, 0, 0}, value);
  }
  if (row->squares) value = AppendBinary(node, Kind::kMul, value, value);
  const bool finds_place = row->kind >= Reduce::Kind::kArgMax;
  const bool is_last = finds_place && IntOf(node, "select_last_index") != 0;
  const DataType dtype =
      finds_place ? DataType::kI64 : network_.values[value].dtype;
  if (!axes.empty()) {
    value = AppendReduce(node, {row->kind, axes, is_last}, value, dtype);
  }
  if (row->after != ActivationKind::kNone) {
    value = AppendUnary(node, {row->after, 0, 0}, value);
  }
  return Finish(node, value, node.outputs[0]);
}

absl::Status Translator::TakeTopPlaces(const Node& node) {
  const TopK op{IntOf(node, "axis"), IntOf(node, "is_largest") != 0};
  Append(node, Operator(op), {Widened(node, node.inputs[0])}, node.outputs[0]);
  return absl::OkStatus();
}

// A maximum is taken out of the exponents, so that none overflows.
int Translator::AppendLogSumExp(const Node& node, int input, int most,
                                const Shape& axes) {
  const int distance = AppendBinary(node, Kind::kSub, input, most);
  const int powers = AppendUnary(node, {ActivationKind::kExp, 0, 0}, distance);
  const int sum =
      AppendReduce(node, {Reduce::Kind::kSum, axes}, powers, DataType::kF32);
  return AppendUnary(node, {ActivationKind::kLog, 0, 0}, sum);
}

absl::Status Translator::TakeReduceLogSumExp(const Node& node) {
  const Shape& axes = IntsOf(node, "axes");
  const int input = node.inputs[0];
  if (axes.empty()) return Finish(node, input, node.outputs[0]);
  // Finite, for infinity less infinity is no number.
  constexpr float kMost = std::numeric_limits<float>::max();
  const int most = AppendUnary(
      node, {ActivationKind::kClip, -kMost, kMost},
      AppendReduce(node, {Reduce::Kind::kMax, axes}, input, DataType::kF32));
  const int log = AppendLogSumExp(node, input, most, axes);
  return Finish(node, AppendBinary(node, Kind::kAdd, log, most),
                node.outputs[0]);
}

absl::Status Translator::TakeSoftmax(const Node& node) {
  Append(node,
         Operator(Softmax{IntOf(node, "axis"), IntOf(node, "axis_count")}),
         {node.inputs[0]}, node.outputs[0]);
  return absl::OkStatus();
}

absl::Status Translator::TakeLogSoftmax(const Node& node) {
  const int64_t axis = IntOf(node, "axis");
  const Shape axes = Dimensions(axis, axis + IntOf(node, "axis_count"));
  const int input = node.inputs[0];
  const int most =
      AppendReduce(node, {Reduce::Kind::kMax, axes}, input, DataType::kF32);
  const int log = AppendLogSumExp(node, input, most, axes);
  const int distance = AppendBinary(node, Kind::kSub, input, most);
  AppendBinary(node, Kind::kSub, distance, log, node.outputs[0]);
  return absl::OkStatus();
}

absl::Status Translator::TakeLrn(const Node& node) {
  Append(node,
         Operator(Lrn{IntOf(node, "size"), FloatOf(node, "alpha"),
                      FloatOf(node, "beta"), FloatOf(node, "bias")}),
         {node.inputs[0]}, node.outputs[0]);
  return absl::OkStatus();
}

// Scale and bias are weights if they are known and as large as a row.
absl::Status Translator::TakeLayerNormalization(const Node& node) {
  const int64_t axis = IntOf(node, "axis");
  const int input = node.inputs[0];
  const Shape row = From(ShapeOf(input), axis);
  LayerNorm norm{axis, FloatOf(node, "epsilon"), false, false};
  std::vector<Weight> weights;
  std::vector<int> later;  // Scale and bias, from the first that is none.
  for (size_t i = 1; i < node.inputs.size(); ++i) {
    const int value = node.inputs[i];
    if (value == kAbsent) continue;
    if (later.empty() && IsConstant(value) && ShapeOf(value) == row) {
      weights.push_back(WeightOf(value));
      (i == 1 ? norm.has_scale : norm.has_bias) = true;
    } else {
      later.push_back(static_cast<int>(i));
    }
  }
  int value = later.empty() ? node.outputs[0] : NewValue(node, ShapeOf(input));
  Append(node, Operator(norm), {input}, value).weights = std::move(weights);
  for (const int i : later) {
    const int next =
        i == later.back() ? node.outputs[0] : NewValue(node, ShapeOf(input));
    AppendBinary(node, i == 1 ? Kind::kMul : Kind::kAdd, value,
                 node.inputs[static_cast<size_t>(i)], next);
    value = next;
  }
  return TakeLayerMoments(node);
}

// The mean, and one over the deviation, where they are asked for.
absl::Status Translator::TakeLayerMoments(const Node& node) {
  const auto wants = [&](size_t i) {
    return node.outputs.size() > i && node.outputs[i] != kAbsent;
  };
  if (!wants(1) && !wants(2)) return absl::OkStatus();
  const int input = node.inputs[0];
  const Shape axes = Dimensions(IntOf(node, "axis"),
                                static_cast<int64_t>(ShapeOf(input).size()));
  const Reduce mean_of = {Reduce::Kind::kMean, axes};
  const int mean = AppendReduce(node, mean_of, input, DataType::kF32);
  if (wants(1)) Append(node, Reshape{}, {mean}, node.outputs[1]);
  if (!wants(2)) return absl::OkStatus();
  const int distance = AppendBinary(node, Kind::kSub, input, mean);
  const int square = AppendBinary(node, Kind::kMul, distance, distance);
  const int variance = AppendReduce(node, mean_of, square, DataType::kF32);
  const int root = AppendUnary(
      node, {ActivationKind::kSqrt, 0, 0},
      AppendUnary(node, {ActivationKind::kLinear, 1, FloatOf(node, "epsilon")},
                  variance));
  Append(node, Operator(Unary{{ActivationKind::kReciprocal, 0, 0}}), {root},
         node.outputs[2]);
  return absl::OkStatus();
}

absl::Status Translator::TakeInstanceNormalization(const Node& node) {
  const int input = node.inputs[0];
  const int value = NewValue(node, ShapeOf(input));
  Append(node, Operator(LayerNorm{2, FloatOf(node, "epsilon"), false, false}),
         {input}, value);
  return AppendScaleShift(node, value, node.inputs[1], node.inputs[2],
                          node.outputs[0]);
}

// [N, C, ...] as [N, groups, C / groups, ...]: each group is a layer.
absl::Status Translator::TakeGroupNormalization(const Node& node) {
  const Shape shape = ShapeOf(node.inputs[0]);
  const int64_t groups = IntOf(node, "num_groups");
  Shape grouped = shape;
  grouped[1] = shape[1] / groups;
  grouped.insert(grouped.begin() + 1, groups);
  const int input = Reshaped(node, node.inputs[0], grouped);
  const int value = NewValue(node, grouped);
  Append(node, Operator(LayerNorm{2, FloatOf(node, "epsilon"), false, false}),
         {input}, value);
  if (node.opset >= 21) {
    return AppendScaleShift(node, Reshaped(node, value, shape), node.inputs[1],
                            node.inputs[2], node.outputs[0]);
  }
  const int scaled = NewValue(node, grouped);
  RETURN_IF_ERROR(
      AppendScaleShift(node, value, node.inputs[1], node.inputs[2], scaled));
  Append(node, Reshape{}, {scaled}, node.outputs[0]);
  return absl::OkStatus();
}

// Number c for channel c of a value [N, C, ...].
int Translator::PerChannel(const Node& node, int value, size_t rank) {
  Shape shape(rank - 1, 1);
  shape[0] = ShapeOf(value)[0];
  if (!IsConstant(value)) return Reshaped(node, value, std::move(shape));
  const int channels = NewValue(node, std::move(shape));
  network_.values[channels].constant = network_.values[value].constant;
  return channels;
}

absl::Status Translator::AppendScaleShift(const Node& node, int input,
                                          int scale, int shift, int output) {
  if (IsConstant(scale) && IsConstant(shift)) {
    ASSIGN_OR_RETURN(std::vector<float> factors, ReadVector(node, scale));
    ASSIGN_OR_RETURN(std::vector<float> addends, ReadVector(node, shift));
    Append(node, Operator(ScaleShift{}), {input}, output).weights = {
        Weight::Vector(std::move(factors)), Weight::Vector(std::move(addends))};
    return absl::OkStatus();
  }
  const size_t rank = ShapeOf(input).size();
  const int scaled =
      AppendBinary(node, Kind::kMul, input, PerChannel(node, scale, rank));
  AppendBinary(node, Kind::kAdd, scaled, PerChannel(node, shift, rank), output);
  return absl::OkStatus();
}

// With parameters that are computed at run time.
absl::Status Translator::TakeRunTimeBatchNormalization(const Node& node) {
  const size_t rank = ShapeOf(node.inputs[0]).size();
  const int variance = PerChannel(node, node.inputs[4], rank);
  const int raised = NewValue(node, ShapeOf(variance));
  Append(
      node,
      Operator(Unary{{ActivationKind::kLinear, 1, FloatOf(node, "epsilon")}}),
      {variance}, raised);
  const int deviation =
      AppendUnary(node, {ActivationKind::kSqrt, 0, 0}, raised);
  const int distance = AppendBinary(node, Kind::kSub, node.inputs[0],
                                    PerChannel(node, node.inputs[3], rank));
  const int normal = AppendBinary(node, Kind::kDiv, distance, deviation);
  const int scaled = AppendBinary(node, Kind::kMul, normal,
                                  PerChannel(node, node.inputs[1], rank));
  AppendBinary(node, Kind::kAdd, scaled, PerChannel(node, node.inputs[2], rank),
               node.outputs[0]);
  return absl::OkStatus();
}

int Translator::AppendScaled(const Node& node, int input, float factor) {
  return AppendUnary(node, {ActivationKind::kLinear, factor, 0}, input);
}

// Mean and variance are those of the batch at hand; the running ones move
// towards them.
absl::Status Translator::TakeTrainingBatchNormalization(const Node& node) {
  const int x = node.inputs[0];
  const size_t rank = ShapeOf(x).size();
  Shape axes = {0};
  for (size_t d = 2; d < rank; ++d) axes.push_back(static_cast<int64_t>(d));
  const Reduce average{Reduce::Kind::kMean, axes};
  const int mean = AppendReduce(node, average, x, DataType::kF32);
  const int distance = AppendBinary(node, Kind::kSub, x, mean);
  const int variance = AppendReduce(
      node, average, AppendBinary(node, Kind::kMul, distance, distance),
      DataType::kF32);
  const int raised = AppendUnary(
      node, {ActivationKind::kLinear, 1, FloatOf(node, "epsilon")}, variance);
  const int deviation =
      AppendUnary(node, {ActivationKind::kSqrt, 0, 0}, raised);
  const int normal = AppendBinary(node, Kind::kDiv, distance, deviation);
  const int scaled = AppendBinary(node, Kind::kMul, normal,
                                  PerChannel(node, node.inputs[1], rank));
  AppendBinary(node, Kind::kAdd, scaled, PerChannel(node, node.inputs[2], rank),
               node.outputs[0]);
  const float momentum = FloatOf(node, "momentum");
  for (size_t i = 1; i < std::min<size_t>(3, node.outputs.size()); ++i) {
    if (node.outputs[i] == kAbsent) continue;
    const int now =
        Reshaped(node, i == 1 ? mean : variance, ShapeOf(node.inputs[i + 2]));
    AppendBinary(node, Kind::kAdd,
                 AppendScaled(node, node.inputs[i + 2], momentum),
                 AppendScaled(node, now, 1 - momentum), node.outputs[i]);
  }
  return absl::OkStatus();
}

}  // namespace layerd
