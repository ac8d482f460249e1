// Do networks on this GPU give the same bits from the smallest ring as
// resident, the right ones, in the memory that was planned for each budget?
//
//   gpu_models [SEEDS]
//
// Networks are made from seeds: no file is needed. Prints what is wrong, a
// table, and "N passed, N failed". Exits 0 if all is right, 1 if not, 3 if
// there is no GPU.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "cuda_runtime_api.h"
#include "test/gpu/device_model.h"
#include "test/gpu/device_settings.h"
#include "test/gpu/large_model.h"
#include "test/gpu/three_stages.h"
#include "test/sim/test_engine.h"

namespace layerd {
namespace {

// The device may round memory up to its own pages.
constexpr uint64_t kSlackBytes = 4 << 20;
constexpr uint64_t kManagedBytesMax = 16 << 20;
constexpr uint32_t kLarge = ~uint32_t{0};  // In place of a seed.

std::string NameOf(uint32_t seed) {
  return seed == kLarge ? "large" : std::to_string(seed);
}

struct Count {
  int passed = 0, failed = 0;

  void Hold(bool right, const DeviceSetting& setting, uint32_t seed,
            const std::string& wrong) {
    ++(right ? passed : failed);
    if (right) return;
    std::printf("wrong: %s: network %s: %s\n", setting.name,
                NameOf(seed).c_str(), wrong.c_str());
  }
};

std::unique_ptr<Backend> Device(const DeviceSetting& setting) {
  auto device = MakeCudaBackend(setting.options);
  return device.ok() ? *std::move(device) : nullptr;
}

uint64_t FreeDeviceBytes() {
  size_t free = 0, all = 0;
  return cudaMemGetInfo(&free, &all) == cudaSuccess ? free : 0;
}

bool AreNear(const std::vector<std::byte>& a, const std::vector<std::byte>& b,
             float tolerance) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i + 4 <= a.size(); i += 4) {
    float x, y;
    std::memcpy(&x, &a[i], 4);
    std::memcpy(&y, &b[i], 4);
    if (!(std::abs(x - y) <= tolerance * (1 + std::abs(y)))) return false;
  }
  return true;
}

void HoldMemory(const DeviceSetting& setting, uint32_t seed, uint64_t before,
                Engine& engine, Count& count) {
  const Engine::MemoryStats planned = engine.memory();
  const uint64_t bytes = planned.weight_memory_bytes() + planned.arena_bytes;
  const uint64_t taken = before - std::min(before, FreeDeviceBytes());
  const uint64_t most =
      setting.options.memory == CudaMemory::kMapped ? 0 : bytes;
  // Not less either, but that managed memory may be counted or not.
  const uint64_t managed =
      setting.options.memory == CudaMemory::kManaged ? kManagedBytesMax : 0;
  count.Hold(
      taken <= most + managed + kSlackBytes && taken + kSlackBytes >= most,
      setting, seed,
      "the device gave " + std::to_string(taken) + " bytes, planned " +
          std::to_string(most));
  std::printf(
      "| %-12s | network %s, ring and heads of %8llu bytes | planned "
      "%9llu, taken %9llu bytes |\n",
      setting.name, NameOf(seed).c_str(),
      static_cast<unsigned long long>(planned.ring_bytes + planned.head_bytes),
      static_cast<unsigned long long>(most),
      static_cast<unsigned long long>(taken));
}

// Do copies go on beside computing, as planning reckons?
void HoldThreeStages(Count& count) {
  const auto measured = MeasureThreeStages();
  const std::string wrong =
      measured.ok() ? WrongOf(*measured) : measured.status().ToString();
  ++(wrong.empty() ? count.passed : count.failed);
  if (!wrong.empty()) std::printf("wrong: three stages: %s\n", wrong.c_str());
  if (!measured.ok()) return;
  const StageTimes& stages = measured->stages;
  std::printf(
      "| three stages | copying %.0f us, computing %.0f us, %.0f us of "
      "copies beside it | all %.0f us, %.3f of the recurrence |\n",
      1e6 * stages.copying_seconds, 1e6 * stages.computing_seconds,
      1e6 * stages.beside_seconds, 1e6 * stages.wall_seconds,
      stages.wall_seconds / measured->recurrence_seconds);
}

