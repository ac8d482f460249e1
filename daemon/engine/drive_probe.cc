#include "daemon/engine/drive_probe.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>
#include <random>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "config/status_macros.h"
#include "daemon/plan/drive_rate.h"
#include "daemon/plan/quantile.h"
#include "daemon/rt/busy_cpus.h"
#include "daemon/rt/clock.h"
#include "daemon/rt/loader_cpu.h"
#include "loader/io/open_io_engine.h"
#include "loader/loader.h"
#include "loader/memory/slab.h"
#include "loader/store/crc32c.h"
#include "loader/store/direct_file.h"
#include "loader/store/format.h"

namespace layerd {
namespace {

using Seconds = std::chrono::duration<double>;
using GoOn = std::function<bool()>;

constexpr uint64_t kSmallReadBytes = 64 << 10;
// What is smaller lies in small pages, which layerd's rings do not.
constexpr uint64_t kHugePageBytes = 2 << 20;
constexpr int kFirstReads = 25;
constexpr auto kPause = std::chrono::milliseconds(10);
// Sixteen megabytes or so at a time.
constexpr int kGlances = 21, kFirstReadsOfGlance = 11;
constexpr auto kGlanceTime = std::chrono::milliseconds(4);
constexpr int kLooks = 60;
constexpr int kLongLooks = 13;
constexpr auto kLongLookTime = std::chrono::milliseconds(50);
constexpr double kMiB = 1 << 20;
constexpr double kGiB = 1 << 30;
constexpr uint64_t kWriteBytes = 4 << 20;

// What is done with what came. The loader checks it, while the next reads are
// under way.
enum class Bytes { kIgnored, kChecked };

bool Always() { return true; }

absl::Status OthersWantToRead() {
  return absl::UnavailableError("others want to read");
}

// Keeps `depth` reads of a file in flight.
class ReadingLoop {
 public:
  static absl::StatusOr<ReadingLoop> Open(const DirectFile* file,
                                          const DriveCell& cell,
                                          Bytes use = Bytes::kIgnored) {
    ReadingLoop loop(file, cell, use);
    const uint64_t bytes = cell.read_bytes * loop.submitted_.size();
    // All of it: the end would lie in small pages.
    ASSIGN_OR_RETURN(loop.slab_,
                     Slab::Allocate((bytes + kHugePageBytes - 1) /
                                    kHugePageBytes * kHugePageBytes));
    ASSIGN_OR_RETURN(
        IoEngineChoice choice,
        OpenIoEngine(IoEngineKind::kAuto, static_cast<size_t>(cell.depth)));
    loop.engine_ = std::move(choice.engine);
    loop.warnings_ = loop.slab_->warnings();
    loop.warnings_.insert(loop.warnings_.end(), choice.warnings.begin(),
                          choice.warnings.end());
    const absl::Status registered =
        loop.engine_->RegisterMemory(loop.slab_->memory());
    if (!registered.ok()) loop.warnings_.emplace_back(registered.message());
    return loop;
  }

  // With `depth` in flight, at most as many as the cell has. UNAVAILABLE, with
  // nothing in flight, if `go_on` was false after one of them.
  absl::Status ReadFor(std::chrono::nanoseconds time, int depth_now,
                       const GoOn& go_on) {
    latencies_us_.clear();
    const Instant begin = clock_.now();
    const auto cpu_begin = clock_.cpu_time();
    const auto depth = static_cast<size_t>(depth_now);
    for (size_t slot = 0; slot < depth; ++slot) Submit(slot);
    size_t spare = depth;  // If there is one.
    absl::Status status;
    for (size_t in_flight = depth; in_flight > 0;) {
      ReadCompletion completion;
      if (engine_->Reap({&completion, 1}, /*wait=*/true) == 0) continue;
      status.Update(Take(completion));
      if (!go_on()) status.Update(OthersWantToRead());
      const size_t came = completion.user_data;
      if (status.ok() && clock_.now() - begin < time) {
        Submit(checks() ? std::exchange(spare, came) : came);
      } else {
        --in_flight;
      }
      if (!checks()) continue;
      engine_->Reap({}, /*wait=*/false);  // The drive reads on meanwhile.
      sums_ ^= Crc32c(Slot(came));
    }
    seconds_ = Seconds(clock_.now() - begin).count();
    cpu_seconds_ = Seconds(*clock_.cpu_time() - *cpu_begin).count();
    return status;
  }

