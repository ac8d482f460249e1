// What moves elements.
#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "config/status_macros.h"
#include "kernels/part_rules.h"

namespace layerd::part_rules {

using absl::InvalidArgumentError;
using absl::StrCat;
using absl::StrFormat;

namespace {

// Cropping comes first, so a reflection reads what is left.
absl::Status CheckPadded(const Pad& op, int64_t size, size_t d) {
  constexpr int64_t kPadMax = int64_t{1} << 31;
  if (op.begin[d] < -kPadMax || op.begin[d] > kPadMax || op.end[d] < -kPadMax ||
      op.end[d] > kPadMax) {
    return InvalidArgumentError(
        StrFormat("dimension %d: pads %d and %d", d, op.begin[d], op.end[d]));
  }
  const int64_t left = size + std::min<int64_t>(op.begin[d], 0) +
                       std::min<int64_t>(op.end[d], 0);
  if (left < 1) {
    return InvalidArgumentError(
        StrFormat("dimension %d: nothing of %d is left", d, size));
  }
  if (op.mode == Pad::Mode::kReflect &&
      std::max(op.begin[d], op.end[d]) > left - 1) {
    return InvalidArgumentError(
        StrFormat("dimension %d: %d elements cannot reflect %d", d, left,
                  std::max(op.begin[d], op.end[d])));
  }
  return absl::OkStatus();
}

absl::Status CheckScale(const Resize& op, const PartSpec& spec, size_t d) {
  constexpr float kScaleMax = 1 << 24;
  const float scale = op.scales[d];
  // Written so that what is not a number is refused.
  if (!(scale >= 1 / kScaleMax && scale <= kScaleMax)) {
    return InvalidArgumentError(StrFormat("dimension %d: scale %g", d, scale));
  }
  if (!op.antialiases) return absl::OkStatus();
  // Bounds how many elements one of the output sums.
  const double wanted = static_cast<double>(scale) * spec.inputs[0].shape[d];
  if (std::abs(wanted - static_cast<double>(spec.outputs[0].shape[d])) < 2) {
    return absl::OkStatus();
  }
  return InvalidArgumentError(
      StrFormat("dimension %d: %d to %d is not scale %g", d,
                spec.inputs[0].shape[d], spec.outputs[0].shape[d], scale));
}

absl::Status CheckRoi(const Resize& op, size_t rank) {
  if (op.coordinate != Resize::Coordinate::kCropAndResize) {
    if (op.roi_begin.empty() && op.roi_end.empty()) return absl::OkStatus();
    return InvalidArgumentError("a region, although nothing is cropped");
  }
  if (op.antialiases) {
    return absl::UnimplementedError("cropping does not antialias");
  }
  if (op.roi_begin.size() != rank || op.roi_end.size() != rank) {
    return InvalidArgumentError(
        StrFormat("a region of %d and %d numbers for %d dimensions",
                  op.roi_begin.size(), op.roi_end.size(), rank));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status Check(const Pad& op, const PartSpec& spec) {
  RETURN_IF_ERROR(CheckCounts(spec, 1, 0));
  RETURN_IF_ERROR(CheckDtype(spec.inputs[0], {spec.outputs[0].dtype}));
  if (op.mode > Pad::Mode::kEdge) {
    return InvalidArgumentError(
        StrFormat("mode %d is unknown", static_cast<int>(op.mode)));
  }
  Sizes expected = spec.inputs[0].shape;
  if (op.begin.size() != expected.size() || op.end.size() != expected.size()) {
    return InvalidArgumentError(StrFormat("%d and %d pads for %d dimensions",
                                          op.begin.size(), op.end.size(),
                                          expected.size()));
  }
  for (size_t d = 0; d < expected.size(); ++d) {
    RETURN_IF_ERROR(CheckPadded(op, expected[d], d));
    expected[d] += op.begin[d] + op.end[d];
  }
  return CheckShape("output", spec.outputs[0].shape, expected);
}

absl::Status Check(const Copy&, const PartSpec& spec) {
  const bool constant = spec.inputs.empty();
  RETURN_IF_ERROR(CheckCounts(spec, constant ? 0 : 1, constant ? 1 : 0));
  return CheckShape(
      "output", spec.outputs[0].shape,
      constant ? spec.weights[0].layout.shape : spec.inputs[0].shape);
}

absl::Status Check(const Gather& op, const PartSpec& spec) {
  const bool constant = spec.inputs.size() == 1;
  RETURN_IF_ERROR(CheckCounts(spec, constant ? 1 : 2, constant ? 1 : 0));
  const TensorType& indices = spec.inputs.back();
  RETURN_IF_ERROR(CheckDtype(indices, {DataType::kI32, DataType::kI64}));
  const DataType from =
      constant ? spec.weights[0].layout.dtype : spec.inputs[0].dtype;
  // Halves that a table has are widened on the way.
  const bool widens =
      constant && (from == DataType::kF16 || from == DataType::kBF16);
  RETURN_IF_ERROR(
      CheckDtype(spec.outputs[0], {from, widens ? DataType::kF32 : from}));
  const Sizes& x =
      constant ? spec.weights[0].layout.shape : spec.inputs[0].shape;
  RETURN_IF_ERROR(CheckRange("axis", {op.axis, 1}, x.size()));
  Sizes expected(x.begin(), x.begin() + op.axis);
  expected.insert(expected.end(), indices.shape.begin(), indices.shape.end());
  expected.insert(expected.end(), x.begin() + op.axis + 1, x.end());
  return CheckShape("output", spec.outputs[0].shape, expected);
}

absl::Status Check(const Resize& op, const PartSpec& spec) {
  RETURN_IF_ERROR(CheckCounts(spec, 1, 0));
  RETURN_IF_ERROR(CheckFloats(spec));
  if (op.mode > Resize::Mode::kCubic ||
      op.coordinate > Resize::Coordinate::kCropAndResize ||
      op.nearest > Resize::Nearest::kSimple) {
    return InvalidArgumentError(StrFormat(
        "mode %d, coordinates %d, rounding %d", static_cast<int>(op.mode),
        static_cast<int>(op.coordinate), static_cast<int>(op.nearest)));
  }
  const size_t rank = spec.inputs[0].shape.size();
  RETURN_IF_ERROR(CheckRank(spec.outputs[0], rank, rank));
  if (op.scales.size() != rank) {
    return InvalidArgumentError(
        StrFormat("%d scales for %d dimensions", op.scales.size(), rank));
  }
  for (size_t d = 0; d < rank; ++d) RETURN_IF_ERROR(CheckScale(op, spec, d));
  return CheckRoi(op, rank);
}

}  // namespace layerd::part_rules
