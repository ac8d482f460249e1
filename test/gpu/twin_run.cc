#include "test/gpu/twin_run.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <utility>

#include "absl/strings/str_cat.h"
#include "config/check.h"
#include "daemon/pack/import/onnx_test_model.h"
#include "daemon/pack/packer.h"
#include "kernels/cuda/host_access.h"
#include "test/gpu/device_model.h"
#include "test/gpu/watched_drive.h"
#include "test/sim/test_engine.h"

namespace layerd {
namespace {

std::unique_ptr<Backend> MakeBackend(CudaMemory memory) {
  cuda::host_watcher = {twin::HostWrites, twin::HostReads};
  auto backend = MakeCudaBackend({.memory = memory});
  LAYERD_CHECK(backend.ok(), std::string(backend.status().message()));
  return *std::move(backend);
}

int IndexOf(CudaMemory memory) {
  return static_cast<int>(memory) - static_cast<int>(CudaMemory::kStaged);
}

TestAnswer AskOn(TestEngine& engine, const std::string& name, uint32_t input) {
  return engine.Ask(name, input);
}

// The largest distance of two lists of floats, by the largest number.
double RelativeDistance(const std::vector<std::byte>& ours,
                        const std::vector<std::byte>& right) {
  LAYERD_CHECK(ours.size() == right.size());
  double most = 0, distance = 0;
  for (size_t i = 0; i + 4 <= ours.size(); i += 4) {
    float a = 0, b = 0;
    std::memcpy(&a, &ours[i], 4);
    std::memcpy(&b, &right[i], 4);
    const double here = std::abs(static_cast<double>(a) - b);
    if (!(here <= distance)) distance = here;  // And a NaN.
    most = std::max<double>(most, std::abs(b));
  }
  return distance / most;
}

// The stories.
class Telling {
 public:
  Telling(const TwinRun& run, TestEngine& engine, WatchedDrive::Faults& faults)
      : run_(run), engine_(engine), faults_(faults) {}

  std::string Tell() {
    if (std::string wrong = Load("m", 3); !wrong.empty()) return wrong;
    switch (run_.story) {
      case Story::kPlain:
        return TellPlain();
      case Story::kPreempted:
        return TellPreempted();
      case Story::kCancelled:
        return TellCancelled();
      case Story::kReplanned:
        return TellReplanned();
      case Story::kReadErrors:
        return TellReadErrors();
    }
    return "no story";
  }

 private:
  std::string Load(const std::string& name, int level) {
    const absl::Status loaded =
        engine_.Load(run_.network->path(run_.half), name, level);
    return std::string(loaded.message());
  }

  std::string Wrong(const TestAnswer& answer, uint32_t input) const {
    if (!answer.status.ok()) return std::string(answer.status.message());
    const auto& expected =
        run_.network->Expected(run_.memory, run_.half, input);
    return answer.outputs == expected ? "" : "an answer has other bits";
  }

  std::string AskAll(const std::string& name) {
    const std::vector<uint32_t> inputs =
        run_.brief ? std::vector<uint32_t>{run_.seed % 2}
                   : std::vector<uint32_t>{0, 1, 0};
    for (const uint32_t input : inputs) {
      const twin::Counters before = twin::counters();
      std::string wrong = Wrong(AskOn(engine_, name, input), input);
      const twin::Counters after = twin::counters();
      if (!wrong.empty()) return wrong;
      if (after.allocations != before.allocations) {
        return "memory was allocated on the path of a request";
      }
      if (after.device_waits != before.device_waits) {
        return "a request waited for the whole device";
      }
    }
    return "";
  }

  size_t SomePart() const {
    return run_.seed / 7 % run_.network->part_count(run_.half);
  }

  std::string TellPlain() {
    std::vector<std::chrono::nanoseconds> times(
        run_.network->part_count(run_.half));
    const TestAnswer timed =
        engine_.Ask("m", 1, [&](Job& job) { job.part_times = times; });
    std::string wrong = Wrong(timed, 1);
    return wrong.empty() ? AskAll("m") : wrong;
  }

  std::string TellPreempted() {
    if (std::string wrong = Load("urgent", 1); !wrong.empty()) return wrong;
    std::vector<std::string> order;
    engine_.OnPart([&, at = SomePart()](size_t part) {
      if (part == at) (void)engine_.Submit("urgent", &order).ok();
    });
    std::string wrong = Wrong(AskOn(engine_, "m", 1), 1);
    engine_.OnPart(nullptr);
    if (wrong.empty()) wrong = AskAll("urgent");
    if (wrong.empty()) wrong = AskAll("m");
    engine_->Drain(Instant::max());
    return wrong;
  }

