// Is the blocking that is published what happens? The scheduler's own trace is
// asked, of an urgent task beside a flood of two networks.

#include <algorithm>
#include <map>
#include <vector>

#include "test/catch/catch.h"
#include "test/sim/simulation.h"

namespace layerd {
namespace {

constexpr uint64_t kRingBytes = 8 << 20;
constexpr double kRounding = 1e-6;  // Seconds: of nanoseconds, over a part.
constexpr int kUrgent = 1, kFlood = 4;

double Seconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

const std::vector<PartTable>& Tables() {
  static const std::vector<PartTable> tables = AllPartTables();
  return tables;
}

const PartTable* TableOf(const std::string& name) {
  const auto found =
      std::find_if(Tables().begin(), Tables().end(),
                   [&name](const PartTable& t) { return t.name == name; });
  REQUIRE(found != Tables().end());
  return &*found;
}

// More than the machine can do: something lower always computes or waits.
std::vector<SimTask> UrgentBesideFlood() {
  return {{TableOf("mobilenet_v2"), kUrgent, 1.0 / 30},
          {TableOf("vgg16"), kFlood, 0.05},
          {TableOf("resnet152"), kFlood, 0.05}};
}

double PublishedSeconds(const std::vector<SimTask>& tasks,
                        const SimMachine& machine) {
  return Guarantees(ProgramsOf(tasks, machine),
                    SupplyOf(machine, RingsOf(kRingBytes)))
      ->front()
      .block_compute_seconds;
}

std::vector<TraceEvent> TraceOf(const std::vector<SimTask>& tasks,
                                const SimMachine& machine, SimOptions options,
                                uint64_t seed) {
  options.keep_trace = true;
  const SimResult result = Simulate(tasks, machine, options, {}, seed);
  CHECK(result.complaints.empty());
  CHECK(result.preemptions > 0);
  return result.trace;
}

// How long lower parts held up each urgent job: from its arrival until it
// began, and after each wait for the drive the part that it was still waiting
// for. An urgent job that came while another was on waited for that one.
std::vector<double> BlockedSeconds(const std::vector<TraceEvent>& trace) {
  std::vector<TraceEvent> lower;
  for (const TraceEvent& event : trace) {
    if (event.kind == TraceKind::kPart && event.level > kUrgent) {
      lower.push_back(event);
    }
  }
  const auto held_up = [&lower](std::chrono::nanoseconds from,
                                std::chrono::nanoseconds until) {
    double seconds = 0;
    for (const TraceEvent& part : lower) {
      const auto end = part.begin + part.duration;
      if (end == until && end > from) {
        seconds = Seconds(end - std::max(part.begin, from));
      }
    }
    return seconds;
  };
  std::vector<double> blocked;
  for (const TraceEvent& event : trace) {
    if (event.level != kUrgent) continue;
    if (event.kind != TraceKind::kQueued && event.kind != TraceKind::kWait) {
      continue;
    }
    blocked.push_back(held_up(event.begin, event.begin + event.duration));
  }
  return blocked;
}

TEST_CASE("No urgent job is held up for longer than is published") {
  const std::vector<SimTask> tasks = UrgentBesideFlood();
  for (const SimMachine& machine : kMachines) {
    const double published = PublishedSeconds(tasks, machine);
    double longest = 0;
    for (uint64_t seed = 1; seed <= 10; ++seed) {
      INFO(machine.name << ", seed " << seed);
      const std::vector<double> blocked =
          BlockedSeconds(TraceOf(tasks, machine, {.jobs = 40}, seed));
      REQUIRE(blocked.size() > 10);
      const double here = *std::max_element(blocked.begin(), blocked.end());
      CHECK(here <= published + kRounding);
      longest = std::max(longest, here);
    }
    CHECK(longest > 0);  // Or nobody was ever held up.
  }
}

// The worst that can happen does: an urgent job arrives when the longest part
// of the flood has just begun. What comes before it in the trace is as it was
// without it.
TEST_CASE("The published blocking is attained") {
  constexpr std::chrono::nanoseconds kJustAfter(100);
  const SimOptions nominal{
      .jitter = {.read_sigma = 0, .part_shortest = 1},
      .jobs = 4,
      .drop_late = false,
  };
  for (const SimMachine& machine : kMachines) {
    INFO(machine.name);
    std::vector<SimTask> tasks = UrgentBesideFlood();
    SimOptions options = nominal;
    constexpr double kLater = 3600;
    options.first_seconds = {kLater, 0, 0};
    options.keep_trace = true;
    TraceEvent longest;
    for (const TraceEvent& event :
         Simulate(tasks, machine, options, {}, 1).trace) {
      if (event.kind == TraceKind::kPart && event.duration > longest.duration) {
        longest = event;
      }
    }
    options.first_seconds[0] = Seconds(longest.begin + kJustAfter);
    const std::vector<double> blocked =
        BlockedSeconds(Simulate(tasks, machine, options, {}, 1).trace);
    REQUIRE(!blocked.empty());
    const double published = PublishedSeconds(tasks, machine);
    const double most = *std::max_element(blocked.begin(), blocked.end());
    CHECK(most <= published + kRounding);
    CHECK(most >= 0.99 * published);
  }
}

}  // namespace
}  // namespace layerd
