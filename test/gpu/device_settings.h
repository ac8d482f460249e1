#ifndef LAYERD_TEST_GPU_DEVICE_SETTINGS_H_
#define LAYERD_TEST_GPU_DEVICE_SETTINGS_H_

#include "kernels/cuda/cuda_backend.h"
#include "kernels/tensor.h"

namespace layerd {

// How devices are checked, and how far from the oracle they may be.
struct DeviceSetting {
  const char* name;
  CudaOptions options;
  DataType compute;
  float tolerance;
};

inline constexpr DeviceSetting kDeviceSettings[] = {
    {"f32, staged", {CudaMemory::kStaged}, DataType::kF32, 1e-3f},
    {"f32, mapped", {CudaMemory::kMapped}, DataType::kF32, 1e-3f},
    {"f32, managed", {CudaMemory::kManaged}, DataType::kF32, 1e-3f},
    {"f16, staged", {CudaMemory::kStaged}, DataType::kF16, 1e-2f},
    {"f16, mapped", {CudaMemory::kMapped}, DataType::kF16, 1e-2f},
    {"f16, managed", {CudaMemory::kManaged}, DataType::kF16, 1e-2f},
};

}  // namespace layerd

#endif  // LAYERD_TEST_GPU_DEVICE_SETTINGS_H_