  std::string TellCancelled() {
    auto cancelled = std::make_shared<std::atomic<bool>>(false);
    engine_.OnPart(
        [&, at = SomePart()](size_t part) { cancelled->store(part == at); });
    const TestAnswer answer =
        engine_.Ask("m", 1, [&](Job& job) { job.cancelled = cancelled; });
    engine_.OnPart(nullptr);
    if (!absl::IsCancelled(answer.status)) {
      if (std::string wrong = Wrong(answer, 1); !wrong.empty()) return wrong;
    }
    return AskAll("m");
  }

  std::string TellReplanned() {
    if (std::string wrong = AskAll("m"); !wrong.empty()) return wrong;
    // Another level has a ring of its own; then the memory is what it was.
    if (std::string wrong = Load("other", 2); !wrong.empty()) return wrong;
    if (std::string wrong = AskAll("other"); !wrong.empty()) return wrong;
    if (std::string wrong = AskAll("m"); !wrong.empty()) return wrong;
    if (!engine_->UnloadModel("other", "1").ok()) return "not unloaded";
    std::vector<std::string> order;
    std::string wrong = TellOtherBudgets(&order);
    // Then a job may still know `order`.
    if (!wrong.empty()) engine_->Drain(Instant::max());
    return wrong;
  }

  // All resident, the smallest ring and what there was, each while a job is
  // about to run.
  std::string TellOtherBudgets(std::vector<std::string>* order) {
    const uint64_t least = run_.network->minimum_weight_bytes(run_.half);
    for (const MemoryBudgets& budgets :
         {MemoryBudgets{}, MemoryBudgets{.weight_bytes = least},
          MemoryBudgets{.weight_bytes = 2 * least}}) {
      order->clear();
      if (!engine_.Submit("m", order).ok()) return "not submitted";
      const absl::Status set = engine_->SetBudgets(budgets);
      if (!set.ok()) return std::string(set.message());
      if (std::string wrong = AskAll("m"); !wrong.empty()) return wrong;
      if (*order != std::vector<std::string>{"m"}) return "a job was lost";
    }
    return "";
  }

  std::string TellReadErrors() {
    const uint64_t bytes =
        std::filesystem::file_size(run_.network->path(run_.half));
    uint64_t at = run_.seed;
    for (const auto kind : {SimFault::Kind::kShort, SimFault::Kind::kError,
                            SimFault::Kind::kBitFlip}) {
      at = (at * 2654435761u + 12345) % bytes;
      faults_.Add({.kind = kind, .offset_bytes = at, .times = 1});
    }
    return AskAll("m");
  }

