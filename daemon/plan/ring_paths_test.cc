#include "daemon/plan/ring_paths.h"

#include <algorithm>
#include <random>

#include "test/catch/catch.h"

namespace layerd {
namespace {

TEST_CASE("The longest of all paths is what the recurrence says") {
  std::mt19937 random(17);
  for (int round = 0; round < 500; ++round) {
    INFO("round " << round);
    std::vector<uint64_t> reads;
    std::vector<TimedPart> parts;
    for (uint32_t i = 0; i < 1 + random() % 60; ++i) {
      reads.push_back((1 + random() % 64) * 4096);
      for (uint32_t share = 0; share <= random() % 3; ++share) {
        parts.push_back({.read = i, .seconds = (random() % 100) * 1e-5});
      }
      if (random() % 4 == 0) parts.push_back({std::nullopt, 1e-4});
    }
    const RingCase ring_case{.reads_bytes = reads,
                             .parts = parts,
                             .drive_bytes_per_s = 5e8,
                             .ring_bytes = 512 << 10,
                             .first_read_seconds = 1e-4,
                             .block_read_seconds = (random() % 3) * 1e-4,
                             .block_compute_seconds = (random() % 3) * 1e-4};
    const auto paths = RingPaths(ring_case);
    const auto finish = RingFinishTimes(ring_case);
    REQUIRE(paths.ok());
    REQUIRE(finish.ok());
    CHECK(*std::max_element(paths->begin(), paths->end()) ==
          Approx(finish->back()));
  }
}

// When a job read and computed, one after the other, on a machine that lower
// work blocks as often as it may, for as long as it likes.
struct Busy {
  double begin = 0, end = 0;
};
struct Run {
  std::vector<Busy> reads, parts;
};

Run RunOf(const RingCase& c, std::mt19937* random) {
  const auto share = [&] { return ((*random)() % 1001) * 1e-3; };
  std::vector<size_t> last_user(c.reads_bytes.size());
  for (size_t t = 0; t < c.parts.size(); ++t) {
    if (c.parts[t].read) last_user[*c.parts[t].read] = t;
  }
  Run run;
  std::vector<uint64_t> starts;
  uint64_t end = 0;
  size_t freed = 0;
  double room = share() * c.block_read_seconds;
  const auto read_next = [&] {
    const size_t i = run.reads.size();
    const uint64_t rest = c.ring_bytes - end % c.ring_bytes;
    starts.push_back(c.reads_bytes[i] > rest ? end + rest : end);
    end = starts.back() + c.reads_bytes[i];
    const double free = run.reads.empty() ? 0 : run.reads.back().end;
    while (end > starts[freed] + c.ring_bytes) {
      const double returned = run.parts[last_user[freed++]].end;
      if (returned > free) {
        room = std::max(room, returned + share() * c.block_read_seconds);
      }
    }
    const double begin = std::max(free, room);
    run.reads.push_back({begin, begin + static_cast<double>(c.reads_bytes[i]) /
                                            c.drive_bytes_per_s});
  };
  for (const TimedPart& part : c.parts) {
    double begin = run.parts.empty() ? 0 : run.parts.back().end;
    while (part.read && run.reads.size() <= *part.read) read_next();
    if (part.read && run.reads[*part.read].end > begin) {
      begin = run.reads[*part.read].end + share() * c.block_compute_seconds;
    }
    run.parts.push_back({begin, begin + part.seconds});
  }
  return run;
}

double Overlap(const std::vector<Busy>& busy, double from, double to) {
  double sum = 0;
  for (const Busy& b : busy) {
    sum += std::max(0.0, std::min(b.end, to) - std::max(b.begin, from));
  }
  return sum;
}

// The most that a path with so many changes of sides, from `at_drive` on, can
// be delayed by `run`, wherever it changes.
std::vector<double> MostByChanges(const Run& run, bool at_drive,
                                  size_t changes_max) {
  std::vector<double> times;
  for (const auto* busy : {&run.reads, &run.parts}) {
    for (const Busy& b : *busy) times.insert(times.end(), {b.begin, b.end});
  }
  std::sort(times.begin(), times.end());
  std::vector<double> most(changes_max + 1, -1e9);
  most[0] = 0;
  for (size_t k = 1; k < times.size(); ++k) {
    const double read = Overlap(run.reads, times[k - 1], times[k]);
    const double computed = Overlap(run.parts, times[k - 1], times[k]);
    for (size_t x = changes_max + 1; x-- > 0;) {
      if (x > 0) most[x] = std::max(most[x], most[x - 1]);
      most[x] += at_drive == (x % 2 == 0) ? read : computed;
    }
  }
  return most;
}

TEST_CASE("No path is delayed by more than the changes of its sides cost") {
  std::mt19937 random(23);
  for (int round = 0; round < 300; ++round) {
    INFO("round " << round);
    std::vector<uint64_t> reads;
    std::vector<TimedPart> parts;
    // Stretches where one resource or the other is the slower.
    uint32_t weight = 1;
    for (uint32_t i = 0; i < 20 + random() % 40; ++i) {
      if (i % 10 == 0) weight = 1 + random() % 200;
      reads.push_back((1 + random() % 32) * 4096);
      for (uint32_t more = 0; more <= random() % 2; ++more) {
        parts.push_back({.read = i, .seconds = (random() % weight) * 1e-6});
      }
    }
    const RingCase ring_case{.reads_bytes = reads,
                             .parts = parts,
                             .drive_bytes_per_s = 1e9,
                             .ring_bytes = (256u + random() % 512) << 10,
                             .block_read_seconds = (random() % 3) * 2e-5,
                             .block_compute_seconds = (random() % 3) * 4e-5};
    const CrossedCost cost = CrossedCostOf(ring_case);
    const auto nth = [](const std::vector<double>& of, size_t k) {
      return of[std::min(k, of.size() - 1)];
    };
    for (int again = 0; again < 3; ++again) {
      const Run run = RunOf(ring_case, &random);
      for (const bool at_drive : {true, false}) {
        const std::vector<double> most = MostByChanges(run, at_drive, 24);
        double bound = cost.whole_seconds;
        for (size_t x = 0; x < most.size(); ++x) {
          INFO("at drive " << at_drive << ", changes " << x);
          CHECK(most[x] <= bound + 1e-9);
          const bool to_drive = at_drive == (x % 2 == 1);
          bound +=
              nth(to_drive ? cost.to_drive_seconds : cost.to_processor_seconds,
                  x / 2);
        }
      }
    }
  }
}

TEST_CASE("A job that computes first and reads then costs both") {
  // Ten extents; the first five take two seconds each to compute.
  const std::vector<uint64_t> reads(10, 4096);
  std::vector<TimedPart> parts;
  for (uint32_t i = 0; i < 10; ++i) parts.push_back({i, i < 5 ? 2.0 : 0.0});
  const RingCase ring_case{.reads_bytes = reads,
                           .parts = parts,
                           .drive_bytes_per_s = 4096,
                           .ring_bytes = 2 * 4096};
  const CrossedCost cost = CrossedCostOf(ring_case);
  CHECK(cost.whole_seconds == Approx(10));
  // When the fifth part is done, six extents have been read.
  CHECK(cost.to_drive_seconds.front() == Approx(4));
}

}  // namespace
}  // namespace layerd
