#include "daemon/pack/operator_table.h"

#include <algorithm>
#include <iterator>

#include "daemon/pack/onnx_limits.h"
#include "daemon/pack/shape_inference.h"

namespace layerd {
namespace {

constexpr size_t kMany = kNodeEdgesMax;

// Sorted by name. Operators older than kOpsetMin have it as their opset.
// clang-format off
constexpr OperatorRow kOperators[] = {
    {"Abs", 7, 1, 1, 1, InferUnary, Folds::kSmall, FoldActivation, Lowers::kNumbers},
    {"Add", 7, 2, 2, 1, InferArithmetic, Folds::kSmall, FoldAdd, Lowers::kNumbers},
    {"And", 7, 2, 2, 1, InferLogic, Folds::kSmall, FoldAnd, Lowers::kNumbers},
    {"ArgMax", 7, 1, 1, 1, InferArgExtreme, Folds::kNever, nullptr, Lowers::kNumbers},
    {"ArgMin", 7, 1, 1, 1, InferArgExtreme, Folds::kNever, nullptr, Lowers::kNumbers},
    {"AveragePool", 7, 1, 1, 1, InferAveragePool, Folds::kNever, nullptr, Lowers::kFloats},
    {"BatchNormalization", 7, 5, 5, 5, InferBatchNormalization, Folds::kNever, nullptr, Lowers::kFloats},
    {"Cast", 7, 1, 1, 1, InferCast, Folds::kAnySize, FoldCast, Lowers::kAny},
    {"CastLike", 15, 2, 2, 1, InferCastLike, Folds::kAnySize, FoldCast, Lowers::kAny},
    {"Ceil", 7, 1, 1, 1, InferUnary, Folds::kSmall, FoldActivation, Lowers::kFloats},
    {"Celu", 12, 1, 1, 1, InferActivation, Folds::kNever, nullptr, Lowers::kFloats},
    {"Clip", 7, 1, 3, 1, InferClip, Folds::kNever, nullptr, Lowers::kNumbers},
    {"Concat", 7, 1, kMany, 1, InferConcat, Folds::kSmall, FoldConcat, Lowers::kAny},
    {"Constant", 7, 0, 0, 1, InferConstant, Folds::kAnySize, FoldConstant, Lowers::kNo},
    {"ConstantOfShape", 9, 1, 1, 1, InferConstantOfShape, Folds::kSmall, FoldConstantOfShape, Lowers::kNo},
    {"Conv", 7, 2, 3, 1, InferConv, Folds::kNever, nullptr, Lowers::kFloats},
    {"ConvInteger", 10, 2, 4, 1, nullptr, Folds::kNever, nullptr, Lowers::kAny},
    {"ConvTranspose", 7, 2, 3, 1, InferConvTranspose, Folds::kNever, nullptr, Lowers::kFloats},
    {"Cos", 7, 1, 1, 1, InferUnary, Folds::kSmall, FoldActivation, Lowers::kFloats},
    {"CumSum", 11, 2, 2, 1, InferCumSum, Folds::kSmall, FoldCumSum, Lowers::kNumbers},
    {"DepthToSpace", 7, 1, 1, 1, InferDepthToSpace, Folds::kNever, nullptr, Lowers::kAny},
    {"DequantizeLinear", 10, 2, 3, 1, InferDequantizeLinear, Folds::kAnySize, FoldDequantizeLinear, Lowers::kNumbers},
    {"Div", 7, 2, 2, 1, InferArithmetic, Folds::kSmall, FoldDiv, Lowers::kNumbers},
    {"Dropout", 7, 1, 3, 2, InferDropout, Folds::kNever, nullptr, Lowers::kAny},
    {"DynamicQuantizeLinear", 11, 1, 1, 3, nullptr, Folds::kNever, nullptr, Lowers::kAny, Gaps::kAny},
    {"Einsum", 12, 1, kMany, 1, InferEinsum, Folds::kNever, nullptr, Lowers::kFloats},
    {"Elu", 7, 1, 1, 1, InferActivation, Folds::kSmall, FoldActivation, Lowers::kFloats},
    {"Equal", 7, 2, 2, 1, InferComparison, Folds::kSmall, FoldEqual, Lowers::kNumbers},
    {"Erf", 9, 1, 1, 1, InferUnary, Folds::kSmall, FoldActivation, Lowers::kFloats},
    {"Exp", 7, 1, 1, 1, InferUnary, Folds::kSmall, FoldActivation, Lowers::kFloats},
    {"Expand", 8, 2, 2, 1, InferExpand, Folds::kSmall, FoldExpand, Lowers::kAny},
    {"EyeLike", 9, 1, 1, 1, InferEyeLike, Folds::kFromShapes, FoldEyeLike, Lowers::kNo},
    {"Flatten", 7, 1, 1, 1, InferFlatten, Folds::kAnySize, FoldReshape, Lowers::kAny},
    {"Floor", 7, 1, 1, 1, InferUnary, Folds::kSmall, FoldActivation, Lowers::kFloats},
    {"GRU", 7, 3, 6, 2, InferRecurrent, Folds::kNever, nullptr, Lowers::kAny, Gaps::kAny},
    {"Gather", 7, 2, 2, 1, InferGather, Folds::kSmall, FoldGather, Lowers::kAny},
    {"GatherElements", 11, 2, 2, 1, InferGatherElements, Folds::kSmall, FoldGatherElements, Lowers::kAny},
    {"GatherND", 11, 2, 2, 1, InferGatherNd, Folds::kSmall, FoldGatherNd, Lowers::kAny},
    {"Gelu", 20, 1, 1, 1, InferGelu, Folds::kSmall, FoldActivation, Lowers::kFloats},
    {"Gemm", 7, 2, 3, 1, InferGemm, Folds::kNever, nullptr, Lowers::kFloats},
    {"GlobalAveragePool", 7, 1, 1, 1, InferGlobalPool, Folds::kNever, nullptr, Lowers::kFloats},
    {"GlobalMaxPool", 7, 1, 1, 1, InferGlobalPool, Folds::kNever, nullptr, Lowers::kFloats},
    {"Greater", 7, 2, 2, 1, InferComparison, Folds::kSmall, FoldGreater, Lowers::kNumbers},
    {"GreaterOrEqual", 12, 2, 2, 1, InferComparison, Folds::kSmall, FoldGreaterOrEqual, Lowers::kNumbers},
    {"GridSample", 16, 2, 2, 1, nullptr, Folds::kNever, nullptr, Lowers::kAny},
    {"GroupNormalization", 18, 3, 3, 1, InferGroupNormalization, Folds::kNever, nullptr, Lowers::kFloats},
    {"HardSigmoid", 7, 1, 1, 1, InferActivation, Folds::kSmall, FoldActivation, Lowers::kFloats},
    {"HardSwish", 14, 1, 1, 1, InferUnary, Folds::kSmall, FoldActivation, Lowers::kFloats},
    {"Identity", 7, 1, 1, 1, InferIdentity, Folds::kNever, nullptr, Lowers::kAny},
    {"InstanceNormalization", 7, 3, 3, 1, InferInstanceNormalization, Folds::kNever, nullptr, Lowers::kFloats},
    {"IsNaN", 9, 1, 1, 1, InferIsNaN, Folds::kNever, nullptr, Lowers::kFloats},
    {"LRN", 7, 1, 1, 1, InferLrn, Folds::kNever, nullptr, Lowers::kFloats},
    {"LSTM", 7, 3, 8, 3, InferRecurrent, Folds::kNever, nullptr, Lowers::kAny, Gaps::kAny},
    {"LayerNormalization", 17, 2, 3, 3, InferLayerNormalization, Folds::kNever, nullptr, Lowers::kFloats},
    {"LeakyRelu", 7, 1, 1, 1, InferActivation, Folds::kSmall, FoldActivation, Lowers::kFloats},
    {"Less", 7, 2, 2, 1, InferComparison, Folds::kSmall, FoldLess, Lowers::kNumbers},
    {"LessOrEqual", 12, 2, 2, 1, InferComparison, Folds::kSmall, FoldLessOrEqual, Lowers::kNumbers},
    {"Log", 7, 1, 1, 1, InferUnary, Folds::kSmall, FoldActivation, Lowers::kFloats},
    {"LogSoftmax", 7, 1, 1, 1, InferSoftmax, Folds::kNever, nullptr, Lowers::kFloats},
    {"MatMul", 7, 2, 2, 1, InferMatMul, Folds::kNever, nullptr, Lowers::kFloats},
    {"MatMulInteger", 10, 2, 4, 1, nullptr, Folds::kNever, nullptr, Lowers::kAny},
    {"Max", 7, 1, kMany, 1, InferArithmetic, Folds::kSmall, FoldMax, Lowers::kNumbers},
    {"MaxPool", 7, 1, 1, 2, InferMaxPool, Folds::kNever, nullptr, Lowers::kNumbers, Gaps::kAny},
    {"Mean", 7, 1, kMany, 1, InferArithmetic, Folds::kNever, nullptr, Lowers::kFloats},
    {"Min", 7, 1, kMany, 1, InferArithmetic, Folds::kSmall, FoldMin, Lowers::kNumbers},
    {"Mish", 18, 1, 1, 1, InferUnary, Folds::kSmall, FoldActivation, Lowers::kFloats},
    {"Mod", 10, 2, 2, 1, InferMod, Folds::kSmall, FoldMod, Lowers::kNumbers},
    {"Mul", 7, 2, 2, 1, InferArithmetic, Folds::kSmall, FoldMul, Lowers::kNumbers},
    {"Neg", 7, 1, 1, 1, InferUnary, Folds::kSmall, FoldNeg, Lowers::kNumbers},
    {"NonZero", 9, 1, 1, 1, InferNonZero, Folds::kSmall, FoldNonZero, Lowers::kNo},
    {"Not", 7, 1, 1, 1, InferLogic, Folds::kSmall, FoldNot, Lowers::kNumbers},
    {"OneHot", 9, 3, 3, 1, nullptr, Folds::kNever, nullptr, Lowers::kAny},
    {"Or", 7, 2, 2, 1, InferLogic, Folds::kSmall, FoldOr, Lowers::kNumbers},
    {"PRelu", 7, 2, 2, 1, InferArithmetic, Folds::kNever, nullptr, Lowers::kFloats},
    {"Pad", 7, 1, 4, 1, InferPad, Folds::kNever, nullptr, Lowers::kAny},
    {"Pow", 7, 2, 2, 1, InferPow, Folds::kSmall, FoldPow, Lowers::kNumbers},
    {"QLinearConv", 10, 8, 9, 1, nullptr, Folds::kNever, nullptr, Lowers::kAny},
    {"QLinearMatMul", 10, 8, 8, 1, nullptr, Folds::kNever, nullptr, Lowers::kAny},
    {"QuantizeLinear", 10, 2, 3, 1, InferQuantizeLinear, Folds::kNever, nullptr, Lowers::kNumbers},
    {"RNN", 7, 3, 6, 2, InferRecurrent, Folds::kNever, nullptr, Lowers::kAny, Gaps::kAny},
    {"Range", 11, 3, 3, 1, InferRange, Folds::kSmall, FoldRange, Lowers::kNo},
    {"Reciprocal", 7, 1, 1, 1, InferUnary, Folds::kSmall, FoldActivation, Lowers::kFloats},
    {"Recurrent", kOpsetOfOurOwn, 2, 5, 1, InferDirection, Folds::kNever, nullptr, Lowers::kFloats},
    {"ReduceL1", 7, 1, 2, 1, InferReduce, Folds::kNever, nullptr, Lowers::kFloats},
    {"ReduceL2", 7, 1, 2, 1, InferReduce, Folds::kNever, nullptr, Lowers::kFloats},
    {"ReduceLogSum", 7, 1, 2, 1, InferReduce, Folds::kNever, nullptr, Lowers::kFloats},
    {"ReduceLogSumExp", 7, 1, 2, 1, InferReduce, Folds::kNever, nullptr, Lowers::kFloats},
    {"ReduceMax", 7, 1, 2, 1, InferReduce, Folds::kSmall, FoldReduce, Lowers::kNumbers},
    {"ReduceMean", 7, 1, 2, 1, InferReduce, Folds::kSmall, FoldReduce, Lowers::kFloats},
    {"ReduceMin", 7, 1, 2, 1, InferReduce, Folds::kSmall, FoldReduce, Lowers::kNumbers},
    {"ReduceProd", 7, 1, 2, 1, InferReduce, Folds::kSmall, FoldReduce, Lowers::kNumbers},
    {"ReduceSum", 7, 1, 2, 1, InferReduce, Folds::kSmall, FoldReduce, Lowers::kNumbers},
    {"ReduceSumSquare", 7, 1, 2, 1, InferReduce, Folds::kNever, nullptr, Lowers::kFloats},
    {"Relu", 7, 1, 1, 1, InferUnary, Folds::kSmall, FoldActivation, Lowers::kNumbers},
    {"Reshape", 7, 2, 2, 1, InferReshape, Folds::kAnySize, FoldReshape, Lowers::kAny},
    {"Resize", 10, 1, 4, 1, InferResize, Folds::kNever, nullptr, Lowers::kFloats},
    {"Round", 11, 1, 1, 1, InferUnary, Folds::kSmall, FoldActivation, Lowers::kFloats},
    {"ScatterElements", 11, 3, 3, 1, InferScatterElements, Folds::kSmall, FoldScatterElements, Lowers::kAny},
    {"ScatterND", 11, 3, 3, 1, InferScatterNd, Folds::kSmall, FoldScatterNd, Lowers::kAny},
    {"Selu", 7, 1, 1, 1, InferActivation, Folds::kSmall, FoldActivation, Lowers::kFloats},
    {"Shape", 7, 1, 1, 1, InferShape, Folds::kFromShapes, FoldShape, Lowers::kNo},
    {"Sigmoid", 7, 1, 1, 1, InferUnary, Folds::kSmall, FoldActivation, Lowers::kFloats},
    {"Sign", 9, 1, 1, 1, InferUnary, Folds::kSmall, FoldActivation, Lowers::kNumbers},
    {"Sin", 7, 1, 1, 1, InferUnary, Folds::kSmall, FoldActivation, Lowers::kFloats},
    {"Size", 7, 1, 1, 1, InferSize, Folds::kFromShapes, FoldSize, Lowers::kNo},
    {"Slice", 7, 1, 5, 1, InferSlice, Folds::kSmall, FoldSlice, Lowers::kAny},
    {"Softmax", 7, 1, 1, 1, InferSoftmax, Folds::kNever, nullptr, Lowers::kFloats},
    {"Softplus", 7, 1, 1, 1, InferUnary, Folds::kSmall, FoldActivation, Lowers::kFloats},
    {"Softsign", 7, 1, 1, 1, InferUnary, Folds::kSmall, FoldActivation, Lowers::kFloats},
    {"SpaceToDepth", 7, 1, 1, 1, InferSpaceToDepth, Folds::kNever, nullptr, Lowers::kAny},
    {"Split", 7, 1, 2, kMany, InferSplit, Folds::kNever, nullptr, Lowers::kAny, Gaps::kAny},
    {"Sqrt", 7, 1, 1, 1, InferUnary, Folds::kSmall, FoldActivation, Lowers::kFloats},
    {"Squeeze", 7, 1, 2, 1, InferSqueeze, Folds::kAnySize, FoldReshape, Lowers::kAny},
    {"Sub", 7, 2, 2, 1, InferArithmetic, Folds::kSmall, FoldSub, Lowers::kNumbers},
    {"Sum", 7, 1, kMany, 1, InferArithmetic, Folds::kSmall, FoldAdd, Lowers::kFloats},
    {"Tanh", 7, 1, 1, 1, InferUnary, Folds::kSmall, FoldActivation, Lowers::kFloats},
    {"ThresholdedRelu", 10, 1, 1, 1, InferActivation, Folds::kSmall, FoldActivation, Lowers::kFloats},
    {"Tile", 7, 2, 2, 1, InferTile, Folds::kSmall, FoldTile, Lowers::kAny},
    {"TopK", 7, 1, 2, 2, InferTopK, Folds::kNever, nullptr, Lowers::kNumbers, Gaps::kAny},
    {"TopPlaces", kOpsetOfOurOwn, 1, 1, 1, InferTopPlaces, Folds::kNever, nullptr, Lowers::kNumbers},
    {"Transpose", 7, 1, 1, 1, InferTranspose, Folds::kAnySize, FoldTranspose, Lowers::kAny},
    {"Trilu", 14, 1, 2, 1, InferTrilu, Folds::kNever, nullptr, Lowers::kAny},
    {"Unsqueeze", 7, 1, 2, 1, InferUnsqueeze, Folds::kAnySize, FoldReshape, Lowers::kAny},
    {"Upsample", 7, 1, 2, 1, InferUpsample, Folds::kNever, nullptr, Lowers::kFloats},
    {"Where", 9, 3, 3, 1, InferWhere, Folds::kSmall, FoldWhere, Lowers::kAny},
    {"Xor", 7, 2, 2, 1, InferLogic, Folds::kSmall, FoldXor, Lowers::kNumbers},
};
// clang-format on

static_assert(std::is_sorted(std::begin(kOperators), std::end(kOperators),
                             [](const OperatorRow& a, const OperatorRow& b) {
                               return a.op_type < b.op_type;
                             }));

}  // namespace

const OperatorRow* FindOperator(std::string_view op_type) {
  const OperatorRow* row = std::lower_bound(
      std::begin(kOperators), std::end(kOperators), op_type,
      [](const OperatorRow& a, std::string_view b) { return a.op_type < b; });
  if (row == std::end(kOperators) || row->op_type != op_type) return nullptr;
  return row;
}

}  // namespace layerd
