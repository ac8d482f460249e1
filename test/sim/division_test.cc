// Memory that is divided for declared tasks, in the engine: who gets it, that
// the proof is about what was made, and that answers stay the same.

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "config/check.h"
#include "daemon/engine/known_costs.h"
#include "daemon/engine/promises.h"
#include "daemon/plan/memory_plan.h"
#include "loader/store/layer_file_writer.h"
#include "test/catch/catch.h"
#include "test/sim/test_engine.h"

namespace layerd {
namespace {

using std::chrono::milliseconds;

constexpr int64_t kWidth = 256;
constexpr uint64_t kExtentBytes = kWidth * kWidth * sizeof(float);
constexpr uint64_t kMib = 1 << 20;
constexpr size_t kLongParts = 8;
constexpr double kLongPartSeconds = 1e-3, kShortPartSeconds = 20e-6;
constexpr double kDriveBytesPerSecond = 1.1e9;

// Fully connected layers one after the other, an extent and a part each.
class Chain {
 public:
  Chain(const std::string& name, uint32_t layers)
      : path_(std::string(std::getenv("TEST_TMPDIR")) + "/" + name) {
    for (uint32_t l = 0; l <= layers; ++l) {
      program_.buffers.push_back({kWidth * sizeof(float)});
      program_.tensors.push_back({"t" + std::to_string(l),
                                  {DataType::kF32, {1, kWidth}, {kWidth, 1}},
                                  l,
                                  0});
    }
    program_.inputs = {0};
    program_.outputs = {layers};
    for (uint32_t l = 0; l < layers; ++l) AddLayer(l);
    Write();
  }

  const std::string& path() const { return path_; }

  // In the cache folder, as if it had been measured: it computes first and
  // reads last, as networks for pictures do.
  void KnowCosts(const std::string& cache) const {
    const auto costs =
        KnownCosts::Of(path_, cache, MakeReferenceBackend()->key(), 1);
    LAYERD_CHECK(costs.ok());
    std::vector<double> parts(program_.parts.size(), kShortPartSeconds);
    std::fill_n(parts.begin(), std::min(kLongParts, parts.size() / 2),
                kLongPartSeconds);
    LAYERD_CHECK(
        costs
            ->Write({.part_seconds = parts,
                     .drive = {.bytes_per_s = kDriveBytesPerSecond,
                               .slow_bytes_per_s = kDriveBytesPerSecond}})
            .ok());
  }

 private:
  void AddLayer(uint32_t number) {
    FullyConnected op;
    op.activation.kind = ActivationKind::kTanh;
    program_.layers.push_back(
        {"fc" + std::to_string(number), op, {number}, {number + 1}});
    program_.extents.push_back({number * kExtentBytes, kExtentBytes});
    program_.reads.push_back(number);
    Part& part = program_.parts.emplace_back();
    part.layer = number;
    part.channels = {0, kWidth};
    part.rows = {0, 1};
    part.read = number;
    part.weights = {{WeightLayout::Plain(DataType::kF32, {kWidth, kWidth}), 0}};
  }

  void Write() const {
    manifest::Manifest manifest;
    program_.WriteTo(&manifest);
    manifest.mutable_kernel_key()->set_backend(
        MakeReferenceBackend()->key().backend);
    auto writer = LayerFileWriter::Create(path_, manifest, 64 << 10);
    LAYERD_CHECK(writer.ok());
    std::mt19937 random(7);
    std::uniform_real_distribution<float> value(-0.2f, 0.2f);
    std::vector<float> weights(kWidth * kWidth);
    for (size_t l = 0; l < program_.layers.size(); ++l) {
      for (float& weight : weights) weight = value(random);
      LAYERD_CHECK(
          (*writer)->AppendPiece(std::as_bytes(std::span(weights)), true).ok());
    }
    LAYERD_CHECK((*writer)->Commit().ok());
  }

  const std::string path_;
  Program program_;
};

std::string FreshCache(const std::string& name) {
  const auto folder = std::filesystem::path(std::getenv("TEST_TMPDIR")) / name;
  std::filesystem::remove_all(folder);
  return folder.string();
}

// Two tasks that ask for much of processor and drive: what the one that comes
// often keeps in memory, the other need not wait for. Before them one of best
// effort, which runs at two levels.
struct Tasks {
  explicit Tasks(const std::string& name)
      : cache(FreshCache(name)),
        other(name + "_other.layers", 1),
        often(name + "_often.layers", 64),
        seldom(name + "_seldom.layers", 64) {
    for (const Chain* chain : {&other, &often, &seldom}) {
      chain->KnowCosts(cache);
    }
  }

  EngineOptions Options() const {
    return {.weight_budget_bytes = kBudgetBytes, .cache_path = cache};
  }
  std::vector<absl::Status> Load(TestEngine& engine,
                                 milliseconds often_period) const {
    return engine->LoadModels(
        {{other.path(), "other", "1", 3, 4},
         {often.path(), "often", "1", 1, 0, often_period, often_period},
         {seldom.path(), "seldom", "1", 2, 0, kSeldom, kSeldom}});
  }
  std::string Certificate() const {
    std::ifstream file(cache + "/certificate.json");
    return {std::istreambuf_iterator<char>(file), {}};
  }

  static constexpr uint64_t kBudgetBytes = 16 * kMib + kMib / 2;
  static constexpr milliseconds kOften{40}, kTooOften{20}, kSeldom{72};

