#include "kernels/part_rules.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "config/status_macros.h"
#include "kernels/decoded_part.h"
#include "kernels/type_check.h"

namespace layerd::part_rules {

using absl::InvalidArgumentError;
using absl::StrCat;
using absl::StrFormat;

std::string Text(const Sizes& sizes) {
  return StrCat("[", absl::StrJoin(sizes, ", "), "]");
}

absl::Status CheckRange(const char* name, const Range& range, int64_t size) {
  if (range.first >= 0 && range.count >= 1 && range.first < size &&
      range.count <= size - range.first) {
    return absl::OkStatus();
  }
  return InvalidArgumentError(StrFormat("%s [%d, +%d) are not within 0 to %d",
                                        name, range.first, range.count, size));
}

absl::Status CheckWindow(const char* name, const Sizes& values, size_t count,
                         int64_t least) {
  if (values.size() != count) {
    return InvalidArgumentError(StrFormat("%s: %d numbers for %d dimensions",
                                          name, values.size(), count));
  }
  for (const int64_t value : values) {
    if (value >= least && value <= kWindowMax) continue;
    return InvalidArgumentError(StrFormat("%s: %d is not within %d to %d", name,
                                          value, least, kWindowMax));
  }
  return absl::OkStatus();
}

absl::Status CheckActivation(const Activation& activation) {
  if (activation.kind <= kLastActivationKind &&
      activation.kind != ActivationKind::kNot) {
    return absl::OkStatus();
  }
  return InvalidArgumentError(StrFormat("activation %d is not one of floats",
                                        static_cast<int>(activation.kind)));
}

absl::Status CheckCounts(const PartSpec& spec, size_t inputs, size_t weights) {
  if (spec.inputs.size() == inputs && spec.weights.size() == weights &&
      spec.outputs.size() == 1) {
    return absl::OkStatus();
  }
  return InvalidArgumentError(
      StrFormat("%d inputs, %d weights, %d outputs; expected %d, %d, 1",
                spec.inputs.size(), spec.weights.size(), spec.outputs.size(),
                inputs, weights));
}

absl::Status CheckShape(const char* name, const Sizes& shape,
                        const Sizes& expected) {
  if (shape == expected) return absl::OkStatus();
  return InvalidArgumentError(
      StrCat(name, " is ", Text(shape), ", expected ", Text(expected)));
}

absl::Status CheckRank(const TensorType& type, size_t least, size_t most) {
  if (type.shape.size() >= least && type.shape.size() <= most) {
    return absl::OkStatus();
  }
  return InvalidArgumentError(StrFormat("%s: rank is not within %d to %d",
                                        ToString(type), least, most));
}

absl::Status CheckSameShape(const PartSpec& spec) {
  return CheckShape("output", spec.outputs[0].shape, spec.inputs[0].shape);
}

absl::Status CheckDtype(const TensorType& type,
                        std::initializer_list<DataType> allowed) {
  if (std::find(allowed.begin(), allowed.end(), type.dtype) != allowed.end()) {
    return absl::OkStatus();
  }
  std::vector<const char*> names;
  for (const DataType dtype : allowed) names.push_back(NameOf(dtype));
  return absl::UnimplementedError(StrCat(ToString(type), ": only ",
                                         absl::StrJoin(names, ", "),
                                         " is computed on"));
}

DataType WeightBeside(DataType tensors) {
  return tensors == DataType::kF16 ? DataType::kF32 : tensors;
}

namespace {

absl::Status CheckWeight(const WeightPiece& piece, DataType wanted) {
  if (piece.layout.dtype == wanted) return absl::OkStatus();
  return absl::UnimplementedError(
      StrFormat("weights of %s: only %s is computed with",
                NameOf(piece.layout.dtype), NameOf(wanted)));
}

}  // namespace

absl::Status CheckOneDtype(const PartSpec& spec,
                           std::initializer_list<DataType> allowed) {
  const DataType wanted = spec.outputs[0].dtype;
  RETURN_IF_ERROR(CheckDtype(spec.outputs[0], allowed));
  for (const TensorType& type : spec.inputs) {
    RETURN_IF_ERROR(CheckDtype(type, {wanted}));
  }
  for (const WeightPiece& piece : spec.weights) {
    RETURN_IF_ERROR(CheckWeight(piece, WeightBeside(wanted)));
  }
  return absl::OkStatus();
}

absl::Status CheckFloats(const PartSpec& spec) {
  return CheckOneDtype(spec, {DataType::kF32, DataType::kF16});
}

namespace {

absl::Status CheckFloatTensors(const PartSpec& spec) {
  const DataType wanted = spec.outputs[0].dtype;
  RETURN_IF_ERROR(
      CheckDtype(spec.outputs[0], {DataType::kF32, DataType::kF16}));
  for (const TensorType& type : spec.inputs) {
    RETURN_IF_ERROR(CheckDtype(type, {wanted}));
  }
  return absl::OkStatus();
}

// Scales lie behind the other weights, one for each channel of the part.
absl::Status CheckScales(const PartSpec& spec) {
  const WeightLayout& scales = spec.weights.back().layout;
  RETURN_IF_ERROR(CheckShape("scales", scales.shape, {spec.channels.count}));
  if (scales == WeightLayout::Plain(scales.dtype, scales.shape)) {
    return absl::OkStatus();
  }
  return InvalidArgumentError(StrCat("scales are ", ToString(scales)));
}

}  // namespace

absl::Status CheckKernelAndVectors(const PartSpec& spec, size_t inputs,
                                   bool has_bias) {
  const size_t others = has_bias ? 2 : 1;
  if (spec.weights.empty()) return CheckCounts(spec, inputs, others);
  const WeightLayout& kernel = spec.weights[0].layout;
  if (!IsNarrow(kernel.dtype)) {
    RETURN_IF_ERROR(CheckWeight(spec.weights[0], DataType::kF32));
  }
  const bool may_scale = IsNarrow(kernel.dtype);
  const bool must_scale = kernel.dtype == DataType::kI8;
  const bool has_scales =
      must_scale || (may_scale && spec.weights.size() > others);
  RETURN_IF_ERROR(CheckCounts(spec, inputs, others + (has_scales ? 1 : 0)));
  RETURN_IF_ERROR(CheckFloatTensors(spec));
  if (has_bias) {
    RETURN_IF_ERROR(CheckWeight(spec.weights[1], spec.outputs[0].dtype));
  }
  if (has_scales) {
    RETURN_IF_ERROR(CheckWeight(spec.weights.back(), DataType::kF32));
    RETURN_IF_ERROR(CheckScales(spec));
  }
  if (Decoded(kernel).bytes() <= kSpanBytesMax) return absl::OkStatus();
  return InvalidArgumentError(
      StrCat(ToString(kernel), " is too large to decode"));
}

absl::StatusOr<Sizes> Broadcast(const Sizes& a, const Sizes& b) {
  Sizes result(std::max(a.size(), b.size()));
  for (size_t back = 1; back <= result.size(); ++back) {
    const int64_t left = back <= a.size() ? a[a.size() - back] : 1;
    const int64_t right = back <= b.size() ? b[b.size() - back] : 1;
    if (left != right && left != 1 && right != 1) {
      return InvalidArgumentError(
          StrCat(Text(a), " and ", Text(b), " do not broadcast"));
    }
    result[result.size() - back] = std::max(left, right);
  }
  return result;
}

}  // namespace layerd::part_rules
