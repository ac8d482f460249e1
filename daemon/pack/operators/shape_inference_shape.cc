// Operators that shapes are computed with. They fold once shapes are bound.

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "config/status_macros.h"
#include "daemon/pack/graph/broadcast.h"
#include "daemon/pack/graph/element_type.h"
#include "daemon/pack/onnx/onnx_limits.h"
#include "daemon/pack/operators/shape_inference.h"

namespace layerd {
namespace {

template <typename T>
Constant Hold(DataType dtype, std::vector<int64_t> shape,
              const std::vector<T>& elements) {
  Constant constant;
  constant.dtype = dtype;
  constant.shape = std::move(shape);
  constant.held.resize(elements.size() * SizeOf(dtype));
  StoreElements(std::span<const T>(elements), dtype, constant.held.data());
  return constant;
}

// The one attribute that a Constant has, as a tensor.
absl::StatusOr<Constant> TakeConstant(NodeContext& node) {
  const auto length = [](const auto& list) {
    return std::vector<int64_t>{static_cast<int64_t>(list.size())};
  };
  if (auto value = node.Take("value")) {
    if (std::holds_alternative<Constant>(*value)) {
      return std::get<Constant>(*std::move(value));
    }
  } else if (node.node().attributes.empty()) {
    using Ints = std::vector<int64_t>;
    using Floats = std::vector<float>;
    auto ints = node.Take("value_ints");
    if (ints && std::holds_alternative<Ints>(*ints)) {
      const Ints& list = std::get<Ints>(*ints);
      return Hold(DataType::kI64, length(list), list);
    }
    auto floats = node.Take("value_floats");
    if (floats && std::holds_alternative<Floats>(*floats)) {
      const Floats& list = std::get<Floats>(*floats);
      return Hold(DataType::kF32, length(list), list);
    }
    auto integer = node.Take("value_int");
    if (integer && std::holds_alternative<int64_t>(*integer)) {
      return Hold(DataType::kI64, {}, Ints{std::get<int64_t>(*integer)});
    }
    auto real = node.Take("value_float");
    if (real && std::holds_alternative<float>(*real)) {
      return Hold(DataType::kF32, {}, Floats{std::get<float>(*real)});
    }
  }
  return node.Unsupported("its value is no tensor and no number");
}

// How many elements a range has: as many steps as begin before its end.
absl::StatusOr<int64_t> RangeCount(const NodeContext& node) {
  std::vector<double> limits(3);
  for (size_t i = 0; i < 3; ++i) {
    const Constant* known = node.constant(i);
    if (known == nullptr) {
      return node.Unsupported("a range must be known while packing");
    }
    if (known->element_count() != 1) {
      return node.Invalid("start, limit and delta must be scalars");
    }
    if (known->is_quantised()) {
      ASSIGN_OR_RETURN(limits[i], node.Scalar(i, "a limit of a range"));
      continue;
    }
    ASSIGN_OR_RETURN(const std::vector<std::byte> bytes,
                     node.graph().ReadBytes(*known));
    ConvertElements(known->dtype, bytes.data(),
                    std::span<double>(limits).subspan(i, 1));
  }
  const double count = std::ceil((limits[1] - limits[0]) / limits[2]);
  if (!(std::fabs(count) <= static_cast<double>(kFoldElementsMax))) {
    return node.Unsupported(
        absl::StrFormat("a range of more than %d elements", kFoldElementsMax));
  }
  return std::max<int64_t>(0, static_cast<int64_t>(count));
}

// The parameters of a slice: attributes before opset 10, inputs since.
struct SliceList {
  std::vector<int64_t> starts, ends, axes, steps;
};

absl::StatusOr<SliceList> TakeSlices(NodeContext& node) {
  SliceList slices;
  if (node.opset() < 10) {
    RETURN_IF_ERROR(node.CheckInputCount(1));
    ASSIGN_OR_RETURN(slices.starts, node.TakeInts("starts", std::nullopt));
    ASSIGN_OR_RETURN(slices.ends, node.TakeInts("ends", std::nullopt));
    ASSIGN_OR_RETURN(slices.axes,
                     node.TakeInts("axes", std::vector<int64_t>()));
  } else {
    if (!node.has_input(1) || !node.has_input(2)) {
      return node.Invalid("has no starts or no ends");
    }
    ASSIGN_OR_RETURN(slices.starts, node.Ints(1, "starts"));
    ASSIGN_OR_RETURN(slices.ends, node.Ints(2, "ends"));
    if (node.has_input(3)) {
      ASSIGN_OR_RETURN(slices.axes, node.Ints(3, "axes"));
    }
    if (node.has_input(4)) {
      ASSIGN_OR_RETURN(slices.steps, node.Ints(4, "steps"));
    }
  }
  const size_t count = slices.starts.size();
  if (slices.axes.empty()) {
    for (size_t i = 0; i < count; ++i) {
      slices.axes.push_back(static_cast<int64_t>(i));
    }
  }
  if (slices.steps.empty()) slices.steps.assign(count, 1);
  if (slices.ends.size() != count || slices.axes.size() != count ||
      slices.steps.size() != count) {
    return node.Invalid("starts, ends, axes and steps differ in length");
  }
  return slices;
}

// Of one dimension: where a slice begins, and how many elements it takes.
struct Cut {
  int64_t start = 0, count = 0;
};

// The largest number is no place but says: all the way, backwards too. So ONNX
// Runtime reads it; by the word nothing would be left.
bool IsAllTheWay(int64_t end) {
  return end == std::numeric_limits<int64_t>::max() ||
         end == std::numeric_limits<int32_t>::max();
}

Cut CutOf(int64_t dimension, int64_t start, int64_t end, int64_t step) {
  if (dimension == 0) return {};
  if (step < 0 && IsAllTheWay(end)) end = std::numeric_limits<int64_t>::min();
  const auto resolve = [&](int64_t at) {
    const int64_t least = step > 0 ? 0 : -1;
    const int64_t most = step > 0 ? dimension : dimension - 1;
    if (at < -dimension) return least;
    if (at < 0) at += dimension;
    return std::clamp(at, std::min<int64_t>(0, most), most);
  };
  // A start is an element even when it walks down; an end may lie before all.
  const int64_t first =
      step > 0 ? resolve(start) : std::max<int64_t>(0, resolve(start));
  const int64_t last = resolve(end);
  const int64_t reach = step > 0 ? last - first : first - last;
  const int64_t stride = step > 0 ? step : -std::max(step, -dimension - 1);
  return {first, reach <= 0 ? 0 : (reach - 1) / stride + 1};
}

}  // namespace

absl::Status InferConstant(NodeContext& node) {
  ASSIGN_OR_RETURN(Constant constant, TakeConstant(node));
  const DataType dtype = constant.dtype;
  std::vector<int64_t> shape = constant.shape;
  node.Set("value", std::move(constant));
  return node.SetOutput(0, dtype, std::move(shape));
}

absl::Status InferConstantOfShape(NodeContext& node) {
  ASSIGN_OR_RETURN(std::vector<int64_t> shape, node.Ints(0, "shape"));
  Constant value = Hold(DataType::kF32, {1}, std::vector<float>{0.0f});
  if (auto taken = node.Take("value")) {
    if (!std::holds_alternative<Constant>(*taken)) {
      return node.Invalid("attribute \"value\" is no tensor");
    }
    value = std::get<Constant>(*std::move(taken));
  }
  if (value.element_count() != 1) {
    return node.Invalid("attribute \"value\" has not one element");
  }
  const DataType dtype = value.dtype;
  node.Set("value", std::move(value));
  return node.SetOutput(0, dtype, std::move(shape));
}

absl::Status InferRange(NodeContext& node) {
  if (node.dtype(1) != node.dtype(0) || node.dtype(2) != node.dtype(0)) {
    return node.Invalid("start, limit and delta are of different types");
  }
  // Folding computes in f64 whatever it says.
  RETURN_IF_ERROR(node.TakeInt("stash_type", 1).status());
  ASSIGN_OR_RETURN(const int64_t count, RangeCount(node));
  return node.SetOutput(0, node.dtype(0), {count});
}

absl::Status InferShape(NodeContext& node) {
  const int64_t rank = node.rank(0);
  ASSIGN_OR_RETURN(int64_t start, node.TakeInt("start", 0));
  ASSIGN_OR_RETURN(int64_t end, node.TakeInt("end", rank));
  const auto resolve = [&](int64_t at) {
    if (at < -rank) return int64_t{0};
    return std::clamp<int64_t>(at < 0 ? at + rank : at, 0, rank);
  };
  start = resolve(start);
  end = std::max(start, resolve(end));
  node.Set("start", start);
  node.Set("end", end);
  return node.SetOutput(0, DataType::kI64, {end - start});
}

absl::Status InferSize(NodeContext& node) {
  return node.SetOutput(0, DataType::kI64, {});
}

absl::Status InferGather(NodeContext& node) {
  ASSIGN_OR_RETURN(int64_t axis, node.TakeInt("axis", 0));
  ASSIGN_OR_RETURN(axis, node.Axis(axis, node.rank(0)));
  if (node.dtype(1) != DataType::kI32 && node.dtype(1) != DataType::kI64) {
    return node.Invalid("the indices are not of INT32 or INT64");
  }
  const std::vector<int64_t>& from = node.shape(0);
  const std::vector<int64_t>& indices = node.shape(1);
  std::vector<int64_t> to(from.begin(), from.begin() + axis);
  to.insert(to.end(), indices.begin(), indices.end());
  to.insert(to.end(), from.begin() + axis + 1, from.end());
  node.Set("axis", axis);
  return node.SetOutput(0, node.dtype(0), std::move(to));
}

// Normalised to one start and one step for each dimension; the output's shape
// says where it ends.
absl::Status InferSlice(NodeContext& node) {
  ASSIGN_OR_RETURN(const SliceList slices, TakeSlices(node));
  std::vector<int64_t> to = node.shape(0);
  std::vector<int64_t> starts(to.size(), 0), steps(to.size(), 1);
  RETURN_IF_ERROR(node.Axes(slices.axes, node.rank(0)).status());
  for (size_t i = 0; i < slices.axes.size(); ++i) {
    ASSIGN_OR_RETURN(const int64_t axis,
                     node.Axis(slices.axes[i], node.rank(0)));
    const auto along = static_cast<size_t>(axis);
    if (slices.steps[i] == 0) return node.Invalid("a step is 0");
    const Cut cut =
        CutOf(to[along], slices.starts[i], slices.ends[i], slices.steps[i]);
    starts[along] = cut.start;
    // A step past the end is taken once at most; large ones must not overflow.
    steps[along] = std::clamp(slices.steps[i], -to[along] - 1, to[along] + 1);
    to[along] = cut.count;
  }
  node.KeepInputs(1);
  node.Set("starts", starts);
  node.Set("steps", steps);
  return node.SetOutput(0, node.dtype(0), std::move(to));
}

absl::Status InferExpand(NodeContext& node) {
  ASSIGN_OR_RETURN(const std::vector<int64_t> shape, node.Ints(1, "shape"));
  std::optional<std::vector<int64_t>> to = BroadcastShape(node.shape(0), shape);
  if (!to) {
    return node.Invalid(absl::StrFormat("[%s] does not broadcast to [%s]",
                                        absl::StrJoin(node.shape(0), ", "),
                                        absl::StrJoin(shape, ", ")));
  }
  node.KeepInputs(1);
  return node.SetOutput(0, node.dtype(0), *std::move(to));
}

}  // namespace layerd
