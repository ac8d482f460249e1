// Operators that scale elements by what their neighbours or their channel say.

#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "config/status_macros.h"
#include "daemon/pack/graph/broadcast.h"
#include "daemon/pack/operators/shape_inference.h"

namespace layerd {

absl::Status InferBatchNormalization(NodeContext& node) {
  ASSIGN_OR_RETURN(const float epsilon, node.TakeFloat("epsilon", 1e-5f));
  ASSIGN_OR_RETURN(const int64_t is_training, node.TakeInt("training_mode", 0));
  ASSIGN_OR_RETURN(const int64_t is_spatial, node.TakeInt("spatial", 1));
  ASSIGN_OR_RETURN(const float momentum, node.TakeFloat("momentum", 0.9f));
  const bool has_statistics = node.uses_output(1) || node.uses_output(2);
  if (is_spatial == 0 || (has_statistics && is_training == 0) ||
      node.uses_output(3) || node.uses_output(4)) {
    return node.Unsupported(
        "only whole channels are supported (spatial 1), and running statistics "
        "only with training_mode");
  }
  if (node.rank(0) < 2) {
    return node.Invalid(absl::StrFormat("the input [%s] has no channels",
                                        absl::StrJoin(node.shape(0), ", ")));
  }
  const std::vector<int64_t> per_channel = {node.shape(0)[1]};
  for (size_t i = 1; i < 5; ++i) {
    if (node.shape(i) == per_channel) continue;
    return node.Invalid(absl::StrFormat(
        "input %d is [%s]; one element for each of %d channels is needed", i,
        absl::StrJoin(node.shape(i), ", "), per_channel[0]));
  }
  node.Set("epsilon", epsilon);
  node.Set("momentum", momentum);
  node.Set("training_mode", int64_t{is_training != 0});
  for (size_t i = 1; i < 3; ++i) {
    if (!node.uses_output(i)) continue;
    RETURN_IF_ERROR(node.SetOutput(i, node.dtype(i + 2), per_channel));
  }
  return node.SetOutput(0, node.dtype(0), node.shape(0));
}

absl::Status InferLrn(NodeContext& node) {
  ASSIGN_OR_RETURN(const float alpha, node.TakeFloat("alpha", 1e-4f));
  ASSIGN_OR_RETURN(const float beta, node.TakeFloat("beta", 0.75f));
  ASSIGN_OR_RETURN(const float bias, node.TakeFloat("bias", 1.0f));
  ASSIGN_OR_RETURN(const int64_t size, node.TakeInt("size", std::nullopt));
  if (node.rank(0) < 2) {
    return node.Invalid(absl::StrFormat("the input [%s] has no channels",
                                        absl::StrJoin(node.shape(0), ", ")));
  }
  if (size < 1 || size > (int64_t{1} << 31)) {
    return node.Invalid(absl::StrFormat("size is %d", size));
  }
  node.Set("alpha", alpha);
  node.Set("beta", beta);
  node.Set("bias", bias);
  node.Set("size", size);
  return node.SetOutput(0, node.dtype(0), node.shape(0));
}

// Before opset 13 the dimensions from the axis on were one; since then the axis
// stands for itself.
absl::Status InferSoftmax(NodeContext& node) {
  const bool is_one_dimension = node.opset() >= 13;
  ASSIGN_OR_RETURN(int64_t axis,
                   node.TakeInt("axis", is_one_dimension ? -1 : 1));
  ASSIGN_OR_RETURN(axis, node.Axis(axis, node.rank(0)));
  node.Set("axis", axis);
  node.Set("axis_count", is_one_dimension ? int64_t{1} : node.rank(0) - axis);
  return node.SetOutput(0, node.dtype(0), node.shape(0));
}

namespace {

absl::Status CheckPerChannel(const NodeContext& node, int64_t count) {
  for (size_t i = 1; i < 3; ++i) {
    if (node.shape(i) == std::vector<int64_t>{count}) continue;
    return node.Invalid(
        absl::StrFormat("input %d is [%s]; %d elements are needed", i,
                        absl::StrJoin(node.shape(i), ", "), count));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status InferLayerNormalization(NodeContext& node) {
  ASSIGN_OR_RETURN(const float epsilon, node.TakeFloat("epsilon", 1e-5f));
  ASSIGN_OR_RETURN(int64_t axis, node.TakeInt("axis", -1));
  node.Take("stash_type");  // Of the sums, which are f32 anyway.
  ASSIGN_OR_RETURN(axis, node.Axis(axis, node.rank(0)));
  const std::vector<int64_t>& x = node.shape(0);
  for (size_t i = 1; i < node.input_count(); ++i) {
    if (!node.has_input(i) || BroadcastShape(x, node.shape(i)) == x) continue;
    return node.Invalid(absl::StrFormat("input %d, [%s], does not broadcast", i,
                                        absl::StrJoin(node.shape(i), ", ")));
  }
  node.Set("epsilon", epsilon);
  node.Set("axis", axis);
  std::vector<int64_t> each = x;
  std::fill(each.begin() + axis, each.end(), 1);
  RETURN_IF_ERROR(node.SetOutput(1, DataType::kF32, each));
  RETURN_IF_ERROR(node.SetOutput(2, DataType::kF32, std::move(each)));
  return node.SetOutput(0, node.dtype(0), x);
}

absl::Status InferInstanceNormalization(NodeContext& node) {
  ASSIGN_OR_RETURN(const float epsilon, node.TakeFloat("epsilon", 1e-5f));
  if (node.rank(0) < 3) return node.Invalid("the input is not N, C, ...");
  RETURN_IF_ERROR(CheckPerChannel(node, node.shape(0)[1]));
  node.Set("epsilon", epsilon);
  return node.SetOutput(0, node.dtype(0), node.shape(0));
}

// Before opset 21 scale and bias are those of groups; since then of channels.
absl::Status InferGroupNormalization(NodeContext& node) {
  ASSIGN_OR_RETURN(const float epsilon, node.TakeFloat("epsilon", 1e-5f));
  ASSIGN_OR_RETURN(const int64_t groups,
                   node.TakeInt("num_groups", std::nullopt));
  node.Take("stash_type");
  if (node.rank(0) < 3 || node.rank(0) >= static_cast<int64_t>(kRankMax) ||
      groups < 1 || node.shape(0)[1] % groups != 0) {
    return node.Invalid(absl::StrFormat("%d groups of [%s]", groups,
                                        absl::StrJoin(node.shape(0), ", ")));
  }
  RETURN_IF_ERROR(
      CheckPerChannel(node, node.opset() < 21 ? groups : node.shape(0)[1]));
  node.Set("epsilon", epsilon);
  node.Set("num_groups", groups);
  return node.SetOutput(0, node.dtype(0), node.shape(0));
}

}  // namespace layerd
