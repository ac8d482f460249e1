// What looks through windows.
#include <algorithm>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "config/status_macros.h"
#include "kernels/part_rules.h"

namespace layerd::part_rules {

using absl::InvalidArgumentError;
using absl::StrCat;
using absl::StrFormat;

namespace {

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

// Of a convolution, transposed or not.
template <typename Op>
absl::Status CheckVectors(const Op& op, size_t spatial) {
  RETURN_IF_ERROR(CheckActivation(op.activation));
  RETURN_IF_ERROR(CheckWindow("strides", op.strides, spatial, 1));
  RETURN_IF_ERROR(CheckWindow("dilations", op.dilations, spatial, 1));
  RETURN_IF_ERROR(CheckWindow("pads_begin", op.pads_begin, spatial, 0));
  return CheckWindow("pads_end", op.pads_end, spatial, 0);
}

template <typename Op>
const Sizes& KernelShape(const Op& op, const PartSpec& spec) {
  return op.kernel_is_input ? spec.inputs[1].shape
                            : spec.weights[0].layout.shape;
}

// The kernel's window sizes are the last dimensions of its shape, and free.
template <typename Op>
absl::Status CheckKernel(const Op& op, const PartSpec& spec) {
  const Sizes& x = spec.inputs[0].shape;
  const Sizes& kernel = KernelShape(op, spec);
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
  const Sizes& kernel = KernelShape(op, spec);
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

// What comes out may be longer than what goes in reaches.
absl::Status CheckSpread(const ConvTranspose& op, const PartSpec& spec) {
  const Sizes& x = spec.inputs[0].shape;
  const Sizes& y = spec.outputs[0].shape;
  const Sizes& kernel = KernelShape(op, spec);
  const size_t spatial = x.size() - 2;
  if (y[0] != x[0]) {
    return InvalidArgumentError(
        StrCat("output is ", Text(y), " and x is ", Text(x)));
  }
  for (size_t d = 0; d < spatial; ++d) {
    const int64_t reach =
        (x[d + 2] - 1) * op.strides[d] +
        (kernel[kernel.size() - spatial + d] - 1) * op.dilations[d] + 1 -
        op.pads_begin[d] - op.pads_end[d];
    if (y[d + 2] >= reach && y[d + 2] - reach <= kWindowMax) continue;
    return InvalidArgumentError(
        StrFormat("output has %d places in dimension %d, expected %d or a few "
                  "more",
                  y[d + 2], d + 2, reach));
  }
  return absl::OkStatus();
}

template <typename Op>
absl::Status CheckGroups(const Op& op, const PartSpec& spec) {
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

absl::Status CheckRunTimeKernel(const PartSpec& spec) {
  const Range all = {0, spec.outputs[0].shape[1]};
  if (spec.channels == all) return absl::OkStatus();
  return InvalidArgumentError("cut, although its kernel is an input");
}

}  // namespace

absl::Status Check(const Convolution& op, const PartSpec& spec) {
  if (op.kernel_is_input && (op.has_bias || op.adds_residual)) {
    return InvalidArgumentError("a kernel that is an input goes alone");
  }
  if (op.kernel_is_input) {
    RETURN_IF_ERROR(CheckCounts(spec, 2, 0));
    RETURN_IF_ERROR(CheckFloats(spec));
  } else {
    RETURN_IF_ERROR(
        CheckKernelAndVectors(spec, op.adds_residual ? 2 : 1, op.has_bias));
  }
  RETURN_IF_ERROR(CheckRank(spec.inputs[0], 3, 5));
  const size_t rank = spec.inputs[0].shape.size();
  RETURN_IF_ERROR(CheckRank(spec.outputs[0], rank, rank));
  RETURN_IF_ERROR(CheckVectors(op, rank - 2));
  RETURN_IF_ERROR(CheckGroups(op, spec));
  RETURN_IF_ERROR(CheckKernel(op, spec));
  RETURN_IF_ERROR(CheckConvolved(op, spec));
  RETURN_IF_ERROR(CheckRange("rows", spec.rows, spec.outputs[0].shape[2]));
  if (op.kernel_is_input) return CheckRunTimeKernel(spec);
  if (op.has_bias) {
    RETURN_IF_ERROR(CheckShape("bias", spec.weights[1].layout.shape,
                               {spec.channels.count}));
  }
  if (!op.adds_residual) return absl::OkStatus();
  return CheckShape("residual", spec.inputs[1].shape, spec.outputs[0].shape);
}

absl::Status Check(const ConvTranspose& op, const PartSpec& spec) {
  if (op.kernel_is_input && op.has_bias) {
    return InvalidArgumentError("a kernel that is an input goes alone");
  }
  if (!op.kernel_is_input && spec.outputs[0].dtype == DataType::kF32) {
    RETURN_IF_ERROR(CheckKernelAndVectors(spec, 1, op.has_bias));
  } else {
    RETURN_IF_ERROR(
        CheckCounts(spec, op.kernel_is_input ? 2 : 1,
                    op.kernel_is_input ? 0 : (op.has_bias ? 2 : 1)));
    RETURN_IF_ERROR(CheckFloats(spec));
  }
  RETURN_IF_ERROR(CheckRank(spec.inputs[0], 3, 5));
  const size_t rank = spec.inputs[0].shape.size();
  RETURN_IF_ERROR(CheckRank(spec.outputs[0], rank, rank));
  RETURN_IF_ERROR(CheckVectors(op, rank - 2));
  RETURN_IF_ERROR(CheckGroups(op, spec));
  RETURN_IF_ERROR(CheckKernel(op, spec));
  RETURN_IF_ERROR(CheckSpread(op, spec));
  if (op.kernel_is_input) return CheckRunTimeKernel(spec);
  if (!op.has_bias) return absl::OkStatus();
  return CheckShape("bias", spec.weights[1].layout.shape,
                    {spec.channels.count});
}

absl::Status Check(const Pool& op, const PartSpec& spec) {
  RETURN_IF_ERROR(CheckCounts(spec, 1, 0));
  RETURN_IF_ERROR(CheckFloats(spec));
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

}  // namespace layerd::part_rules
