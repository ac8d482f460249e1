#ifndef LAYERD_KERNELS_CUDA_PLUGIN_H_
#define LAYERD_KERNELS_CUDA_PLUGIN_H_

#include <memory>

#include "absl/status/statusor.h"
#include "kernels/backend.h"

namespace layerd {

// What liblayerd_cuda.so offers. It is built with layerd, by the same compiler
// and from the same headers; the number catches one that was left behind.
inline constexpr int kCudaPluginVersion = 4;

struct CudaPluginOptions {
  int memory = 0;  // CudaMemory.
};

// What planning asks of a device.
struct CudaRates {
  double copy_bytes_per_s = 0;  // Page-locked memory of the host to its own.
  double launch_seconds = 0;    // One kernel behind others.
};

using CudaPluginVersion = int();
using CudaPluginMake = void(const CudaPluginOptions& options,
                            absl::StatusOr<std::unique_ptr<Backend>>* backend);

using CudaPluginProbe = void(absl::StatusOr<CudaRates>* rates);

inline constexpr char kCudaPluginFile[] = "liblayerd_cuda.so";
inline constexpr char kCudaPluginVersionName[] = "layerd_cuda_version";
inline constexpr char kCudaPluginMakeName[] = "layerd_cuda_make_backend";
inline constexpr char kCudaPluginProbeName[] = "layerd_cuda_probe";

}  // namespace layerd

#endif  // LAYERD_KERNELS_CUDA_PLUGIN_H_
