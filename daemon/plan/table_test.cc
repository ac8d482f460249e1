#include "daemon/plan/table.h"

#include "daemon/plan/memory_plan.h"
#include "daemon/plan/program_sketch.h"
#include "test/catch/catch.h"

namespace layerd {
namespace {

constexpr uint64_t kPage = kPageBytes;

Table Rows(uint64_t row_bytes, int64_t rows = 1000) {
  Table table;
  table.row_bytes = row_bytes;
  table.rows = rows;
  table.tile_bytes = kTableTileBytes;
  table.stored_bytes = RoundUpToPage(row_bytes * rows);
  return table;
}

TEST_CASE("A row lies in as many tiles as its bytes touch") {
  struct Case {
    uint64_t row_bytes;
    uint64_t tiles_most;
  };
  const auto c = GENERATE(values<Case>({{4, 1},
                                        {20, 2},
                                        {1024, 1},
                                        {1536, 2},
                                        {3072, 2},
                                        {4096, 1},
                                        {4100, 2},
                                        {6144, 2},
                                        {8192, 2},
                                        {10'000, 4}}));
  INFO("rows of " << c.row_bytes);
  const Table table = Rows(c.row_bytes);

  uint64_t most = 0;
  for (int64_t row = 0; row < table.rows; ++row) {
    most = std::max(most, table.LastTileOf(row) - table.FirstTileOf(row) + 1);
    REQUIRE(table.LastTileOf(row) < table.tile_count());
  }

  CHECK(most == c.tiles_most);
  CHECK(table.tiles_per_row_max() >= most);
  CHECK(table.tiles_per_row_max() <= most + 1);
}

TEST_CASE("A row never asks for more tiles than the table has") {
  CHECK(Rows(5000, 1).tiles_per_row_max() == 2);
  CHECK(Rows(100, 2).tiles_per_row_max() == 1);
}

uint32_t AddNumbers(Program* program, int64_t count) {
  program->buffers.push_back({count * sizeof(int64_t)});
  program->tensors.push_back(
      {"numbers",
       {DataType::kI64, {count}, {1}},
       static_cast<uint32_t>(program->buffers.size() - 1),
       0});
  return static_cast<uint32_t>(program->tensors.size() - 1);
}

// A chain of four extents, and a table of 1000 rows of 1536 bytes of which a
// part looks `looked_up` up.
Program WithTable(int64_t looked_up) {
  Program program = Sketch({4 * kPage, 4 * kPage, 4 * kPage, 4 * kPage});
  const auto layer = static_cast<uint32_t>(program.layers.size());
  program.layers.push_back(
      {"lookup", Copy{}, {AddNumbers(&program, looked_up)}, program.outputs});
  const Extent& last = program.extents.back();
  program.extents.push_back(
      {last.offset_bytes + last.stored_bytes, 375 * kPage, kTableTileBytes});
  Part& part = program.parts.emplace_back();
  part.layer = layer;
  part.table = 4;
  part.weights = {{WeightLayout::Plain(DataType::kF32, {1000, 384}), 0}};
  return program;
}

absl::StatusOr<MemoryPlan> PlanOne(const Program& program, uint64_t weights) {
  return MemoryPlan::Make({{"net/1", 3, &program, 0}},
                          {.weight_bytes = weights});
}

TEST_CASE("With room for everything a table has a place for every tile") {
  const Program program = WithTable(16);

  const auto plan = PlanOne(program, (16 + 375) * kPage);

  REQUIRE(plan.ok());
  CHECK(plan->weight_bytes == (16 + 375) * kPage);
  CHECK(plan->table_bytes == 375 * kPage);
  CHECK(plan->head_bytes == 16 * kPage);
  CHECK(plan->weight_memory_bytes() == (16 + 375) * kPage);
  CHECK(plan->slab_bytes == plan->weight_memory_bytes() + plan->arena_bytes);
}

TEST_CASE("The smallest plan has room for one row of a table") {
  const Program program = WithTable(16);

  const auto plan = PlanOne(program, 10 * kPage);
  const auto refused = PlanOne(program, 10 * kPage - 1);

  REQUIRE(plan.ok());
  CHECK(plan->ring_bytes == 8 * kPage);
  CHECK(plan->table_bytes == 2 * kPage);
  CHECK(plan->models[0].tables[0].extent == 4);
  CHECK(MinimumBudgetBytes(refused.status()) == 10 * kPage);
  CHECK_THAT(std::string(refused.status().message()),
             Catch::Contains("tables 8192"));
}

TEST_CASE("With more room a table has what one job looks up") {
  const Program program = WithTable(16);

  const auto plan = PlanOne(program, 200 * kPage);

  REQUIRE(plan.ok());
  CHECK(plan->ring_bytes == 0);
  CHECK(plan->head_bytes == 16 * kPage);
  CHECK(plan->table_bytes == 184 * kPage);
}

TEST_CASE("A table whose job looks up little leaves the rest to the ring") {
  const Program program = WithTable(1);

  const auto plan = PlanOne(program, 14 * kPage);

  REQUIRE(plan.ok());
  CHECK(plan->table_bytes == 2 * kPage);
  CHECK(plan->weight_memory_bytes() <= 14 * kPage);
}

}  // namespace
}  // namespace layerd
