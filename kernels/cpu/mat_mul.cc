#include <algorithm>

#include "config/status_macros.h"
#include "kernels/cpu/cpu_kernel.h"
#include "kernels/cpu/primitive_desc.h"
#include "kernels/cpu/rows.h"
#include "kernels/cpu/staging.h"
#include "kernels/cpu/tiled_product.h"

namespace layerd::cpu {
namespace {

using Sizes = std::vector<int64_t>;

// The operand with as many dimensions as the product; 1 where it broadcasts.
Slice Extended(const TensorType& type, size_t rank) {
  Slice slice;
  slice.shape.assign(rank - type.shape.size(), 1);
  slice.shape.insert(slice.shape.end(), type.shape.begin(), type.shape.end());
  slice.strides.assign(rank - type.shape.size(), 0);
  slice.strides.insert(slice.strides.end(), type.strides.begin(),
                       type.strides.end());
  // The library wants to see no stride that says nothing.
  const Sizes plain = PlainStrides(slice.shape);
  for (size_t d = 0; d < rank; ++d) {
    if (slice.shape[d] == 1) slice.strides[d] = plain[d];
  }
  return slice;
}

// Whether rows or columns are contiguous and nothing repeats or overlaps:
// what a matrix product reads in place.
Sizes ReadOrder(const Slice& slice) {
  const Sizes plain = PlainStrides(slice.shape);
  if (SameOrder(slice.shape, slice.strides, plain)) return plain;
  Sizes turned_shape = slice.shape;
  const size_t rank = turned_shape.size();
  std::swap(turned_shape[rank - 1], turned_shape[rank - 2]);
  Sizes turned = PlainStrides(turned_shape);
  std::swap(turned[rank - 1], turned[rank - 2]);
  return SameOrder(slice.shape, slice.strides, turned) ? turned : plain;
}

class MatMulKernel : public CpuKernel {
 public:
  MatMulKernel(Primitive primitive, std::string implementation, const Slice& a,
               const Slice& b, const Slice& y)
      : primitive_(std::move(primitive)),
        implementation_(std::move(implementation)) {
    ScratchPlan scratch;
    library_scratch_ = scratch.Take(primitive_.scratch_bytes());
    a_ = StagedInput(a, ReadOrder(a), scratch);
    b_ = StagedInput(b, ReadOrder(b), scratch);
    y_ = StagedOutput(y, PlainStrides(y.shape), scratch);
    scratch_bytes_ = scratch.bytes();
  }

  std::string implementation() const override { return implementation_; }

  absl::Status Run(dnnl_stream_t stream, const PartMemory& memory) override {
    const void* data[] = {a_.Ready(memory.inputs[0], memory.scratch),
                          b_.Ready(memory.inputs[1], memory.scratch),
                          y_.Target(memory.outputs[0], memory.scratch)};
    RETURN_IF_ERROR(
        primitive_.Execute(stream, data, memory.scratch + library_scratch_));
    y_.Finish(memory.outputs[0], memory.scratch, nullptr);
    return absl::OkStatus();
  }

 private:
  Primitive primitive_;
  std::string implementation_;
  StagedInput a_, b_;
  StagedOutput y_;
  size_t library_scratch_ = 0;
};

}  // namespace

KernelOr Make(const MatMul& op, const PartSpec& spec, const OneDnn& library) {
  if (FitsTiledProduct(spec)) return MakeTiledProduct(op, spec);
  const size_t rank = spec.outputs[0].shape.size();
  const Slice a = Extended(spec.inputs[0], rank);
  const Slice b = Extended(spec.inputs[1], rank);
  const Slice y{spec.outputs[0].shape, spec.outputs[0].strides};
  const auto a_desc = DescOf(a.shape, ReadOrder(a));
  const auto b_desc = DescOf(b.shape, ReadOrder(b));
  const auto y_desc = DescOf(y.shape, PlainStrides(y.shape));
  ProductProblem problem{a_desc, b_desc, nullptr, y_desc, {}};
  if (op.scale != 1) {
    problem.activation = {.kind = ActivationKind::kLinear, .alpha = op.scale};
  }
  ASSIGN_OR_RETURN(const UniquePrimitiveDesc chosen,
                   ChooseMatMul(library, problem));
  ASSIGN_OR_RETURN(Primitive primitive,
                   Primitive::Create(library, chosen.get(),
                                     {{DNNL_ARG_SRC, a_desc},
                                      {DNNL_ARG_WEIGHTS, b_desc},
                                      {DNNL_ARG_DST, y_desc}}));
  return std::make_unique<MatMulKernel>(
      std::move(primitive), ImplementationOf(chosen.get()), a, b, y);
}

}  // namespace layerd::cpu
