#ifndef LAYERD_TEST_GPU_LARGE_MODEL_H_
#define LAYERD_TEST_GPU_LARGE_MODEL_H_

#include <string>

#include "kernels/backend.h"

namespace layerd {

// A network whose weights are many times the pages that devices give memory in:
// 40 MiB in ten layers. Made of numbers by rule; a layer file for the backend,
// its path.
std::string WriteLargeModel(const Backend& backend);

}  // namespace layerd

#endif  // LAYERD_TEST_GPU_LARGE_MODEL_H_
