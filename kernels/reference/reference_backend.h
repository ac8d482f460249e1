#ifndef LAYERD_KERNELS_REFERENCE_REFERENCE_BACKEND_H_
#define LAYERD_KERNELS_REFERENCE_REFERENCE_BACKEND_H_

#include <memory>

#include "kernels/backend.h"

namespace layerd {

// The oracle: every operator in plain loops over the strides, with sums in
// double. It wants plain weights and takes any closed-form layout. Tickets are
// complete when Enqueue() returns.
std::unique_ptr<Backend> MakeReferenceBackend();

}  // namespace layerd

#endif  // LAYERD_KERNELS_REFERENCE_REFERENCE_BACKEND_H_