  absl::Status ReadFor(std::chrono::nanoseconds time) {
    return ReadFor(time, cell_.depth, Always);
  }

  double bytes() const {
    return static_cast<double>(latencies_us_.size() * cell_.read_bytes);
  }
  double bytes_per_s() const { return bytes() / seconds_; }
  const std::vector<std::string>& warnings() const { return warnings_; }
  const std::vector<double>& latencies_us() const { return latencies_us_; }
  Machine::DriveRate rate() const {
    return {.read_bytes = cell_.read_bytes,
            .depth = cell_.depth,
            .mib_s = bytes_per_s() / kMiB,
            .p50_us = Quantile(latencies_us_, 0.5),
            .p99_us = Quantile(latencies_us_, 0.99),
            .p999_us = Quantile(latencies_us_, 0.999),
            .cpu_ms_per_gib = 1e3 * cpu_seconds_ / (bytes() / kGiB)};
  }

 private:
  ReadingLoop(const DirectFile* file, const DriveCell& cell, Bytes bytes)
      : file_(file),
        cell_(cell),
        bytes_(bytes),
        submitted_(static_cast<size_t>(cell.depth) + (checks() ? 1 : 0)) {}

  bool checks() const { return bytes_ == Bytes::kChecked; }
  std::span<std::byte> Slot(size_t slot) const {
    return slab_->memory().subspan(slot * cell_.read_bytes, cell_.read_bytes);
  }

  void Submit(size_t slot) {
    submitted_[slot] = clock_.now();
    engine_->Submit({.fd = file_->fd(),
                     .offset_bytes = next_offset_,
                     .into = Slot(slot),
                     .user_data = slot});
    next_offset_ += cell_.read_bytes;
    const uint64_t whole = file_->file_bytes() / kPageBytes * kPageBytes;
    if (next_offset_ + cell_.read_bytes > whole) next_offset_ = 0;
  }

  absl::Status Take(const ReadCompletion& completion) {
    if (completion.result != static_cast<int64_t>(cell_.read_bytes)) {
      return absl::InternalError(absl::StrFormat(
          "a read of %d bytes answered %d: the drive or its file system "
          "refuses such reads",
          cell_.read_bytes, completion.result));
    }
    latencies_us_.push_back(
        1e6 * Seconds(clock_.now() - submitted_[completion.user_data]).count());
    return absl::OkStatus();
  }

