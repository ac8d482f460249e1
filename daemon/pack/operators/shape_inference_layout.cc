// Operators that compute nothing: the same elements in another shape or place.

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <span>
#include <string>
#include <utility>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "config/status_macros.h"
#include "daemon/pack/graph/element_type.h"
#include "daemon/pack/onnx/onnx_limits.h"
#include "daemon/pack/operators/shape_inference.h"

namespace layerd {
namespace {

constexpr int64_t kMaskElementsMax = 1 << 20;

// The axes of Squeeze and Unsqueeze: an attribute before opset 13, an input
// since. Nothing if they are left out.
absl::StatusOr<std::optional<std::vector<int64_t>>> TakeAxes(
    NodeContext& node) {
  std::optional<std::vector<int64_t>> axes;
  if (node.opset() >= 13) {
    if (!node.has_input(1)) return axes;
    ASSIGN_OR_RETURN(axes, node.Ints(1, "axes"));
    return axes;
  }
  RETURN_IF_ERROR(node.CheckInputCount(1));
  if (std::optional<AttributeValue> taken = node.Take("axes")) {
    if (!std::holds_alternative<std::vector<int64_t>>(*taken)) {
      return node.Invalid("attribute \"axes\" is no list of integers");
    }
    axes = std::get<std::vector<int64_t>>(*std::move(taken));
  }
  return axes;
}

// What fills the border, and how wide it is: attributes before opset 11,
// inputs since; axes as an input since 18.
struct Border {
  std::vector<int64_t> pads;
  float value = 0;
};

absl::StatusOr<Border> TakeBorder(NodeContext& node) {
  Border border;
  if (node.opset() < 11) {
    RETURN_IF_ERROR(node.CheckInputCount(1));
    ASSIGN_OR_RETURN(border.pads, node.TakeInts("pads", std::nullopt));
    ASSIGN_OR_RETURN(border.value, node.TakeFloat("value", 0.0f));
    return border;
  }
  if (!node.has_input(1)) return node.Invalid("has no pads");
  ASSIGN_OR_RETURN(border.pads, node.Ints(1, "pads"));
  if (node.has_input(2)) {
    ASSIGN_OR_RETURN(border.value, node.Scalar(2, "constant_value"));
  }
  return border;
}

// Whether f32 says what fills the border, as it does for halves and for most
// numbers of other types.
absl::StatusOr<bool> IsExact(const NodeContext& node, float value) {
  const DataType dtype = node.dtype(0);
  if (!node.has_input(2) || node.dtype(2) != dtype ||
      (IsFloating(dtype) && dtype != DataType::kF64)) {
    return true;
  }
  const Constant& known = *node.constant(2);
  if (known.dtype != dtype) return true;
  ASSIGN_OR_RETURN(const std::vector<std::byte> bytes,
                   node.graph().ReadBytes(known));
  std::vector<std::byte> said(bytes.size());
  StoreElements(std::span<const float>(&value, 1), dtype, said.data());
  return said == bytes;
}

// Brings the pads of some axes to full rank.
absl::Status SpreadPads(NodeContext& node, std::vector<int64_t>& pads) {
  if (!node.has_input(3)) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::vector<int64_t> axes, node.Ints(3, "axes"));
  if (pads.size() != 2 * axes.size()) {
    return node.Invalid(
        absl::StrFormat("%d pads for %d axes", pads.size(), axes.size()));
  }
  const auto rank = static_cast<size_t>(node.rank(0));
  std::vector<int64_t> spread(2 * rank, 0);
  for (size_t i = 0; i < axes.size(); ++i) {
    ASSIGN_OR_RETURN(const int64_t axis, node.Axis(axes[i], node.rank(0)));
    spread[static_cast<size_t>(axis)] = pads[i];
    spread[static_cast<size_t>(axis) + rank] = pads[i + axes.size()];
  }
  pads = std::move(spread);
  return absl::OkStatus();
}

// Of pads in front of and behind one dimension; their sum is an integer.
bool MayPad(const std::string& mode, int64_t dimension, int64_t front,
            int64_t behind) {
  const int64_t cropped =
      std::min<int64_t>(front, 0) + std::min<int64_t>(behind, 0);
  if (cropped < 0) return mode == "constant" && dimension + cropped >= 1;
  if (mode == "edge") return dimension > 0;
  const int64_t most = std::max(front, behind);
  if (mode == "wrap") return most <= dimension;
  return mode != "reflect" || most == 0 || most < dimension;
}

absl::Status CheckPads(NodeContext& node, const std::string& mode,
                       const std::vector<int64_t>& pads) {
  const auto rank = static_cast<size_t>(node.rank(0));
  if (pads.size() != 2 * rank) {
    return node.Invalid(
        absl::StrFormat("%d pads for %d dimensions", pads.size(), rank));
  }
  constexpr int64_t kPadMax = int64_t{1} << 31;
  const bool are_near = std::all_of(pads.begin(), pads.end(), [](int64_t pad) {
    return -kPadMax <= pad && pad <= kPadMax;
  });
  for (size_t d = 0; d < rank; ++d) {
    if (are_near && MayPad(mode, node.shape(0)[d], pads[d], pads[d + rank])) {
      continue;
    }
    return node.Unsupported(absl::StrFormat(
        "pads [%s] in mode %s: a pad that crops all, or in another mode than "
        "constant, or that reflects more than there is, or wraps more, is not "
        "supported",
        absl::StrJoin(pads, ", "), mode));
  }
  return absl::OkStatus();
}

// The mask of a Dropout that drops nothing.
absl::Status KeepAll(NodeContext& node) {
  Constant mask;
  mask.dtype = DataType::kBool;
  mask.shape = node.shape(0);
  const int64_t count = mask.element_count();
  if (node.opset() < 10 || count > kMaskElementsMax) {
    return node.Unsupported(absl::StrFormat(
        "the output \"mask\" is supported from opset 10 on, for %d elements",
        kMaskElementsMax));
  }
  mask.held.assign(static_cast<size_t>(count), std::byte{1});
  return node.SetOutputToConstant(1, std::move(mask));
}

}  // namespace

