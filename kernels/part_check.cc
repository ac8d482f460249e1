#include "kernels/part_check.h"

#include <algorithm>
#include <string>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "config/status_macros.h"
#include "kernels/decoded_part.h"
#include "kernels/type_check.h"

namespace layerd {
namespace {

using absl::InvalidArgumentError;
using absl::StrCat;
using absl::StrFormat;
using Sizes = std::vector<int64_t>;

// Of a window: kernel, stride, dilation, padding. No network comes near.
constexpr int64_t kWindowMax = 1 << 16;

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
  if (activation.kind <= ActivationKind::kTanh) return absl::OkStatus();
  return InvalidArgumentError(
      StrFormat("activation %d is unknown", static_cast<int>(activation.kind)));
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

absl::Status CheckTensorsF32(const PartSpec& spec) {
  for (const auto* types : {&spec.inputs, &spec.outputs}) {
    for (const TensorType& type : *types) {
      if (type.dtype == DataType::kF32) continue;
      return absl::UnimplementedError(
          StrCat(ToString(type), ": only FP32 is computed on"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckWeightF32(const WeightPiece& piece) {
  if (piece.layout.dtype == DataType::kF32) return absl::OkStatus();
  return absl::UnimplementedError(StrCat("weights of ",
                                         NameOf(piece.layout.dtype),
                                         ": only FP32 is computed with"));
}

absl::Status CheckAllF32(const PartSpec& spec) {
  RETURN_IF_ERROR(CheckTensorsF32(spec));
  for (const WeightPiece& piece : spec.weights) {
    RETURN_IF_ERROR(CheckWeightF32(piece));
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

// A kernel that may be stored narrow, a bias, scales: those that there are.
// Their shapes but for the scales are checked elsewhere.
absl::Status CheckKernelAndVectors(const PartSpec& spec, size_t inputs,
                                   bool has_bias) {
  const size_t others = has_bias ? 2 : 1;
  if (spec.weights.empty() || spec.weights[0].layout.dtype == DataType::kF32) {
    RETURN_IF_ERROR(CheckCounts(spec, inputs, others));
    return CheckAllF32(spec);
  }
  const WeightLayout& kernel = spec.weights[0].layout;
  if (!IsNarrow(kernel.dtype)) return CheckWeightF32(spec.weights[0]);
  const bool must_scale = kernel.dtype == DataType::kI8;
  const bool has_scales = must_scale || spec.weights.size() > others;
  RETURN_IF_ERROR(CheckCounts(spec, inputs, others + (has_scales ? 1 : 0)));
  RETURN_IF_ERROR(CheckTensorsF32(spec));
  for (size_t w = 1; w < spec.weights.size(); ++w) {
    RETURN_IF_ERROR(CheckWeightF32(spec.weights[w]));
  }
  if (has_scales) RETURN_IF_ERROR(CheckScales(spec));
  if (Decoded(kernel).bytes() <= kSpanBytesMax) return absl::OkStatus();
  return InvalidArgumentError(
      StrCat(ToString(kernel), " is too large to decode"));
}

// One number where the window stands at `output` places, two with ceil.
struct WindowCount {
  int64_t floor;
  int64_t ceil;
};

absl::StatusOr<WindowCount> CountWindows(int64_t input, int64_t kernel,
                                         int64_t stride, int64_t dilation,
                                         int64_t pads) {
  const int64_t room = input + pads - ((kernel - 1) * dilation + 1);
  if (room < 0) {
    return InvalidArgumentError(
        StrFormat("a window of %d (dilation %d) on %d with %d of padding",
                  kernel, dilation, input, pads));
  }
  return WindowCount{room / stride + 1, (room + stride - 1) / stride + 1};
}

absl::Status CheckVectors(const Convolution& op, size_t spatial) {
  RETURN_IF_ERROR(CheckActivation(op.activation));
  RETURN_IF_ERROR(CheckWindow("strides", op.strides, spatial, 1));
  RETURN_IF_ERROR(CheckWindow("dilations", op.dilations, spatial, 1));
  RETURN_IF_ERROR(CheckWindow("pads_begin", op.pads_begin, spatial, 0));
  return CheckWindow("pads_end", op.pads_end, spatial, 0);
}

// The kernel's window sizes are the last dimensions of its shape, and free.
absl::Status CheckKernel(const Convolution& op, const PartSpec& spec) {
  const Sizes& x = spec.inputs[0].shape;
  const Sizes& kernel = spec.weights[0].layout.shape;
  const int64_t outputs = spec.outputs[0].shape[1] / op.groups;
  Sizes expected = {spec.channels.count, x[1] / op.groups};
  if (op.groups > 1) {
    expected = {spec.channels.count / outputs, outputs, x[1] / op.groups};
  }
  if (kernel.size() != expected.size() + x.size() - 2) {
    return InvalidArgumentError(
        StrCat("kernel ", Text(kernel), " does not fit x ", Text(x)));
  }
  const Sizes window(kernel.begin() + expected.size(), kernel.end());
  RETURN_IF_ERROR(CheckWindow("kernel", window, x.size() - 2, 1));
  expected.insert(expected.end(), window.begin(), window.end());
  return CheckShape("kernel", kernel, expected);
}

absl::Status CheckConvolved(const Convolution& op, const PartSpec& spec) {
  const Sizes& x = spec.inputs[0].shape;
  const Sizes& kernel = spec.weights[0].layout.shape;
  const size_t spatial = x.size() - 2;
  Sizes expected = {x[0], spec.outputs[0].shape[1]};
  for (size_t d = 0; d < spatial; ++d) {
    ASSIGN_OR_RETURN(const WindowCount count,
                     CountWindows(x[d + 2], kernel[kernel.size() - spatial + d],
                                  op.strides[d], op.dilations[d],
                                  op.pads_begin[d] + op.pads_end[d]));
    expected.push_back(count.floor);
  }
  return CheckShape("output", spec.outputs[0].shape, expected);
}

absl::Status CheckGroups(const Convolution& op, const PartSpec& spec) {
  const int64_t inputs = spec.inputs[0].shape[1];
  const int64_t outputs = spec.outputs[0].shape[1];
  if (op.groups < 1 || inputs % op.groups != 0 || outputs % op.groups != 0) {
    return InvalidArgumentError(
        StrFormat("%d groups do not divide %d input and %d output channels",
                  op.groups, inputs, outputs));
  }
  RETURN_IF_ERROR(CheckRange("channels", spec.channels, outputs));
  const int64_t of_group = outputs / op.groups;
  if (op.groups > 1 && (spec.channels.first % of_group != 0 ||
                        spec.channels.count % of_group != 0)) {
    return InvalidArgumentError(
        StrFormat("channels [%d, +%d) cut a group of %d", spec.channels.first,
                  spec.channels.count, of_group));
  }
  return absl::OkStatus();
}

absl::Status CheckBiasAndResidual(const PartSpec& spec, bool has_bias,
                                  bool adds_residual) {
  if (has_bias) {
    RETURN_IF_ERROR(CheckShape("bias", spec.weights[1].layout.shape,
                               {spec.channels.count}));
  }
  if (adds_residual) {
    RETURN_IF_ERROR(
        CheckShape("residual", spec.inputs[1].shape, spec.outputs[0].shape));
  }
  return absl::OkStatus();
}

absl::Status Check(const Convolution& op, const PartSpec& spec) {
  RETURN_IF_ERROR(
      CheckKernelAndVectors(spec, op.adds_residual ? 2 : 1, op.has_bias));
  RETURN_IF_ERROR(CheckRank(spec.inputs[0], 3, 5));
  const size_t rank = spec.inputs[0].shape.size();
  RETURN_IF_ERROR(CheckRank(spec.outputs[0], rank, rank));
  RETURN_IF_ERROR(CheckVectors(op, rank - 2));
  RETURN_IF_ERROR(CheckGroups(op, spec));
  RETURN_IF_ERROR(CheckKernel(op, spec));
  RETURN_IF_ERROR(CheckConvolved(op, spec));
  RETURN_IF_ERROR(CheckRange("rows", spec.rows, spec.outputs[0].shape[2]));
  return CheckBiasAndResidual(spec, op.has_bias, op.adds_residual);
}

absl::Status Check(const FullyConnected& op, const PartSpec& spec) {
  RETURN_IF_ERROR(
      CheckKernelAndVectors(spec, op.adds_residual ? 2 : 1, op.has_bias));
  RETURN_IF_ERROR(CheckActivation(op.activation));
  RETURN_IF_ERROR(CheckRank(spec.inputs[0], 1, kRankMax));
  RETURN_IF_ERROR(CheckRank(spec.outputs[0], 1, kRankMax));
  const int64_t outputs = spec.outputs[0].shape.back();
  Sizes expected = spec.inputs[0].shape;
  const int64_t inputs = std::exchange(expected.back(), outputs);
  RETURN_IF_ERROR(CheckShape("output", spec.outputs[0].shape, expected));
  RETURN_IF_ERROR(CheckRange("channels", spec.channels, outputs));
  RETURN_IF_ERROR(
      CheckRange("rows", spec.rows, spec.outputs[0].element_count() / outputs));
  RETURN_IF_ERROR(CheckShape("weights", spec.weights[0].layout.shape,
                             {spec.channels.count, inputs}));
  return CheckBiasAndResidual(spec, op.has_bias, op.adds_residual);
}

// Aligned at the last dimension, as numpy does.
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

absl::Status Check(const MatMul&, const PartSpec& spec) {
  RETURN_IF_ERROR(CheckCounts(spec, 2, 0));
  RETURN_IF_ERROR(CheckAllF32(spec));
  Sizes a = spec.inputs[0].shape;
  Sizes b = spec.inputs[1].shape;
  if (a.size() < 2 || b.size() < 2 || a.back() != b[b.size() - 2]) {
    return InvalidArgumentError(
        StrCat("a is ", Text(a), " and b is ", Text(b)));
  }
  const int64_t m = a[a.size() - 2];
  const int64_t n = b.back();
  a.resize(a.size() - 2);
  b.resize(b.size() - 2);
  ASSIGN_OR_RETURN(Sizes expected, Broadcast(a, b));
  expected.insert(expected.end(), {m, n});
  return CheckShape("output", spec.outputs[0].shape, expected);
}

// An output may be one longer than the windows that fit: the last window then
// hangs over, but starts before the padding at the end does.
absl::Status CheckPooled(const Pool& op, const PartSpec& spec, size_t d) {
  const int64_t input = spec.inputs[0].shape[d + 2];
  const int64_t output = spec.outputs[0].shape[d + 2];
  ASSIGN_OR_RETURN(
      const WindowCount count,
      CountWindows(input, op.kernel[d], op.strides[d], op.dilations[d],
                   op.pads_begin[d] + op.pads_end[d]));
  if (output == count.floor) return absl::OkStatus();
  if (output == count.ceil &&
      (output - 1) * op.strides[d] < input + op.pads_begin[d]) {
    return absl::OkStatus();
  }
  return InvalidArgumentError(
      StrFormat("output has %d places in dimension %d, expected %d or %d",
                output, d + 2, count.floor, count.ceil));
}

absl::Status Check(const Pool& op, const PartSpec& spec) {
  RETURN_IF_ERROR(CheckCounts(spec, 1, 0));
  RETURN_IF_ERROR(CheckAllF32(spec));
  if (op.kind > Pool::Kind::kAverage) {
    return InvalidArgumentError(
        StrFormat("kind %d is unknown", static_cast<int>(op.kind)));
  }
  RETURN_IF_ERROR(CheckRank(spec.inputs[0], 3, 5));
  const Sizes& x = spec.inputs[0].shape;
  const Sizes& y = spec.outputs[0].shape;
  if (y.size() != x.size() || y[0] != x[0] || y[1] != x[1]) {
    return InvalidArgumentError(
        StrCat("output is ", Text(y), " and x is ", Text(x)));
  }
  const size_t spatial = x.size() - 2;
  RETURN_IF_ERROR(CheckWindow("kernel", op.kernel, spatial, 1));
  RETURN_IF_ERROR(CheckWindow("strides", op.strides, spatial, 1));
  RETURN_IF_ERROR(CheckWindow("dilations", op.dilations, spatial, 1));
  RETURN_IF_ERROR(CheckWindow("pads_begin", op.pads_begin, spatial, 0));
  RETURN_IF_ERROR(CheckWindow("pads_end", op.pads_end, spatial, 0));
  for (size_t d = 0; d < spatial; ++d) {
    RETURN_IF_ERROR(CheckPooled(op, spec, d));
  }
  return absl::OkStatus();
}

absl::Status CheckSameShape(const PartSpec& spec) {
  return CheckShape("output", spec.outputs[0].shape, spec.inputs[0].shape);
}

absl::Status Check(const Unary& op, const PartSpec& spec) {
  RETURN_IF_ERROR(CheckCounts(spec, 1, 0));
  RETURN_IF_ERROR(CheckAllF32(spec));
  RETURN_IF_ERROR(CheckActivation(op.activation));
  return CheckSameShape(spec);
}

absl::Status Check(const Binary& op, const PartSpec& spec) {
  if (op.kind > Binary::Kind::kDiv || op.constant > Binary::Constant::kRight) {
    return InvalidArgumentError(StrFormat("kind %d with constant %d is unknown",
                                          static_cast<int>(op.kind),
                                          static_cast<int>(op.constant)));
  }
  const bool constant = op.constant != Binary::Constant::kNone;
  RETURN_IF_ERROR(CheckCounts(spec, constant ? 1 : 2, constant ? 1 : 0));
  RETURN_IF_ERROR(CheckAllF32(spec));
  RETURN_IF_ERROR(CheckActivation(op.activation));
  ASSIGN_OR_RETURN(
      const Sizes expected,
      Broadcast(spec.inputs[0].shape, constant ? spec.weights[0].layout.shape
                                               : spec.inputs[1].shape));
  return CheckShape("output", spec.outputs[0].shape, expected);
}

absl::Status Check(const ScaleShift& op, const PartSpec& spec) {
  RETURN_IF_ERROR(CheckCounts(spec, 1, 2));
  RETURN_IF_ERROR(CheckAllF32(spec));
  RETURN_IF_ERROR(CheckActivation(op.activation));
  RETURN_IF_ERROR(CheckRank(spec.inputs[0], 2, kRankMax));
  const Sizes channels = {spec.inputs[0].shape[1]};
  RETURN_IF_ERROR(CheckShape("scale", spec.weights[0].layout.shape, channels));
  RETURN_IF_ERROR(CheckShape("shift", spec.weights[1].layout.shape, channels));
  return CheckSameShape(spec);
}

absl::Status Check(const Softmax& op, const PartSpec& spec) {
  RETURN_IF_ERROR(CheckCounts(spec, 1, 0));
  RETURN_IF_ERROR(CheckAllF32(spec));
  RETURN_IF_ERROR(CheckRange("dimensions", {op.axis_first, op.axis_count},
                             spec.inputs[0].shape.size()));
  return CheckSameShape(spec);
}

absl::Status Check(const Lrn& op, const PartSpec& spec) {
  RETURN_IF_ERROR(CheckCounts(spec, 1, 0));
  RETURN_IF_ERROR(CheckAllF32(spec));
  RETURN_IF_ERROR(CheckRank(spec.inputs[0], 2, kRankMax));
  RETURN_IF_ERROR(CheckWindow("size", {op.size}, 1, 1));
  return CheckSameShape(spec);
}

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

absl::Status Check(const Pad& op, const PartSpec& spec) {
  RETURN_IF_ERROR(CheckCounts(spec, 1, 0));
  RETURN_IF_ERROR(CheckAllF32(spec));
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

absl::Status CheckTypes(const PartSpec& spec) {
  for (const TensorType& type : spec.inputs) {
    RETURN_IF_ERROR(CheckTensorType(type));
  }
  for (const WeightPiece& piece : spec.weights) {
    RETURN_IF_ERROR(CheckWeightLayout(piece.layout));
  }
  for (const TensorType& type : spec.outputs) {
    RETURN_IF_ERROR(CheckOutputType(type));
  }
  return absl::OkStatus();
}

absl::Status Named(const PartSpec& spec, const absl::Status& status) {
  if (status.ok()) return status;
  return absl::Status(status.code(),
                      StrCat(NameOf(spec.op), ": ", status.message()));
}

}  // namespace

absl::Status CheckPart(const PartSpec& spec) {
  RETURN_IF_ERROR(Named(spec, CheckTypes(spec)));
  return Named(spec, std::visit([&](const auto& op) { return Check(op, spec); },
                                spec.op));
}

absl::Status CheckPlacedPart(const PartSpec& spec) {
  for (const WeightPiece& piece : spec.weights) {
    if (piece.offset_bytes % kWeightAlignment == 0 &&
        piece.offset_bytes <= kSpanBytesMax) {
      continue;
    }
    return Named(spec, InvalidArgumentError(StrFormat(
                           "weights at offset %d, not a multiple of %d",
                           piece.offset_bytes, kWeightAlignment)));
  }
  return CheckPart(spec);
}

}  // namespace layerd