  std::string cache;
  Chain other, often, seldom;
};

// Where they stand among the memories of a plan: `other` is there twice.
constexpr size_t kOtherAt = 0, kOftenAt = 2, kSeldomAt = 3;

// By the planner alone, whose matter is latency.
MemoryPlan PlanForLatency(const std::vector<std::shared_ptr<Model>>& models,
                          const Engine::PlanReport& report) {
  std::vector<ModelDemand> demands;
  for (const size_t at : {kOtherAt, kOtherAt + 1, kOftenAt, kSeldomAt}) {
    const Model& model = *models[at < kOftenAt ? 0 : at - 1];
    const double period =
        std::chrono::duration<double>(model.urgency().period).count();
    demands.push_back({.name = model.name(),
                       .level = report.plan.models[at].level,
                       .program = &model.program(),
                       .scratch_bytes = model.scratch_bytes(),
                       .decode_bytes = model.decode_bytes(),
                       .costs = &report.costs[at],
                       .requests_per_s = period > 0 ? 1 / period : 0});
  }
  return *MemoryPlan::Make(demands, report.budgets);
}

absl::Status Admitted(const std::vector<std::shared_ptr<Model>>& models,
                      const Engine::PlanReport& report,
                      const MemoryPlan& plan) {
  std::vector<Promises::Subject> subjects;
  for (size_t m = 0; m < models.size(); ++m) {
    const size_t at = m == 0 ? kOtherAt : m + 1;
    subjects.push_back({.model = models[m].get(),
                        .costs = &report.costs[at],
                        .memory = &plan.models[at],
                        .measured = true});
  }
  return Promises::Make(subjects, plan, /*earliest_deadline_first=*/false,
                        /*strict=*/true, "")
      .status();
}

uint64_t LevelBytes(const MemoryPlan& plan, size_t level, size_t model) {
  return plan.levels[level].ring.bytes + plan.models[model].head.bytes;
}

TEST_CASE("Memory is divided so that declared tasks keep their deadlines") {
  const Tasks tasks("divided");
  TestEngine engine(tasks.Options(), Drive::kPread);
  for (const absl::Status& status : tasks.Load(engine, Tasks::kOften)) {
    REQUIRE(status.message() == "");
  }
  const auto models = engine->models();
  const Engine::PlanReport report = engine->Plan();
  const MemoryPlan& plan = report.plan;
  const MemoryPlan for_latency = PlanForLatency(models, report);

  CHECK(absl::IsResourceExhausted(Admitted(models, report, for_latency)));
  CHECK(Admitted(models, report, plan).message() == "");
  // Of the same memory, level by level.
  CHECK(plan.levels[0].ring.bytes != for_latency.levels[0].ring.bytes);
  CHECK(LevelBytes(plan, 0, kOftenAt) <= LevelBytes(for_latency, 0, kOftenAt));
  CHECK(LevelBytes(plan, 1, kSeldomAt) <=
        LevelBytes(for_latency, 1, kSeldomAt));
  for (const size_t at : {kOtherAt, kOtherAt + 1}) {
    CHECK(plan.models[at].head.bytes == for_latency.models[at].head.bytes);
  }
  CHECK(plan.weight_memory_bytes() <= Tasks::kBudgetBytes);
}

TEST_CASE("The certificate is about the divided memory") {
  const Tasks tasks("certified");
  TestEngine engine(tasks.Options(), Drive::kPread);
  tasks.Load(engine, Tasks::kOften);
  const MemoryPlan plan = engine->Plan().plan;

  CHECK_THAT(tasks.Certificate(),
             Catch::Contains("\"ring_bytes\":[" +
                             std::to_string(plan.levels[0].ring.bytes) + "," +
                             std::to_string(plan.levels[1].ring.bytes)));
}

TEST_CASE("From divided memory answers are the same") {
  const Tasks tasks("answers");
  TestEngine resident({}, Drive::kPread), engine(tasks.Options(), Drive::kAuto);
  tasks.Load(resident, Tasks::kOften);
  tasks.Load(engine, Tasks::kOften);
  for (const char* name : {"often", "seldom", "other"}) {
    const TestAnswer expected = resident.Ask(name, 5);
    for (int request = 0; request < 3; ++request) {
      engine.clock().Advance(Tasks::kSeldom);  // The next may come.
      const TestAnswer answer = engine.Ask(name, 5);
      INFO(name << ", request " << request);
      REQUIRE(answer.status.message() == "");
      CHECK(answer.outputs == expected.outputs);
    }
  }
}

TEST_CASE("What no division lets in is refused alone") {
  const Tasks tasks("refused");
  TestEngine engine(tasks.Options(), Drive::kPread);
  const std::vector<absl::Status> statuses =
      tasks.Load(engine, Tasks::kTooOften);
  CHECK(statuses[0].message() == "");
  CHECK(statuses[1].message() == "");
  CHECK(absl::IsResourceExhausted(statuses[2]));
  CHECK(engine->Find("seldom", "") == nullptr);
  CHECK_THAT(tasks.Certificate(),
             Catch::Contains("often/1") && !Catch::Contains("seldom/1"));
}

// Parts that were seen to take long break a promise after it was made.
TEST_CASE("A promise that does not hold any more keeps nobody from leaving") {
  const Tasks tasks("leaving");
  TestEngine engine(tasks.Options(), Drive::kPread);
  for (const absl::Status& status : tasks.Load(engine, Tasks::kOften)) {
    REQUIRE(status.message() == "");
  }
  engine.OnPart(
      [&](size_t) { engine.clock().Advance(std::chrono::seconds(1)); });
  while (engine.parts_run() < PartTimes::kEnough) {
    REQUIRE(engine.Ask("other", 5).status.message() == "");
  }

  CHECK(engine->UnloadModel("seldom", "1").message() == "");

  const std::vector<std::string> warnings = engine->warnings();
  CHECK(std::any_of(warnings.begin(), warnings.end(), [](const auto& line) {
    return line.starts_with("often/1: a response of");
  }));
}

}  // namespace
}  // namespace layerd
