#include "daemon/plan/row_lookup.h"

#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "daemon/plan/schedulability.h"
#include "daemon/plan/table.h"
#include "test/catch/catch.h"

namespace layerd {
namespace {

constexpr uint64_t kPage = kPageBytes;

// One part that looks `count` rows of 1536 bytes up, of which each lies in two
// tiles at most.
Program Rows(int64_t count) {
  Program program;
  program.buffers = {{count * sizeof(int64_t)}};
  program.tensors = {{"numbers", {DataType::kI64, {count}, {1}}, 0, 0}};
  program.layers = {{"lookup", Gather{0}, {0}, {0}}};
  program.extents = {{0, 375 * kPage, kTableTileBytes}};
  Part& part = program.parts.emplace_back();
  part.table = 0;
  part.weights = {{WeightLayout::Plain(DataType::kF32, {1000, 384}), 0}};
  return program;
}

TEST_CASE("A small cache makes many turns, and a turn asks for so many tiles") {
  struct Case {
    int64_t rows;
    uint64_t cache_bytes, turns;
  };
  const auto c = GENERATE(values<Case>({{16, 2 * kPage, 16},
                                        {16, 5 * kPage, 8},
                                        {16, 375 * kPage, 1},
                                        {129, 375 * kPage, 2},
                                        {0, 2 * kPage, 0}}));
  INFO(c.rows << " rows, " << c.cache_bytes << " bytes");

  const RowLookup lookup = RowLookupOf(Rows(c.rows), 0, c.cache_bytes);

  CHECK(lookup.turns == c.turns);
  // Of a row that one turn had no place for, the tiles count twice.
  CHECK(lookup.tiles == 2 * (static_cast<uint64_t>(c.rows) + c.turns));
  CHECK(lookup.bytes == lookup.tiles * kPage);
}

TEST_CASE("Rows come behind all reads that had room before") {
  const std::vector<uint64_t> reads{1, 1, 1, 1};
  const std::vector<TimedPart> parts{
      {std::nullopt, 1}, {0, 1}, {std::nullopt, 1}, {1, 1}, {2, 1}, {3, 1}};
  const RingCase ring_case{.reads_bytes = reads,
                           .parts = parts,
                           .drive_bytes_per_s = 2,
                           .ring_bytes = 2};

  const auto with =
      WithLookups(ring_case,
                  {{.part = 0, .turns = 1},
                   {.part = 2, .turns = 3, .tiles = 4, .bytes = 5}},
                  {.turn_seconds = 10, .tile_seconds = 0.25});

  CHECK(with[0].read == 1);  // The ring is full of two.
  CHECK(with[0].seconds == 1 + 10);
  CHECK(with[2].read == 2);
  CHECK(with[2].seconds == 1 + 3 * 10 + 4 * 0.25 + 2.5);
  CHECK(with[4].read == 2);
  CHECK(with[4].seconds == 1);
}

TEST_CASE("Of rows beside reads that no ring holds nothing is said but that") {
  TaskProgram task;
  task.period_seconds = 1;
  task.reads_bytes = {4096};
  task.parts = {{std::nullopt, 1e-3}, {0, 1e-3}};
  task.lookups = {{.part = 0, .turns = 1, .tiles = 1, .bytes = 4096}};
  Supply supply;
  supply.drive_bytes_per_s = 1 << 30;
  CHECK(absl::IsInvalidArgument(Guarantees({task}, supply).status()));
}

TaskProgram Task(const std::string& name, int level, double period) {
  TaskProgram task;
  task.name = name;
  task.level = level;
  task.period_seconds = period;
  task.parts = {{std::nullopt, 1e-3}};
  for (uint32_t i = 0; i < 20; ++i) {
    task.reads_bytes.push_back(256 << 10);
    task.parts.push_back({i, 1e-3});
  }
  return task;
}

constexpr RowLookup kLookup{.part = 0, .turns = 2, .tiles = 10, .bytes = 40960};

Supply Drive() {
  Supply supply;
  supply.drive_bytes_per_s = 1 << 30;
  supply.first_read_seconds = 1e-4;
  supply.ring_bytes.fill(64 << 20);
  return supply;
}

TEST_CASE("Who looks rows up is promised no less than they may take") {
  TaskProgram task = Task("m", 1, 0.5);
  const Guarantee before = Guarantees({task}, Drive())->front();
  task.lookups = {kLookup};
  const Guarantee after = Guarantees({task}, Drive())->front();
  // All that it reads comes first.
  const double reads = 20 * 0.25 / 1024;
  const double rows = 10 * 1e-4 + 40960.0 / (1 << 30);
  CHECK(after.alone_seconds ==
        Approx(1e-4 + reads + after.join_seconds + 21e-3 + rows));
  CHECK(after.alone_seconds > before.alone_seconds + rows);

  const TaskProgram lower = Task("lower", 2, 0);
  const Guarantee beside = Guarantees({task, lower}, Drive())->front();
  CHECK(beside.alone_seconds >=
        after.alone_seconds +
            2 * (beside.block_compute_seconds + beside.block_read_seconds));
}

TEST_CASE("Rows of lower work keep the drive busy, and not the processor") {
  TaskProgram resident = Task("lower", 2, 0);
  resident.reads_bytes.clear();
  resident.parts = {{std::nullopt, 1e-3}};
  const std::vector<TaskProgram> tasks{Task("urgent", 1, 0.5), resident};
  CHECK(Guarantees(tasks, Drive())->front().block_read_seconds == 0);

  resident.lookups = {kLookup};
  const Guarantee urgent = Guarantees({tasks[0], resident}, Drive())->front();

  CHECK(urgent.block_read_seconds == Approx(40960.0 / (1 << 30)));
  CHECK(urgent.block_compute_seconds == 1e-3);
}

TEST_CASE("Beside who looks rows up, jobs count as if they were alone") {
  TaskProgram urgent = Task("urgent", 1, 0.05);
  const TaskProgram next = Task("next", 2, 0.5);
  const auto by_paths = Guarantees({urgent, next}, Drive());
  urgent.lookups = {kLookup};
  const auto alone = Guarantees({urgent, next}, Drive());
  REQUIRE(alone.ok());
  const double response = (*alone)[1].response_seconds;
  CHECK(response ==
        Approx((*alone)[1].alone_seconds +
               std::ceil(response / 0.05) * alone->front().alone_seconds));
  CHECK(response > (*by_paths)[1].response_seconds);
  CHECK((*alone)[1].holds);
}

}  // namespace
}  // namespace layerd
