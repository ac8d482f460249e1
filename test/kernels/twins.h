#ifndef LAYERD_TEST_KERNELS_TWINS_H_
#define LAYERD_TEST_KERNELS_TWINS_H_

#include <memory>
#include <span>

#include "kernels/backend.h"

namespace layerd {

// A backend under a name for whoever reads that a test has failed.
struct Twin {
  const char* name;
  std::unique_ptr<Backend> (*make)();
};

// All that compute here and promise the same: the oracle, the CPU at one and
// two threads, helped and not, and a device that completes late and out of
// step.
std::span<const Twin> AllTwins();

// The CPU at two threads, both of which compute.
std::unique_ptr<Backend> MakeHelpedCpuBackend();

}  // namespace layerd

#endif  // LAYERD_TEST_KERNELS_TWINS_H_
