// Select, and what Unary and Binary do on other types than f32.
#include "kernels/cpu/typed_kernels.h"

#include "kernels/cpu/typed_loops.h"

namespace layerd::cpu {
namespace {

class TypedUnaryKernel : public CpuKernel {
 public:
  TypedUnaryKernel(const Unary& op, const PartSpec& spec)
      : kind_(op.activation.kind),
        dtype_(spec.outputs[0].dtype),
        nest_(PlanLoops(spec.outputs[0].shape,
                        {spec.outputs[0].strides, spec.inputs[0].strides})) {}

  absl::Status Run(dnnl_stream_t, const PartMemory& memory) override {
    RunTypedUnary(nest_, kind_, dtype_, memory.inputs[0], memory.outputs[0]);
    return absl::OkStatus();
  }

 private:
  ActivationKind kind_;
  DataType dtype_;
  LoopNest nest_;
};

class TypedBinaryKernel : public CpuKernel {
 public:
  TypedBinaryKernel(const Binary& op, const PartSpec& spec)
      : op_(op), from_(spec.inputs[0].dtype) {
    const TensorType& y = spec.outputs[0];
    TensorType second;
    if (op.constant == Binary::Constant::kNone) {
      second = spec.inputs[1];
    } else {
      const WeightPiece& piece = spec.weights[0];
      second = {piece.layout.dtype, piece.layout.shape, piece.layout.strides};
      constant_offset_bytes_ = piece.offset_bytes;
    }
    std::vector<int64_t> a = BroadcastStrides(spec.inputs[0], y.shape);
    std::vector<int64_t> b = BroadcastStrides(second, y.shape);
    if (op.constant == Binary::Constant::kLeft) std::swap(a, b);
    nest_ = PlanLoops(y.shape, {y.strides, a, b});
  }

  absl::Status Run(dnnl_stream_t, const PartMemory& memory) override {
    const std::byte* a = memory.inputs[0];
    const std::byte* b = op_.constant == Binary::Constant::kNone
                             ? memory.inputs[1]
                             : memory.weights + constant_offset_bytes_;
    if (op_.constant == Binary::Constant::kLeft) std::swap(a, b);
    return RunTypedBinary(nest_, op_.kind, from_, a, b, memory.outputs[0]);
  }

 private:
  Binary op_;
  DataType from_;
  uint64_t constant_offset_bytes_ = 0;
  LoopNest nest_;
};

class SelectKernel : public CpuKernel {
 public:
  explicit SelectKernel(const PartSpec& spec)
      : element_bytes_(SizeOf(spec.outputs[0].dtype)) {
    const TensorType& y = spec.outputs[0];
    std::vector<std::vector<int64_t>> strides = {y.strides};
    for (const TensorType& input : spec.inputs) {
      strides.push_back(BroadcastStrides(input, y.shape));
    }
    nest_ = PlanLoops(y.shape, strides);
  }

  absl::Status Run(dnnl_stream_t, const PartMemory& memory) override {
    RunSelect(nest_, element_bytes_, memory.inputs[0], memory.inputs[1],
              memory.inputs[2], memory.outputs[0]);
    return absl::OkStatus();
  }

 private:
  size_t element_bytes_;
  LoopNest nest_;
};

}  // namespace

std::unique_ptr<CpuKernel> MakeTyped(const Unary& op, const PartSpec& spec) {
  return std::make_unique<TypedUnaryKernel>(op, spec);
}

std::unique_ptr<CpuKernel> MakeTyped(const Binary& op, const PartSpec& spec) {
  return std::make_unique<TypedBinaryKernel>(op, spec);
}

KernelOr Make(const Select&, const PartSpec& spec, const OneDnn&) {
  return std::make_unique<SelectKernel>(spec);
}

}  // namespace layerd::cpu
