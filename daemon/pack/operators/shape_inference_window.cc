// Operators that slide a window over the spatial dimensions.

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "config/status_macros.h"
#include "daemon/pack/graph/element_type.h"
#include "daemon/pack/operators/shape_inference.h"

namespace layerd {
namespace {

constexpr int64_t kWindowMax = int64_t{1} << 31;

// A window, complete: what auto_pad, ceil_mode and defaults leave open is
// decided here.
struct Window {
  std::vector<int64_t> kernel, strides, dilations;
  std::vector<int64_t> pads;       // Begins, then ends.
  std::vector<int64_t> ceil_pads;  // After the ends, for ceil_mode.
  std::vector<int64_t> output;
};

// SAME: as many outputs as strides fit into the input, pads shared by both
// ends, the odd one after (UPPER) or before (LOWER).
void PadSame(const std::vector<int64_t>& shape, bool is_upper, Window& window) {
  const size_t rank = window.kernel.size();
  window.pads.assign(2 * rank, 0);
  for (size_t i = 0; i < rank; ++i) {
    const int64_t input = shape[i + 2];
    const int64_t stride = window.strides[i];
    const int64_t reach = window.dilations[i] * (window.kernel[i] - 1) + 1;
    const int64_t output = (input + stride - 1) / stride;
    const int64_t all =
        std::max<int64_t>(0, (output - 1) * stride + reach - input);
    const int64_t less = all / 2;
    window.pads[i] = is_upper ? less : all - less;
    window.pads[i + rank] = all - window.pads[i];
  }
}

absl::Status TakePads(NodeContext& node, Window& window) {
  const size_t rank = window.kernel.size();
  ASSIGN_OR_RETURN(const std::string auto_pad,
                   node.TakeString("auto_pad", "NOTSET"));
  ASSIGN_OR_RETURN(
      window.pads,
      node.TakeSizes("pads", 2 * rank, 0, std::vector<int64_t>(2 * rank, 0)));
  if (auto_pad == "NOTSET" || auto_pad.empty()) return absl::OkStatus();
  if (auto_pad == "VALID") {
    window.pads.assign(2 * rank, 0);
    return absl::OkStatus();
  }
  if (auto_pad != "SAME_UPPER" && auto_pad != "SAME_LOWER") {
    return node.Invalid(
        "auto_pad is none of NOTSET, VALID, SAME_UPPER, SAME_LOWER");
  }
  PadSame(node.shape(0), auto_pad == "SAME_UPPER", window);
  return absl::OkStatus();
}

// With ceil_mode a last, partial window counts if it begins inside the input
// or the pads before it: the only one, too, where nothing fits.
absl::Status Slide(NodeContext& node, bool is_ceil, Window& window) {
  const size_t rank = window.kernel.size();
  for (size_t i = 0; i < rank; ++i) {
    const int64_t input = node.shape(0)[i + 2];
    const int64_t stride = window.strides[i];
    const int64_t reach = window.dilations[i] * (window.kernel[i] - 1) + 1;
    const int64_t padded = input + window.pads[i] + window.pads[i + rank];
    const bool is_partial =
        is_ceil && padded < reach && reach - padded < stride;
    if (padded < reach && !is_partial) {
      return node.Invalid(absl::StrFormat(
          "the window reaches over %d elements of dimension %d, which has %d "
          "with its pads",
          reach, i + 2, padded));
    }
    int64_t output = is_partial ? 1 : (padded - reach) / stride + 1;
    if (is_ceil && !is_partial && (padded - reach) % stride != 0 &&
        output * stride < input + window.pads[i]) {
      ++output;
    }
    window.output.push_back(output);
    window.ceil_pads.push_back(
        std::max<int64_t>(0, (output - 1) * stride + reach - padded));
  }
  return absl::OkStatus();
}

// REQUIRES: window.kernel is set.
absl::Status TakeWindow(NodeContext& node, bool is_ceil, Window& window) {
  const size_t rank = window.kernel.size();
  const std::vector<int64_t> ones(rank, 1);
  ASSIGN_OR_RETURN(window.strides, node.TakeSizes("strides", rank, 1, ones));
  ASSIGN_OR_RETURN(window.dilations,
                   node.TakeSizes("dilations", rank, 1, ones));
  for (size_t i = 0; i < rank; ++i) {
    if (window.dilations[i] > kWindowMax / window.kernel[i]) {
      return node.Invalid("the window is larger than any input");
    }
  }
  RETURN_IF_ERROR(TakePads(node, window));
  return Slide(node, is_ceil, window);
}

void SetWindow(NodeContext& node, const Window& window) {
  node.Set("kernel_shape", window.kernel);
  node.Set("strides", window.strides);
  node.Set("dilations", window.dilations);
  node.Set("pads", window.pads);
}

absl::StatusOr<size_t> SpatialRank(NodeContext& node) {
  if (node.rank(0) < 3) {
    return node.Invalid(absl::StrFormat(
        "the input [%s] has no spatial dimensions; it must be N, C, ...",
        absl::StrJoin(node.shape(0), ", ")));
  }
  return node.shape(0).size() - 2;
}

std::vector<int64_t> Batched(int64_t batch, int64_t channels,
                             const std::vector<int64_t>& spatial) {
  std::vector<int64_t> shape = {batch, channels};
  shape.insert(shape.end(), spatial.begin(), spatial.end());
  return shape;
}

absl::Status CheckConvolution(NodeContext& node, int64_t groups) {
  const std::vector<int64_t>& x = node.shape(0);
  const std::vector<int64_t>& w = node.shape(1);
  const auto wrong = [&](const std::string& why) {
    return node.Invalid(absl::StrFormat(
        "input [%s], weights [%s], group %d: %s", absl::StrJoin(x, ", "),
        absl::StrJoin(w, ", "), groups, why));
  };
  if (w.size() != x.size()) return wrong("ranks differ");
  if (groups < 1 || groups > w[0] || w[0] % groups != 0) {
    return wrong("the output channels do not divide into groups");
  }
  if (w[1] == 0 || x[1] % w[1] != 0 || x[1] / w[1] != groups) {
    return wrong("the input channels do not match");
  }
  if (node.has_input(2) && node.shape(2) != std::vector<int64_t>{w[0]}) {
    return wrong(absl::StrFormat("the bias [%s] does not match",
                                 absl::StrJoin(node.shape(2), ", ")));
  }
  for (size_t i = 1; i < node.input_count(); ++i) {
    if (node.has_input(i) && node.dtype(i) != node.dtype(0)) {
      return wrong("their types differ");
    }
  }
  return absl::OkStatus();
}

absl::Status TakePoolKernel(NodeContext& node, Window& window) {
  ASSIGN_OR_RETURN(const size_t rank, SpatialRank(node));
  // No default: an empty one is refused for its size.
  ASSIGN_OR_RETURN(window.kernel, node.TakeSizes("kernel_shape", rank, 1, {}));
  return absl::OkStatus();
}

absl::Status FinishPool(NodeContext& node, Window& window) {
  ASSIGN_OR_RETURN(const int64_t is_ceil, node.TakeInt("ceil_mode", 0));
  RETURN_IF_ERROR(TakeWindow(node, is_ceil != 0, window));
  const size_t rank = window.kernel.size();
  for (size_t i = 0; i < 2 * rank; ++i) {
    const size_t d = i % rank;
    if (window.pads[i] > window.dilations[d] * (window.kernel[d] - 1)) {
      return node.Unsupported(
          absl::StrFormat("pads [%s]: a window would lie in the pads alone",
                          absl::StrJoin(window.pads, ", ")));
    }
  }
  SetWindow(node, window);
  node.Set("ceil_pads", window.ceil_pads);
  return node.SetOutput(
      0, node.dtype(0),
      Batched(node.shape(0)[0], node.shape(0)[1], window.output));
}

}  // namespace

absl::Status InferConv(NodeContext& node) {
  ASSIGN_OR_RETURN(const size_t rank, SpatialRank(node));
  ASSIGN_OR_RETURN(const int64_t groups, node.TakeInt("group", 1));
  RETURN_IF_ERROR(CheckConvolution(node, groups));
  const std::vector<int64_t>& w = node.shape(1);
  const std::vector<int64_t> kernel(w.begin() + 2, w.end());
  Window window;
  ASSIGN_OR_RETURN(window.kernel,
                   node.TakeSizes("kernel_shape", rank, 1, kernel));
  if (window.kernel != kernel) {
    return node.Invalid(absl::StrFormat(
        "kernel_shape is [%s], the weights are [%s]",
        absl::StrJoin(window.kernel, ", "), absl::StrJoin(w, ", ")));
  }
  RETURN_IF_ERROR(TakeWindow(node, /*is_ceil=*/false, window));
  SetWindow(node, window);
  node.Set("group", groups);
  return node.SetOutput(0, node.dtype(0),
                        Batched(node.shape(0)[0], w[0], window.output));
}

absl::Status InferMaxPool(NodeContext& node) {
  if (!IsFloating(node.dtype(0)) && SizeOf(node.dtype(0)) != 1) {
    return node.Unsupported(absl::StrFormat("a pool of %s is not supported",
                                            NameOf(node.dtype(0))));
  }
  ASSIGN_OR_RETURN(const int64_t order, node.TakeInt("storage_order", 0));
  Window window;
  RETURN_IF_ERROR(TakePoolKernel(node, window));
  RETURN_IF_ERROR(FinishPool(node, window));
  if (!node.uses_output(1)) return absl::OkStatus();
  node.Set("storage_order", int64_t{order != 0});
  return node.SetOutput(
      1, DataType::kI64,
      Batched(node.shape(0)[0], node.shape(0)[1], window.output));
}

absl::Status InferAveragePool(NodeContext& node) {
  ASSIGN_OR_RETURN(const int64_t counts_pads,
                   node.TakeInt("count_include_pad", 0));
  Window window;
  RETURN_IF_ERROR(TakePoolKernel(node, window));
  RETURN_IF_ERROR(FinishPool(node, window));
  node.Set("count_include_pad", int64_t{counts_pads != 0});
  return absl::OkStatus();
}

absl::Status InferGlobalPool(NodeContext& node) {
  ASSIGN_OR_RETURN(const size_t rank, SpatialRank(node));
  return node.SetOutput(0, node.dtype(0),
                        Batched(node.shape(0)[0], node.shape(0)[1],
                                std::vector<int64_t>(rank, 1)));
}

}  // namespace layerd