absl::Status InferIdentity(NodeContext& node) {
  return node.SetOutputToInput();
}

// Nothing is dropped: inference, or a ratio of 0.
absl::Status InferDropout(NodeContext& node) {
  float ratio = 0.5f;
  if (node.opset() < 12) {
    ASSIGN_OR_RETURN(ratio, node.TakeFloat("ratio", 0.5f));
  } else if (node.has_input(1) && node.constant(1) != nullptr) {
    ASSIGN_OR_RETURN(ratio, node.Scalar(1, "ratio"));
  }
  node.Take("seed");
  if (node.has_input(2)) {
    ASSIGN_OR_RETURN(const float is_training, node.Scalar(2, "training_mode"));
    if (is_training != 0 && ratio != 0) {
      return node.Unsupported("training_mode is not supported");
    }
  }
  if (node.uses_output(1)) RETURN_IF_ERROR(KeepAll(node));
  return node.SetOutputToInput();
}

absl::Status InferReshape(NodeContext& node) {
  ASSIGN_OR_RETURN(std::vector<int64_t> shape, node.Ints(1, "shape"));
  ASSIGN_OR_RETURN(const int64_t allows_zero, node.TakeInt("allowzero", 0));
  const std::vector<int64_t>& from = node.shape(0);
  const auto mismatch = [&](const char* why) {
    return node.Invalid(absl::StrFormat("[%s] to [%s]: %s",
                                        absl::StrJoin(from, ", "),
                                        absl::StrJoin(shape, ", "), why));
  };
  std::optional<size_t> open;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 0 && allows_zero == 0) {
      if (i >= from.size()) return mismatch("0 copies no dimension");
      shape[i] = from[i];
    } else if (shape[i] == -1) {
      if (open) return mismatch("-1 stands twice");
      open = i;
    }
  }
  std::vector<int64_t> known = shape;
  if (open) known[*open] = 1;
  const std::optional<int64_t> count = ElementCount(known);
  const int64_t all = *ElementCount(from);
  if (!count) return mismatch("a dimension is negative or too large");
  if (open) {
    if (*count == 0 || all % *count != 0) return mismatch("-1 is no number");
    shape[*open] = all / *count;
  } else if (*count != all) {
    return mismatch("the number of elements differs");
  }
  node.KeepInputs(1);
  return node.SetOutput(0, node.dtype(0), std::move(shape));
}

absl::Status InferFlatten(NodeContext& node) {
  ASSIGN_OR_RETURN(int64_t axis, node.TakeInt("axis", 1));
  // One past the last is an axis here.
  if (axis != node.rank(0)) {
    ASSIGN_OR_RETURN(axis, node.Axis(axis, node.rank(0)));
  }
  const std::vector<int64_t>& from = node.shape(0);
  const auto split = static_cast<size_t>(axis);
  return node.SetOutput(0, node.dtype(0),
                        {CountOf(std::span(from).first(split)),
                         CountOf(std::span(from).subspan(split))});
}

absl::Status InferSqueeze(NodeContext& node) {
  ASSIGN_OR_RETURN(std::optional<std::vector<int64_t>> axes, TakeAxes(node));
  const std::vector<int64_t>& from = node.shape(0);
  if (!axes) {
    axes.emplace();
    for (size_t i = 0; i < from.size(); ++i) {
      if (from[i] == 1) axes->push_back(static_cast<int64_t>(i));
    }
  }
  ASSIGN_OR_RETURN(axes, node.Axes(*axes, node.rank(0)));
  std::vector<int64_t> to;
  for (size_t i = 0; i < from.size(); ++i) {
    if (!std::binary_search(axes->begin(), axes->end(),
                            static_cast<int64_t>(i))) {
      to.push_back(from[i]);
    } else if (from[i] != 1) {
      return node.Invalid(absl::StrFormat("dimension %d of [%s] is not 1", i,
                                          absl::StrJoin(from, ", ")));
    }
  }
  node.KeepInputs(1);
  node.Set("axes", *axes);
  return node.SetOutput(0, node.dtype(0), std::move(to));
}

