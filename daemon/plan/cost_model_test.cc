#include "daemon/plan/cost_model.h"

#include <algorithm>
#include <limits>
#include <random>
#include <string>

#include "daemon/plan/program_sketch.h"
#include "test/catch/catch.h"

namespace layerd {
namespace {

constexpr double kLittle = 1e-9;

ModelDemand DemandOf(const Program& program) {
  return {.name = "m/1", .level = 3, .program = &program, .scratch_bytes = 0};
}

// A page takes the drive a second.
Costs CostsOf(std::vector<double> part_seconds) {
  return {.part_seconds = std::move(part_seconds),
          .drive_bytes_per_s = 4096,
          .first_read_seconds = 0.5};
}

Costs RandomCosts(const Program& program, std::mt19937& random) {
  std::vector<double> seconds;
  for (size_t t = 0; t < program.parts.size(); ++t) {
    seconds.push_back(static_cast<double>(random() % 8000) * 1e-3);
  }
  return CostsOf(std::move(seconds));
}

TEST_CASE("What is resident costs its computing, and no schedule beats that") {
  const Program program = Sketch({4096, 8192, 4096});
  const auto point = FastestPlan(DemandOf(program), {}, CostsOf({1, 2, 3}));
  REQUIRE(point.ok());
  CHECK(point->plan.ring_bytes == 0);
  CHECK(point->prediction.cold_seconds == Approx(6));
  CHECK(point->prediction.warm_seconds == Approx(6));
  CHECK(point->prediction.asap_seconds == Approx(6));
  CHECK(point->prediction.lower_bound_seconds == Approx(6));
  CHECK(point->prediction.blocking_seconds == Approx(3.75));
}

TEST_CASE("What was seen of parts counts, if it is longer") {
  const Program program = Sketch({4096, 8192, 4096});
  ModelDemand demand = DemandOf(program);
  for (const double seen : {3.0, 4.0}) {
    demand.seen_part_seconds = seen;
    const auto point = FastestPlan(demand, {}, CostsOf({1, 2, 3}));
    REQUIRE(point.ok());
    CHECK(point->prediction.blocking_seconds == Approx(std::max(3.75, seen)));
    CHECK(point->prediction.cold_seconds == Approx(6));
  }
}

TEST_CASE("A ring of two pages has the latency that one works out by hand") {
  const Program program = Sketch({4096, 4096, 4096, 4096});
  const auto point = FastestPlan(DemandOf(program), {.weight_bytes = 8192},
                                 CostsOf({1, 1, 1, 1}));
  REQUIRE(point.ok());
  REQUIRE(point->plan.ring_bytes == 8192);
  CHECK(point->prediction.asap_seconds == Approx(5));
  CHECK(point->prediction.cold_seconds == Approx(5.5));
  CHECK(point->prediction.warm_seconds == Approx(4));
  CHECK(point->prediction.lower_bound_seconds == Approx(4));
  CHECK(point->prediction.blocking_seconds == Approx(1.25 + 4));
}

TEST_CASE(
    "A budget that is too small is refused with the least that would do") {
  const Program program = Sketch({4096, 8192});
  const auto point =
      FastestPlan(DemandOf(program), {.weight_bytes = 4096}, CostsOf({1, 1}));
  REQUIRE(!point.ok());
  CHECK(MinimumBudgetBytes(point.status()).has_value());
}

TEST_CASE("Bound, warm, asap and cold keep their order") {
  for (uint32_t seed = 0; seed < 300; ++seed) {
    INFO("seed " << seed);
    std::mt19937 random(seed);
    const Program program = RandomSketch(random);
    const Costs costs = RandomCosts(program, random);
    const auto curve = MemoryCurve(DemandOf(program), costs);
    REQUIRE(curve.ok());
    for (const PlannedPoint& point : *curve) {
      const Prediction& p = point.prediction;
      CHECK(p.lower_bound_seconds <= p.warm_seconds + kLittle);
      CHECK(p.warm_seconds <= p.asap_seconds + kLittle);
      CHECK(p.asap_seconds <= p.cold_seconds + kLittle);
      CHECK(p.cold_seconds <=
            p.asap_seconds + costs.first_read_seconds + kLittle);
    }
  }
}

TEST_CASE("More memory is never slower, from the least to all of it") {
  for (uint32_t seed = 0; seed < 300; ++seed) {
    INFO("seed " << seed);
    std::mt19937 random(1000 + seed);
    const Program program = RandomSketch(random);
    const Costs costs = RandomCosts(program, random);
    const auto curve = MemoryCurve(DemandOf(program), costs);
    REQUIRE(curve.ok());
    REQUIRE(!curve->empty());
    for (size_t i = 1; i < curve->size(); ++i) {
      const PlannedPoint &less = (*curve)[i - 1], &more = (*curve)[i];
      CHECK(less.budget_bytes < more.budget_bytes);
      CHECK(more.prediction.cold_seconds <= less.prediction.cold_seconds);
      CHECK(more.prediction.lower_bound_seconds <=
            less.prediction.lower_bound_seconds + kLittle);
      CHECK(more.plan.ring_bytes + more.plan.head_bytes <= more.budget_bytes);
    }
    CHECK(curve->back().plan.ring_bytes == 0);
  }
}

TEST_CASE("A larger budget of any size is never slower") {
  for (uint32_t seed = 0; seed < 50; ++seed) {
    INFO("seed " << seed);
    std::mt19937 random(seed);
    const Program program = RandomSketch(random);
    const Costs costs = RandomCosts(program, random);
    const auto all = MemoryPlan::Make({DemandOf(program)}, {});
    std::vector<uint64_t> budgets{all->minimum_weight_bytes, all->weight_bytes};
    for (int i = 0; i < 10; ++i) {
      budgets.push_back(all->minimum_weight_bytes +
                        random() % (all->weight_bytes + 1));
    }
    std::sort(budgets.begin(), budgets.end());
    double before = std::numeric_limits<double>::max();
    for (const uint64_t bytes : budgets) {
      const auto point =
          FastestPlan(DemandOf(program), {.weight_bytes = bytes}, costs);
      REQUIRE(point.ok());
      CHECK(point->prediction.cold_seconds <= before);
      before = point->prediction.cold_seconds;
    }
  }
}

TEST_CASE(
    "Several models give up no more with more memory, and little in all") {
  for (uint32_t seed = 0; seed < 15; ++seed) {
    INFO("seed " << seed);
    std::mt19937 random(seed);
    std::vector<Program> programs(1 + random() % 4);
    std::vector<Costs> costs(programs.size());
    std::vector<ModelDemand> demands;
    for (size_t m = 0; m < programs.size(); ++m) {
      programs[m] = RandomSketch(random);
      costs[m] = RandomCosts(programs[m], random);
      demands.push_back({.name = "m/" + std::to_string(m),
                         .level = static_cast<int>(1 + random() % kLevels),
                         .program = &programs[m],
                         .costs = &costs[m]});
    }
    MemoryPlanner planner(demands);
    const auto all = planner.Plan({});
    REQUIRE(all.ok());
    double first = 0, last = 0;
    for (int step = 0; step <= 8; ++step) {
      const MemoryBudgets budgets{
          .weight_bytes =
              all->minimum_weight_bytes +
              (all->weight_bytes - all->minimum_weight_bytes) * step / 8};
      const auto plan = planner.Plan(budgets);
      REQUIRE(plan.ok());
      const auto outlook = OutlookOf(demands, *plan, budgets, &planner);
      REQUIRE(outlook.ok());
      last = 0;
      for (const ModelOutlook& model : *outlook) {
        const Prediction& p = model.prediction;
        if (p.resident_seconds == 0) continue;
        last += p.cold_seconds / p.resident_seconds - 1;
      }
      if (step == 0) first = last;
      CHECK(last <= first + kLittle);
    }
    CHECK(last == Approx(0).margin(kLittle));
  }
}

TEST_CASE("The fastest plan of a budget is at most as slow as the largest") {
  for (uint32_t seed = 0; seed < 100; ++seed) {
    INFO("seed " << seed);
    std::mt19937 random(seed);
    const Program program = RandomSketch(random);
    const Costs costs = RandomCosts(program, random);
    const auto all = MemoryPlan::Make({DemandOf(program)}, {});
    REQUIRE(all.ok());
    const MemoryBudgets budgets{
        .weight_bytes = (all->minimum_weight_bytes + all->weight_bytes) / 2};
    const auto largest = MemoryPlan::Make({DemandOf(program)}, budgets);
    const auto fastest = FastestPlan(DemandOf(program), budgets, costs);
    if (!largest.ok()) continue;
    REQUIRE(fastest.ok());
    CHECK(fastest->prediction.cold_seconds <=
          Predict(program, *largest, costs)->cold_seconds);
    CHECK(fastest->plan.ring_bytes + fastest->plan.head_bytes <=
          budgets.weight_bytes);
  }
}

}  // namespace
}  // namespace layerd
