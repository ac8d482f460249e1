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
    {"Add", 7, 2, 2, 1, InferArithmetic, Folds::kSmall, FoldAdd, Lowers::kFloats},
    {"AveragePool", 7, 1, 1, 1, InferAveragePool, Folds::kNever, nullptr, Lowers::kFloats},
    {"BatchNormalization", 7, 5, 5, 5, InferBatchNormalization, Folds::kNever, nullptr, Lowers::kFloats},
    {"Cast", 7, 1, 1, 1, InferCast, Folds::kAnySize, FoldCast, Lowers::kAny},
    {"Ceil", 7, 1, 1, 1, InferUnary, Folds::kSmall, FoldCeil, Lowers::kNo},
    {"Clip", 7, 1, 3, 1, InferClip, Folds::kNever, nullptr, Lowers::kFloats},
    {"Concat", 7, 1, kMany, 1, InferConcat, Folds::kSmall, FoldConcat, Lowers::kAny},
    {"Constant", 7, 0, 0, 1, InferConstant, Folds::kAnySize, FoldConstant, Lowers::kNo},
    {"ConstantOfShape", 9, 1, 1, 1, InferConstantOfShape, Folds::kSmall, FoldConstantOfShape, Lowers::kNo},
    {"Conv", 7, 2, 3, 1, InferConv, Folds::kNever, nullptr, Lowers::kFloats},
    {"Div", 7, 2, 2, 1, InferArithmetic, Folds::kSmall, FoldDiv, Lowers::kFloats},
    {"Dropout", 7, 1, 3, 2, InferDropout, Folds::kNever, nullptr, Lowers::kAny},
    {"Equal", 7, 2, 2, 1, InferComparison, Folds::kSmall, FoldEqual, Lowers::kNo},
    {"Expand", 8, 2, 2, 1, InferExpand, Folds::kSmall, FoldExpand, Lowers::kNo},
    {"Flatten", 7, 1, 1, 1, InferFlatten, Folds::kAnySize, FoldReshape, Lowers::kAny},
    {"Floor", 7, 1, 1, 1, InferUnary, Folds::kSmall, FoldFloor, Lowers::kNo},
    {"Gather", 7, 2, 2, 1, InferGather, Folds::kSmall, FoldGather, Lowers::kNo},
    {"Gemm", 7, 2, 3, 1, InferGemm, Folds::kNever, nullptr, Lowers::kFloats},
    {"GlobalAveragePool", 7, 1, 1, 1, InferGlobalPool, Folds::kNever, nullptr, Lowers::kFloats},
    {"Greater", 7, 2, 2, 1, InferComparison, Folds::kSmall, FoldGreater, Lowers::kNo},
    {"Identity", 7, 1, 1, 1, InferIdentity, Folds::kNever, nullptr, Lowers::kAny},
    {"LRN", 7, 1, 1, 1, InferLrn, Folds::kNever, nullptr, Lowers::kFloats},
    {"LeakyRelu", 7, 1, 1, 1, InferLeakyRelu, Folds::kNever, nullptr, Lowers::kFloats},
    {"Less", 7, 2, 2, 1, InferComparison, Folds::kSmall, FoldLess, Lowers::kNo},
    {"MatMul", 7, 2, 2, 1, InferMatMul, Folds::kNever, nullptr, Lowers::kFloats},
    {"Max", 7, 1, kMany, 1, InferArithmetic, Folds::kSmall, FoldMax, Lowers::kNo},
    {"MaxPool", 7, 1, 1, 2, InferMaxPool, Folds::kNever, nullptr, Lowers::kFloats},
    {"Min", 7, 1, kMany, 1, InferArithmetic, Folds::kSmall, FoldMin, Lowers::kNo},
    {"Mul", 7, 2, 2, 1, InferArithmetic, Folds::kSmall, FoldMul, Lowers::kFloats},
    {"Neg", 7, 1, 1, 1, InferUnary, Folds::kSmall, FoldNeg, Lowers::kNo},
    {"Not", 7, 1, 1, 1, InferUnary, Folds::kSmall, FoldNot, Lowers::kNo},
    {"Pad", 7, 1, 4, 1, InferPad, Folds::kNever, nullptr, Lowers::kFloats},
    {"Range", 11, 3, 3, 1, InferRange, Folds::kSmall, FoldRange, Lowers::kNo},
    {"Relu", 7, 1, 1, 1, InferUnary, Folds::kNever, nullptr, Lowers::kFloats},
    {"Reshape", 7, 2, 2, 1, InferReshape, Folds::kAnySize, FoldReshape, Lowers::kAny},
    {"Shape", 7, 1, 1, 1, InferShape, Folds::kFromShapes, FoldShape, Lowers::kNo},
    {"Sigmoid", 7, 1, 1, 1, InferUnary, Folds::kNever, nullptr, Lowers::kFloats},
    {"Size", 7, 1, 1, 1, InferSize, Folds::kFromShapes, FoldSize, Lowers::kNo},
    {"Slice", 7, 1, 5, 1, InferSlice, Folds::kSmall, FoldSlice, Lowers::kNo},
    {"Softmax", 7, 1, 1, 1, InferSoftmax, Folds::kNever, nullptr, Lowers::kFloats},
    {"Sqrt", 7, 1, 1, 1, InferUnary, Folds::kSmall, FoldSqrt, Lowers::kNo},
    {"Squeeze", 7, 1, 2, 1, InferSqueeze, Folds::kAnySize, FoldReshape, Lowers::kAny},
    {"Sub", 7, 2, 2, 1, InferArithmetic, Folds::kSmall, FoldSub, Lowers::kFloats},
    {"Sum", 7, 1, kMany, 1, InferArithmetic, Folds::kSmall, FoldAdd, Lowers::kFloats},
    {"Tanh", 7, 1, 1, 1, InferUnary, Folds::kNever, nullptr, Lowers::kFloats},
    {"Transpose", 7, 1, 1, 1, InferTranspose, Folds::kAnySize, FoldTranspose, Lowers::kAny},
    {"Unsqueeze", 7, 1, 2, 1, InferUnsqueeze, Folds::kAnySize, FoldReshape, Lowers::kAny},
    {"Where", 9, 3, 3, 1, InferWhere, Folds::kSmall, FoldWhere, Lowers::kNo},
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
