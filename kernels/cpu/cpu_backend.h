#ifndef LAYERD_KERNELS_CPU_CPU_BACKEND_H_
#define LAYERD_KERNELS_CPU_CPU_BACKEND_H_

#include <memory>

#include "kernels/backend.h"

namespace layerd {

// Computes on this machine's CPU in f32: convolutions, fully connected layers
// and matrix products with oneDNN on weights laid out as the library wants
// them, the rest with loops of our own that compilers turn into vectors, and
// what neither does (rows with odd strides, tensors of 2^31 elements) with the
// reference loops: slow, never wrong.
//
// Tickets are complete when Enqueue() returns. Prepare() and Enqueue() set the
// calling thread's number of OpenMP threads; results depend on that number
// (and not on whether it is given helpers),
// and on nothing else that changes between two runs of one part.
//
// REQUIRES: threads is at least 1.
std::unique_ptr<Backend> MakeCpuBackend(int threads);

}  // namespace layerd

#endif  // LAYERD_KERNELS_CPU_CPU_BACKEND_H_
