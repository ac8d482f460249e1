// Everything at once, in one process, so that ThreadSanitizer sees all of it:
// requests that are cancelled and late, budgets, models that are loaded,
// unloaded, replaced and measured, and somebody who looks at all of that.
//
//   LAYERD_STORM_CHANGES=1000 bazel run --config=tsan //test/sim:storm_test
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "daemon/engine/repository.h"
#include "test/catch/catch.h"
#include "test/scratch/scratch_folder.h"
#include "test/sim/test_engine.h"

namespace layerd {
namespace {

constexpr int kChangesDefault = 24;
constexpr size_t kLayers = 30;
constexpr uint32_t kQuestion = 1;

int Changes() {
  const char* const given = std::getenv("LAYERD_STORM_CHANGES");
  return given == nullptr ? kChangesDefault : std::atoi(given);
}

struct Kind {
  const char* name;
  const char* config;
  uint32_t seed;
  // How its weights may be stored: of each it answers otherwise.
  std::vector<DataType> stored;
};
const std::vector<Kind> kKinds = {
    {"urgent", "priority: 1\n", 20, {DataType::kF32}},
    {"lowered", "priority: 2\nlower_to: 4\n", 21, {DataType::kBF16}},
    {"changing", "priority: 2\n", 22, {DataType::kF32, DataType::kI8}},
    {"loaded", "priority: 3\n", 23, {DataType::kF16}},
};

// A repository of all kinds, and what each of them may answer.
class Kinds {
 public:
  using Outputs = std::vector<std::vector<std::byte>>;

  Kinds() {
    for (const Kind& kind : kKinds) {
      std::filesystem::create_directories(VersionOf(kind));
      WriteFile(folder_ / (std::string(kind.name) + "/model.yaml"),
                kind.config);
      for (const DataType dtype : kind.stored) {
        files_[kind.name].push_back(
            WriteModel(absl::StrCat(kind.name, static_cast<int>(dtype)),
                       kind.seed, kLayers, dtype));
        TestEngine alone({}, Drive::kPread);
        REQUIRE(alone.Load(files_[kind.name].back(), "m", 3).ok());
        answers_[kind.name].push_back(alone.Ask("m", kQuestion).outputs);
      }
      Put(kind, 0);
    }
  }

  // By rename, as whoever deploys a model should.
  void Put(const Kind& kind, size_t which) const {
    const std::string place = VersionOf(kind) + "/model.layers";
    std::filesystem::copy_file(files_.at(kind.name).at(which), place + ".new");
    std::filesystem::rename(place + ".new", place);
  }
  bool MayAnswer(const Kind& kind, const Outputs& outputs) const {
    const std::vector<Outputs>& may = answers_.at(kind.name);
    return std::find(may.begin(), may.end(), outputs) != may.end();
  }
  const std::string& path() const { return folder_.path(); }

 private:
  std::string VersionOf(const Kind& kind) const {
    return folder_ / (std::string(kind.name) + "/1");
  }

  const ScratchFolder folder_;
  std::map<std::string, std::vector<std::string>> files_;
  std::map<std::string, std::vector<Outputs>> answers_;
};

// What all threads share.
struct Storm {
  const Kinds kinds;
  const ScratchFolder cache;
  TestEngine engine{{.level_order = LevelOrder::kEdf,
                     .cache_path = cache.path(),
                     .keep_part_times = true},
                    Drive::kAuto};
  std::unique_ptr<Repository> repository;
  // Whoever gives up shares one of these with others that do.
  std::array<std::shared_ptr<std::atomic<bool>>, 3> given_up;
  std::atomic<bool> over{false};
  std::atomic<int> right{0}, refused{0}, wrong{0};

