#include <algorithm>
#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "test/catch/catch.h"
#include "test/sim/test_engine.h"

namespace layerd {
namespace {

TEST_CASE("A full queue refuses its level, a more urgent job takes over") {
  TestEngine engine({.queue_jobs_max = 2}, Drive::kSim);
  const std::string path = WriteModel("queue.layers", 6);
  REQUIRE(engine.Load(path, "low", 4).ok());
  REQUIRE(engine.Load(path, "high", 1).ok());
  REQUIRE(engine.Ask("high", 1).status.ok());  // Now it waits for no drive.
  std::promise<void> started, go_on;
  engine.OnPart([&, first = true](size_t) mutable {
    if (!std::exchange(first, false)) return;
    started.set_value();
    go_on.get_future().wait();
  });
  std::vector<std::string> order;
  auto submit = [&](const std::string& name) {
    return engine.Submit(name, &order);
  };

  REQUIRE(submit("low").ok());
  started.get_future().wait();
  REQUIRE(submit("low").ok());
  REQUIRE(submit("low").ok());
  const absl::Status refused = submit("low");
  REQUIRE(submit("high").ok());
  go_on.set_value();
  engine->Drain(Instant::max());

  CHECK(absl::IsResourceExhausted(refused));
  CHECK_THAT(std::string(refused.message()), Catch::Contains("2 requests"));
  CHECK(order == std::vector<std::string>{"high", "low", "low", "low"});
}

TEST_CASE("Whoever preempts whom, all answers are the same bits") {
  const uint32_t seed = GENERATE(range(0u, 20u));
  const Drive drive = GENERATE(Drive::kSim, Drive::kAuto);
  INFO("seed " << seed << ", drive " << static_cast<int>(drive));
  const std::vector<std::string> names{"one", "two", "three", "four"};
  TestEngine alone({}, Drive::kPread);
  std::vector<std::string> paths;
  std::vector<TestAnswer> expected;
  for (size_t m = 0; m < names.size(); ++m) {
    paths.push_back(WriteModel(names[m] + ".layers", seed * 10 + m));
    REQUIRE(alone.Load(paths[m], names[m], static_cast<int>(m) + 1).ok());
    expected.push_back(alone.Ask(names[m], seed));
  }
  TestEngine engine({.weight_budget_bytes = alone.MinimumWeightBytes()}, drive);
  for (size_t m = 0; m < names.size(); ++m) {
    REQUIRE(engine.Load(paths[m], names[m], static_cast<int>(m) + 1).ok());
  }

  std::vector<std::thread> clients;
  std::atomic<int> right{0};
  for (size_t m = 0; m < names.size(); ++m) {
    clients.emplace_back([&, m] {
      for (int request = 0; request < 5; ++request) {
        const TestAnswer answer = engine.Ask(names[m], seed);
        right += answer.status.ok() && answer.outputs == expected[m].outputs;
      }
    });
  }
  for (std::thread& client : clients) client.join();

  CHECK(right == 20);
}

TEST_CASE("A preempted job reads nothing twice and says how often it was") {
  TestEngine engine({.read_ahead = false}, Drive::kPread);
  const std::string path = WriteModel("preempt.layers", 6);
  REQUIRE(engine.Load(path, "low", 4).ok());
  REQUIRE(engine.Load(path, "high", 1).ok());
  const uint64_t stored = engine->memory().head_bytes / 2;
  REQUIRE(engine.Ask("high", 1).status.ok());  // Now it waits for no drive.
  std::vector<std::string> order;
  engine.OnPart([&](size_t part) {
    if (part == 2) CHECK(engine.Submit("high", &order).ok());
  });

  const TestAnswer low = engine.Ask("low", 1);

  CHECK(low.status.ok());
  CHECK(order == std::vector<std::string>{"high"});
  CHECK(low.stats.preemptions >= 1);
  CHECK(low.stats.read_bytes == stored);
}

// One that tells of no read for a while, from the next time on that it is
// opened.
struct HeldDrive {
  auto Open() {
    return [this] {
      auto engine = std::make_unique<SimIoEngine>(1, 1);
      drive = engine.get();
      if (holds) drive->Hold();
      return absl::StatusOr<IoEngineChoice>(
          IoEngineChoice{std::move(engine), {}});
    };
  }

