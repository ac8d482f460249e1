#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <future>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "test/catch/catch.h"
#include "test/sim/forwarding_backend.h"
#include "test/sim/sim_backend.h"
#include "test/sim/test_engine.h"

namespace layerd {
namespace {

TEST_CASE("Every budget and every drive gives the same bits") {
  const uint32_t seed = GENERATE(range(0u, 25u));
  INFO("seed " << seed);
  const std::string path =
      WriteModel("bits.layers", seed, 8, StoredDataType(seed));
  TestEngine resident({}, Drive::kPread);
  REQUIRE(resident.Load(path, "m", 3).ok());
  const TestAnswer expected = resident.Ask("m", seed);
  REQUIRE(expected.status.ok());
  const uint64_t least = resident.MinimumWeightBytes();

  std::mt19937 random(seed);
  for (const Drive drive : {Drive::kSim, Drive::kPread, Drive::kAuto}) {
    for (const uint64_t more :
         {uint64_t{0}, uint64_t{4096}, random() % least}) {
      INFO("drive " << static_cast<int>(drive) << ", minimum + " << more);
      TestEngine engine({.weight_budget_bytes = least + more}, drive);
      REQUIRE(engine.Load(path, "m", 3).ok());
      for (int request = 0; request < 3; ++request) {
        const TestAnswer answer = engine.Ask("m", seed);
        REQUIRE(answer.status.message() == "");
        CHECK(answer.outputs == expected.outputs);
      }
      CHECK(engine->memory().weight_memory_bytes() <= least + more);
      CHECK((engine->memory().decode_bytes > 0) == (seed % 4 != 0));
    }
  }
}

TEST_CASE(
    "A device that completes late gives the same bits from a small ring") {
  const uint32_t seed = GENERATE(range(0u, 25u));
  INFO("seed " << seed);
  const std::string path =
      WriteModel("device.layers", seed, 8, StoredDataType(seed));
  TestEngine roomy({}, Drive::kPread);
  REQUIRE(roomy.Load(path, "m", 3).ok());
  const TestAnswer expected = roomy.Ask("m", seed);
  auto device = std::make_unique<SimBackend>(MakeReferenceBackend(), seed);
  const SimBackend& sim = *device;
  TestEngine engine({.weight_budget_bytes = roomy.MinimumWeightBytes()},
                    Drive::kSim, std::move(device));
  REQUIRE(engine.Load(path, "m", 3).ok());

  for (int request = 0; request < 3; ++request) {
    const TestAnswer answer = engine.Ask("m", seed);
    CHECK(answer.status.message() == "");
    CHECK(answer.outputs == expected.outputs);
  }

  CHECK(sim.misuses() == 0);
  CHECK(sim.tickets_open_most() == Executor::kTicketsOpenMax);
}

TEST_CASE("Parts are timed until the device has computed them") {
  const uint32_t seed = GENERATE(range(0u, 10u));
  auto device = std::make_unique<SimBackend>(MakeReferenceBackend(), seed);
  const SimBackend& sim = *device;
  TestEngine engine({}, Drive::kSim, std::move(device));
  REQUIRE(engine.Load(WriteModel("timed.layers", seed, 8), "m", 3).ok());
  std::vector<std::chrono::nanoseconds> times(
      engine->Find("m", "")->program().parts.size());

  const TestAnswer answer =
      engine.Ask("m", 1, [&](Job& job) { job.part_times = times; });

  CHECK(answer.status.ok());
  CHECK(sim.tickets_open_most() == 1);
}

TEST_CASE("Copies of weights are in no part's time") {
  static constexpr std::chrono::nanoseconds kCopy{7'000'000}, kPart{2'000'000};
  struct Device final : ForwardingBackend {
    using ForwardingBackend::ForwardingBackend;
    bool shares_memory() const override { return false; }
    absl::Status BringWeights(Kernel&, const PartMemory&) override {
      clock->Advance(kCopy);
      ++brought;
      return absl::OkStatus();
    }
    absl::StatusOr<Ticket> Enqueue(Kernel& kernel,
                                   const PartMemory& memory) override {
      const bool copies = memory.weights != nullptr && memory.weights_are_new;
      clock->Advance(copies ? kPart + kCopy : kPart);
      return inner_->Enqueue(kernel, memory);
    }
    ManualClock* clock = nullptr;
    size_t brought = 0;
  };
  auto made = std::make_unique<Device>(MakeReferenceBackend());
  Device& device = *made;
  TestEngine engine({}, Drive::kSim, std::move(made));
  device.clock = &engine.clock();
  REQUIRE(engine.Load(WriteModel("copied.layers", 1, 8), "m", 3).ok());
  std::vector<std::chrono::nanoseconds> times(
      engine->Find("m", "")->program().parts.size());

  const TestAnswer answer =
      engine.Ask("m", 1, [&](Job& job) { job.part_times = times; });

  CHECK(answer.status.ok());
  CHECK(device.brought > 0);
  CHECK(times == std::vector(times.size(), kPart));
}

TEST_CASE("A device that fails fails the request, and the next one is served") {
  auto device = std::make_unique<SimBackend>(MakeReferenceBackend(), 1);
  SimBackend& sim = *device;
  TestEngine engine({}, Drive::kSim, std::move(device));
  REQUIRE(engine.Load(WriteModel("broken.layers", 5), "m", 3).ok());
  sim.FailTicket(3, absl::InternalError("the device fell off the bus"));

  const TestAnswer failed = engine.Ask("m", 1);
  const TestAnswer next = engine.Ask("m", 1);

  CHECK(absl::IsInternal(failed.status));
  CHECK_THAT(std::string(failed.status.message()),
             Catch::Contains("layer \"") && Catch::Contains("off the bus"));
  CHECK(next.status.ok());
}

TEST_CASE("What is resident is read once, what streams each time") {
  const std::string path = WriteModel("reads.layers", 3);
  TestEngine resident({}, Drive::kAuto);
  REQUIRE(resident.Load(path, "m", 3).ok());
  const uint64_t least = resident.MinimumWeightBytes();
  TestEngine streamed({.weight_budget_bytes = least}, Drive::kAuto);
  REQUIRE(streamed.Load(path, "m", 3).ok());
  const uint64_t stored = resident->memory().head_bytes;

  CHECK(resident.Ask("m", 1).stats.read_bytes == stored);
  CHECK(resident.Ask("m", 2).stats.read_bytes == 0);
  CHECK(resident.Ask("m", 3).stats.read_bytes == 0);
  CHECK(streamed->memory().head_bytes == 0);
  CHECK(streamed.Ask("m", 1).stats.read_bytes >= stored);
  CHECK(streamed.Ask("m", 2).stats.read_bytes >= stored);
}

// Until the loader has read so much since the start.
void AwaitReading(TestEngine& engine, uint64_t bytes) {
  while (engine->loading().read_bytes < bytes) std::this_thread::yield();
}

TEST_CASE("An idle engine has its ring full for the model that came last") {
  const std::string a = WriteModel("first.layers", 3);
  const std::string b = WriteModel("second.layers", 4);
  const bool read_ahead = GENERATE(true, false);
  INFO((read_ahead ? "reading ahead" : "not reading ahead"));
  TestEngine resident({}, Drive::kPread);
  REQUIRE(resident.Load(a, "a", 3).ok());
  REQUIRE(resident.Load(b, "b", 3).ok());
  TestEngine engine({.weight_budget_bytes = resident.MinimumWeightBytes(),
                     .read_ahead = read_ahead},
                    Drive::kAuto);
  REQUIRE(engine.Load(a, "a", 3).ok());
  REQUIRE(engine.Load(b, "b", 3).ok());

  uint64_t for_jobs = 0;
  for (const std::string name : {"a", "b", "b", "a", "a", "b"}) {
    const TestAnswer answer = engine.Ask(name, 1);
    REQUIRE(answer.status.message() == "");
    CHECK(answer.outputs == resident.Ask(name, 1).outputs);
    for_jobs += answer.stats.read_bytes;
    if (read_ahead) AwaitReading(engine, for_jobs + 1);
  }
  if (!read_ahead) CHECK(engine->loading().read_bytes == for_jobs);
}

TEST_CASE("What went wrong while nobody asked is tried again for who asks") {
  const std::string path = WriteModel("ahead.layers", 4);
  TestEngine engine({}, Drive::kSim);
  engine.AddFault({.kind = SimFault::Kind::kError,
                   .offset_bytes = std::filesystem::file_size(path) - 1,
                   .times = LoaderOptions{}.retries_max + 2});
  REQUIRE(engine.Load(path, "m", 3).ok());
  while (engine->loading().read_errors == 0) std::this_thread::yield();

  CHECK(engine.Ask("m", 1).status.ok());
}

TEST_CASE("A flipped bit fails its model by tile and layer, and no other") {
  const bool all_resident = GENERATE(false, true);
  INFO((all_resident ? "resident" : "streamed"));
  const std::string good = WriteModel("good.layers", 1);
  const std::string bad = WriteModel("bad.layers", 2);
  DamageLastByte(bad);
  TestEngine roomy({}, Drive::kAuto);
  REQUIRE(roomy.Load(good, "good", 3).ok());
  REQUIRE(roomy.Load(bad, "bad", 3).ok());
  TestEngine engine(
      {.weight_budget_bytes = all_resident ? kAll : roomy.MinimumWeightBytes()},
      Drive::kAuto);
  REQUIRE(engine.Load(good, "good", 3).ok());
  REQUIRE(engine.Load(bad, "bad", 3).ok());
  const TestAnswer before = engine.Ask("good", 1);

  const TestAnswer damaged = engine.Ask("bad", 1);
  const TestAnswer again = engine.Ask("bad", 1);

  REQUIRE(absl::IsDataLoss(damaged.status));
  CHECK_THAT(std::string(damaged.status.message()),
             Catch::Contains("layer \"") && Catch::Contains("tile "));
  CHECK(absl::IsUnavailable(again.status));
  CHECK_THAT(std::string(again.status.message()), Catch::Contains("tile "));
  CHECK(absl::IsDataLoss(engine->Find("bad", "")->failure()));
  const TestAnswer after = engine.Ask("good", 1);
  CHECK(after.status.ok());
  CHECK(after.outputs == before.outputs);

  WriteModel("bad.layers", 2);  // Repaired, and loaded again.
  REQUIRE(engine.Load(bad, "bad", 3).ok());
  CHECK(engine.Ask("bad", 1).status.ok());
}

TEST_CASE("A drive that fails makes its model unavailable") {
  const std::string path = WriteModel("eio.layers", 4);
  TestEngine engine({}, Drive::kSim);
  engine.AddFault({.kind = SimFault::Kind::kError,
                   .offset_bytes = std::filesystem::file_size(path) - 1});
  REQUIRE(engine.Load(path, "m", 3).ok());

  CHECK(absl::IsInternal(engine.Ask("m", 1).status));
  CHECK(absl::IsUnavailable(engine.Ask("m", 1).status));
}

TEST_CASE("A request that is cancelled ends at the next part boundary") {
  TestEngine engine({}, Drive::kSim);
  REQUIRE(engine.Load(WriteModel("cancel.layers", 5), "m", 3).ok());
  auto cancelled = std::make_shared<std::atomic<bool>>(false);
  engine.OnPart([&](size_t part) { cancelled->store(part == 3); });

  const TestAnswer answer =
      engine.Ask("m", 1, [&](Job& job) { job.cancelled = cancelled; });

  CHECK(absl::IsCancelled(answer.status));
  CHECK(engine.parts_run() == 4);
  engine.OnPart(nullptr);
  CHECK(engine.Ask("m", 1).status.ok());
}

TEST_CASE("What a cancelled request left half read is not taken for read") {
  const std::string path = WriteModel("half.layers", 5, 1000);
  TestEngine whole({}, Drive::kPread);
  REQUIRE(whole.Load(path, "m", 3).ok());
  TestEngine engine({}, Drive::kPread);
  REQUIRE(engine.Load(path, "m", 3).ok());
  // More than can be in flight when the first part begins.
  REQUIRE(engine->memory().head_bytes > 5 << 20);
  auto cancelled = std::make_shared<std::atomic<bool>>(false);
  engine.OnPart([&](size_t) { cancelled->store(true); });

  const TestAnswer answer =
      engine.Ask("m", 1, [&](Job& job) { job.cancelled = cancelled; });

  CHECK(absl::IsCancelled(answer.status));
  engine.OnPart(nullptr);
  CHECK(engine.Ask("m", 1).outputs == whole.Ask("m", 1).outputs);
}

TEST_CASE("A deadline counts before the first part and between parts") {
  TestEngine engine({}, Drive::kSim);
  REQUIRE(engine.Load(WriteModel("late.layers", 5), "m", 3).ok());
  const Instant deadline = engine.clock().now() + std::chrono::milliseconds(5);
  auto with_deadline = [&](Job& job) { job.deadline = deadline; };
  engine.OnPart(
      [&](size_t) { engine.clock().Advance(std::chrono::milliseconds(2)); });

  const TestAnswer between = engine.Ask("m", 1, with_deadline);
  const TestAnswer before = engine.Ask("m", 1, with_deadline);

  CHECK(absl::IsDeadlineExceeded(between.status));
  CHECK_THAT(std::string(between.status.message()),
             Catch::Contains("after 3 of "));
  CHECK(absl::IsDeadlineExceeded(before.status));
  CHECK(engine.parts_run() == 3);
}

TEST_CASE("A drain serves what it can in time, refuses what is new") {
  const bool in_time = GENERATE(true, false);
  INFO((in_time ? "in time" : "out of time"));
  TestEngine engine({}, Drive::kSim);
  REQUIRE(engine.Load(WriteModel("drain.layers", 6), "m", 3).ok());
  std::promise<void> started, go_on;
  engine.OnPart([&, first = true](size_t) mutable {
    if (!std::exchange(first, false)) return;
    started.set_value();
    go_on.get_future().wait();
  });
  std::vector<std::string> order;
  REQUIRE(engine.Submit("m", &order).ok());
  started.get_future().wait();
  REQUIRE(engine.Submit("m", &order).ok());

  auto drained = std::async(std::launch::async, [&] {
    engine->Drain(in_time ? Instant::max() : Instant::min());
  });
  while (!absl::IsUnavailable(engine.Submit("m", &order))) {
    std::this_thread::yield();  // Until the drain has begun.
  }
  go_on.set_value();
  drained.get();

  REQUIRE(order.size() >= 2);
  const size_t served = std::count(order.begin(), order.end(), "m");
  CHECK(served == (in_time ? order.size() : 0));
}

TEST_CASE("Models come and go, and those that stay answer as before") {
  const std::string a = WriteModel("a.layers", 7);
  const std::string b = WriteModel("b.layers", 8);
  TestEngine engine({.weight_budget_bytes = 512 << 10}, Drive::kAuto);
  REQUIRE(engine.Load(a, "a", 3).ok());
  const TestAnswer expected = engine.Ask("a", 1);

  REQUIRE(engine.Load(b, "b", 2).ok());
  CHECK(engine.Ask("a", 1).outputs == expected.outputs);
  CHECK(engine.Ask("b", 1).status.ok());
  const std::shared_ptr<Model> old_b = engine->Find("b", "");
  REQUIRE(engine->UnloadModel("b", "1").ok());

  CHECK(engine->Find("b", "") == nullptr);
  CHECK(absl::IsNotFound(engine->UnloadModel("b", "1")));
  CHECK(absl::IsUnavailable(engine.AskModel(old_b, 1).status));
  CHECK(engine.Ask("a", 1).outputs == expected.outputs);
  REQUIRE(engine->UnloadModel("a", "").ok());
  CHECK(engine->models().empty());
  CHECK(engine->memory().arena_bytes == 0);
}

TEST_CASE("A model that cannot be loaded leaves the others as they were") {
  const std::string a = WriteModel("fits.layers", 9);
  TestEngine roomy({}, Drive::kSim);
  REQUIRE(roomy.Load(a, "a", 3).ok());
  const uint64_t least = roomy.MinimumWeightBytes();
  TestEngine engine({.weight_budget_bytes = least}, Drive::kSim);

  const std::vector<absl::Status> statuses = engine->LoadModels({
      {a, "a", "1", 3},
      {a, "second", "1", 1},  // A level more needs a ring more.
      {"no/such.layers", "none", "1", 3},
      {a, "a", "two", 3},
      {a, "a", "2", 5},
  });

  CHECK(statuses[0].ok());
  REQUIRE(absl::IsResourceExhausted(statuses[1]));
  CHECK(MinimumBudgetBytes(statuses[1]) > least);
  CHECK(absl::IsNotFound(statuses[2]));
  CHECK(absl::IsInvalidArgument(statuses[3]));
  CHECK(absl::IsInvalidArgument(statuses[4]));
  CHECK(engine->models().size() == 1);
  CHECK(engine.Ask("a", 1).status.ok());
}

TEST_CASE("Who waits for a model that is replaced hears the one in its place") {
  const std::string path = WriteModel("replaced.layers", 1);
  TestEngine engine({}, Drive::kPread);
  REQUIRE(engine.Load(path, "m", 3).ok());
  const TestAnswer before = engine.Ask("m", 5);
  const std::shared_ptr<Model> gone = engine->Find("m", "");

  REQUIRE(engine.Load(path, "m", 3).ok());
  REQUIRE(engine->Find("m", "") != gone);
  const TestAnswer after = engine.AskModel(gone, 5);
  CHECK(after.status.message() == "");
  CHECK(after.outputs == before.outputs);

  // One that takes other inputs is none.
  REQUIRE(engine.Load(WriteModel("other.layers", 2), "m", 3).ok());
  REQUIRE(engine->Find("m", "")->inputs() != gone->inputs());
  CHECK(absl::IsUnavailable(engine.AskModel(gone, 5).status));
}

TEST_CASE("The highest version answers when none is named") {
  const std::string path = WriteModel("versions.layers", 10);
  TestEngine engine({}, Drive::kSim);
  engine->LoadModels({{path, "m", "9", 3}, {path, "m", "10", 3}});

  CHECK(engine->Find("m", "")->version() == "10");
  CHECK(engine->Find("m", "9")->version() == "9");
  CHECK(engine->Find("m", "8") == nullptr);
}

TEST_CASE("Inputs of the wrong size are refused with both sizes") {
  TestEngine engine({}, Drive::kSim);
  REQUIRE(engine.Load(WriteModel("sizes.layers", 10), "m", 3).ok());
  std::vector<std::byte> short_input(8);

  const absl::Status status =
      engine->Run(engine->Find("m", ""), {short_input}, {}, nullptr);

  CHECK(absl::IsInvalidArgument(status));
  CHECK_THAT(std::string(status.message()),
             Catch::Contains("\"x\": 8 bytes were given"));
}

TEST_CASE("Who wants some of the outputs gets these") {
  TestEngine engine({}, Drive::kSim);
  const auto outputs = [&engine] {
    const auto model = engine->Find("m", "");
    return model == nullptr ? 0 : model->outputs().size();
  };
  for (uint32_t seed = 1; outputs() < 2; ++seed) {
    REQUIRE(engine.Load(WriteModel("outputs.layers", seed), "m", 3).ok());
  }
  const TestAnswer all = engine.Ask("m", 1);
  const size_t unwanted = GENERATE(0u, 1u);

  const TestAnswer some = engine.Ask(
      "m", 1, [unwanted](Job& job) { job.outputs[unwanted] = {}; });

  CHECK(some.status.message() == "");
  CHECK(some.outputs[1 - unwanted] == all.outputs[1 - unwanted]);
}

TEST_CASE("The trace tells of each version what it did") {
  const std::string path = WriteModel("versions.layers", 12);
  const bool gone = GENERATE(false, true);
  INFO((gone ? "one is gone" : "both are there"));
  TestEngine engine({.read_ahead = false}, Drive::kSim);
  for (const char* version : {"1", "2"}) {
    REQUIRE(engine->LoadModels({{path, "m", version}})[0].ok());
    REQUIRE(engine.AskModel(engine->Find("m", version), 1).status.ok());
  }
  if (gone) REQUIRE(engine->UnloadModel("m", "1").ok());
  std::vector<std::string> answered;
  for (const Engine::TracedEvent& traced : engine->Trace()) {
    if (traced.event.kind != TraceKind::kJob) continue;
    answered.push_back(traced.model + "/" + traced.version);
  }
  CHECK(answered == std::vector<std::string>{"m/1", "m/2"});
}

TEST_CASE(
    "Requests from many threads while models come and go all get an answer") {
  const std::string path = WriteModel("storm.layers", 11);
  TestEngine engine({.weight_budget_bytes = 256 << 10, .queue_jobs_max = 8},
                    Drive::kAuto);
  REQUIRE(engine.Load(path, "m", 3).ok());
  const TestAnswer expected = engine.Ask("m", 1);
  std::atomic<int> wrong{0}, right{0};
  std::vector<std::thread> clients;
  for (int client = 0; client < 4; ++client) {
    clients.emplace_back([&] {
      for (int request = 0; request < 25; ++request) {
        const TestAnswer answer = engine.Ask("m", 1);
        if (answer.status.ok()) {
          (answer.outputs == expected.outputs ? right : wrong) += 1;
        } else if (!absl::IsUnavailable(answer.status)) {
          wrong += 1;
        }
      }
    });
  }
  for (int change = 0; change < 10; ++change) {
    CHECK(engine.Load(path, "other", 1 + change % 4).ok());
    CHECK(engine->UnloadModel("other", "1").ok());
  }
  for (std::thread& client : clients) client.join();

  CHECK(wrong == 0);
  CHECK(right == 100);
}

}  // namespace
}  // namespace layerd
