#ifndef LAYERD_TEST_SIM_VIRTUAL_MACHINE_H_
#define LAYERD_TEST_SIM_VIRTUAL_MACHINE_H_

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <vector>

#include "config/limits.h"
#include "daemon/rt/clock.h"
#include "loader/memory/weight_ring.h"
#include "test/sim/part_table.h"
#include "test/sim/sim_random.h"
#include "test/sim/task_set.h"

namespace layerd {

// How a machine strays from its nominal rates, by a seed.
struct Jitter {
  // Of the time of a read: lognormal with this deviation, scaled so that its
  // 99.9 % quantile is the nominal time, which admission counts with; what is
  // above is cut off there. 0: every read takes its nominal time.
  double read_sigma = 0.2;
  double part_shortest = 0.9;  // Of a part's nominal time, evenly up to 1.
  // Once in so many reads the drive does not answer for 20 ms, or fails and is
  // asked again: beyond what admission counts with. 0: never.
  uint64_t reads_between_stalls = 0;
  uint64_t reads_between_errors = 0;
};

class VirtualClock final : public Clock {
 public:
  Instant now() const override { return now_; }
  void Set(Instant now) { now_ = now; }

 private:
  Instant now_{};
};

// The extents of one job on their way into a ring, in virtual time: what
// StreamReader and WeightStream do, without the bytes. The rooms come from the
// daemon's own WeightRing, over memory that nobody touches.
class SimStream {
 public:
  SimStream(int level, bool low, uint64_t ring_bytes);
  ~SimStream();

  // For GiveReadTurns().
  int level() const { return level_; }
  bool low() const { return low_; }
  uint64_t tile_bytes() const { return kTileBytes; }
  uint64_t start_number = 0;
  uint64_t bytes_in_flight = 0;

  void Begin(const PartTable* table, uint64_t number);
  void End();
  bool on() const { return table_ != nullptr; }
  bool exhausted() const { return read_ == table_->reads_bytes.size(); }

  struct Run {
    uint32_t first_read = 0, last_read = 0;
    uint64_t bytes = 0;
    uint64_t bytes_of_first = 0, bytes_of_last = 0;
  };
  // Bytes 0: no room, or not even the next tile is that small.
  Run NextRun(uint64_t bytes_max);
  bool HasRoomForNext() { return !exhausted() && PlaceNext(); }
  void Arrive(const Run& run);
  bool Arrived(uint32_t read) const { return read < published_; }
  // True if the loader waits for the room.
  bool Release(uint32_t read);
  // Of a job that is dropped: nothing more is submitted, and once nothing is in
  // flight the rooms are taken back, the newest first.
  void Abandon() { read_ = static_cast<uint32_t>(table_->reads_bytes.size()); }
  void TakeBack();

  // A byte of the ring was given away while it was in use.
  bool used_twice() const { return used_twice_; }

 private:
  static constexpr uint64_t kTileBytes = 256 << 10;

  bool PlaceNext();
  void Mark(std::span<std::byte> room, bool used);

  const int level_;
  const bool low_;
  std::span<std::byte> memory_;
  std::unique_ptr<WeightRing> ring_;
  std::vector<uint8_t> pages_in_use_;
  bool used_twice_ = false;

  const PartTable* table_ = nullptr;
  struct Placed {
    Room room;
    uint64_t missing_bytes = 0;
  };
  std::vector<Placed> placed_;  // By read.
  uint32_t placed_count_ = 0;
  uint32_t read_ = 0;        // The next to submit,
  uint64_t tile_begin_ = 0;  // from here.
  uint32_t published_ = 0;
  uint32_t released_ = 0;
  bool wants_room_ = false;
};

// Drive, loader and clock of one machine. Reads are answered in the order in
// which they were asked for, up to four at a time, whenever time passes.
class VirtualMachine {
 public:
  static constexpr size_t kReadsInFlight = 4;

  VirtualMachine(const SimMachine& machine, const Jitter& jitter,
                 const RingBytes& ring_bytes, int most_urgent_level,
                 uint64_t seed);

  VirtualClock* clock() { return &clock_; }
  SimStream& stream(int level) { return *streams_[level - 1]; }

  // As much as may be in flight for a job that is only expected, if nobody
  // reads.
  void ReadAhead();
  void BeginReading(int level, const PartTable* table);
  void EndReading(int level);
  void Release(int level, uint32_t read);

  std::chrono::nanoseconds PartTime(double flops);

  // Passes time up to `until`, with all that the drive does meanwhile.
  void PassUntil(Instant until);
  // When the drive answers next; Instant::max() if nothing is in flight.
  Instant next_answer() const;

  // Something happened that admission does not count with.
  uint64_t beyond_assumptions() const { return beyond_; }
  // The most bytes below the urgent that were in flight together.
  uint64_t low_bytes_in_flight_max() const { return low_bytes_max_; }
  // Of all that has happened.
  uint64_t trace_hash() const { return trace_hash_; }
  void Trace(uint64_t what, uint64_t about);

 private:
  struct InFlight {
    Instant answer;
    SimStream* stream;
    SimStream::Run run;
  };

  void TurnLoader();
  void Submit(SimStream* stream, const SimStream::Run& run);
  double ReadTimeFactor();

  const SimMachine machine_;
  const Jitter jitter_;
  VirtualClock clock_;
  SimRandom random_;
  std::vector<double> read_factors_;
  std::array<std::unique_ptr<SimStream>, kLevelsMax> streams_;
  std::deque<InFlight> in_flight_;
  Instant drive_free_{};
  uint64_t starts_ = 0, reads_ = 0, beyond_ = 0;
  uint64_t low_bytes_max_ = 0;
  uint64_t trace_hash_ = 14695981039346656037u;
};

}  // namespace layerd

#endif  // LAYERD_TEST_SIM_VIRTUAL_MACHINE_H_
