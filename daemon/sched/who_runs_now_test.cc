#include "daemon/sched/who_runs_now.h"

#include <random>

#include "test/catch/catch.h"

namespace layerd {
namespace {

using Levels = std::array<LevelView, kLevelsMax>;

constexpr LevelView kFree{};
constexpr LevelView kWaits{.waits = true};
constexpr LevelView kLands{.lands = true};
constexpr LevelView kReady{.on = true, .ready = true};
constexpr LevelView kForDrive{.on = true};

TEST_CASE("Who runs now follows from the levels alone") {
  struct Row {
    const char* name;
    Levels levels;
    Act act;
    int level;
  };
  const auto row = GENERATE(values<Row>({
      {"nothing to do", {kFree, kFree, kFree, kFree}, Act::kNothing, 0},
      {"one job begins", {kFree, kFree, kWaits, kFree}, Act::kBegin, 3},
      {"the most urgent first", {kFree, kWaits, kWaits, kFree}, Act::kBegin, 2},
      {"and then computes", {kFree, kReady, kReady, kFree}, Act::kRun, 2},
      {"a lower job fills in", {kForDrive, kFree, kReady, kFree}, Act::kRun, 3},
      {"the most urgent that is ready",
       {kForDrive, kForDrive, kReady, kReady},
       Act::kRun,
       3},
      {"all wait for the drive",
       {kForDrive, kFree, kForDrive, kFree},
       Act::kNothing,
       0},
      {"what has yet to land holds up who is below",
       {kFree, kLands, kReady, kFree},
       Act::kNothing,
       0},
      {"and nobody above", {kFree, kReady, kLands, kReady}, Act::kRun, 2},
      {"a lower job begins meanwhile",
       {kFree, kLands, kFree, kWaits},
       Act::kBegin,
       4},
      {"a lower job reads while a more urgent one computes",
       {kReady, kFree, kFree, kWaits},
       Act::kBegin,
       4},
  }));
  INFO(row.name);
  const Decision decision = WhoRunsNow(row.levels);
  CHECK(decision.act == row.act);
  CHECK(decision.level == row.level);
}

TEST_CASE("A job does not give way to another of its level") {
  LevelView on_and_more_wait = kReady;
  on_and_more_wait.waits = true;
  const Decision decision = WhoRunsNow({kFree, on_and_more_wait, kFree, kFree});
  CHECK(decision.act == Act::kRun);
  CHECK(decision.level == 2);
}

TEST_CASE("Whatever the state, work is never left lying") {
  const uint32_t seed = GENERATE(range(0u, 200u));
  INFO("seed " << seed);
  std::mt19937 random(seed);
  Levels levels;
  bool work = false;
  int most_urgent = 0;
  for (int level = kLevelsMax; level >= 1; --level) {
    LevelView& view = levels[level - 1];
    view.waits = random() % 2;
    view.on = random() % 2;
    view.ready = view.on && random() % 2;
    work = work || view.ready || (view.waits && !view.on);
    if (view.ready) most_urgent = level;
  }
  const Decision decision = WhoRunsNow(levels);
  CHECK((decision.act != Act::kNothing) == work);
  if (decision.act == Act::kRun) CHECK(decision.level == most_urgent);
}

}  // namespace
}  // namespace layerd
