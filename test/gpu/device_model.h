#ifndef LAYERD_TEST_GPU_DEVICE_MODEL_H_
#define LAYERD_TEST_GPU_DEVICE_MODEL_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "kernels/backend.h"

namespace layerd {

// In the test's temporary folder, or here.
std::string TestFile(const std::string& name);

// RandomModel(seed, layers) with its weights as `backend` wants them, of every
// fourth seed as f16 and of another fourth as i8; the path of its layer file.
// With `half` its tensors are f16, and half of the networks decode nothing.
std::string WriteDeviceModel(uint32_t seed, size_t layers, bool half,
                             const Backend& backend);

}  // namespace layerd

#endif  // LAYERD_TEST_GPU_DEVICE_MODEL_H_
