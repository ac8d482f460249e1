#include "daemon/ctl/drive_beside.h"

#include <atomic>
#include <thread>
#include <utility>

#include "config/status_macros.h"
#include "daemon/rt/loader_cpu.h"

namespace layerd {
namespace {

// What the two threads of LookBeside() tell each other.
struct Watch {
  std::atomic<bool> computing{true};
  std::atomic<bool> enough{false};  // Or it cannot be had.
};

// Looks that computing did not outlast do not count.
absl::Status LookOn(DriveLooks* drive, Watch* watch,
                    std::vector<DriveLooks::Rates>* looks) {
  while (watch->computing.load()) {
    ASSIGN_OR_RETURN(const DriveLooks::Rates rates, drive->Look());
    if (!watch->computing.load()) break;
    looks->push_back(rates);
    watch->enough.store(true);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status DriveBeside::LookBeside(
    const std::function<absl::Status()>& compute) {
  ASSIGN_OR_RETURN(DriveLooks drive, DriveLooks::Open(path_));
  Watch watch;
  absl::Status looked, computed;
  std::thread looking([&] {
    BecomeLoader(HasCpuForLoader(compute_threads_));
    looked = LookOn(&drive, &watch, &looks_);
    watch.enough.store(true);
  });
  do {
    computed = compute();
  } while (computed.ok() && !watch.enough.load());
  watch.computing.store(false);
  looking.join();
  RETURN_IF_ERROR(computed);
  return looked;
}

}  // namespace layerd
