#ifndef LAYERD_KERNELS_CPU_CPU_KERNEL_H_
#define LAYERD_KERNELS_CPU_CPU_KERNEL_H_

#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kernels/backend.h"
#include "kernels/cpu/onednn.h"

namespace layerd::cpu {

class WeightDecoder;

// A part made ready for this CPU.
class CpuKernel : public Kernel {
 public:
  size_t scratch_bytes() const override { return scratch_bytes_; }
  virtual absl::Status Run(dnnl_stream_t stream, const PartMemory& memory) = 0;
  // Of a part whose weights are stored narrower: true if Run() shall be given
  // them as they are stored, and decodes them itself into PartMemory's
  // `decoded`. `decoder` outlives the kernel.
  virtual bool TakeDecoder(const WeightDecoder* decoder) {
    static_cast<void>(decoder);
    return false;
  }
  // What computes: "brgconv:avx512_core" by the library's names, or "loops".
  virtual std::string implementation() const { return "loops"; }

 protected:
  size_t scratch_bytes_ = 0;
};

using KernelOr = absl::StatusOr<std::unique_ptr<CpuKernel>>;

// One function an operator. UNIMPLEMENTED sends the part to the reference
// loops.
// REQUIRES: `spec` passed CheckPlacedPart(), its operator is `op`, and its
// tensors are short enough for the library's 32-bit corners.
KernelOr Make(const Convolution& op, const PartSpec& spec,
              const OneDnn& library);
KernelOr Make(const FullyConnected& op, const PartSpec& spec,
              const OneDnn& library);
KernelOr Make(const MatMul& op, const PartSpec& spec, const OneDnn& library);
KernelOr Make(const Pool& op, const PartSpec& spec, const OneDnn& library);
KernelOr Make(const Unary& op, const PartSpec& spec, const OneDnn& library);
KernelOr Make(const Binary& op, const PartSpec& spec, const OneDnn& library);
KernelOr Make(const ScaleShift& op, const PartSpec& spec,
              const OneDnn& library);
KernelOr Make(const Softmax& op, const PartSpec& spec, const OneDnn& library);
KernelOr Make(const Lrn& op, const PartSpec& spec, const OneDnn& library);
KernelOr Make(const Pad& op, const PartSpec& spec, const OneDnn& library);
KernelOr Make(const Copy& op, const PartSpec& spec, const OneDnn& library);
KernelOr Make(const ConvTranspose& op, const PartSpec& spec,
              const OneDnn& library);
KernelOr Make(const LayerNorm& op, const PartSpec& spec, const OneDnn& library);
KernelOr Make(const Reduce& op, const PartSpec& spec, const OneDnn& library);
KernelOr Make(const Gather& op, const PartSpec& spec, const OneDnn& library);
KernelOr Make(const Select& op, const PartSpec& spec, const OneDnn& library);
KernelOr Make(const Resize& op, const PartSpec& spec, const OneDnn& library);
KernelOr Make(const Recurrent& op, const PartSpec& spec, const OneDnn& library);
KernelOr Make(const TopK& op, const PartSpec& spec, const OneDnn& library);

// The layout of weight 0. It depends on neither the rows of the part nor the
// number of threads: row parts share their extent, and files outlive settings.
absl::StatusOr<WeightLayout> KernelLayout(const Convolution& op,
                                          const PartSpec& spec,
                                          const OneDnn& library);
absl::StatusOr<WeightLayout> KernelLayout(const ConvTranspose& op,
                                          const PartSpec& spec,
                                          const OneDnn& library);
absl::StatusOr<WeightLayout> KernelLayout(const FullyConnected& op,
                                          const PartSpec& spec,
                                          const OneDnn& library);

// Of weight `i`: R, or a part of it; UNIMPLEMENTED for others.
absl::StatusOr<WeightLayout> KernelLayout(const Recurrent& op,
                                          const PartSpec& spec, size_t i,
                                          const OneDnn& library);

}  // namespace layerd::cpu

#endif  // LAYERD_KERNELS_CPU_CPU_KERNEL_H_
