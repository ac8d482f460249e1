// What kernels list of a line without end, in the engine's budget.
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/model/random_model.h"
#include "daemon/plan/memory_plan.h"
#include "kernels/backend.h"
#include "kernels/reference/reference_backend.h"
#include "test/catch/catch.h"
#include "test/sim/forwarding_backend.h"
#include "test/sim/test_engine.h"

namespace layerd {
namespace {

std::string WriteLine(const std::string& name, int64_t elements) {
  const std::string path = std::string(std::getenv("TEST_TMPDIR")) + "/" + name;
  StretchedLine(elements).Write(path, MakeReferenceBackend()->key());
  return path;
}

// Counts the parts that it is to prepare.
class CountingBackend final : public ForwardingBackend {
 public:
  CountingBackend(std::unique_ptr<Backend> inner, size_t* prepared)
      : ForwardingBackend(std::move(inner)), prepared_(prepared) {}

  absl::StatusOr<std::unique_ptr<Kernel>> Prepare(
      const PartSpec& spec) override {
    ++*prepared_;
    return ForwardingBackend::Prepare(spec);
  }

 private:
  size_t* const prepared_;
};

TEST_CASE("What kernels keep counts once for a model, whatever its levels") {
  TestEngine engine({}, Drive::kSim);

  const auto statuses = engine->LoadModels(
      {{.layer_file_path = WriteLine("levels.layers", 1 << 18),
        .name = "line",
        .version = "1",
        .level = 1,
        .lower_to = 3}});

  REQUIRE(statuses[0].message() == "");
  const uint64_t kept = engine->models()[0]->prepared_bytes();
  const MemoryPlan plan = engine->Plan().plan;
  CHECK(kept > 4 << 20);
  CHECK(plan.levels.size() == 3);
  CHECK(plan.prepared_bytes == kept);
  CHECK(engine->memory().arena_bytes == plan.arena_bytes + kept);
}

// Nothing in the slab is for them, nor for parts, which are few.
TEST_CASE("What a file lists beside its parts is told in the base") {
  const auto base_of = [](const char* name, size_t tensors) {
    RandomModel model(7);
    const Tensor unused = model.program.tensors.front();
    model.program.tensors.resize(model.program.tensors.size() + tensors,
                                 unused);
    const std::string path =
        std::string(std::getenv("TEST_TMPDIR")) + "/" + name;
    model.Write(path, MakeReferenceBackend()->key());
    TestEngine engine({}, Drive::kSim);
    REQUIRE(engine.Load(path, "m", 1).message() == "");
    return engine->Plan().base_bytes;
  };
  constexpr size_t kTensors = 20'000;
  // As many bytes for each as it and its name have, and its type.
  CHECK(base_of("many.layers", kTensors) >=
        base_of("few.layers", 0) + kTensors * 200);
}

TEST_CASE("A line that the budget has no lists for is refused by its layer") {
  TestEngine engine({.memory_budget_bytes = 8 << 20}, Drive::kSim);
  REQUIRE(engine.Load(WriteModel("kept.layers", 7), "kept", 2).message() == "");

  const absl::Status status =
      engine.Load(WriteLine("endless.layers", 1 << 22), "endless", 2);

  CHECK(absl::IsResourceExhausted(status));
  CHECK_THAT(
      std::string(status.message()),
      Catch::Contains("layer \"stretch\"") &&
          Catch::Contains("the memory budget is 8388608: give at least "));
  CHECK(engine.Ask("kept", 1).status.message() == "");
}

TEST_CASE("A line that has no room beside another is refused unprepared") {
  size_t prepared = 0;
  TestEngine engine(
      {}, Drive::kSim,
      std::make_unique<CountingBackend>(MakeReferenceBackend(), &prepared));
  const std::string path = WriteLine("beside.layers", 1 << 18);
  REQUIRE(engine.Load(path, "first", 2).message() == "");
  const uint64_t kept = engine->models()[0]->prepared_bytes();
  const MemoryPlan plan = engine->Plan().plan;
  const uint64_t need = plan.minimum_weight_bytes + plan.beside_weights_bytes();
  REQUIRE(engine->SetBudgets({.memory_bytes = need + kept - 1}).ok());
  const size_t before = prepared;

  const absl::Status refused = engine.Load(path, "second", 2);

  CHECK(absl::IsResourceExhausted(refused));
  CHECK(MinimumBudgetBytes(refused) == need + kept);
  CHECK(prepared == before);

  REQUIRE(engine->SetBudgets({.memory_bytes = need + kept}).ok());
  CHECK(engine.Load(path, "second", 2).message() == "");
  CHECK(prepared > before);
}

}  // namespace
}  // namespace layerd
