#include "test/sim/virtual_machine.h"

#include <algorithm>
#include <cmath>

#include "config/check.h"
#include "loader/loader.h"
#include "loader/read_turns.h"

namespace layerd {
namespace {

using std::chrono::nanoseconds;

constexpr size_t kFactors = 4096;  // A power of two.
constexpr double kNormal999 = 3.0902;
constexpr nanoseconds kStall = std::chrono::milliseconds(20);

// Downwards: nothing takes longer than admission counts with.
nanoseconds Nanoseconds(double seconds) {
  return nanoseconds(static_cast<int64_t>(seconds * 1e9));
}

std::vector<double> Factors(double sigma, SimRandom* random) {
  constexpr double kTwoPi = 6.283185307179586;
  std::vector<double> factors;
  for (size_t i = 0; i < kFactors; ++i) {
    const double normal = std::sqrt(-2 * std::log(1 - random->Uniform())) *
                          std::cos(kTwoPi * random->Uniform());
    factors.push_back(std::exp(sigma * (normal - kNormal999)));
  }
  return factors;
}

}  // namespace

VirtualMachine::VirtualMachine(const SimMachine& machine, const Jitter& jitter,
                               const RingBytes& ring_bytes,
                               int most_urgent_level, uint64_t seed)
    : machine_(machine), jitter_(jitter), random_(seed) {
  read_factors_ = Factors(jitter.read_sigma, &random_);
  for (int level = 1; level <= kLevelsMax; ++level) {
    streams_[level - 1] = std::make_unique<SimStream>(
        level, level > most_urgent_level, ring_bytes[level - 1]);
  }
}

void VirtualMachine::ReadAhead() {
  const bool someone_reads =
      std::any_of(streams_.begin(), streams_.end(), [](const auto& stream) {
        return stream->on() &&
               (!stream->exhausted() || stream->bytes_in_flight > 0);
      });
  if (someone_reads) return;
  const auto bytes = static_cast<double>(LoaderOptions{}.inflight_low_bytes);
  drive_free_ =
      std::max(drive_free_,
               clock_.now() + Nanoseconds(bytes / machine_.drive_bytes_per_s));
}

void VirtualMachine::BeginReading(int level, const PartTable* table) {
  stream(level).Begin(table, ++starts_);
  Trace(1, level);
  TurnLoader();
}

void VirtualMachine::EndReading(int level) {
  stream(level).End();
  Trace(2, level);
}

void VirtualMachine::Release(int level, uint32_t read) {
  if (stream(level).Release(read)) TurnLoader();
}

nanoseconds VirtualMachine::PartTime(double flops) {
  const double share = 1 - (1 - jitter_.part_shortest) * random_.Uniform();
  return Nanoseconds(flops / machine_.flops_per_s * share);
}

Instant VirtualMachine::next_answer() const {
  return in_flight_.empty() ? Instant::max() : in_flight_.front().answer;
}

void VirtualMachine::PassUntil(Instant until) {
  while (next_answer() <= until) {
    const InFlight read = in_flight_.front();
    in_flight_.pop_front();
    clock_.Set(read.answer);
    read.stream->bytes_in_flight -= read.run.bytes;
    read.stream->Arrive(read.run);
    Trace(3, read.run.bytes);
    TurnLoader();
  }
  clock_.Set(until);
}

void VirtualMachine::TurnLoader() {
  std::array<SimStream*, kLevelsMax> reading;
  size_t count = 0;
  for (const auto& stream : streams_) {
    if (!stream->on()) continue;
    if (stream->exhausted() && stream->bytes_in_flight == 0) continue;
    reading[count++] = stream.get();  // By level: in the order of urgency.
  }
  if (count == 0) return;
  const LoaderOptions options;
  GiveReadTurns(
      std::span<SimStream* const>(reading.data(), count),
      options.inflight_low_bytes, options.read_bytes_max,
      [this](SimStream* stream, uint64_t bytes_max) -> uint64_t {
        if (in_flight_.size() == kReadsInFlight) return 0;
        const SimStream::Run run = stream->NextRun(bytes_max);
        if (run.bytes > 0) Submit(stream, run);
        return run.bytes;
      },
      [](SimStream* stream) { return stream->HasRoomForNext(); });
}

void VirtualMachine::Submit(SimStream* stream, const SimStream::Run& run) {
  const double nominal =
      static_cast<double>(run.bytes) / machine_.drive_bytes_per_s;
  nanoseconds time = Nanoseconds(nominal * ReadTimeFactor());
  ++reads_;
  if (jitter_.reads_between_stalls > 0 &&
      random_.Next() % jitter_.reads_between_stalls == 0) {
    ++beyond_;
    time += kStall;
  }
  if (jitter_.reads_between_errors > 0 &&
      random_.Next() % jitter_.reads_between_errors == 0) {
    ++beyond_;
    time += time;  // And once more.
  }
  drive_free_ = std::max(drive_free_, clock_.now()) + time;
  stream->bytes_in_flight += run.bytes;
  in_flight_.push_back({drive_free_, stream, run});
  uint64_t low_bytes = 0;
  for (const auto& other : streams_) {
    if (other->low()) low_bytes += other->bytes_in_flight;
  }
  low_bytes_max_ = std::max(low_bytes_max_, low_bytes);
}

double VirtualMachine::ReadTimeFactor() {
  if (jitter_.read_sigma == 0) return 1;
  return std::min(1.0, read_factors_[random_.Next() & (kFactors - 1)]);
}

void VirtualMachine::Trace(uint64_t what, uint64_t about) {
  for (const uint64_t word :
       {static_cast<uint64_t>(clock_.now().time_since_epoch().count()),
        what * 1'000'003 + about}) {
    trace_hash_ = (trace_hash_ ^ word) * 1099511628211u;
  }
}

}  // namespace layerd
