// When the loader has to hurry: which jobs say so, and that it hears of it.

#include <sched.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "daemon/sched/executor_lanes.h"
#include "test/catch/catch.h"
#include "test/sim/placed_models.h"

namespace layerd {
namespace {

using Told = std::vector<bool>;

// Models at levels 2, 3 and 4, and two more at 3; what the loader is told.
struct Fixture {
  Lane& lane(int level) { return *lanes.lanes()[level - 1]; }

  Job JobOf(size_t model) {
    Job job;
    job.model = models.model(model);
    job.level = job.model->level();
    job.inputs = models.Inputs(model);
    return job;
  }
  // What it was told meanwhile.
  Told During(const std::function<void()>& act) {
    told.clear();
    act();
    return told;
  }
  Told Begin(Job& job) {
    return During([&] { REQUIRE(lane(job.level).Begin(job).ok()); });
  }
  Told End(const Job& job) {
    return During([&] { lane(job.level).End(); });
  }

  PlacedModels models{{2, 3, 3, 4}, 8, /*streams=*/true};
  Told told;
  ExecutorLanes lanes{&models.placement(),
                      [this](bool hurries) { told.push_back(hurries); }};
};

TEST_CASE("Beside best effort alone the loader need not hurry until it ends") {
  Fixture f;
  Job job = f.JobOf(3);
  CHECK(f.Begin(job) == Told{false});
  CHECK(f.End(job) == Told{true});
}

TEST_CASE("For what is most urgent, and what was promised, it hurries") {
  Fixture f;
  Job urgent = f.JobOf(0), promised = f.JobOf(1), best_effort = f.JobOf(3);
  promised.promised_response = std::chrono::milliseconds(20);
  CHECK(f.Begin(urgent) == Told{});
  CHECK(f.End(urgent) == Told{});
  CHECK(f.Begin(promised) == Told{});
  CHECK(f.Begin(best_effort) == Told{});
  CHECK(f.End(promised) == Told{false});
  CHECK(f.Begin(urgent) == Told{true});
  CHECK(f.End(best_effort) == Told{});
  CHECK(f.End(urgent) == Told{});
}

TEST_CASE("It hurries while a job waits for what was read ahead for another") {
  Fixture f;
  Job best_effort = f.JobOf(3), first = f.JobOf(1), second = f.JobOf(2);
  f.models.drive.Hold();
  f.lane(3).ReadAhead(Instant{});
  f.models.AwaitReading();
  CHECK(f.Begin(best_effort) == Told{false});
  CHECK(f.During([&] { CHECK(f.lane(3).FreeFor(first)); }) == Told{});
  CHECK(f.During([&] { CHECK_FALSE(f.lane(3).FreeFor(second)); }) ==
        Told{true});
  f.models.drive.LetGo();
  f.End(best_effort);
}

// The executor may have to wait for it, and perhaps somebody urgent for that.
TEST_CASE("It hurries while one of several jobs begins or ends") {
  Fixture f;
  Job one = f.JobOf(1), other = f.JobOf(3);
  CHECK(f.Begin(one) == Told{false});
  CHECK(f.Begin(other) == Told{true, false});
  CHECK(f.End(one) == Told{true, false});
  CHECK(f.End(other) == Told{true});
}

// Of the youngest thread of that name in this process: one that has ended may
// still be listed. -1 if there is none.
int ListedPolicyOf(const std::string& name) {
  int youngest = -1, policy = -1;
  for (const auto& task :
       std::filesystem::directory_iterator("/proc/self/task")) {
    std::string comm;
    std::getline(std::ifstream(task.path() / "comm"), comm);
    const int id = std::stoi(task.path().filename().string());
    if (comm != name || id < youngest) continue;
    if (const int own = sched_getscheduler(id); own >= 0) {
      youngest = id;
      policy = own;
    }
  }
  return policy;
}

// A thread that ends while it is read cuts the list short, so one that is not
// there is looked for again.
int PolicyOf(const std::string& name) {
  int policy = -1;
  for (int look = 0; policy < 0 && look < 100; ++look)
    policy = ListedPolicyOf(name);
  return policy;
}

TEST_CASE("The loader's thread hears whether it has to hurry") {
  EngineOptions options;
  options.realtime = Realtime::kBestEffort;
  TestEngine engine(options, Drive::kSim);
  const std::string path = WriteModel("hurries.layers", 6);
  REQUIRE(engine.Load(path, "high", 1).ok());
  REQUIRE(engine.Load(path, "low", 4).ok());
  for (const std::string& refused : engine->warnings()) {
    if (refused.find("no real-time priority") == std::string::npos) continue;
    WARN("SKIPPED: this user may have no real-time priority");
    return;
  }
  int policy = -1;
  engine.OnPart([&](size_t) { policy = PolicyOf("layerd-loader"); });
  CHECK(engine.Ask("high", 1).status.message() == "");
  CHECK(policy == SCHED_FIFO);
  CHECK(engine.Ask("low", 1).status.message() == "");
  CHECK(policy == SCHED_OTHER);
  engine->Drain(Instant::max());
  CHECK(PolicyOf("layerd-loader") == SCHED_FIFO);
}

}  // namespace
}  // namespace layerd