absl::Status InferUnsqueeze(NodeContext& node) {
  ASSIGN_OR_RETURN(std::optional<std::vector<int64_t>> axes, TakeAxes(node));
  if (!axes) return node.Invalid("has no axes");
  const std::vector<int64_t>& from = node.shape(0);
  ASSIGN_OR_RETURN(
      axes,
      node.Axes(*axes, node.rank(0) + static_cast<int64_t>(axes->size())));
  std::vector<int64_t> to = from;
  for (const int64_t axis : *axes) to.insert(to.begin() + axis, 1);
  node.KeepInputs(1);
  node.Set("axes", *axes);
  return node.SetOutput(0, node.dtype(0), std::move(to));
}

absl::Status InferTranspose(NodeContext& node) {
  const std::vector<int64_t>& from = node.shape(0);
  std::vector<int64_t> reversed(from.size());
  std::iota(reversed.rbegin(), reversed.rend(), 0);
  ASSIGN_OR_RETURN(const std::vector<int64_t> perm,
                   node.TakeInts("perm", reversed));
  std::vector<int64_t> sorted = perm;
  std::sort(sorted.begin(), sorted.end());
  std::reverse(sorted.begin(), sorted.end());
  if (sorted != reversed) {
    return node.Invalid(
        absl::StrFormat("perm [%s] is no order of %d "
                        "dimensions",
                        absl::StrJoin(perm, ", "), from.size()));
  }
  std::vector<int64_t> to;
  for (const int64_t axis : perm) to.push_back(from[static_cast<size_t>(axis)]);
  node.Set("perm", perm);
  return node.SetOutput(0, node.dtype(0), std::move(to));
}

absl::Status InferConcat(NodeContext& node) {
  ASSIGN_OR_RETURN(int64_t axis, node.TakeInt("axis", std::nullopt));
  ASSIGN_OR_RETURN(axis, node.Axis(axis, node.rank(0)));
  const auto along = static_cast<size_t>(axis);
  std::vector<int64_t> to = node.shape(0);
  for (size_t i = 1; i < node.input_count(); ++i) {
    std::vector<int64_t> next = node.shape(i);
    const bool is_alike = next.size() == to.size();
    const int64_t more = is_alike ? next[along] : 0;
    if (is_alike) next[along] = to[along];
    if (next != to || node.dtype(i) != node.dtype(0)) {
      return node.Invalid(absl::StrFormat(
          "input %d is %s [%s]; it does not follow %s [%s] along axis %d", i,
          NameOf(node.dtype(i)), absl::StrJoin(node.shape(i), ", "),
          NameOf(node.dtype(0)), absl::StrJoin(node.shape(0), ", "), axis));
    }
    to[along] += more;
  }
  // Exporters begin or end with nothing.
  if (to[along] > 0) {
    for (size_t i = node.input_count(); i-- > 0;) {
      if (node.shape(i)[along] == 0) node.DropInput(i);
    }
  }
  if (node.input_count() == 1) return node.SetOutputToInput();
  node.Set("axis", axis);
  return node.SetOutput(0, node.dtype(0), std::move(to));
}

absl::Status InferPad(NodeContext& node) {
  ASSIGN_OR_RETURN(const std::string mode, node.TakeString("mode", "constant"));
  if (mode != "constant" && mode != "reflect" && mode != "edge" &&
      mode != "wrap") {
    return node.Unsupported(
        "only the modes constant, reflect, edge and wrap are supported");
  }
  RETURN_IF_ERROR(node.CheckInputCount(node.opset() < 18 ? 3 : 4));
  ASSIGN_OR_RETURN(Border border, TakeBorder(node));
  RETURN_IF_ERROR(SpreadPads(node, border.pads));
  RETURN_IF_ERROR(CheckPads(node, mode, border.pads));
  std::vector<int64_t> to = node.shape(0);
  for (size_t i = 0; i < to.size(); ++i) {
    to[i] += border.pads[i] + border.pads[i + to.size()];
  }
  ASSIGN_OR_RETURN(const bool is_exact, IsExact(node, border.value));
  node.KeepInputs(is_exact || mode != "constant" ? 1 : 3);
  if (node.input_count() > 1) node.DropInput(1);
  node.Set("mode", mode);
  node.Set("pads", border.pads);
  node.Set("value", border.value);
  return node.SetOutput(0, node.dtype(0), std::move(to));
}

}  // namespace layerd
