#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "config/check.h"
#include "daemon/engine/known_costs.h"
#include "test/catch/catch.h"
#include "test/sim/test_engine.h"

namespace layerd {
namespace {

using std::chrono::milliseconds;

constexpr double kPartSeconds = 1e-3;
constexpr milliseconds kSlow{7};  // So long its parts take while it is served.

// A model whose costs are known, and a cache folder of its own.
class Kept {
 public:
  explicit Kept(const std::string& name)
      : path_(WriteModel(name + ".layers", /*seed=*/3)),
        cache_(std::string(std::getenv("TEST_TMPDIR")) + "/" + name) {
    std::filesystem::remove_all(cache_);
    parts_ = Model::Load(path_, "m", "1", {}, backend_.get())
                 .value()
                 ->program()
                 .parts.size();
    LAYERD_CHECK(
        costs()
            .Write({.part_seconds = std::vector<double>(parts_, kPartSeconds),
                    .drive = {.bytes_per_s = 1e9, .slow_bytes_per_s = 1e9}})
            .ok());
  }

  EngineOptions options() const {
    EngineOptions options;
    options.cache_path = cache_;
    options.keep_part_times = true;
    return options;
  }
  KnownCosts costs() const {
    return KnownCosts::Of(path_, cache_, backend_->key(), 1).value();
  }
  const std::string& path() const { return path_; }
  size_t parts() const { return parts_; }

 private:
  const std::unique_ptr<Backend> backend_ = MakeReferenceBackend();
  const std::string path_, cache_;
  size_t parts_ = 0;
};

double BlockingSeconds(TestEngine& engine) {
  return engine->Plan().outlook.at(0).prediction.blocking_seconds;
}

void Serve(TestEngine* engine, size_t parts) {
  engine->OnPart([engine](size_t) { engine->clock().Advance(kSlow); });
  while (engine->parts_run() < parts) REQUIRE(engine->Ask("m", 1).status.ok());
}

TEST_CASE("What was seen of parts outlives the daemon") {
  const Kept kept("outlives");
  {
    TestEngine engine(kept.options(), Drive::kSim);
    REQUIRE(engine.Load(kept.path(), "m", 3).ok());
    CHECK(BlockingSeconds(engine) < 7e-3);
    Serve(&engine, PartTimes::kEnough);
  }
  TestEngine engine(kept.options(), Drive::kSim);
  REQUIRE(engine.Load(kept.path(), "m", 3).ok());
  CHECK(BlockingSeconds(engine) == Approx(7e-3).epsilon(0.05));

  // Measuring anew does not forget it.
  REQUIRE(kept.costs()
              .Write({.part_seconds =
                          std::vector<double>(kept.parts(), kPartSeconds)})
              .ok());
  TestEngine third(kept.options(), Drive::kSim);
  REQUIRE(third.Load(kept.path(), "m", 3).ok());
  CHECK(BlockingSeconds(third) == Approx(7e-3).epsilon(0.05));
}

TEST_CASE("What was seen of parts outlives an unloaded model") {
  const Kept kept("unloaded");
  TestEngine engine(kept.options(), Drive::kSim);
  REQUIRE(engine.Load(kept.path(), "m", 3).ok());
  Serve(&engine, PartTimes::kEnough);
  REQUIRE(engine->UnloadModel("m", "1").ok());
  REQUIRE(engine.Load(kept.path(), "m", 3).ok());
  CHECK(BlockingSeconds(engine) == Approx(7e-3).epsilon(0.05));
}

// A model of other weights and as many parts.
std::string ModelOfParts(size_t parts) {
  const std::unique_ptr<Backend> backend = MakeReferenceBackend();
  for (uint32_t seed = 4;; ++seed) {
    const std::string path = WriteModel("other.layers", seed);
    const auto model = Model::Load(path, "m", "1", {}, backend.get());
    if ((*model)->program().parts.size() == parts) return path;
  }
}

TEST_CASE("A layer file in another's place has not its times") {
  const Kept kept("replaced");
  const std::string aside = kept.path() + ".aside";
  TestEngine engine(kept.options(), Drive::kSim);
  REQUIRE(engine.Load(kept.path(), "m", 3).ok());
  Serve(&engine, PartTimes::kEnough);
  std::filesystem::rename(kept.path(), aside);
  std::filesystem::rename(ModelOfParts(kept.parts()), kept.path());
  REQUIRE(kept.costs()
              .Write({.part_seconds =
                          std::vector<double>(kept.parts(), kPartSeconds)})
              .ok());
  REQUIRE(engine.Load(kept.path(), "m", 3).ok());
  CHECK(kept.costs().Read(kept.parts())->seen.counts.empty());

  // They are where the file is that they were seen of.
  std::filesystem::rename(aside, kept.path());
  REQUIRE(engine.Load(kept.path(), "m", 3).ok());
  CHECK(BlockingSeconds(engine) == Approx(7e-3).epsilon(0.05));
}

TEST_CASE("A tool that runs a model keeps nothing of it") {
  const Kept kept("tool");
  EngineOptions options = kept.options();
  options.keep_part_times = false;
  {
    TestEngine engine(options, Drive::kSim);
    REQUIRE(engine.Load(kept.path(), "m", 3).ok());
    Serve(&engine, PartTimes::kEnough);
  }
  CHECK(kept.costs().Read(kept.parts()).value().seen.counts.empty());
}

// Nor is one that other steps were counted in.
TEST_CASE("What cannot have been seen is forgotten, and the costs stay") {
  const SeenParts seen = GENERATE(
      SeenParts{PartTimes::kStepsPerOctave, {4'000'000'000, 4'000'000'000}},
      SeenParts{PartTimes::kStepsPerOctave, std::vector<uint32_t>(1024, 9)},
      SeenParts{PartTimes::kStepsPerOctave + 1,
                std::vector<uint32_t>(300, 99)});
  const Kept kept("unsound");
  REQUIRE(kept.costs().WriteSeen(kept.parts(), seen).ok());
  TestEngine engine(kept.options(), Drive::kSim);
  REQUIRE(engine.Load(kept.path(), "m", 3).ok());
  CHECK(BlockingSeconds(engine) == Approx(1.25 * kPartSeconds));
  CHECK(engine->Plan().measured.at(0));
}

// As `cp` does on its way to another file.
TEST_CASE("A layer file that is emptied while it serves takes nobody along") {
  const Kept kept("emptied");
  TestEngine engine(kept.options(), Drive::kSim);
  REQUIRE(engine.Load(kept.path(), "m", 3).ok());
  std::filesystem::resize_file(kept.path(), 0);
  CHECK(engine->UnloadModel("m", "1").ok());
}

TEST_CASE("A file of any size is no profile") {
  const Kept kept("large");
  std::filesystem::resize_file(kept.costs().path(), uint64_t{1} << 40);
  CHECK(!kept.costs().Read(kept.parts()));
}

}  // namespace
}  // namespace layerd
