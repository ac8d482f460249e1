// The transposed convolution, whose pads follow from its output or the other
// way round.

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "config/status_macros.h"
#include "daemon/pack/operators/shape_inference.h"

namespace layerd {
namespace {

using Sizes = std::vector<int64_t>;

struct Spread {
  Sizes kernel, strides, dilations, longer;
  Sizes begins, ends;
  Sizes output;
};

absl::Status CheckWeights(NodeContext& node, int64_t groups) {
  const Sizes& x = node.shape(0);
  const Sizes& w = node.shape(1);
  const auto wrong = [&](const char* why) {
    return node.Invalid(absl::StrFormat(
        "input [%s], weights [%s], group %d: %s", absl::StrJoin(x, ", "),
        absl::StrJoin(w, ", "), groups, why));
  };
  if (x.size() < 3) return wrong("the input must be N, C, ...");
  if (w.size() != x.size()) return wrong("ranks differ");
  if (w[0] != x[1] || groups < 1 || w[0] == 0 || w[0] % groups != 0) {
    return wrong("the input channels do not match");
  }
  if (w[1] < 1 || w[1] > (int64_t{1} << 31) / groups) {
    return wrong("too many or no output channels");
  }
  if (node.has_input(2) && node.shape(2) != Sizes{w[1] * groups}) {
    return wrong("the bias does not match");
  }
  for (size_t i = 1; i < node.input_count(); ++i) {
    if (node.has_input(i) && node.dtype(i) != node.dtype(0)) {
      return wrong("their types differ");
    }
  }
  return absl::OkStatus();
}

// Shared by both ends, the odd one after (UPPER) or before.
void Share(int64_t all, bool is_upper, int64_t& begin, int64_t& end) {
  all = std::max<int64_t>(all, 0);
  begin = is_upper ? all / 2 : all - all / 2;
  end = all - begin;
}

absl::Status TakePads(NodeContext& node, const Sizes& natural, Spread& spread) {
  const size_t rank = spread.kernel.size();
  const Sizes& x = node.shape(0);
  ASSIGN_OR_RETURN(const std::string auto_pad,
                   node.TakeString("auto_pad", "NOTSET"));
  ASSIGN_OR_RETURN(const Sizes pads,
                   node.TakeSizes("pads", 2 * rank, 0, Sizes(2 * rank, 0)));
  ASSIGN_OR_RETURN(Sizes output, node.TakeInts("output_shape", Sizes()));
  if (output.size() == rank + 2)
    output.erase(output.begin(), output.begin() + 2);
  if (!output.empty() && output.size() != rank) {
    return node.Invalid(absl::StrFormat("output_shape has %d numbers for %d",
                                        output.size(), rank));
  }
  const bool is_same = auto_pad == "SAME_UPPER" || auto_pad == "SAME_LOWER";
  if (!is_same && auto_pad != "NOTSET" && auto_pad != "VALID" &&
      !auto_pad.empty()) {
    return node.Invalid(
        "auto_pad is none of NOTSET, VALID, SAME_UPPER, SAME_LOWER");
  }
  spread.begins.assign(rank, 0);
  spread.ends.assign(rank, 0);
  for (size_t d = 0; d < rank; ++d) {
    if (output.empty() && !is_same) {
      if (auto_pad != "VALID") {
        spread.begins[d] = pads[d];
        spread.ends[d] = pads[d + rank];
      }
      spread.output.push_back(natural[d] - spread.begins[d] - spread.ends[d]);
      continue;
    }
    spread.output.push_back(output.empty() ? x[d + 2] * spread.strides[d]
                                           : output[d]);
    if (spread.output[d] < 1 || spread.output[d] > (int64_t{1} << 31)) {
      return node.Invalid(
          absl::StrFormat("output_shape has %d", spread.output[d]));
    }
    Share(natural[d] - spread.output[d], auto_pad == "SAME_UPPER",
          spread.begins[d], spread.ends[d]);
  }
  return absl::OkStatus();
}

absl::Status TakeSpread(NodeContext& node, Spread& spread) {
  const Sizes& x = node.shape(0);
  const size_t rank = spread.kernel.size();
  const Sizes ones(rank, 1);
  ASSIGN_OR_RETURN(spread.strides, node.TakeSizes("strides", rank, 1, ones));
  ASSIGN_OR_RETURN(spread.dilations,
                   node.TakeSizes("dilations", rank, 1, ones));
  ASSIGN_OR_RETURN(spread.longer,
                   node.TakeSizes("output_padding", rank, 0, Sizes(rank, 0)));
  Sizes natural;
  for (size_t d = 0; d < rank; ++d) {
    constexpr int64_t kMost = int64_t{1} << 31;
    if (x[d + 2] < 1 || x[d + 2] > kMost / spread.strides[d] ||
        spread.kernel[d] > kMost / spread.dilations[d]) {
      return node.Invalid("the output is larger than any tensor");
    }
    natural.push_back((x[d + 2] - 1) * spread.strides[d] +
                      (spread.kernel[d] - 1) * spread.dilations[d] + 1 +
                      spread.longer[d]);
  }
  RETURN_IF_ERROR(TakePads(node, natural, spread));
  for (size_t d = 0; d < rank; ++d) {
    if (spread.output[d] >= 1) continue;
    return node.Invalid(absl::StrFormat(
        "the pads leave %d places in dimension %d", spread.output[d], d + 2));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status InferConvTranspose(NodeContext& node) {
  ASSIGN_OR_RETURN(const int64_t groups, node.TakeInt("group", 1));
  RETURN_IF_ERROR(CheckWeights(node, groups));
  const Sizes& w = node.shape(1);
  const Sizes kernel(w.begin() + 2, w.end());
  Spread spread;
  ASSIGN_OR_RETURN(spread.kernel,
                   node.TakeSizes("kernel_shape", kernel.size(), 1, kernel));
  if (spread.kernel != kernel) {
    return node.Invalid(absl::StrFormat(
        "kernel_shape is [%s], the weights are [%s]",
        absl::StrJoin(spread.kernel, ", "), absl::StrJoin(w, ", ")));
  }
  RETURN_IF_ERROR(TakeSpread(node, spread));
  Sizes pads = spread.begins;
  pads.insert(pads.end(), spread.ends.begin(), spread.ends.end());
  node.Set("kernel_shape", spread.kernel);
  node.Set("strides", spread.strides);
  node.Set("dilations", spread.dilations);
  node.Set("pads", std::move(pads));
  node.Set("group", groups);
  Sizes shape = {node.shape(0)[0], w[1] * groups};
  shape.insert(shape.end(), spread.output.begin(), spread.output.end());
  return node.SetOutput(0, node.dtype(0), std::move(shape));
}

}  // namespace layerd