  const DirectFile* file_;
  DriveCell cell_;
  Bytes bytes_;
  // By slot of the slab; one to spare if they are checked.
  std::vector<Instant> submitted_;
  uint32_t sums_ = 0;
  MonotonicClock clock_;
  std::unique_ptr<Slab> slab_;  // Outlives the engine that knows it.
  std::unique_ptr<IoEngine> engine_;
  std::vector<std::string> warnings_;
  std::vector<double> latencies_us_;
  uint64_t next_offset_ = 0;
  double seconds_ = 0, cpu_seconds_ = 0;
};

absl::StatusOr<DirectFile> OpenForReads(const std::string& path) {
  ASSIGN_OR_RETURN(DirectFile file, DirectFile::Open(path));
  if (file.file_bytes() >= LoaderCell().read_bytes) return file;
  return absl::InvalidArgumentError(
      absl::StrFormat("%s is smaller than one read", path));
}

absl::StatusOr<DriveLooks::Rates> LookFor(std::chrono::nanoseconds time,
                                          const GoOn& go_on,
                                          ReadingLoop* loop) {
  DriveLooks::Rates rates;
  RETURN_IF_ERROR(loop->ReadFor(time, LoaderCell().depth, go_on));
  rates.bytes_per_s = loop->bytes_per_s();
  RETURN_IF_ERROR(loop->ReadFor(time, LoaderCell().depth / 2, go_on));
  rates.half_bytes_per_s = loop->bytes_per_s();
  return rates;
}

std::vector<double> FullRatesOf(const std::vector<DriveLooks::Rates>& looks) {
  std::vector<double> rates;
  for (const auto& look : looks) rates.push_back(look.bytes_per_s);
  return rates;
}

// Where a loader would be, and while as many CPUs are busy as it meets.
absl::Status LookBeside(int compute_threads,
                        const std::function<absl::Status()>& look) {
  const BusyCpus busy(compute_threads);
  absl::Status looked;
  std::thread([&] {
    BecomeLoader(HasCpuForLoader(compute_threads));
    looked = look();
  }).join();
  return looked;
}

// `pause` between looks, if any.
absl::Status LookAtRate(const DirectFile& file, int count,
                        std::chrono::milliseconds pause, const GoOn& go_on,
                        DriveProbe* probe) {
  ASSIGN_OR_RETURN(ReadingLoop loop,
                   ReadingLoop::Open(&file, LoaderCell(), Bytes::kChecked));
  std::vector<DriveLooks::Rates> looks;
  for (int look = 0; look < count; ++look) {
    if (!go_on()) return OthersWantToRead();
    ASSIGN_OR_RETURN(looks.emplace_back(), LookFor(kGlanceTime, go_on, &loop));
    if (pause.count() > 0) std::this_thread::sleep_for(pause);
  }
  probe->speed = DriveLooks::SpeedOf(looks);
  probe->warnings.insert(probe->warnings.end(), loop.warnings().begin(),
                         loop.warnings().end());
  return absl::OkStatus();
}

// The rate for who compares latencies by it.
absl::Status LongLook(const std::string& path, DriveSpeed* speed) {
  ASSIGN_OR_RETURN(DriveLooks drive, DriveLooks::Open(path));
  std::vector<DriveLooks::Rates> looks(kLongLooks);
  for (DriveLooks::Rates& look : looks) {
    ASSIGN_OR_RETURN(look, drive.Look());
  }
  *speed = DriveLooks::SpeedOf(looks, *speed);
  return absl::OkStatus();
}

absl::Status LookAtFirstReads(const DirectFile& file, int reads,
                              const GoOn& go_on, DriveProbe* probe) {
  ASSIGN_OR_RETURN(ReadingLoop loop,
                   ReadingLoop::Open(&file, {kSmallReadBytes, 1}));
  std::vector<double> latencies_us;
  for (int i = 0; i < reads; ++i) {
    std::this_thread::sleep_for(kPause);
    RETURN_IF_ERROR(loop.ReadFor(std::chrono::nanoseconds(0), 1, go_on));
    latencies_us.push_back(loop.latencies_us().front());
  }
  const double transfer =
      static_cast<double>(kSmallReadBytes) / probe->speed.bytes_per_s;
  const auto seconds = [&](double quantile) {
    return std::max(1e-6, 1e-6 * Quantile(latencies_us, quantile) - transfer);
  };
  probe->speed.first_read_seconds = seconds(0.5);
  probe->speed.slow_first_read_seconds = seconds(1 - DriveSpeed::kSlowShare);
  return absl::OkStatus();
}

absl::Status Fill(int fd, const std::string& path, uint64_t bytes) {
  std::mt19937_64 random(1);
  std::vector<uint64_t> noise(kWriteBytes / sizeof(uint64_t));
  for (uint64_t& word : noise) word = random();
  for (uint64_t at = 0; at < bytes;) {
    const ssize_t wrote =
        write(fd, noise.data(), std::min<uint64_t>(kWriteBytes, bytes - at));
    if (wrote <= 0) {
      return absl::ErrnoToStatus(
          errno, absl::StrFormat("%s: the drive is probed with a file of %d "
                                 "bytes; name a folder with room by --path",
                                 path, bytes));
    }
    at += static_cast<uint64_t>(wrote);
  }
  if (fsync(fd) != 0) return absl::ErrnoToStatus(errno, path);
  return absl::OkStatus();
}

}  // namespace

std::vector<DriveCell> AllDriveCells() {
  std::vector<DriveCell> cells;
  for (uint64_t bytes = 64 << 10; bytes <= 4 << 20; bytes *= 2) {
    for (const int depth : {1, 2, 4, 8}) cells.push_back({bytes, depth});
  }
  return cells;
}

DriveCell LoaderCell() {
  const LoaderOptions options;
  return {options.read_bytes_max, static_cast<int>(options.reads_in_flight)};
}

absl::StatusOr<DriveProbe> ProbeDrive(const std::string& path,
                                      const std::vector<DriveCell>& cells,
                                      std::chrono::milliseconds cell_time,
                                      int compute_threads) {
  uint64_t largest = LoaderCell().read_bytes;
  for (const DriveCell& cell : cells) {
    largest = std::max(largest, cell.read_bytes);
  }
  EvictFile(path);
  ASSIGN_OR_RETURN(const DirectFile file, DirectFile::Open(path));
  if (file.file_bytes() < largest) {
    return absl::InvalidArgumentError(
        absl::StrFormat("%s has %d bytes, at least %d are needed to read in",
                        path, file.file_bytes(), largest));
  }
  DriveProbe probe;
  if (!file.direct()) {
    probe.warnings.push_back(absl::StrFormat(
        "%s: its file system refuses O_DIRECT, so this is the rate of the "
        "page cache",
        path));
  }
  for (const DriveCell& cell : cells) {
    ASSIGN_OR_RETURN(ReadingLoop loop, ReadingLoop::Open(&file, cell));
    RETURN_IF_ERROR(loop.ReadFor(cell_time));
    probe.table.push_back(loop.rate());
  }
  RETURN_IF_ERROR(LookBeside(compute_threads, [&] {
    RETURN_IF_ERROR(
        LookAtRate(file, kLooks, std::chrono::milliseconds(0), Always, &probe));
    return LongLook(path, &probe.speed);
  }));
  RETURN_IF_ERROR(LookAtFirstReads(file, kFirstReads, Always, &probe));
  return probe;
}

class DriveLooks::Impl {
 public:
  explicit Impl(DirectFile file) : file_(std::move(file)) {}
  absl::Status Open() {
    ASSIGN_OR_RETURN(loop_,
                     ReadingLoop::Open(&file_, LoaderCell(), Bytes::kChecked));
    return absl::OkStatus();
  }
  absl::StatusOr<Rates> Look() {
    return LookFor(kLongLookTime, Always, &*loop_);
  }

