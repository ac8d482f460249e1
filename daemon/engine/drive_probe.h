#ifndef LAYERD_DAEMON_ENGINE_DRIVE_PROBE_H_
#define LAYERD_DAEMON_ENGINE_DRIVE_PROBE_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "daemon/plan/costs.h"
#include "daemon/plan/machine.h"

namespace layerd {

struct DriveCell {
  uint64_t read_bytes = 0;
  int depth = 0;  // Reads in flight.
};

// The sizes and depths that are worth a look, and the cell that the loader
// reads in.
std::vector<DriveCell> AllDriveCells();
DriveCell LoaderCell();

struct DriveProbe {
  std::vector<Machine::DriveRate> table;  // In the order of the cells.
  // In the loader's cell, where all that comes is looked at; of one small read
  // after a pause, what it takes above its bytes at that rate.
  DriveSpeed speed;
  std::vector<std::string> warnings;  // What the kernel refused.
};

// Reads a file as the loader does: past the page cache, into a registered slab
// of huge pages, from its beginning over and over. The page cache is asked to
// forget the file first. Takes about `cell_time` for each cell, and two
// seconds.
//
// The table is of a drive that is looked at alone; `speed` is what a stream
// meets while a network computes on `compute_threads` (BusyCpus).
//
// Errors: INVALID_ARGUMENT if the file is smaller than the largest read.
absl::StatusOr<DriveProbe> ProbeDrive(const std::string& path,
                                      const std::vector<DriveCell>& cells,
                                      std::chrono::milliseconds cell_time,
                                      int compute_threads);

// Long looks at the drive's rate, in turn with as much in flight as the loader
// ever has and with half of it: a rate drifts. What comes is checked, as the
// loader does.
class DriveLooks {
 public:
  // INVALID_ARGUMENT if the file is smaller than one read.
  static absl::StatusOr<DriveLooks> Open(const std::string& path);
  ~DriveLooks();
  DriveLooks(DriveLooks&&) noexcept;
  DriveLooks& operator=(DriveLooks&&) noexcept;

  struct Rates {
    double bytes_per_s = 0, half_bytes_per_s = 0;
  };
  // One of each, 50 ms long: so long that beginning and end do not count.
  absl::StatusOr<Rates> Look();

  // By medians, for a stall of some of them counts no more than it should. What
  // looks do not tell is as `before`, and as slow as either knew it to be.
  // REQUIRES: not empty.
  static DriveSpeed SpeedOf(const std::vector<Rates>& looks,
                            const DriveSpeed& before = {});

 private:
  class Impl;
  explicit DriveLooks(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Only `speed`, in looks so short that whoever reads beside them hardly
// notices. Asks `go_on` after each read: UNAVAILABLE once it is false, and
// nothing more is read than what was on its way.
absl::StatusOr<DriveProbe> GlanceAtDrive(const std::string& path,
                                         int compute_threads,
                                         const std::function<bool()>& go_on);

// A file of noise that is gone with this object, to probe the drive of
// `folder` with.
class ProbeFile {
 public:
  static absl::StatusOr<ProbeFile> Create(const std::string& folder,
                                          uint64_t bytes);
  ~ProbeFile();
  ProbeFile(ProbeFile&& other) noexcept;
  ProbeFile& operator=(ProbeFile&&) = delete;

  const std::string& path() const { return path_; }

 private:
  explicit ProbeFile(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

// Asks the page cache to forget a file. Best effort.
void EvictFile(const std::string& path);

}  // namespace layerd

#endif  // LAYERD_DAEMON_ENGINE_DRIVE_PROBE_H_
