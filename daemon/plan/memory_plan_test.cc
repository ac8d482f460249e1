#include "daemon/plan/memory_plan.h"

#include <random>
#include <vector>

#include "daemon/plan/program_check.h"
#include "daemon/plan/program_sketch.h"
#include "test/catch/catch.h"

namespace layerd {
namespace {

constexpr uint64_t kPage = kPageBytes;
constexpr uint64_t kMiB = 1 << 20;

absl::StatusOr<MemoryPlan> PlanOne(const Program& program, uint64_t weights) {
  return MemoryPlan::Make({{"net/1", 3, &program, 0}},
                          {.weight_bytes = weights});
}

Program TenEqual() { return Sketch(std::vector<uint64_t>(10, 64 * kPage)); }

TEST_CASE("With room for everything, everything is resident and no ring") {
  const Program program = TenEqual();

  const auto plan = PlanOne(program, 640 * kPage);

  REQUIRE(plan.ok());
  CHECK(plan->ring_bytes == 0);
  CHECK(plan->head_bytes == 640 * kPage);
  CHECK(plan->models[0].streamed_bytes == 0);
  for (const auto& offset : plan->models[0].resident_offsets) CHECK(offset);
}

TEST_CASE("One page short of everything, something streams") {
  const Program program = TenEqual();

  const auto plan = PlanOne(program, 639 * kPage);

  REQUIRE(plan.ok());
  CHECK(plan->ring_bytes >= 128 * kPage);
  CHECK(plan->ring_bytes + plan->head_bytes <= 639 * kPage);
  CHECK(plan->models[0].streamed_bytes > 0);
}

// Where all that is resident saves years.
TEST_CASE("However slow the drive, a budget is kept to") {
  const Program program = TenEqual();
  const Costs costs{
      .part_seconds = std::vector<double>(program.parts.size(), 1e-6),
      .drive_bytes_per_s = 1,
      .first_read_seconds = 1e6};

  const auto plan = MemoryPlan::Make(
      {{.name = "net/1", .program = &program, .costs = &costs}},
      {.weight_bytes = 200 * kPage});

  REQUIRE(plan.ok());
  CHECK(plan->weight_memory_bytes() <= 200 * kPage);
}

TEST_CASE("The smallest budget is exact and the refusal names it") {
  struct Row {
    const char* name;
    std::vector<uint64_t> extents;  // In pages.
    uint64_t minimum;               // In pages.
  };
  const auto row = GENERATE(values<Row>({
      {"two of the largest", {4, 4, 4, 4}, 8},
      {"two that are all there is", {4, 4}, 8},
      {"one extent is best kept", {4}, 4},
      {"a large first extent is best kept", {100, 2, 2, 2}, 104},
      {"a large last extent streams", {2, 2, 100, 2, 100, 100}, 200},
  }));
  INFO(row.name);
  std::vector<uint64_t> extents;
  for (uint64_t pages : row.extents) extents.push_back(pages * kPage);
  const Program program = Sketch(extents);

  const auto below = PlanOne(program, row.minimum * kPage - 1);

  CHECK(PlanOne(program, row.minimum * kPage).ok());
  REQUIRE(absl::IsResourceExhausted(below.status()));
  CHECK(MinimumBudgetBytes(below.status()) == row.minimum * kPage);
  CHECK_THAT(std::string(below.status().message()),
             Catch::Contains(std::to_string(row.minimum * kPage)));
}

TEST_CASE("A memory budget counts arenas and scratch as well") {
  const Program program = TenEqual();
  const std::vector<ModelDemand> demand = {{"net/1", 3, &program, 10 * kPage}};
  const uint64_t arena = MemoryPlan::Make(demand, {})->arena_bytes;
  const uint64_t minimum = arena + 128 * kPage;

  const auto enough = MemoryPlan::Make(demand, {.memory_bytes = minimum});
  const auto below = MemoryPlan::Make(demand, {.memory_bytes = minimum - 1});

  CHECK(arena >= 10 * kPage);
  REQUIRE(enough.ok());
  CHECK(enough->slab_bytes <= minimum);
  CHECK(MinimumBudgetBytes(below.status()) == minimum);
}

TEST_CASE(
    "What kernels keep counts against the memory budget, outside the slab") {
  const Program program = TenEqual();
  std::vector<ModelDemand> demands = {{"a/1", 3, &program},
                                      {"b/1", 3, &program}};
  const auto without = MemoryPlan::Make(demands, {});
  for (ModelDemand& demand : demands) demand.prepared_bytes = 7 * kMiB;
  const uint64_t minimum = without->arena_bytes + 14 * kMiB + 128 * kPage;

  const auto all = MemoryPlan::Make(demands, {});
  const auto enough = MemoryPlan::Make(demands, {.memory_bytes = minimum});
  const auto below = MemoryPlan::Make(demands, {.memory_bytes = minimum - 1});

  REQUIRE((all.ok() && enough.ok()));
  CHECK(all->slab_bytes == without->slab_bytes);
  CHECK(all->beside_weights_bytes() == without->arena_bytes + 14 * kMiB);
  CHECK(enough->slab_bytes + 14 * kMiB <= minimum);
  CHECK(MinimumBudgetBytes(below.status()) == minimum);
  CHECK_THAT(std::string(below.status().message()),
             Catch::Contains("kernels 14680064, "));
}

TEST_CASE("Decode scratch is one for all and counts as memory for weights") {
  const Program program = TenEqual();
  const std::vector<ModelDemand> demands = {
      {"a/1", 3, &program, 0, 5 * kPage - 1}, {"b/1", 1, &program, 0, 3}};
  const std::vector<ModelDemand> plain = {{"a/1", 3, &program, 0},
                                          {"b/1", 1, &program, 0}};
  const uint64_t minimum =
      MemoryPlan::Make(plain, {})->minimum_weight_bytes + 5 * kPage;

  const auto least = MemoryPlan::Make(demands, {.weight_bytes = minimum});
  const auto below = MemoryPlan::Make(demands, {.weight_bytes = minimum - 1});
  const auto all = MemoryPlan::Make(demands, {});

  REQUIRE((least.ok() && all.ok()));
  CHECK(least->decode.bytes == 5 * kPage);
  CHECK(least->minimum_weight_bytes == minimum);
  CHECK(least->weight_memory_bytes() <= minimum);
  CHECK(MinimumBudgetBytes(below.status()) == minimum);
  CHECK_THAT(std::string(below.status().message()),
             Catch::Contains("decoding 20480"));
  CHECK(all->weight_memory_bytes() == all->weight_bytes + 5 * kPage);
}

TEST_CASE("Models of a level share one ring and one arena") {
  const Program large = Sketch(std::vector<uint64_t>(100, 32 * kPage));
  const Program small = Sketch(std::vector<uint64_t>(90, 8 * kPage));
  const MemoryBudgets budgets{.weight_bytes = 2 * kMiB};

  const auto alone = MemoryPlan::Make({{"a/1", 3, &large, 0}}, budgets);
  const auto both =
      MemoryPlan::Make({{"a/1", 3, &large, 0}, {"b/1", 3, &small, 0}}, budgets);
  const auto apart =
      MemoryPlan::Make({{"a/1", 3, &large, 0}, {"b/1", 1, &small, 0}}, budgets);

  REQUIRE((alone.ok() && both.ok() && apart.ok()));
  CHECK(both->minimum_weight_bytes == alone->minimum_weight_bytes);
  CHECK(both->levels.size() == 1);
  CHECK(both->arena_bytes == alone->arena_bytes);
  CHECK(apart->levels.size() == 2);
  CHECK(apart->minimum_weight_bytes == (64 + 16) * kPage);
}

TEST_CASE("What is asked more often gets memory first") {
  const Program program = TenEqual();
  const auto heads = [&](double first, double second) {
    const auto plan = MemoryPlan::Make(
        {{.name = "a/1", .program = &program, .requests_per_s = first},
         {.name = "b/1", .program = &program, .requests_per_s = second}},
        {.weight_bytes = 800 * kPage});
    REQUIRE(plan.ok());
    return std::pair(plan->models[0].head.bytes, plan->models[1].head.bytes);
  };
  const auto [hot, cold] = heads(30, 1);
  CHECK(hot > cold);
  const auto [rare, often] = heads(1, 30);
  CHECK(often > rare);
  CHECK(hot == often);
  // Who has not said anything counts as the mean of the others.
  CHECK(heads(0, 0) == heads(7, 7));
  CHECK(heads(0, 7) == heads(7, 7));
}

TEST_CASE("A tensor that is read twice is resident once") {
  Program program = TenEqual();
  AppendRead(&program, 0);  // The first extent again, at the end.

  const auto plan = PlanOne(program, 640 * kPage);

  REQUIRE(plan.ok());
  CHECK(plan->models[0].weight_bytes == 640 * kPage);
  CHECK(plan->head_bytes == 640 * kPage);
}

// No model may touch another's bytes, and none may leave its budget.
TEST_CASE("No plan leaves its budget, and every extent has its place") {
  const uint32_t seed = GENERATE(range(0u, 300u));
  INFO("seed " << seed);
  std::mt19937 random(seed);
  std::vector<Program> programs(1 + random() % 4);
  std::vector<ModelDemand> demands;
  for (Program& program : programs) {
    program = RandomSketch(random);
    demands.push_back({"m", static_cast<int>(1 + random() % kLevels), &program,
                       random() % 100'000});
  }
  const uint64_t least = MemoryPlan::Make(demands, {})->minimum_weight_bytes;
  const uint64_t budget = least + random() % (4 * kMiB);

  const auto plan = MemoryPlan::Make(demands, {.weight_bytes = budget});

  REQUIRE(plan.ok());
  CHECK(plan->ring_bytes + plan->head_bytes <= budget);
  CHECK(plan->slab_bytes ==
        plan->ring_bytes + plan->head_bytes + plan->arena_bytes);
  if (budget >= plan->weight_bytes) CHECK(plan->ring_bytes == 0);
  for (size_t m = 0; m < demands.size(); ++m) {
    const auto& model = plan->models[m];
    const auto level =
        std::find_if(plan->levels.begin(), plan->levels.end(),
                     [&](const auto& l) { return l.level == model.level; });
    CHECK(model.arena.bytes <= level->arena.bytes);
    for (uint32_t extent : programs[m].reads) {
      const uint64_t bytes = programs[m].extents[extent].stored_bytes;
      const auto offset = model.resident_offsets[extent];
      if (!offset) CHECK(2 * bytes <= level->ring.bytes);
      if (!offset) continue;
      CHECK(*offset >= model.head.offset_bytes);
      CHECK(*offset + bytes <= model.head.offset_bytes + model.head.bytes);
    }
  }
  if (least > 0) {
    CHECK_FALSE(MemoryPlan::Make(demands, {.weight_bytes = least - 1}).ok());
  }
}

TEST_CASE("One more model never needs less") {
  const uint32_t seed = GENERATE(range(0u, 100u));
  INFO("seed " << seed);
  std::mt19937 random(seed);
  std::vector<Program> programs(4);
  std::vector<ModelDemand> demands;
  uint64_t least = 0;
  for (Program& program : programs) {
    program = RandomSketch(random);
    demands.push_back(
        {"m", static_cast<int>(1 + random() % kLevels), &program, 0});
    const auto plan = MemoryPlan::Make(demands, {});
    REQUIRE(plan.ok());
    CHECK(plan->minimum_weight_bytes >= least);
    least = plan->minimum_weight_bytes;
  }
}

TEST_CASE("A plan can be read") {
  const Program program = TenEqual();

  const std::string text = PlanOne(program, 128 * kPage)->ToString();

  CHECK_THAT(text, Catch::Contains("level 3: ring 524288") &&
                       Catch::Contains("net/1: level 3, weights 2621440"));
}

TEST_CASE("A plan's memory is divided otherwise without a byte more") {
  const Program program = TenEqual();
  const std::vector<ModelDemand> demands{{"net/1", 3, &program, 0}};
  MemoryPlanner planner(demands);
  const auto plan = planner.Plan({.weight_bytes = 512 * kPage});
  REQUIRE(plan.ok());
  MemoryDivision division{.head_bytes = {256 * kPage}};
  division.ring_bytes[2] = 256 * kPage;

  const auto divided = planner.Divide(*plan, division);

  REQUIRE(divided.ok());
  CHECK(divided->levels[0].ring.bytes == 256 * kPage);
  CHECK(divided->models[0].head.bytes == 256 * kPage);
  CHECK(divided->models[0].streamed_bytes == 384 * kPage);
  CHECK(divided->models[0].resident_offsets[3]);
  CHECK_FALSE(divided->models[0].resident_offsets[4]);
  CHECK(divided->slab_bytes ==
        512 * kPage + plan->arena_bytes + plan->decode.bytes);
  // What is not named stays as it was.
  const auto same = planner.Divide(*plan, {.head_bytes = {std::nullopt}});
  REQUIRE(same.ok());
  CHECK(same->ToString() == plan->ToString());
}

TEST_CASE("A model is not given a ring in which it does not run") {
  const Program program = TenEqual();
  MemoryPlanner planner({{"net/1", 3, &program, 0}});
  const auto plan = planner.Plan({.weight_bytes = 512 * kPage});
  REQUIRE(plan.ok());
  MemoryDivision division{.head_bytes = {64 * kPage}};
  division.ring_bytes[2] = 64 * kPage;  // Two of its extents are needed.

  const auto divided = planner.Divide(*plan, division);

  CHECK(absl::IsFailedPrecondition(divided.status()));
}

TEST_CASE("As many parts and reads as there may be are planned in seconds") {
  Program program = Sketch(std::vector<uint64_t>(2000, 64 * kPage));
  while (program.parts.size() < kProgramItemsMax) {
    Part part = program.parts.back();
    part.read = static_cast<uint32_t>(program.reads.size());
    program.reads.push_back(*part.read % 2000);
    program.parts.push_back(part);
  }
  MemoryPlanner planner({{"net/1", 3, &program, 0}});
  const auto plan = planner.Plan({.weight_bytes = 100'000 * kPage});
  REQUIRE(plan.ok());
  CHECK(plan->weight_memory_bytes() <= 100'000 * kPage);
}

}  // namespace
}  // namespace layerd
