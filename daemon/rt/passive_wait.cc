#include "daemon/rt/passive_wait.h"

#include <limits.h>
#include <unistd.h>

#include <cstdlib>

namespace layerd {

void WaitPassively(char** argv) {
  constexpr char kVariable[] = "OMP_WAIT_POLICY";
  constexpr char kSpins[] = "GOMP_SPINCOUNT";
  constexpr char kFewSpins[] = "2000";
  if (std::getenv(kVariable) != nullptr) return;
  // By its own name: "/proc/self/exe" would show as "exe" in process lists.
  char program[PATH_MAX];
  const ssize_t length =
      readlink("/proc/self/exe", program, sizeof(program) - 1);
  if (length <= 0) return;
  program[length] = '\0';
  setenv(kVariable, "passive", /*replace=*/0);
  setenv(kSpins, kFewSpins, /*replace=*/0);
  execv(program, argv);  // On failure: as it was, only slower.
}

}  // namespace layerd
