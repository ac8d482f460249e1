#include "kernels/cuda/plugin.h"

#include "kernels/cuda/cuda_backend.h"

extern "C" {

__attribute__((visibility("default"))) int layerd_cuda_version() {
  return layerd::kCudaPluginVersion;
}

__attribute__((visibility("default"))) void layerd_cuda_make_backend(
    const layerd::CudaPluginOptions& options,
    absl::StatusOr<std::unique_ptr<layerd::Backend>>* backend) {
  *backend = layerd::MakeCudaBackend(
      {static_cast<layerd::CudaMemory>(options.memory)});
}

__attribute__((visibility("default"))) void layerd_cuda_probe(
    absl::StatusOr<layerd::CudaRates>* rates) {
  *rates = layerd::ProbeCudaRates();
}

}  // extern "C"
