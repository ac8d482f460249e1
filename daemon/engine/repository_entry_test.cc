#include "daemon/engine/repository_entry.h"

#include <string>

#include "absl/status/status.h"
#include "config/version.h"
#include "daemon/plan/memory_plan.h"
#include "test/catch/catch.h"

namespace layerd {
namespace {

TEST_CASE("Who asks for a model hears by the code why it was not loaded") {
  struct Row {
    absl::Status refusal;
    absl::StatusCode told;
  };
  for (const Row& row : {
           Row{absl::ResourceExhaustedError("late"),
               absl::StatusCode::kResourceExhausted},
           Row{absl::DataLossError("crc"), absl::StatusCode::kDataLoss},
           Row{absl::NotFoundError("file"), absl::StatusCode::kUnavailable},
           Row{absl::OkStatus(), absl::StatusCode::kUnavailable},
       }) {
    const absl::Status told = NotLoaded(row.refusal, "the words");
    INFO(row.refusal);
    CHECK(told.code() == row.told);
    CHECK(told.message() == "the words");
    CHECK_FALSE(MinimumBudgetBytes(told));
  }
  const absl::Status small =
      WithMinimumBudget(absl::ResourceExhaustedError("small"), 4096);
  CHECK(MinimumBudgetBytes(NotLoaded(small, "the words")) == 4096);
}

TEST_CASE("What cannot be loaded is packed again where that may help") {
  struct Row {
    const char* name;
    absl::Status status;
    bool from_onnx, beside, in_cache;
  };
  const absl::Status other_kernels = absl::FailedPreconditionError("");
  const absl::Status damaged = absl::DataLossError("");
  const absl::Status odd = absl::InvalidArgumentError("");
  const absl::Status gone = absl::NotFoundError("");
  for (const Row& row : {
           Row{"for other kernels", other_kernels, true, true, true},
           Row{"damaged", damaged, true, false, true},
           Row{"of another version", odd, true, false, true},
           Row{"gone from the cache", gone, true, false, true},
           Row{"too large", absl::ResourceExhaustedError(""), false, false,
               false},
       }) {
    INFO(row.name);
    RepositoryEntry onnx, layers;
    onnx.found.onnx_path = "model.onnx";
    layers.found.layers_path = "model.layers";
    RepositoryEntry cached = layers;
    onnx.packed_path = cached.packed_path = "cache/model.layers";
    CHECK(MayPackAgain(onnx, row.status) == row.from_onnx);
    CHECK(MayPackAgain(layers, row.status) == row.beside);
    CHECK(MayPackAgain(cached, row.status) == row.in_cache);
    onnx.packed = cached.packed = true;
    CHECK_FALSE(MayPackAgain(onnx, row.status));
    CHECK_FALSE(MayPackAgain(cached, row.status));
  }
}

TEST_CASE("What another layerd has packed is not taken for our own") {
  RepositoryEntry entry;
  entry.found.name = "m";
  entry.found.version = "1";
  entry.found.content_key = "abc";
  RepositoryOptions options;
  options.cache_path = "/cache";
  const std::string ours = std::string("/cache/m-1-abc-") + kVersion;
  CHECK(CachePathOf(options, entry) == ours + ".layers");
  options.kernels = "cuda";
  CHECK(CachePathOf(options, entry) == ours + "-cuda.layers");
}

TEST_CASE("What is said of a model names no folder of ours") {
  RepositoryEntry entry;
  entry.packed_path = "/cache/m-1-abc.layers";
  const bool has_onnx = GENERATE(true, false);
  (has_onnx ? entry.found.onnx_path : entry.found.layers_path) =
      has_onnx ? "/r/m/1/model.onnx" : "/r/m/1/model.layers";
  CHECK(WithoutPaths(entry, "/r/m/1/weights.bin: gone") == "weights.bin: gone");
  CHECK(WithoutPaths(entry, "/r/m/model.yaml: gone") == "model.yaml: gone");
  CHECK(WithoutPaths(entry, "/cache/m-1-abc.layers: full") ==
        "the packed model: full");
  CHECK(WithoutPaths(entry, "/r/m/1/model.onnx: odd") == "model.onnx: odd");
}

}  // namespace
}  // namespace layerd
