#include "daemon/plan/deadline_split.h"

#include "test/catch/catch.h"

namespace layerd {
namespace {

constexpr uint64_t kMib = 1 << 20;
constexpr uint64_t kExtentBytes = 256 << 10;

// So many extents, one part each.
TaskProgram Program(int level, double period, int extents, double seconds) {
  TaskProgram program;
  program.name = "model";
  program.level = level;
  program.period_seconds = period;
  for (int i = 0; i < extents; ++i) {
    program.reads_bytes.push_back(kExtentBytes);
    program.parts.push_back({static_cast<uint32_t>(i), seconds / extents});
  }
  return program;
}

TaskProgram WithHead(const TaskProgram& program, uint64_t head_bytes) {
  const size_t head =
      std::min(program.reads_bytes.size(), head_bytes / kExtentBytes);
  TaskProgram rest = program;
  rest.reads_bytes.resize(program.reads_bytes.size() - head);
  for (TimedPart& part : rest.parts) {
    part.read = *part.read < head ? std::nullopt
                                  : std::optional<uint32_t>(*part.read - head);
  }
  return rest;
}

struct Divided {
  std::vector<TaskProgram> tasks;
  Supply supply;
  std::array<uint64_t, kLevelsMax> level_bytes{};
  DeadlineSplit split;

  // What admission says of the division.
  std::vector<Guarantee> Again() const {
    Supply so = supply;
    std::vector<TaskProgram> programs;
    for (size_t i = 0; i < tasks.size(); ++i) {
      programs.push_back(WithHead(tasks[i], split.head_bytes[i]));
      const size_t level = tasks[i].level - 1;
      if (split.ring_bytes[level] > 0) {
        so.ring_bytes[level] = split.ring_bytes[level];
      }
    }
    return *Guarantees(programs, so);
  }
};

Divided Divide(const std::vector<TaskProgram>& tasks, uint64_t bytes) {
  Divided divided;
  divided.tasks = tasks;
  divided.supply.drive_bytes_per_s = 1e9;
  divided.supply.ring_bytes.fill(bytes);
  divided.level_bytes.fill(bytes);
  divided.split = SplitForDeadlines(
      tasks, divided.level_bytes, divided.supply,
      [&](size_t task, uint64_t, uint64_t head_bytes) {
        return std::optional<TaskProgram>(WithHead(tasks[task], head_bytes));
      });
  return divided;
}

// 16 MiB every 25 ms and 16 every 100: 84 % of the drive. What the first keeps
// in memory the second need not wait for.
TEST_CASE("Heads let a set in that rings alone do not") {
  const std::vector<TaskProgram> tasks{Program(1, 25e-3, 64, 2e-3),
                                       Program(2, 55e-3, 64, 2e-3)};
  Supply rings;
  rings.drive_bytes_per_s = 1e9;
  rings.ring_bytes.fill(8 * kMib);
  REQUIRE_FALSE((*Guarantees(tasks, rings))[1].holds);

  const Divided divided = Divide(tasks, 8 * kMib);

  REQUIRE(divided.split.holds);
  for (const Guarantee& guarantee : divided.Again()) CHECK(guarantee.holds);
  CHECK(divided.split.head_bytes[0] > 0);
}

TEST_CASE("A division fits into the memory of its level") {
  // Two of a level share it.
  const Divided divided =
      Divide({Program(1, 30e-3, 64, 2e-3), Program(1, 60e-3, 32, 2e-3),
              Program(2, 80e-3, 64, 2e-3)},
             8 * kMib);
  const DeadlineSplit& split = divided.split;
  CHECK(split.ring_bytes[0] + split.head_bytes[0] + split.head_bytes[1] <=
        8 * kMib);
  CHECK(split.ring_bytes[1] + split.head_bytes[2] <= 8 * kMib);
  CHECK(split.ring_bytes[2] == 0);  // Nobody is there.
}

TEST_CASE("What no division lets in is not let in") {
  const Divided divided = Divide(
      {Program(1, 25e-3, 64, 24e-3), Program(2, 50e-3, 64, 24e-3)}, 8 * kMib);
  CHECK_FALSE(divided.split.holds);
  bool all = true;
  for (const Guarantee& guarantee : divided.Again()) {
    all = all && guarantee.holds;
  }
  CHECK_FALSE(all);
}

TEST_CASE("Best effort keeps the memory that it has") {
  const Divided divided =
      Divide({Program(1, 25e-3, 64, 2e-3), Program(2, 0, 64, 2e-3)}, 8 * kMib);
  CHECK(divided.split.holds);
  CHECK(divided.split.ring_bytes[1] == 0);
  CHECK(divided.split.head_bytes[1] == 0);
}

TEST_CASE("A task that runs in no ring that is tried has no division") {
  const std::vector<TaskProgram> tasks{Program(1, 25e-3, 64, 2e-3)};
  Supply supply;
  supply.drive_bytes_per_s = 1e9;
  const DeadlineSplit split = SplitForDeadlines(
      tasks, {8 * kMib}, supply,
      [&](size_t, uint64_t, uint64_t) { return std::optional<TaskProgram>(); });
  CHECK_FALSE(split.holds);
  CHECK(split.ring_bytes[0] == 0);
}

}  // namespace
}  // namespace layerd
