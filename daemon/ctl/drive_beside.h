#ifndef LAYERD_DAEMON_CTL_DRIVE_BESIDE_H_
#define LAYERD_DAEMON_CTL_DRIVE_BESIDE_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "daemon/engine/drive_probe.h"
#include "daemon/plan/costs.h"

namespace layerd {

// How fast the drive reads while this machine computes, as it does whenever
// something is streamed. A drive by itself tells another rate: computing takes
// memory and, where the host has no CPU to spare, processor time from it; and
// its rate drifts within minutes, so that one look before a bench is not of the
// drive that the rounds met.
class DriveBeside {
 public:
  // Looks at the drive of `path` on the CPU where a loader of an engine with
  // so many threads would be.
  DriveBeside(std::string path, int compute_threads)
      : path_(std::move(path)), compute_threads_(compute_threads) {}

  // Calls `compute` again and again, and looks meanwhile, until it has been
  // called once and there is a look during which nothing but calls happened.
  // In memory of its own, which is other memory each time.
  absl::Status LookBeside(const std::function<absl::Status()>& compute);

  const std::vector<DriveLooks::Rates>& looks() const { return looks_; }

 private:
  std::string path_;
  int compute_threads_;
  std::vector<DriveLooks::Rates> looks_;
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_CTL_DRIVE_BESIDE_H_
