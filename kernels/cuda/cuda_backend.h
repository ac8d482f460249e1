#ifndef LAYERD_KERNELS_CUDA_CUDA_BACKEND_H_
#define LAYERD_KERNELS_CUDA_CUDA_BACKEND_H_

#include <memory>

#include "absl/status/statusor.h"
#include "kernels/backend.h"
#include "kernels/cuda/plugin.h"

namespace layerd {

// How weights and activations come to where kernels read them.
//
// staged: the attached block stays the host's, page-locked; the device has a
//         twin of it, byte for byte. Weights go over on a copy stream while
//         the part before computes. Works everywhere.
// mapped: the device reads and writes the attached block itself: no copy, no
//         second block. For devices that share memory with the host.
// managed: as staged, but the host itself puts weights into managed memory, one
//         allocation a slot: attached to the host while it writes, and to the
//         stream of kernels while they read. For devices that share memory,
//         whose caches do not keep what is mapped. Weights that are resident
//         are put there again when a later part took their slot.
// probe:  mapped if the device shares memory with the host and a read of it is
//         as fast as of its own; else staged.
enum class CudaMemory { kProbe, kStaged, kMapped, kManaged };

struct CudaOptions {
  CudaMemory memory = CudaMemory::kProbe;
  bool timed = false;  // For CudaPartTimesOf(); costs two more events a part.
};

// Convolutions through cuDNN, products through cuBLASLt, the rest in kernels of
// our own; f32 without TF32. Parts whose tensors are F16 multiply f16 numbers
// on tensor cores, and sum in f32. Algorithms are fixed in Prepare(), and only
// those that give the same bits each time.
//
// Errors: UNAVAILABLE with the reason if there is no driver or no device.
// Cost:   nothing is allocated and nothing waits for the whole device between
//         Attach() and Detach().
// Threading: as Backend.
absl::StatusOr<std::unique_ptr<Backend>> MakeCudaBackend(
    const CudaOptions& options);

// When the device did what for a part: seconds since the backend was made.
struct CudaPartTimes {
  double copy_begin = 0, copy_end = 0;  // Of its weights; equal: not copied.
  double begin = 0, end = 0;
};

// REQUIRES: `backend` was made by MakeCudaBackend() with `timed`; `ticket` is
//           complete and among the last eight.
absl::StatusOr<CudaPartTimes> CudaPartTimesOf(const Backend& backend,
                                              Ticket ticket);

// Of device 0. Errors: as above.
absl::StatusOr<CudaRates> ProbeCudaRates();

}  // namespace layerd

#endif  // LAYERD_KERNELS_CUDA_CUDA_BACKEND_H_
