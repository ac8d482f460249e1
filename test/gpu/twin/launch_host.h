#ifndef LAYERD_TEST_GPU_TWIN_LAUNCH_HOST_H_
#define LAYERD_TEST_GPU_TWIN_LAUNCH_HOST_H_

#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>

#include "cuda_runtime_api.h"
#include "kernels/cuda/operands.h"

// How the .cu files are read as host C++: the words of CUDA mean nothing, and
// a launch is a closure on the twin's stream. Kernels without barriers are
// loops, so threads run one after the other, in an order by the seed.
#undef __global__
#undef __device__
#define __global__
#define __device__

namespace layerd::cuda {

// As the twin may be in a plugin, whose code is not compiled for one.
#define LAYERD_OF_PLUGINS __attribute__((tls_model("initial-exec")))
inline thread_local LAYERD_OF_PLUGINS int64_t host_first_element = 0;
inline thread_local LAYERD_OF_PLUGINS int64_t host_element_step = 1;
inline int64_t FirstElement() { return host_first_element; }
inline int64_t ElementStep() { return host_element_step; }

// Queues it under the twin's eyes; `run` gets the operands as a hook left them,
// a first element and a step.
void LaunchOnTwin(const char* name, const Operands& operands,
                  cudaStream_t stream,
                  std::function<void(const Operands&)> run);

template <typename Kernel, typename Arguments>
void LaunchOnTwin(const char* name, Kernel kernel, const Operands& operands,
                  const Arguments& arguments, cudaStream_t stream) {
  LaunchOnTwin(name, operands, stream,
               [=](const Operands& given) { kernel(given, arguments); });
}

}  // namespace layerd::cuda

#define LAYERD_LAUNCH(kernel, operands, arguments, stream) \
  ::layerd::cuda::LaunchOnTwin(#kernel, kernel, operands, arguments, stream)

#endif  // LAYERD_TEST_GPU_TWIN_LAUNCH_HOST_H_