  const TwinRun& run_;
  TestEngine& engine_;
  WatchedDrive::Faults& faults_;
};

}  // namespace

TwinNetwork::TwinNetwork(std::string path, std::string half_path,
                         uint32_t library_seed)
    : paths_{std::move(path), std::move(half_path)},
      library_seed_(library_seed) {
  for (const CudaMemory memory : kStrategies) {
    for (const bool half : {false, true}) {
      twin::Reset({.seed = 0, .library_seed = library_seed_});
      TestEngine engine({}, Drive::kPread, MakeBackend(memory));
      const absl::Status loaded = engine.Load(paths_[half], "m", 3);
      LAYERD_CHECK(loaded.ok(), std::string(loaded.message()));
      minimum_weight_bytes_[half] = engine.MinimumWeightBytes();
      const std::vector<Part>& parts = engine->Find("m", "")->program().parts;
      part_count_[half] = parts.size();
      looks_up_ = std::any_of(parts.begin(), parts.end(), [](const Part& part) {
        return part.table.has_value();
      });
      for (const uint32_t input : {0u, 1u}) {
        TestAnswer answer = engine.Ask("m", input);
        LAYERD_CHECK(answer.status.ok(), std::string(answer.status.message()));
        expected_[IndexOf(memory)][half][input] = std::move(answer.outputs);
      }
      LAYERD_CHECK(twin::FirstAlarm().empty(), twin::FirstAlarm());
    }
  }
}

TwinNetwork TwinNetwork::Random(uint32_t seed) {
  twin::Reset({});
  std::string paths[2];
  {
    const auto backend = MakeBackend(CudaMemory::kStaged);
    for (const bool half : {false, true}) {
      paths[half] = WriteDeviceModel(seed, 8, half, *backend);
    }
  }
  return TwinNetwork(paths[false], paths[true], seed);
}

TwinNetwork TwinNetwork::Embedding() {
  constexpr int64_t kRows = 1500, kColumns = 96;
  std::vector<float> table(kRows * kColumns), weights(kColumns * kColumns);
  for (size_t i = 0; i < table.size(); ++i) {
    table[i] = static_cast<float>(i * 577 % 1009) / 1009;
  }
  for (size_t i = 0; i < weights.size(); ++i) {
    weights[i] = static_cast<float>(i * 331 % 997) / 997 - 0.5f;
  }
  TestModel model(13);
  model.Input("x", {1, 12});
  model.Weights("rows", {1}, {1499.0f});
  model.Weights("table", {kRows, kColumns}, table);
  model.Weights("weights", {kColumns, kColumns}, weights);
  model.Add("Abs", {"x"}, {"size"});
  model.Add("Mul", {"size", "rows"}, {"place"});
  SetInt(model.Add("Cast", {"place"}, {"ids"}), "to", onnx::TensorProto::INT64);
  SetInt(model.Add("Gather", {"table", "ids"}, {"embedding"}), "axis", 0);
  model.Add("MatMul", {"embedding", "weights"}, {"product"});
  model.Add("Relu", {"product"}, {"y"});
  model.Output("y");
  const std::string path = TestFile("embedding.onnx");
  std::ofstream(path, std::ios::binary) << model.proto.SerializeAsString();
  return FromOnnx(path);
}

TwinNetwork TwinNetwork::Digits() {
  return FromOnnx("test/models/digits/digits.onnx");
}

TwinNetwork TwinNetwork::FromOnnx(const std::string& onnx) {
  const std::string stem = std::filesystem::path(onnx).stem().string();
  std::string paths[2];
  for (const bool half : {false, true}) {
    twin::Reset({});
    const auto backend = MakeBackend(CudaMemory::kStaged);
    PackOptions options;
    options.kernels = "cuda";
    options.compute = options.weights = half ? "f16" : "f32";
    paths[half] = TestFile(absl::StrCat(stem, "_", options.compute, ".layers"));
    const auto packed = Pack(onnx, paths[half], options, *backend, nullptr);
    LAYERD_CHECK(packed.ok(), std::string(packed.status().message()));
  }
  return TwinNetwork(paths[false], paths[true], 7);
}

std::string TwinNetwork::DistanceFromReference() const {
  TestEngine oracle({}, Drive::kPread);
  const absl::Status loaded = oracle.Load(paths_[false], "m", 3);
  if (!loaded.ok()) return std::string(loaded.message());
  const TestAnswer right = oracle.Ask("m", 1);
  if (!right.status.ok()) return std::string(right.status.message());
  for (const bool half : {false, true}) {
    const Outputs& ours = Expected(CudaMemory::kStaged, half, 1);
    for (size_t i = 0; i < right.outputs.size(); ++i) {
      const double distance = RelativeDistance(ours[i], right.outputs[i]);
      if (distance <= (half ? 1e-2 : 1e-3)) continue;
      return absl::StrCat(half ? "f16" : "f32", ": output ", i, " is ",
                          distance, " of its largest number away");
    }
  }
  return "";
}

const TwinNetwork::Outputs& TwinNetwork::Expected(CudaMemory memory, bool half,
                                                  uint32_t input) const {
  return expected_[IndexOf(memory)][half][input];
}

std::string Complaint(const TwinRun& run) {
  twin::Reset({.seed = run.seed, .library_seed = run.network->library_seed()});
  std::string complaint;
  {
    auto backend = MakeBackend(run.memory);
    if (run.backend) backend = run.backend(std::move(backend));
    twin::SetHook(run.hook);
    auto faults = std::make_shared<WatchedDrive::Faults>();
    // Two levels at most, each with the smallest ring.
    TestEngine engine({.weight_budget_bytes =
                           2 * run.network->minimum_weight_bytes(run.half)},
                      WatchedDrive::Opener(run.seed, faults),
                      std::move(backend));
    complaint = Telling(run, engine, *faults).Tell();
  }
  twin::SetHook(nullptr);
  twin::CheckGuards();
  // The watcher's word is the better one.
  const std::string alarm = twin::FirstAlarm();
  return alarm.empty() ? complaint : alarm;
}

}  // namespace layerd
