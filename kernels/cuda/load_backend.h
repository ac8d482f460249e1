#ifndef LAYERD_KERNELS_CUDA_LOAD_BACKEND_H_
#define LAYERD_KERNELS_CUDA_LOAD_BACKEND_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "kernels/backend.h"
#include "kernels/cuda/plugin.h"

namespace layerd {

// The options for "probe", "staged", "mapped" or "managed". Where that says
// probe, LAYERD_CUDA_MEMORY in the environment says more.
// INVALID_ARGUMENT with the words there are.
absl::StatusOr<CudaPluginOptions> CudaOptionsNamed(const std::string& memory);

// Opens liblayerd_cuda.so and makes its backend. It is looked for at `path`,
// or if that is empty at LAYERD_CUDA_LIBRARY, beside the program, in
// ../lib/layerd from there, and where the linker looks.
//
// UNAVAILABLE with the reason in one line if the library, the driver or the
// device is missing.
absl::StatusOr<std::unique_ptr<Backend>> LoadCudaBackend(
    const CudaPluginOptions& options, const std::string& path = "");

// What the device's own memory and launches cost, measured; takes a moment.
// Errors: as above.
absl::StatusOr<CudaRates> ProbeCuda(const std::string& path = "");

}  // namespace layerd

#endif  // LAYERD_KERNELS_CUDA_LOAD_BACKEND_H_
