#ifndef LAYERD_TEST_SIM_RUN_PROGRAM_H_
#define LAYERD_TEST_SIM_RUN_PROGRAM_H_

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "daemon/plan/program.h"
#include "kernels/backend.h"

namespace layerd {

// Bytes of whole tensors, row-major, in the graph's order.
using TensorBytes = std::vector<std::vector<std::byte>>;

// Runs the parts of a program one after the other, each buffer in memory of its
// own and the whole weight stream in memory: what every other way of running it
// has to equal. Memory that nobody wrote is NaN.
absl::StatusOr<TensorBytes> RunProgram(const Program& program,
                                       std::span<const std::byte> stream,
                                       const TensorBytes& inputs,
                                       Backend& backend);

// The same for a layer file.
absl::StatusOr<TensorBytes> RunLayerFile(const std::string& path,
                                         const TensorBytes& inputs,
                                         Backend& backend);

}  // namespace layerd

#endif  // LAYERD_TEST_SIM_RUN_PROGRAM_H_