void HoldNetwork(const DeviceSetting& setting, uint32_t seed, Count& count) {
  const auto device = Device(setting);
  const bool half = setting.compute == DataType::kF16;
  const std::string path = WriteDeviceModel(seed, 12, half, *device);
  TestEngine oracle({}, Drive::kPread);
  TestEngine resident({}, Drive::kAuto, Device(setting));
  if (!resident.Load(path, "m", 3).ok()) {
    count.Hold(false, setting, seed, "it cannot be loaded");
    return;
  }
  const TestAnswer expected = resident.Ask("m", seed);
  count.Hold(expected.status.ok(), setting, seed,
             std::string(expected.status.message()));
  const uint64_t least = resident.MinimumWeightBytes();
  for (const Drive drive : {Drive::kAuto, Drive::kSim}) {
    for (const uint64_t budget : {least, least + least / 3}) {
      auto device = Device(setting);
      const uint64_t before = FreeDeviceBytes();
      TestEngine streamed({.weight_budget_bytes = budget}, drive,
                          std::move(device));
      const absl::Status loaded = streamed.Load(path, "m", 3);
      count.Hold(loaded.ok(), setting, seed, std::string(loaded.message()));
      if (!loaded.ok()) continue;
      HoldMemory(setting, seed, before, *streamed.operator->(), count);
      for (int request = 0; request < 3; ++request) {
        const TestAnswer answer = streamed.Ask("m", seed);
        count.Hold(answer.outputs == expected.outputs, setting, seed,
                   "streamed is not resident");
      }
    }
  }
  // The reference computes in f32; its loops take any layout.
  const std::string exact =
      half ? WriteDeviceModel(seed, 12, false, *device) : path;
  if (!oracle.Load(exact, "m", 3).ok()) {
    count.Hold(false, setting, seed, "the reference cannot load it");
    return;
  }
  const TestAnswer right = oracle.Ask("m", seed);
  for (size_t i = 0; i < right.outputs.size(); ++i) {
    count.Hold(
        AreNear(expected.outputs[i], right.outputs[i], setting.tolerance),
        setting, seed, "far from the reference");
  }
}

// A network that is large beside the pages of a device, at several budgets.
void HoldLarge(const DeviceSetting& setting, Count& count) {
  const std::string path = WriteLargeModel(*Device(setting));
  std::vector<std::vector<std::byte>> expected;
  // First all are resident.
  for (const uint64_t budget :
       {MemoryBudgets().weight_bytes, uint64_t{32} << 20, uint64_t{16} << 20,
        uint64_t{8} << 20}) {
    auto device = Device(setting);
    const uint64_t before = FreeDeviceBytes();
    TestEngine engine({.weight_budget_bytes = budget}, Drive::kAuto,
                      std::move(device));
    const absl::Status loaded = engine.Load(path, "m", 3);
    count.Hold(loaded.ok(), setting, kLarge, std::string(loaded.message()));
    if (!loaded.ok()) return;
    HoldMemory(setting, kLarge, before, *engine.operator->(), count);
    const TestAnswer answer = engine.Ask("m", 1);
    if (expected.empty()) expected = answer.outputs;
    count.Hold(answer.status.ok() && answer.outputs == expected, setting,
               kLarge, "streamed is not resident");
  }
}

int Main(uint32_t seeds) {
  const auto probe = MakeCudaBackend({});
  if (absl::IsUnavailable(probe.status())) {
    std::fprintf(stderr, "gpu_models: %s\n",
                 std::string(probe.status().message()).c_str());
    return 3;
  }
  Count all;
  HoldThreeStages(all);
  for (const DeviceSetting& setting : kDeviceSettings) {
    Count count;
    for (uint32_t seed = 0; seed < seeds; ++seed) {
      HoldNetwork(setting, seed, count);
    }
    if (setting.compute == DataType::kF32) HoldLarge(setting, count);
    std::printf("| %-12s | %3u networks | %5d right | %5d wrong |\n",
                setting.name, seeds, count.passed, count.failed);
    all.passed += count.passed;
    all.failed += count.failed;
  }
  std::printf("%d passed, %d failed\n", all.passed, all.failed);
  return all.failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace layerd

int main(int argc, char** argv) {
  const int seeds = argc > 1 ? std::atoi(argv[1]) : 10;
  return layerd::Main(static_cast<uint32_t>(seeds));
}
