#ifndef LAYERD_KERNELS_CUDA_LOOP_H_
#define LAYERD_KERNELS_CUDA_LOOP_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "kernels/cuda/cuda_kernel.h"
#include "kernels/cuda/slice.h"
#include "kernels/cuda/status.h"

namespace layerd::cuda {

// Where an operand lies when the part runs.
struct Source {
  enum Kind { kNone, kInput, kWeights } kind = kNone;
  size_t index = 0;  // Of the input.
  int64_t offset_bytes = 0;
};

// A part that is one launch of a kernel of our own.
template <typename Arguments>
class Loop final : public CudaKernel {
 public:
  using Launcher = cudaError_t (*)(const Operands&, const Arguments&,
                                   cudaStream_t);

  Loop(const PartSpec& spec, Launcher launcher, Operands operands,
       const Arguments& arguments)
      : CudaKernel(spec),
        launcher_(launcher),
        operands_(operands),
        arguments_(arguments) {}

  void Reads(int operand, const Source& source) { sources_[operand] = source; }
  void WritesAt(int64_t offset_bytes) { y_offset_bytes_ = offset_bytes; }
  void MayFault() { may_fault_ = true; }
  // Of an operand that has its address already.
  void Owns(UniquePageLocked memory) { own_ = std::move(memory); }

  absl::Status Launch(const Device& device,
                      const DeviceMemory& memory) override {
    Operands placed = operands_;
    placed.y.data = memory.output + y_offset_bytes_;
    if (may_fault_) placed.fault = {memory.fault, sizeof(Fault), {}};
    for (int i = 0; i < kInputsMax; ++i) {
      const Source& source = sources_[i];
      if (source.kind == Source::kNone) continue;
      std::byte* const base = source.kind == Source::kInput
                                  ? memory.inputs[source.index]
                                  : memory.weights;
      placed.x[i].data = base + source.offset_bytes;
    }
    return FromCuda(launcher_(placed, arguments_, device.compute.get()),
                    "launch");
  }

 private:
  const Launcher launcher_;
  const Operands operands_;
  const Arguments arguments_;
  std::array<Source, kInputsMax> sources_;
  int64_t y_offset_bytes_ = 0;
  bool may_fault_ = false;
  UniquePageLocked own_;
};

inline Source Input(size_t index, int64_t offset_bytes = 0) {
  return {Source::kInput, index, offset_bytes};
}
inline Source Weights(const PartSpec& spec, size_t piece) {
  return {Source::kWeights, 0,
          static_cast<int64_t>(spec.weights[piece].offset_bytes)};
}

// What every element of the output is asked of.
inline Operands WholeOutput(const PartSpec& spec) {
  Operands operands = OperandsFor(spec.outputs[0].shape);
  operands.y = OperandOf(spec.outputs[0]);
  return operands;
}

template <typename Arguments>
auto NewLoop(const PartSpec& spec,
             cudaError_t (*launcher)(const Operands&, const Arguments&,
                                     cudaStream_t),
             const Operands& operands, const Arguments& arguments) {
  return std::make_unique<Loop<Arguments>>(spec, launcher, operands, arguments);
}

// a and b of a binary operator, in that order.
struct Pair {
  Operands operands;
  Source sources[2];
};
Pair PairOf(const Binary& op, const PartSpec& spec);

// The given dimensions are gone through by one thread.
SoftmaxArguments TakeDimensions(const PartSpec& spec,
                                const std::vector<int64_t>& dimensions,
                                Operands* operands);

// window_loops.cc
KernelOr MakeLoop(const Pool& op, const PartSpec& spec);
KernelOr MakeLoop(const Convolution& op, const PartSpec& spec);
KernelOr MakeLoop(const ConvTranspose& op, const PartSpec& spec);
// array_loops.cc
KernelOr MakeLoop(const Reduce& op, const PartSpec& spec);
KernelOr MakeLoop(const Gather& op, const PartSpec& spec);
KernelOr MakeLoop(const Select& op, const PartSpec& spec);
// Served elsewhere: CheckServed() stops them.
KernelOr MakeLoop(const Recurrent& op, const PartSpec& spec);
KernelOr MakeLoop(const TopK& op, const PartSpec& spec);
KernelOr MakeLoop(const Resize& op, const PartSpec& spec);
KernelOr MakeTypedLoop(const Unary& op, const PartSpec& spec);
KernelOr MakeTypedLoop(const Binary& op, const PartSpec& spec);

inline ActivationArguments ArgumentsOf(const Activation& activation) {
  return {static_cast<int>(activation.kind), activation.alpha, activation.beta};
}

// A vector along dimension 1: piece `piece` of the weights.
Operand ChannelVector(const PartSpec& spec, size_t piece);

}  // namespace layerd::cuda

#endif  // LAYERD_KERNELS_CUDA_LOOP_H_
