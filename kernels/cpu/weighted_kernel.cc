#include "kernels/cpu/weighted_kernel.h"

#include <utility>

#include "config/status_macros.h"
#include "kernels/cpu/primitive_desc.h"

namespace layerd::cpu {

KernelOr WeightedKernel::Create(const PartSpec& spec, const Plan& plan,
                                const_dnnl_primitive_desc_t desc,
                                const OneDnn& library) {
  std::vector<Primitive::Argument> arguments = {
      {DNNL_ARG_SRC, DescOf(plan.x.shape, plan.x_order)},
      {DNNL_ARG_DST, DescOf(plan.y.shape, plan.y_order)}};
  for (size_t i = 0; i < spec.weights.size(); ++i) {
    ASSIGN_OR_RETURN(const MemoryDesc piece, DescOf(spec.weights[i].layout));
    arguments.push_back({i == 0 ? DNNL_ARG_WEIGHTS : DNNL_ARG_BIAS, piece});
  }
  ASSIGN_OR_RETURN(Primitive primitive,
                   Primitive::Create(library, desc, arguments));
  return std::unique_ptr<CpuKernel>(new WeightedKernel(
      spec, plan, std::move(primitive), ImplementationOf(desc)));
}

WeightedKernel::WeightedKernel(const PartSpec& spec, const Plan& plan,
                               Primitive primitive, std::string implementation)
    : primitive_(std::move(primitive)),
      implementation_(std::move(implementation)) {
  for (const WeightPiece& piece : spec.weights) {
    weight_offsets_bytes_.push_back(piece.offset_bytes);
  }
  ScratchPlan scratch;
  library_scratch_ = scratch.Take(primitive_.scratch_bytes());
  x_ = StagedInput(plan.x, plan.x_order, scratch);
  y_ = StagedOutput(plan.y, plan.y_order, scratch);
  if (plan.adds_residual) {
    y_.AddResidual(plan.y, plan.residual, plan.y_order, plan.activation,
                   scratch);
  }
  scratch_bytes_ = scratch.bytes();
}

absl::Status WeightedKernel::Run(dnnl_stream_t stream,
                                 const PartMemory& memory) {
  const void* data[4] = {x_.Ready(memory.inputs[0], memory.scratch),
                         y_.Target(memory.outputs[0], memory.scratch)};
  for (size_t i = 0; i < weight_offsets_bytes_.size(); ++i) {
    data[2 + i] = memory.weights + weight_offsets_bytes_[i];
  }
  RETURN_IF_ERROR(
      primitive_.Execute(stream, data, memory.scratch + library_scratch_));
  y_.Finish(memory.outputs[0], memory.scratch,
            memory.inputs.size() > 1 ? memory.inputs[1] : nullptr);
  return absl::OkStatus();
}

}  // namespace layerd::cpu
