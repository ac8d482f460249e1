// Operators that stretch and shrink.

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "config/status_macros.h"
#include "daemon/pack/graph/element_type.h"
#include "daemon/pack/operators/shape_inference.h"

namespace layerd {
namespace {

using Floats = std::vector<float>;

// What a Resize asks for, of some axes.
struct Wish {
  std::vector<int64_t> axes;
  Floats scales;               // Of each axis, or none.
  std::vector<int64_t> sizes;  // Likewise.
  Floats roi;                  // Begins, then ends; or none.
  std::string policy = "stretch";
};

absl::StatusOr<Floats> FloatsOf(const NodeContext& node, size_t i,
                                const char* what) {
  const Constant* known = node.constant(i);
  if (known == nullptr) {
    return node.Unsupported(absl::StrFormat(
        "input %d (%s) is computed at run time; it must be known while packing",
        i, what));
  }
  if (known->element_count() > 2 * static_cast<int64_t>(kRankMax)) {
    return node.Invalid(absl::StrFormat("input %d (%s) has %d elements", i,
                                        what, known->element_count()));
  }
  Floats numbers(static_cast<size_t>(known->element_count()));
  RETURN_IF_ERROR(node.graph().ReadF32(*known, 0, numbers));
  return numbers;
}

bool IsGiven(const NodeContext& node, size_t i) {
  return node.has_input(i) && (node.shape(i).empty() || node.shape(i)[0] != 0);
}

absl::StatusOr<Wish> TakeWish(NodeContext& node, bool crops) {
  Wish wish;
  ASSIGN_OR_RETURN(wish.axes, node.TakeInts("axes", std::vector<int64_t>()));
  for (int64_t& axis : wish.axes) {
    ASSIGN_OR_RETURN(axis, node.Axis(axis, node.rank(0)));
  }
  RETURN_IF_ERROR(node.Axes(wish.axes, node.rank(0)).status());
  if (wish.axes.empty()) {
    for (int64_t d = 0; d < node.rank(0); ++d) wish.axes.push_back(d);
  }
  ASSIGN_OR_RETURN(wish.policy,
                   node.TakeOneOf("keep_aspect_ratio_policy", "stretch",
                                  {"stretch", "not_larger", "not_smaller"}));
  const size_t scales = node.opset() < 11 ? 1 : 2;
  if (crops && IsGiven(node, 1)) {
    ASSIGN_OR_RETURN(wish.roi, FloatsOf(node, 1, "roi"));
  }
  if (IsGiven(node, 3)) {
    ASSIGN_OR_RETURN(wish.sizes, node.Ints(3, "sizes"));
  } else if (IsGiven(node, scales)) {
    ASSIGN_OR_RETURN(wish.scales, FloatsOf(node, scales, "scales"));
  }
  const size_t count = wish.axes.size();
  if ((wish.scales.size() != count && wish.sizes.size() != count) ||
      (crops && wish.roi.size() != 2 * count)) {
    return node.Invalid(absl::StrFormat(
        "%d scales, %d sizes and a region of %d numbers for %d axes",
        wish.scales.size(), wish.sizes.size(), wish.roi.size(), count));
  }
  return wish;
}

// One scale for all: the least or the most of them.
void KeepAspectRatio(const NodeContext& node, Wish& wish) {
  if (wish.policy == "stretch" || wish.sizes.empty()) return;
  const bool is_least = wish.policy == "not_larger";
  float scale = 0;
  for (size_t i = 0; i < wish.axes.size(); ++i) {
    const auto from =
        static_cast<float>(node.shape(0)[static_cast<size_t>(wish.axes[i])]);
    const float one = static_cast<float>(wish.sizes[i]) / from;
    if (i == 0 || (is_least ? one < scale : one > scale)) scale = one;
  }
  wish.scales.assign(wish.axes.size(), scale);
  for (size_t i = 0; i < wish.axes.size(); ++i) {
    const auto from =
        static_cast<float>(node.shape(0)[static_cast<size_t>(wish.axes[i])]);
    wish.sizes[i] = static_cast<int64_t>(std::floor(from * scale + 0.5f));
  }
}

// Of every dimension.
struct Stretch {
  std::vector<int64_t> to;
  Floats scales, roi;
};

absl::StatusOr<Stretch> StretchFor(const NodeContext& node, const Wish& wish) {
  constexpr float kScaleMax = 1 << 24;
  Stretch all;
  all.to = node.shape(0);
  const size_t rank = all.to.size();
  all.scales.assign(rank, 1);
  if (!wish.roi.empty()) {
    all.roi.assign(2 * rank, 0);
    std::fill(all.roi.begin() + static_cast<int64_t>(rank), all.roi.end(), 1);
  }
  for (size_t i = 0; i < wish.axes.size(); ++i) {
    const auto d = static_cast<size_t>(wish.axes[i]);
    const auto from = static_cast<float>(all.to[d]);
    float length = 1;
    if (!wish.roi.empty()) {
      all.roi[d] = wish.roi[i];
      all.roi[d + rank] = wish.roi[i + wish.axes.size()];
      length = all.roi[d + rank] - all.roi[d];
    }
    if (all.to[d] == 0) return node.Unsupported("the input is empty");
    const float scale = wish.scales.empty()
                            ? static_cast<float>(wish.sizes[i]) / from
                            : wish.scales[i];
    // Written so that what is not a number is refused.
    const float size = std::floor(from * length * scale);
    if (!(scale >= 1 / kScaleMax && scale <= kScaleMax && size >= 0 &&
          size <= 2147483648.0f)) {
      return node.Invalid(absl::StrFormat("dimension %d: %d by a scale of %g",
                                          d, all.to[d], scale));
    }
    all.scales[d] = scale;
    all.to[d] = wish.sizes.empty() ? static_cast<int64_t>(size) : wish.sizes[i];
    if (all.to[d] < 0 || all.to[d] > (int64_t{1} << 31)) {
      return node.Invalid(
          absl::StrFormat("dimension %d would be %d", d, all.to[d]));
    }
  }
  return all;
}

// Bytes are exact in f32, and the nearest one stays a byte.
absl::Status CheckElements(const NodeContext& node, bool takes_nearest) {
  const DataType dtype = node.dtype(0);
  if (IsFloating(dtype) || (takes_nearest && SizeOf(dtype) == 1)) {
    return absl::OkStatus();
  }
  return node.Unsupported(absl::StrFormat(
      "it resizes %s; FP16 and FP32 are supported, and the nearest of bytes: "
      "what lies between two integers is rounded here and cut off there, so "
      "cast to FP32 before it, and round, clip and cast back behind it",
      NameOf(dtype)));
}

absl::Status SetStretch(NodeContext& node, Stretch all, bool takes_nearest) {
  const bool rests = all.roi.empty() && all.to == node.shape(0) &&
                     std::all_of(all.scales.begin(), all.scales.end(),
                                 [](float scale) { return scale == 1; });
  if (rests) {
    return node.SetOutputToInput();
  }
  RETURN_IF_ERROR(CheckElements(node, takes_nearest));
  node.KeepInputs(1);
  node.Set("scales", std::move(all.scales));
  node.Set("roi", std::move(all.roi));
  return node.SetOutput(0, node.dtype(0), std::move(all.to));
}

absl::Status InferOldResize(NodeContext& node, Floats scales) {
  ASSIGN_OR_RETURN(
      const std::string mode,
      node.TakeOneOf("mode", "nearest", {"nearest", "linear", "bilinear"}));
  Wish wish;
  wish.scales = std::move(scales);
  for (int64_t d = 0; d < node.rank(0); ++d) wish.axes.push_back(d);
  if (wish.scales.size() != wish.axes.size()) {
    return node.Invalid(absl::StrFormat("%d scales for %d dimensions",
                                        wish.scales.size(), wish.axes.size()));
  }
  ASSIGN_OR_RETURN(Stretch all, StretchFor(node, wish));
  node.Set("mode", std::string(mode == "nearest" ? "nearest" : "linear"));
  node.Set("coordinate_transformation_mode", std::string("asymmetric"));
  node.Set("nearest_mode", std::string("simple"));
  node.Set("cubic_coeff_a", -0.75f);
  node.Set("exclude_outside", int64_t{0});
  node.Set("antialias", int64_t{0});
  node.Set("extrapolation_value", 0.0f);
  return SetStretch(node, std::move(all), mode == "nearest");
}

}  // namespace

absl::Status InferUpsample(NodeContext& node) {
  if (node.opset() < 9) {
    RETURN_IF_ERROR(node.CheckInputCount(1));
    auto taken = node.Take("scales");
    if (!taken || !std::holds_alternative<Floats>(*taken)) {
      return node.Invalid("attribute \"scales\" is no list of numbers");
    }
    return InferOldResize(node, std::get<Floats>(*std::move(taken)));
  }
  if (!node.has_input(1)) return node.Invalid("has no scales");
  ASSIGN_OR_RETURN(Floats scales, FloatsOf(node, 1, "scales"));
  return InferOldResize(node, std::move(scales));
}

absl::Status InferResize(NodeContext& node) {
  if (node.opset() < 11) return InferUpsample(node);
  ASSIGN_OR_RETURN(
      const std::string mode,
      node.TakeOneOf("mode", "nearest", {"nearest", "linear", "cubic"}));
  ASSIGN_OR_RETURN(
      const std::string coordinate,
      node.TakeOneOf("coordinate_transformation_mode", "half_pixel",
                     {"half_pixel", "half_pixel_symmetric",
                      "pytorch_half_pixel", "align_corners", "asymmetric",
                      "tf_half_pixel_for_nn", "tf_crop_and_resize"}));
  ASSIGN_OR_RETURN(const std::string nearest,
                   node.TakeOneOf("nearest_mode", "round_prefer_floor",
                                  {"round_prefer_floor", "round_prefer_ceil",
                                   "floor", "ceil"}));
  ASSIGN_OR_RETURN(const float cubic_a,
                   node.TakeFloat("cubic_coeff_a", -0.75f));
  ASSIGN_OR_RETURN(const int64_t excludes, node.TakeInt("exclude_outside", 0));
  ASSIGN_OR_RETURN(int64_t antialiases, node.TakeInt("antialias", 0));
  ASSIGN_OR_RETURN(const float beyond,
                   node.TakeFloat("extrapolation_value", 0.0f));
  const bool crops = coordinate == "tf_crop_and_resize";
  if (mode == "nearest") antialiases = 0;
  if (crops && antialiases != 0) {
    return node.Unsupported("antialias with tf_crop_and_resize");
  }
  ASSIGN_OR_RETURN(Wish wish, TakeWish(node, crops));
  KeepAspectRatio(node, wish);
  ASSIGN_OR_RETURN(Stretch all, StretchFor(node, wish));
  node.Set("mode", mode);
  node.Set("coordinate_transformation_mode", coordinate);
  node.Set("nearest_mode", nearest);
  node.Set("cubic_coeff_a", cubic_a);
  node.Set("exclude_outside", int64_t{excludes != 0});
  node.Set("antialias", int64_t{antialiases != 0});
  node.Set("extrapolation_value", beyond);
  return SetStretch(node, std::move(all), mode == "nearest" && !crops);
}

}  // namespace layerd