 private:
  const DirectFile file_;
  std::optional<ReadingLoop> loop_;
};

DriveLooks::DriveLooks(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
DriveLooks::~DriveLooks() = default;
DriveLooks::DriveLooks(DriveLooks&&) noexcept = default;
DriveLooks& DriveLooks::operator=(DriveLooks&&) noexcept = default;

absl::StatusOr<DriveLooks> DriveLooks::Open(const std::string& path) {
  ASSIGN_OR_RETURN(DirectFile file, OpenForReads(path));
  auto impl = std::make_unique<Impl>(std::move(file));
  RETURN_IF_ERROR(impl->Open());
  return DriveLooks(std::move(impl));
}

absl::StatusOr<DriveLooks::Rates> DriveLooks::Look() { return impl_->Look(); }

DriveSpeed DriveLooks::SpeedOf(const std::vector<Rates>& looks,
                               const DriveSpeed& before) {
  const DriveCell cell = LoaderCell();
  const std::vector<double> rates = FullRatesOf(looks);
  std::vector<double> half_rates;
  for (const Rates& look : looks) half_rates.push_back(look.half_bytes_per_s);
  DriveSpeed speed = before;
  speed.bytes_per_s = Median(rates);
  speed.slow_bytes_per_s = Quantile(rates, DriveSpeed::kSlowShare);
  if (before.slow_bytes_per_s > 0) {
    speed.slow_bytes_per_s =
        std::min(speed.slow_bytes_per_s, before.slow_bytes_per_s);
  }
  speed.turn_seconds =
      TurnSeconds(speed.bytes_per_s, Median(half_rates),
                  cell.read_bytes * static_cast<uint64_t>(cell.depth));
  return speed;
}

absl::StatusOr<DriveProbe> GlanceAtDrive(const std::string& path,
                                         int compute_threads,
                                         const GoOn& go_on) {
  ASSIGN_OR_RETURN(const DirectFile file, OpenForReads(path));
  DriveProbe probe;
  RETURN_IF_ERROR(LookBeside(compute_threads, [&] {
    return LookAtRate(file, kGlances, kPause, go_on, &probe);
  }));
  RETURN_IF_ERROR(LookAtFirstReads(file, kFirstReadsOfGlance, go_on, &probe));
  return probe;
}

absl::StatusOr<ProbeFile> ProbeFile::Create(const std::string& folder,
                                            uint64_t bytes) {
  std::string path = folder + "/layerctl-probe-XXXXXX";
  const UniqueFd fd(mkostemp(path.data(), O_CLOEXEC));
  if (!fd) return absl::ErrnoToStatus(errno, path);
  ProbeFile file(path);
  RETURN_IF_ERROR(Fill(fd.get(), path, bytes));
  return file;
}

ProbeFile::~ProbeFile() {
  if (!path_.empty()) unlink(path_.c_str());
}

ProbeFile::ProbeFile(ProbeFile&& other) noexcept
    : path_(std::exchange(other.path_, "")) {}

void EvictFile(const std::string& path) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return;
  fdatasync(fd.get());
  posix_fadvise(fd.get(), 0, 0, POSIX_FADV_DONTNEED);
}

}  // namespace layerd