  Storm() {
    for (auto& flag : given_up) {
      flag = std::make_shared<std::atomic<bool>>(false);
    }
    RepositoryOptions options;
    options.path = kinds.path();
    options.cache_path = cache.path();
    auto started = Repository::Start(options, engine.operator->());
    REQUIRE(started.ok());
    repository = *std::move(started);
    REQUIRE(repository->WaitUntilReady());
  }
};

// Each request is answered rightly, or refused for what it has earned.
void AskUntilOver(Storm* storm, uint32_t seed) {
  std::mt19937 dice(seed);
  const auto count = [](bool well, std::atomic<int>* as, Storm* of) {
    ++(well ? *as : of->wrong);
  };
  while (!storm->over.load()) {
    const Kind& kind = kKinds[dice() % kKinds.size()];
    const bool may_be_gone = std::string_view(kind.name) == "loaded";
    const auto model = storm->repository->Find(kind.name, "");
    if (!model.ok()) {
      count(may_be_gone, &storm->refused, storm);
      continue;
    }
    const bool hurries = dice() % 4 == 0, gives_up = dice() % 4 == 0;
    const TestAnswer answer =
        storm->engine.AskModel(*model, kQuestion, [&](Job& job) {
          job.level = (*model)->urgency().LevelFor(dice() % 5);
          if (gives_up) job.cancelled = storm->given_up[dice() % 3];
          if (hurries) {
            job.deadline = job.arrival + std::chrono::microseconds(dice() % 99);
          }
        });
    const absl::Status& status = answer.status;
    if (status.ok()) {
      count(storm->kinds.MayAnswer(kind, answer.outputs), &storm->right, storm);
    } else {
      count((absl::IsCancelled(status) && gives_up) ||
                (absl::IsDeadlineExceeded(status) && hurries) ||
                (absl::IsResourceExhausted(status) && hurries) ||
                (absl::IsUnavailable(status) && may_be_gone),
            &storm->refused, storm);
    }
  }
}

// What metrics, status, trace and budget tell; and time goes by.
void LookUntilOver(Storm* storm) {
  const Engine* const engine = storm->engine.operator->();
  for (uint32_t i = 0; !storm->over.load(); ++i) {
    storm->engine.clock().Advance(std::chrono::microseconds(10));
    storm->given_up[i % 3]->store(i % 7 == 0);
    for (const auto& model : engine->models()) engine->PromiseOf(model.get());
    engine->memory();
    engine->loading();
    engine->loader_cpu_time();
    engine->reading();
    engine->scheduling();
    engine->warnings();
    storm->repository->Index();
    if (i % 16 != 0) continue;
    engine->Plan();
    storm->engine->Trace();
  }
}

using Command = std::function<void(std::function<void(const absl::Status&)>)>;

absl::Status Await(const Command& command) {
  std::promise<absl::Status> done;
  command([&done](const absl::Status& status) { done.set_value(status); });
  return done.get_future().get();
}

void OperateOnce(Storm* storm, std::mt19937* dice) {
  Repository& repository = *storm->repository;
  const auto load = [&](const Kind& kind) {
    return Await([&](auto done) { repository.Load(kind.name, done); });
  };
  const Kind &changing = kKinds[2], &loaded = kKinds[3];
  switch ((*dice)() % 3) {
    case 0:
      storm->kinds.Put(changing, (*dice)() % 2);
      CHECK(load(changing).message() == "");
      break;
    case 1:
      CHECK(Await([&](auto done) {
              repository.Unload(loaded.name, done);
            }).message() == "");
      CHECK(load(loaded).message() == "");
      break;
    default:
      CHECK(Await([&](auto done) {
              repository.MeasureAgain("", done);
            }).message() == "");
  }
}

TEST_CASE("Whatever operators do meanwhile, what is answered is right") {
  Storm storm;
  const uint64_t least = storm.engine.MinimumWeightBytes();
  std::vector<std::thread> threads;
  for (uint32_t seed = 0; seed < 3; ++seed) {
    threads.emplace_back([&, seed] { AskUntilOver(&storm, seed); });
  }
  threads.emplace_back([&] { LookUntilOver(&storm); });
  threads.emplace_back([&] {
    for (bool shrink = true; !storm.over.load(); shrink = !shrink) {
      // Refused if a file in the place of another needs more.
      storm.engine->SetBudgets({.weight_bytes = shrink ? 2 * least : kAll})
          .IgnoreError();
    }
  });
  std::mt19937 dice(0);
  const int changes = Changes();
  for (int change = 0; change < changes; ++change) {
    OperateOnce(&storm, &dice);
    // Some requests between two changes.
    const int before = storm.right.load();
    while (storm.right.load() < before + 2 && storm.wrong.load() == 0) {
      std::this_thread::yield();
    }
  }
  storm.over.store(true);
  for (std::thread& thread : threads) thread.join();
  storm.repository->Stop();
  storm.engine->Drain(storm.engine.clock().now());

  WARN(changes << " changes, " << storm.right.load() << " right answers, "
               << storm.refused.load() << " refused, " << storm.wrong.load()
               << " others");
  CHECK(storm.wrong.load() == 0);
}

}  // namespace
}  // namespace layerd
