#include <optional>

#include "config/status_macros.h"
#include "kernels/cpu/primitive_desc.h"
#include "kernels/cpu/row_split.h"
#include "kernels/cpu/tiled_layer.h"
#include "kernels/cpu/weighted_kernel.h"

namespace layerd::cpu {
namespace {

using Sizes = std::vector<int64_t>;

// [..., K] as [rows, K], if the leading dimensions have one stride together.
std::optional<Slice> AsMatrix(const TensorType& type) {
  const size_t last = type.shape.size() - 1;
  Slice matrix{{1, type.shape[last]}, {type.shape[last], type.strides[last]}};
  int64_t next_stride = -1;  // Of the next dimension outwards.
  for (size_t d = last; d-- > 0;) {
    if (type.shape[d] == 1) continue;
    if (next_stride < 0) {
      matrix.strides[0] = type.strides[d];
    } else if (type.strides[d] != next_stride) {
      return std::nullopt;
    }
    matrix.shape[0] *= type.shape[d];
    next_stride = type.strides[d] * type.shape[d];
  }
  return matrix;
}

void Cut(const Range& rows, Slice& matrix) {
  matrix.offset += rows.first * matrix.strides[0];
  matrix.shape[0] = rows.count;
}

void CutColumns(const Range& columns, Slice& matrix) {
  matrix.offset += columns.first * matrix.strides[1];
  matrix.shape[1] = columns.count;
}

Activation FusedActivation(const FullyConnected& op) {
  return op.adds_residual ? Activation{} : op.activation;
}

MemoryDesc MatrixDesc(int64_t rows, int64_t columns) {
  return DescOf(Sizes{rows, columns}, Sizes{columns, 1});
}

// `shape` is that of the weights, [O, I].
absl::StatusOr<UniquePrimitiveDesc> Choose(const FullyConnected& op,
                                           int64_t rows, const Sizes& shape,
                                           const MemoryDesc& weights,
                                           const OneDnn& library) {
  return ChooseInnerProduct(
      library,
      {.x = MatrixDesc(rows, shape[1]),
       .weights = weights,
       .bias = op.has_bias ? DescOf(Sizes{shape[0]}, Sizes{1}) : nullptr,
       .y = MatrixDesc(rows, shape[0]),
       .activation = FusedActivation(op)});
}

bool IsRow(const Slice& matrix) {
  return matrix.shape[1] == 1 || matrix.strides[1] == 1;
}

// For our own tiles: the rows of the matrix are a line of pixels.
std::optional<TiledLayer> AsTiled(const FullyConnected& op,
                                  const PartSpec& spec) {
  const std::optional<Slice> x = AsMatrix(spec.inputs[0]);
  const std::optional<Slice> y = AsMatrix(spec.outputs[0]);
  const std::optional<Slice> residual =
      op.adds_residual ? AsMatrix(spec.inputs[1]) : y;
  if (Tiles() == nullptr || !x || !y || !residual || !IsRow(*x) || !IsRow(*y) ||
      !IsRow(*residual)) {
    return std::nullopt;
  }
  const auto place = [&](const Slice& matrix, int64_t channel) {
    return PixelPlace{.offset = channel + spec.rows.first * matrix.strides[0],
                      .column = matrix.strides[0]};
  };
  return TiledLayer{
      .rows = {},
      .columns = {.inputs = spec.rows.count, .count = spec.rows.count},
      .inputs = x->shape[1],
      .outputs = spec.channels.count,
      .x = place(*x, 0),
      .y = place(*y, spec.channels.first),
      .residual = place(*residual, spec.channels.first),
      .adds_residual = op.adds_residual,
      .activation = op.activation};
}

KernelOr MakeRowsOf(const PartSpec& spec, const OneDnn& library) {
  const auto& op = std::get<FullyConnected>(spec.op);
  std::optional<Slice> x = AsMatrix(spec.inputs[0]);
  std::optional<Slice> y = AsMatrix(spec.outputs[0]);
  std::optional<Slice> residual =
      op.adds_residual ? AsMatrix(spec.inputs[1]) : Slice{};
  if (!x || !y || !residual) {
    return absl::UnimplementedError("rows without one stride");
  }
  Cut(spec.rows, *x);
  Cut(spec.rows, *y);
  CutColumns(spec.channels, *y);
  if (op.adds_residual) {
    Cut(spec.rows, *residual);
    CutColumns(spec.channels, *residual);
  }
  const WeightLayout& layout = spec.weights[0].layout;
  ASSIGN_OR_RETURN(const MemoryDesc weights, DescOf(layout));
  ASSIGN_OR_RETURN(const UniquePrimitiveDesc desc,
                   Choose(op, spec.rows.count, layout.shape, weights, library));
  const WeightedKernel::Plan plan{*x,
                                  *y,
                                  PlainStrides(x->shape),
                                  PlainStrides(y->shape),
                                  op.activation,
                                  op.adds_residual,
                                  *residual};
  return WeightedKernel::Create(spec, plan, desc.get(), library);
}

}  // namespace

absl::StatusOr<WeightLayout> KernelLayout(const FullyConnected& op,
                                          const PartSpec& spec,
                                          const OneDnn& library) {
  if (AsTiled(op, spec)) return TiledLayout(spec.weights[0].layout.shape);
  const OneThread one_thread;
  const TensorType& y = spec.outputs[0];
  const Sizes& shape = spec.weights[0].layout.shape;
  ASSIGN_OR_RETURN(const UniquePrimitiveDesc desc,
                   Choose(op, y.element_count() / y.shape.back(), shape,
                          AnyDescOf(shape), library));
  return LayoutOf(WeightsOf(desc.get()));
}

KernelOr Make(const FullyConnected& op, const PartSpec& spec,
              const OneDnn& library) {
  if (const auto tiled = AsTiled(op, spec)) return MakeTiled(*tiled, spec);
  return MakeFast(spec, library, MakeRowsOf);
}

}  // namespace layerd::cpu
