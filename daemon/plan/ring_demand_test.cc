#include "daemon/plan/ring_demand.h"

#include <cstddef>
#include <random>
#include <span>
#include <vector>

#include "daemon/plan/program_sketch.h"
#include "loader/memory/weight_ring.h"
#include "test/catch/catch.h"

namespace layerd {
namespace {

// Runs the reads of a program through a real ring, `phase` bytes after its
// start: takes a room when a part first needs it, returns the oldest when
// nothing needs it any more. False if a part waits for room that it holds.
class RingRun {
 public:
  RingRun(const Program& program, size_t head_extents)
      : program_(program), last_(program.reads.size(), 0) {
    const RingDemand demand(program);
    resident_.resize(program.extents.size());
    for (size_t n = 0; n < head_extents; ++n) {
      resident_[demand.order()[n]] = true;
    }
    for (size_t part = 0; part < program.parts.size(); ++part) {
      if (program.parts[part].read) last_[*program.parts[part].read] = part;
    }
  }

  bool Fits(uint64_t ring_bytes, uint64_t phase) const {
    alignas(kPageBytes) static std::byte memory[4 << 20];  // Never touched.
    const std::span<std::byte> all(memory);
    WeightRing ring(all.first(ring_bytes));
    if (phase > 0) {
      if (!ring.TryTake(phase)) return false;
      ring.ReturnOldest();
    }
    size_t taken = 0, returned = 0;
    for (size_t part = 0; part < program_.parts.size(); ++part) {
      const auto read = program_.parts[part].read;
      for (; read && taken <= *read; ++taken) {
        if (resident(taken)) continue;
        const uint64_t bytes =
            program_.extents[program_.reads[taken]].stored_bytes;
        for (; returned < taken && Done(returned, part); ++returned) {
          if (!resident(returned)) ring.ReturnOldest();
        }
        if (bytes > ring_bytes || !ring.TryTake(bytes)) return false;
      }
    }
    return true;
  }

 private:
  bool Done(size_t read, size_t part) const {
    return resident(read) || last_[read] < part;
  }
  bool resident(size_t read) const { return resident_[program_.reads[read]]; }

  const Program& program_;
  std::vector<size_t> last_;
  std::vector<bool> resident_;
};

TEST_CASE("A ring of the minimum runs the program wherever a job begins") {
  const uint32_t seed = GENERATE(range(0u, 60u));
  INFO("seed " << seed);
  std::mt19937 random(seed);
  const Program program = RandomSketch(random);
  const RingDemand demand(program);
  for (const RingDemand::Step& step : demand.steps()) {
    INFO("head of " << step.head_extents << " extents");
    if (step.ring_bytes_min == 0) continue;
    const RingRun run(program, step.head_extents);
    bool fits = true, fits_in_less = true;
    const uint64_t less = step.ring_bytes_min - kPageBytes;
    for (uint64_t at = 0; at < step.ring_bytes_min; at += kPageBytes) {
      fits = fits && run.Fits(step.ring_bytes_min, at);
      fits_in_less = fits_in_less && at < less && run.Fits(less, at);
    }
    CHECK(fits);
    // Held extents, and not the rule of two, made the minimum: it is exact.
    if (step.ring_bytes_min > 2 * step.largest_bytes) CHECK_FALSE(fits_in_less);
  }
}

TEST_CASE("An extent that is held counts with all that come meanwhile") {
  Program program = Sketch({8 * kPageBytes, 2 * kPageBytes, 2 * kPageBytes,
                            2 * kPageBytes, 4 * kPageBytes});
  program.parts[3].read = 0;  // The first extent again, its room still held.
  program.parts[4].read = 3;
  program.parts.push_back(program.parts.back());
  program.parts[5].read = 4;

  const RingDemand demand(program);

  // 8 held, then 2, 2 and at the seam 1 page is lost; two of 8 are more.
  CHECK(demand.steps()[0].ring_bytes_min == 16 * kPageBytes);
  program.parts[4].read = 4;
  program.parts[5].read = 0;
  program.parts[3].read = 3;
  // 8 + 2 + 2 + 2 + 4, and up to 3 pages lost at the seam.
  CHECK(RingDemand(program).steps()[0].ring_bytes_min == 21 * kPageBytes);
}

TEST_CASE("Larger heads never need larger rings") {
  const uint32_t seed = GENERATE(range(0u, 200u));
  INFO("seed " << seed);
  std::mt19937 random(seed);
  const RingDemand demand(RandomSketch(random));
  for (size_t s = 1; s < demand.steps().size(); ++s) {
    const RingDemand::Step& before = demand.steps()[s - 1];
    const RingDemand::Step& step = demand.steps()[s];
    CHECK(step.ring_bytes_min <= before.ring_bytes_min);
    CHECK(step.head_bytes >= before.head_bytes);
    CHECK(demand.LeastStep(step.ring_bytes_min) <= s);
    CHECK(demand.GreatestStep(step.head_bytes) >= s);
  }
  CHECK(demand.steps().back().ring_bytes_min == 0);
}

TEST_CASE("Ten thousand extents are planned in steps, from none to all") {
  const Program program = Sketch(std::vector<uint64_t>(10'000, kPageBytes));

  const RingDemand demand(program);

  CHECK(demand.steps().size() <= 300);
  CHECK(demand.steps().front().head_bytes == 0);
  CHECK(demand.steps().back().head_bytes == 10'000 * kPageBytes);
}

}  // namespace
}  // namespace layerd
