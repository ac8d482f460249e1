#ifndef LAYERD_KERNELS_CUDA_CUDA_KERNEL_H_
#define LAYERD_KERNELS_CUDA_CUDA_KERNEL_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kernels/backend.h"
#include "kernels/cuda/handles.h"
#include "kernels/cuda/sketch.h"

namespace layerd::cuda {

// What kernels are planned with, and launched on.
//
// Threading: planning takes `planning`, because a cuDNN handle serves one
// thread at a time; launching is the executor thread's, on `cudnn`.
struct Device {
  UniqueStream compute;
  UniqueCudnn cudnn;  // On `compute`.
  UniqueLt lt;
  mutable std::mutex planning;
  UniqueCudnn planning_cudnn;
  // What a convolution without a bias adds.
  UniqueBytes zeros;
  static constexpr int64_t kZerosMax = 1 << 16;  // Floats.
};

// As PartMemory, where the device sees it.
struct DeviceMemory {
  static constexpr size_t kInputsMax = 8;
  std::array<std::byte*, kInputsMax> inputs{};
  std::byte* weights = nullptr;
  std::byte* output = nullptr;
  std::byte* scratch = nullptr;  // 256 B-aligned, like the next.
  std::byte* decoded = nullptr;
  void* fault = nullptr;  // A Fault, kNone before.
};

// A part made ready for the device. Launch() only queues: it waits for
// nothing, allocates nothing, and copies nothing between host and device.
class CudaKernel : public Kernel {
 public:
  // The caller's scratch is aligned to 64; libraries want 256.
  size_t scratch_bytes() const final {
    return scratch_bytes_ == 0 ? 0 : scratch_bytes_ + kScratchAlignment;
  }
  // Without what alignment costs.
  size_t needed_scratch_bytes() const { return scratch_bytes_; }
  // From the start of the extent to the last byte of this part's pieces.
  size_t weight_bytes() const { return weight_bytes_; }

  virtual absl::Status Launch(const Device& device,
                              const DeviceMemory& memory) = 0;
  // What computes: "cudnn", "cublaslt" or "loops".
  virtual const char* implementation() const { return "loops"; }

 protected:
  explicit CudaKernel(const PartSpec& spec) {
    for (const WeightPiece& piece : spec.weights) {
      weight_bytes_ = std::max<size_t>(
          weight_bytes_, piece.offset_bytes + piece.layout.bytes());
    }
  }

  // Takes `bytes` more of scratch; where it begins.
  size_t TakeScratch(size_t bytes) {
    const size_t begin = scratch_bytes_;
    scratch_bytes_ +=
        (bytes + kScratchAlignment - 1) / kScratchAlignment * kScratchAlignment;
    return begin;
  }

 private:
  size_t scratch_bytes_ = 0;
  size_t weight_bytes_ = 0;
};

using KernelOr = absl::StatusOr<std::unique_ptr<CudaKernel>>;

// REQUIRES, for all below: `spec` passed CheckPlacedPart(), and its operator
// is `op`.

// Through cuDNN or cuBLASLt. UNIMPLEMENTED where the library does not take the
// part: the plain loops do.
KernelOr MakeCudnn(const Convolution& op, const PartSpec& spec,
                   const Device& device);
KernelOr MakeLt(const FullyConnected& op, const PartSpec& spec,
                const Device& device);
KernelOr MakeLt(const MatMul& op, const PartSpec& spec, const Device& device);

// Decodes the narrow weights of `stored`, then runs `decoded`, which was made
// of DecodedSpec(stored).
std::unique_ptr<CudaKernel> MakeDecoding(const PartSpec& stored,
                                         std::unique_ptr<CudaKernel> decoded);

// Our own loops. UNIMPLEMENTED if there are none for the operator.
KernelOr MakeLoops(const PartSpec& spec);

}  // namespace layerd::cuda

#endif  // LAYERD_KERNELS_CUDA_CUDA_KERNEL_H_