  bool holds = false;
  SimIoEngine* drive = nullptr;
};

// Which is read ahead, and whose reads nobody answers for a while.
TEST_CASE("What is read ahead for another holds up nobody more urgent") {
  HeldDrive held;
  TestEngine engine({}, held.Open(), MakeReferenceBackend());
  const std::string path = WriteModel("ahead.layers", 6);
  REQUIRE(engine.Load(path, "high", 1).ok());
  REQUIRE(engine.Ask("high", 1).status.ok());  // Now it waits for no drive.
  held.holds = true;
  const auto loaded =
      engine->LoadModels({{path, "expected", "1", 4}, {path, "other", "1", 4}});
  REQUIRE(loaded[0].ok());
  REQUIRE(loaded[1].ok());
  held.drive->AwaitInFlight(1);
  std::vector<std::string> order;
  REQUIRE(engine.Submit("other", &order).ok());

  const TestAnswer high = engine.Ask("high", 1);

  CHECK(high.status.message() == "");
  CHECK(held.drive->in_flight() == 1);
  CHECK(order.empty());
  held.drive->LetGo();
  engine->Drain(Instant::max());
  CHECK(order == std::vector<std::string>{"other"});
}

// Its reads are on their way, and the drive tells of none for a while.
TEST_CASE("A job that is dropped holds up nobody who needs no drive") {
  HeldDrive held;
  TestEngine engine({}, held.Open(), MakeReferenceBackend());
  const std::string path = WriteModel("dropped.layers", 6);
  REQUIRE(engine.Load(path, "high", 1).ok());
  REQUIRE(engine.Ask("high", 1).status.ok());  // Now it waits for no drive.
  held.holds = true;
  REQUIRE(engine.Load(path, "low", 4).ok());
  held.drive->AwaitInFlight(1);
  const auto cancelled = std::make_shared<std::atomic<bool>>(false);
  auto dropped = std::async(std::launch::async, [&] {
    return engine.Ask("low", 1, [&](Job& job) { job.cancelled = cancelled; });
  });
  const auto has_begun = [](const Engine::TracedEvent& event) {
    return event.event.kind == TraceKind::kQueued && event.event.level == 4;
  };
  while (std::ranges::none_of(engine->Trace(), has_begun)) {
    std::this_thread::yield();
  }
  cancelled->store(true);
  CHECK(absl::IsCancelled(dropped.get().status));

  auto high =
      std::async(std::launch::async, [&] { return engine.Ask("high", 1); });
  const bool answered =
      high.wait_for(std::chrono::minutes(1)) == std::future_status::ready;

  CHECK(held.drive->in_flight() == 1);
  held.drive->LetGo();
  CHECK(answered);
  CHECK(high.get().status.message() == "");
  CHECK(engine.Ask("low", 1).status.message() == "");
}

// It had been asked to stop, for a job that is gone by now.
TEST_CASE("What was read ahead for and gave way is answered all the same") {
  HeldDrive held{.holds = true};
  TestEngine engine({}, held.Open(), MakeReferenceBackend());
  const std::string path = WriteModel("gave_way.layers", 6);
  for (const absl::Status& loaded : engine->LoadModels(
           {{path, "expected", "1", 4}, {path, "other", "1", 4}})) {
    REQUIRE(loaded.ok());
  }
  held.drive->AwaitInFlight(1);
  const auto cancelled = std::make_shared<std::atomic<bool>>(false);
  std::vector<std::string> order;
  REQUIRE(
      engine
          .Submit("other", &order, [&](Job& job) { job.cancelled = cancelled; })
          .ok());
  REQUIRE(engine.Submit("expected", &order).ok());
  cancelled->store(true);
  engine.clock().Advance(std::chrono::milliseconds(20));
  held.drive->LetGo();
  engine->Drain(Instant::max());
  CHECK(order == std::vector<std::string>{"CANCELLED", "expected"});
}

TEST_CASE("A request runs at a lower level where its model allows it") {
  TestEngine engine({}, Drive::kSim);
  const std::string path = WriteModel("lower.layers", 6);
  REQUIRE(engine->LoadModels({{path, "m", "1", 2, 4}})[0].ok());
  const TestAnswer own = engine.Ask("m", 1);
  for (const int level : {3, 4}) {
    const TestAnswer lower =
        engine.Ask("m", 1, [&](Job& job) { job.level = level; });
    CHECK(lower.status.message() == "");
    CHECK(lower.outputs == own.outputs);
  }
  const ModelUrgency& urgency = engine->Find("m", "")->urgency();
  CHECK(urgency.LevelFor(0) == 2);
  CHECK(urgency.LevelFor(1) == 2);
  CHECK(urgency.LevelFor(3) == 3);
  CHECK(urgency.LevelFor(99) == 4);
  CHECK(ModelUrgency{.level = 2}.LevelFor(4) == 2);
}

TEST_CASE("By deadline, a declared task goes by what it declares") {
  using std::chrono::milliseconds;
  TestEngine engine({.level_order = LevelOrder::kEdf}, Drive::kSim);
  const std::string path = WriteModel("due.layers", 6);
  for (const auto& [name, period] : {std::pair("near", milliseconds(100)),
                                     std::pair("far", milliseconds(200))}) {
    const auto loaded = engine->LoadModels({{.layer_file_path = path,
                                             .name = name,
                                             .version = "1",
                                             .level = 3,
                                             .period = period}});
    REQUIRE(loaded[0].message() == "");
  }
  std::vector<std::string> order;
  engine.OnPart([&](size_t part) {
    if (part != 2) return;
    const auto hurry = [&](Job& job) {
      job.deadline = engine.clock().now() + milliseconds(1);
    };
    CHECK(engine.Submit("far", &order, hurry).ok());
    CHECK(engine.Submit("near", &order).ok());
  });
  CHECK(engine.Ask("far", 1).status.ok());
  engine->Drain(Instant::max());

  CHECK(order == std::vector<std::string>{"near", "far"});
}

TEST_CASE("A request in the queue is told of its deadline in time") {
  TestEngine engine({}, Drive::kSim);
  REQUIRE(engine.Load(WriteModel("waits.layers", 6), "m", 3).ok());
  std::promise<void> started, go_on;
  std::vector<std::string> order;
  engine.OnPart([&](size_t part) {
    if (part == 0) {
      started.set_value();
      go_on.get_future().wait();
    } else if (part == 1) {
      order.push_back("part");
    }
  });
  REQUIRE(engine.Submit("m", &order).ok());
  started.get_future().wait();
  REQUIRE(engine
              .Submit("m", &order,
                      [&](Job& job) {
                        job.deadline =
                            engine.clock().now() + std::chrono::milliseconds(1);
                      })
              .ok());
  engine.clock().Advance(std::chrono::milliseconds(2));
  go_on.set_value();
  engine->Drain(Instant::max());

  CHECK(order == std::vector<std::string>{"DEADLINE_EXCEEDED", "part", "m"});
}

}  // namespace
}  // namespace layerd
