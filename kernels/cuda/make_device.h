#ifndef LAYERD_KERNELS_CUDA_MAKE_DEVICE_H_
#define LAYERD_KERNELS_CUDA_MAKE_DEVICE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kernels/cuda/cuda_backend.h"
#include "kernels/cuda/cuda_kernel.h"

namespace layerd::cuda {

struct DeviceFacts {
  int compute_capability = 0;  // 87
  bool integrated = false;     // Shares memory with the host.
  bool maps_host_memory = false;
};

// Device 0 (CUDA_VISIBLE_DEVICES says which that is). UNAVAILABLE with the
// reason if there is no driver, none that is new enough, no device, or one that
// kernels were not compiled for.
absl::StatusOr<DeviceFacts> FindDevice();

absl::StatusOr<UniqueStream> MakeStream();

// Streams, handles, and the zeros.
absl::Status MakeDevice(Device* device);

// REQUIRES: there is a device.
absl::StatusOr<CudaRates> ProbeRates();

// Which of the first two strategies to use: see CudaMemory.
absl::StatusOr<CudaMemory> ProbeMemory(const DeviceFacts& facts);

}  // namespace layerd::cuda

#endif  // LAYERD_KERNELS_CUDA_MAKE_DEVICE_H_
