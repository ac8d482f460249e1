#include "daemon/model/model.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>

#include "absl/status/status.h"
#include "daemon/model/random_model.h"
#include "kernels/reference/reference_backend.h"
#include "test/catch/catch.h"

namespace layerd {
namespace {

std::string PathOf(const std::string& name) {
  const char* folder = std::getenv("TEST_TMPDIR");
  return (std::filesystem::path(folder ? folder : ".") / name).string();
}

// Refuses every part as a library does whose layouts are others.
class OtherLayouts final : public Backend {
 public:
  KernelKey key() const override { return {"cpu", "avx2", "f32", "lib 2"}; }
  absl::StatusOr<std::vector<WeightLayout>> WeightLayouts(
      const PartSpec&) const override {
    return absl::UnimplementedError("not asked");
  }
  absl::StatusOr<std::unique_ptr<Kernel>> Prepare(const PartSpec&) override {
    return absl::FailedPreconditionError("weight 0 has other blocks");
  }
  absl::StatusOr<Ticket> Enqueue(Kernel&, const PartMemory&) override {
    return Ticket{};
  }
  bool Completed(Ticket) override { return true; }
  absl::Status Wait(Ticket) override { return absl::OkStatus(); }
};

TEST_CASE("A loaded model knows its ports, parts and weights") {
  const auto backend = MakeReferenceBackend();
  const RandomModel random(7);
  random.Write(PathOf("ports.layers"), backend->key());

  const auto model = Model::Load(PathOf("ports.layers"), "m", "1", {.level = 2},
                                 backend.get());

  REQUIRE(model.status().message() == "");
  const Model& m = **model;
  CHECK(m.level() == 2);
  REQUIRE(m.inputs().size() == 1);
  CHECK(m.inputs()[0].name == "x");
  CHECK(m.inputs()[0].bytes == m.inputs()[0].shape[1] * m.inputs()[0].shape[2] *
                                   m.inputs()[0].shape[3] * sizeof(float));
  CHECK(m.program().parts.size() == random.program.parts.size());
  CHECK(m.weight_bytes() > 0);
  CHECK(m.file().manifest().parts().empty());  // Its memory was given back.
}

TEST_CASE(
    "Weights for other kernels are refused with both keys and the layer") {
  RandomModel(7).Write(PathOf("other.layers"),
                       {"cpu", "avx512_core", "f32", "lib 1"});
  OtherLayouts backend;

  const auto model =
      Model::Load(PathOf("other.layers"), "m", "1", {.level = 2}, &backend);

  REQUIRE(absl::IsFailedPrecondition(model.status()));
  CHECK_THAT(std::string(model.status().message()),
             Catch::Contains("layer \"conv0\"") &&
                 Catch::Contains("packed for cpu avx512_core f32 lib 1") &&
                 Catch::Contains("here is cpu avx2 f32 lib 2"));
}

TEST_CASE("What kernels would list is refused before any is prepared") {
  constexpr uint64_t kMiB = 1 << 20;
  constexpr auto kNoBudget = std::numeric_limits<uint64_t>::max();
  struct Row {
    const char* name;
    int64_t elements;
    uint64_t budget;
    const char* message;
  };
  const auto row = GENERATE(values<Row>({
      {"more than the budget", 1 << 22, 64 * kMiB,
       "the memory budget is 67108864: give at least "},
      {"more than anybody has", 1 << 26, kNoBudget,
       "at most 1073741824 are allowed"},
  }));
  INFO(row.name);
  OtherLayouts backend;  // It would say something else.
  const std::string path = PathOf("stretched.layers");
  StretchedLine(row.elements).Write(path, backend.key());

  const auto model =
      Model::Load(path, "m", "1", {.level = 2}, &backend, row.budget);

  CHECK(std::filesystem::file_size(path) < 16 << 10);
  REQUIRE(absl::IsResourceExhausted(model.status()));
  CHECK_THAT(
      std::string(model.status().message()),
      Catch::Contains("layer \"stretch\"") && Catch::Contains(row.message));
}

TEST_CASE("What kernels list counts from where the base ends") {
  const auto backend = MakeReferenceBackend();
  const std::string path = PathOf("counted.layers");
  const auto counted = [&](int64_t elements) {
    StretchedLine(elements).Write(path, backend->key());
    const auto model = Model::Load(path, "m", "1", {.level = 2}, backend.get());
    REQUIRE(model.ok());
    return (*model)->prepared_bytes();
  };

  CHECK(counted(1 << 14) == 0);
  CHECK(counted(1 << 22) > 64 << 20);
}

TEST_CASE("What is no layer file is refused and not loaded") {
  const auto backend = MakeReferenceBackend();
  std::ofstream(PathOf("foreign.layers")) << "GIF89a";

  CHECK_FALSE(Model::Load(PathOf("foreign.layers"), "m", "1", {.level = 2},
                          backend.get())
                  .ok());
  CHECK(absl::IsNotFound(
      Model::Load(PathOf("none.layers"), "m", "1", {.level = 2}, backend.get())
          .status()));
}

TEST_CASE("The first reason of a failure stays") {
  const auto backend = MakeReferenceBackend();
  RandomModel(7).Write(PathOf("fails.layers"), backend->key());
  const auto model = Model::Load(PathOf("fails.layers"), "m", "1", {.level = 2},
                                 backend.get());
  REQUIRE(model.ok());

  CHECK((*model)->failure().ok());
  (*model)->Fail(absl::DataLossError("first"));
  (*model)->Fail(absl::InternalError("second"));

  CHECK((*model)->failure() == absl::DataLossError("first"));
}

}  // namespace
}  // namespace layerd
