// Unary, Binary, ScaleShift: loop nests over rows.
#include "kernels/cpu/cpu_kernel.h"
#include "kernels/cpu/element_loops.h"
#include "kernels/cpu/typed_kernels.h"

namespace layerd::cpu {
namespace {

const float* Floats(const std::byte* bytes) {
  return reinterpret_cast<const float*>(bytes);
}
float* Floats(std::byte* bytes) { return reinterpret_cast<float*>(bytes); }

TensorType TypeOf(const WeightLayout& layout) {
  return {layout.dtype, layout.shape, layout.strides};
}

bool IsOfFloats(const PartSpec& spec) {
  return spec.inputs[0].dtype == DataType::kF32 &&
         spec.outputs[0].dtype == DataType::kF32;
}

class UnaryKernel : public CpuKernel {
 public:
  UnaryKernel(const Unary& op, const PartSpec& spec)
      : activation_(op.activation),
        nest_(PlanLoops(spec.outputs[0].shape,
                        {spec.outputs[0].strides, spec.inputs[0].strides})) {}

  absl::Status Run(dnnl_stream_t, const PartMemory& memory) override {
    RunUnary(nest_, activation_, Floats(memory.inputs[0]),
             Floats(memory.outputs[0]));
    return absl::OkStatus();
  }

 private:
  Activation activation_;
  LoopNest nest_;
};

class BinaryKernel : public CpuKernel {
 public:
  BinaryKernel(const Binary& op, const PartSpec& spec) : op_(op) {
    const TensorType& y = spec.outputs[0];
    const bool constant = op.constant != Binary::Constant::kNone;
    const TensorType second =
        constant ? TypeOf(spec.weights[0].layout) : spec.inputs[1];
    if (constant) constant_offset_bytes_ = spec.weights[0].offset_bytes;
    std::vector<int64_t> a = BroadcastStrides(spec.inputs[0], y.shape);
    std::vector<int64_t> b = BroadcastStrides(second, y.shape);
    if (op.constant == Binary::Constant::kLeft) std::swap(a, b);
    nest_ = PlanLoops(y.shape, {y.strides, a, b});
  }

  absl::Status Run(dnnl_stream_t, const PartMemory& memory) override {
    const bool constant = op_.constant != Binary::Constant::kNone;
    const float* a = Floats(memory.inputs[0]);
    const float* b = Floats(constant ? memory.weights + constant_offset_bytes_
                                     : memory.inputs[1]);
    if (op_.constant == Binary::Constant::kLeft) std::swap(a, b);
    RunBinary(nest_, op_.kind, op_.activation, a, b, Floats(memory.outputs[0]));
    return absl::OkStatus();
  }

 private:
  Binary op_;
  uint64_t constant_offset_bytes_ = 0;
  LoopNest nest_;
};

class ScaleShiftKernel : public CpuKernel {
 public:
  ScaleShiftKernel(const ScaleShift& op, const PartSpec& spec)
      : activation_(op.activation),
        scale_offset_bytes_(spec.weights[0].offset_bytes),
        shift_offset_bytes_(spec.weights[1].offset_bytes) {
    std::vector<int64_t> of_channel(spec.outputs[0].shape.size(), 0);
    of_channel[1] = 1;
    nest_ = PlanLoops(
        spec.outputs[0].shape,
        {spec.outputs[0].strides, spec.inputs[0].strides, of_channel});
  }

  absl::Status Run(dnnl_stream_t, const PartMemory& memory) override {
    RunScaleShift(nest_, activation_, Floats(memory.inputs[0]),
                  Floats(memory.weights + scale_offset_bytes_),
                  Floats(memory.weights + shift_offset_bytes_),
                  Floats(memory.outputs[0]));
    return absl::OkStatus();
  }

 private:
  Activation activation_;
  uint64_t scale_offset_bytes_, shift_offset_bytes_;
  LoopNest nest_;
};

}  // namespace

KernelOr Make(const Unary& op, const PartSpec& spec, const OneDnn&) {
  if (!IsOfFloats(spec)) return MakeTyped(op, spec);
  return std::make_unique<UnaryKernel>(op, spec);
}

KernelOr Make(const Binary& op, const PartSpec& spec, const OneDnn&) {
  if (!IsOfFloats(spec)) return MakeTyped(op, spec);
  return std::make_unique<BinaryKernel>(op, spec);
}

KernelOr Make(const ScaleShift& op, const PartSpec& spec, const OneDnn&) {
  return std::make_unique<ScaleShiftKernel>(op, spec);
}

}  // namespace layerd::cpu
