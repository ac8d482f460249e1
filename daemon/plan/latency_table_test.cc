#include "daemon/plan/latency_table.h"

#include <limits>
#include <random>
#include <vector>

#include "daemon/plan/drive_rate.h"
#include "daemon/plan/program_sketch.h"
#include "daemon/plan/ring_recurrence.h"
#include "test/catch/catch.h"

namespace layerd {
namespace {

// What the recurrence says of the extents that are not in the head.
double Oracle(const Program& program, const RingDemand& demand,
              const RingDemand::Step& step, const Costs& costs,
              uint64_t ring_bytes) {
  std::vector<bool> resident(program.extents.size(), false);
  for (size_t n = 0; n < step.head_extents; ++n) {
    resident[demand.order()[n]] = true;
  }
  std::vector<uint64_t> reads;
  std::vector<std::optional<uint32_t>> number(program.reads.size());
  for (size_t i = 0; i < program.reads.size(); ++i) {
    if (resident[program.reads[i]]) continue;
    number[i] = static_cast<uint32_t>(reads.size());
    reads.push_back(program.extents[program.reads[i]].stored_bytes);
  }
  std::vector<TimedPart> parts;
  for (size_t t = 0; t < program.parts.size(); ++t) {
    const auto read = program.parts[t].read;
    parts.push_back({read ? number[*read] : std::nullopt,
                     costs.part_seconds[t] + costs.launch_seconds});
  }
  RingCase ring_case = RingCaseOf(costs, ring_bytes);
  ring_case.reads_bytes = reads;
  ring_case.parts = parts;
  ring_case.first_read_seconds = costs.first_read_seconds;
  const auto finish = RingFinishTimes(ring_case);
  return finish->back();
}

TEST_CASE("The table says what the recurrence says") {
  for (uint32_t seed = 0; seed < 300; ++seed) {
    INFO("seed " << seed);
    std::mt19937 random(seed);
    const Program program = RandomSketch(random);
    if (program.reads.empty()) continue;
    Costs costs{.drive_bytes_per_s = 4096, .first_read_seconds = 0.5};
    if (seed % 2 == 0) costs.drive_turn_seconds = 20;
    if (seed % 3 != 0) costs.launch_seconds = 0.01;
    if (seed % 3 == 2) costs.copy_bytes_per_s = seed % 2 == 0 ? 2048 : 16384;
    for (size_t t = 0; t < program.parts.size(); ++t) {
      costs.part_seconds.push_back(static_cast<double>(random() % 8000) * 1e-3);
    }
    const RingDemand demand(program);
    LatencyTable table(program, demand, costs);
    for (int i = 0; i < 20; ++i) {
      const size_t step = random() % demand.steps().size();
      const RingDemand::Step& head = demand.steps()[step];
      if (head.streamed_bytes == 0) {
        CHECK(table.ColdSeconds(0, step) == table.resident_seconds());
        continue;
      }
      const uint64_t ring = head.ring_bytes_min + random() % 30 * 4096;
      CHECK(table.ColdSeconds(ring, step) ==
            Approx(Oracle(program, demand, head, costs, ring)).epsilon(1e-12));
      CHECK(table.ColdSeconds(head.ring_bytes_min - 1, step) ==
            std::numeric_limits<double>::max());
    }
  }
}

TEST_CASE("Heads go from none to all, and sizes do not depend on the budget") {
  std::mt19937 random(7);
  const Program program = RandomSketch(random);
  const RingDemand demand(program);
  const Costs costs{.part_seconds = std::vector<double>(program.parts.size()),
                    .drive_bytes_per_s = 1};
  const LatencyTable table(program, demand, costs);
  CHECK(table.head_steps().front() == 0);
  CHECK(table.head_steps().back() == demand.steps().size() - 1);
  const std::vector<uint64_t> rings = RingSizes();
  for (size_t i = 1; i < rings.size(); ++i) CHECK(rings[i - 1] < rings[i]);
}

}  // namespace
}  // namespace layerd
