#ifndef LAYERD_DAEMON_PACK_OPERATORS_SHAPE_INFERENCE_H_
#define LAYERD_DAEMON_PACK_OPERATORS_SHAPE_INFERENCE_H_

#include "absl/status/status.h"
#include "daemon/pack/operators/node_context.h"

namespace layerd {

// One function for each operator, or for several of one form. It checks the
// inputs, takes the attributes of every opset, sets those of README.md's list,
// drops inputs that became attributes, and sets dtype and shape of the outputs.
//
// REQUIRES: the node has as many inputs and outputs as the operator table
//           says, and those it must have are there.
// Errors: INVALID_ARGUMENT, UNIMPLEMENTED; each begins with the node.

// shape_inference_window.cc
absl::Status InferConv(NodeContext& node);
absl::Status InferMaxPool(NodeContext& node);
absl::Status InferAveragePool(NodeContext& node);
absl::Status InferGlobalPool(NodeContext& node);

// shape_inference_conv_transpose.cc
absl::Status InferConvTranspose(NodeContext& node);

// shape_inference_linear.cc
absl::Status InferGemm(NodeContext& node);
absl::Status InferMatMul(NodeContext& node);
absl::Status InferMatMulOfRows(NodeContext& node);

// shape_inference_elementwise.cc
absl::Status InferUnary(NodeContext& node);       // Without attributes.
absl::Status InferActivation(NodeContext& node);  // With numbers.
absl::Status InferGelu(NodeContext& node);
absl::Status InferCastLike(NodeContext& node);
absl::Status InferIsNaN(NodeContext& node);
absl::Status InferPow(NodeContext& node);
absl::Status InferMod(NodeContext& node);
absl::Status InferLogic(NodeContext& node);
absl::Status InferClip(NodeContext& node);
absl::Status InferCast(NodeContext& node);
absl::Status InferArithmetic(NodeContext& node);  // Two inputs or more.
absl::Status InferComparison(NodeContext& node);
absl::Status InferWhere(NodeContext& node);

// shape_inference_normalization.cc
absl::Status InferBatchNormalization(NodeContext& node);
absl::Status InferLrn(NodeContext& node);
absl::Status InferSoftmax(NodeContext& node);
absl::Status InferLayerNormalization(NodeContext& node);
absl::Status InferInstanceNormalization(NodeContext& node);
absl::Status InferGroupNormalization(NodeContext& node);

// shape_inference_recurrent.cc
absl::Status InferRecurrent(NodeContext& node);  // RNN, GRU, LSTM.
absl::Status InferDirection(NodeContext& node);

// shape_inference_choice.cc
absl::Status InferTopK(NodeContext& node);
absl::Status InferTopPlaces(NodeContext& node);
absl::Status InferTrilu(NodeContext& node);
absl::Status InferNonZero(NodeContext& node);

// shape_inference_quantised.cc
absl::Status InferQuantizeLinear(NodeContext& node);
absl::Status InferDequantizeLinear(NodeContext& node);

// shape_inference_reduction.cc
absl::Status InferReduce(NodeContext& node);
absl::Status InferArgExtreme(NodeContext& node);

// shape_inference_resize.cc
absl::Status InferResize(NodeContext& node);
absl::Status InferUpsample(NodeContext& node);

// shape_inference_rearrange.cc
absl::Status InferSplit(NodeContext& node);  // Becomes slices.
absl::Status InferDepthToSpace(NodeContext& node);
absl::Status InferSpaceToDepth(NodeContext& node);
absl::Status InferTile(NodeContext& node);

// shape_inference_index.cc
absl::Status InferCumSum(NodeContext& node);
absl::Status InferEinsum(NodeContext& node);
absl::Status InferEyeLike(NodeContext& node);
absl::Status InferGatherElements(NodeContext& node);
absl::Status InferGatherNd(NodeContext& node);
absl::Status InferScatterElements(NodeContext& node);
absl::Status InferScatterNd(NodeContext& node);

// shape_inference_layout.cc
absl::Status InferIdentity(NodeContext& node);
absl::Status InferDropout(NodeContext& node);
absl::Status InferReshape(NodeContext& node);
absl::Status InferFlatten(NodeContext& node);
absl::Status InferSqueeze(NodeContext& node);
absl::Status InferUnsqueeze(NodeContext& node);
absl::Status InferTranspose(NodeContext& node);
absl::Status InferConcat(NodeContext& node);
absl::Status InferPad(NodeContext& node);

// shape_inference_shape.cc: what shapes are computed with.
absl::Status InferConstant(NodeContext& node);
absl::Status InferConstantOfShape(NodeContext& node);
absl::Status InferRange(NodeContext& node);
absl::Status InferShape(NodeContext& node);
absl::Status InferSize(NodeContext& node);
absl::Status InferGather(NodeContext& node);
absl::Status InferSlice(NodeContext& node);
absl::Status InferExpand(NodeContext& node);

}  // namespace layerd

#endif  // LAYERD_DAEMON_PACK_OPERATORS_SHAPE_INFERENCE_H_
