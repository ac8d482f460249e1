// Does this GPU compute every operator as the oracle does?
//
//   gpu_check
//
// Needs a driver, and CUDA, cuDNN and cuBLASLt at run time; nothing else of
// layerd. Prints what is wrong, a table, and "N passed, N failed". Exits 0 if
// all is right, 1 if not, 3 if there is no GPU.

#include <cstdio>
#include <map>
#include <string>

#include "cublasLt.h"
#include "cuda_runtime_api.h"
#include "cudnn.h"
#include "test/gpu/attached_backend.h"
#include "test/gpu/device_settings.h"
#include "test/gpu/operator_contract.h"

namespace layerd {
namespace {

struct Count {
  int passed = 0, failed = 0;
};

// By sentence.
using Counts = std::map<std::string, Count>;

Counts Hold(const DeviceSetting& setting, std::unique_ptr<Backend> device) {
  Counts counts;
  AttachedBackend backend(std::move(device));
  const auto tell = [&](const OperatorVerdict& one) {
    Count& count = counts[one.sentence];
    ++(one.wrong.empty() ? count.passed : count.failed);
    if (one.wrong.empty()) return;
    std::printf("wrong: %s: %s, %s: %s\n", setting.name, one.layer.c_str(),
                one.sentence.c_str(), one.wrong.c_str());
  };
  HoldOperators(backend, setting.compute, setting.tolerance, tell);
  if (setting.compute == DataType::kF32) {
    HoldArrangements(backend, setting.tolerance, tell);
  }
  return counts;
}

void PrintVersions() {
  int runtime = 0, driver = 0;
  cudaRuntimeGetVersion(&runtime);
  cudaDriverGetVersion(&driver);
  std::printf("versions: CUDA %d, driver's CUDA %d, cuDNN %zu, cuBLASLt %zu\n",
              runtime, driver, cudnnGetVersion(), cublasLtGetVersion());
}

int Main() {
  Count all;
  for (const DeviceSetting& setting : kDeviceSettings) {
    auto device = MakeCudaBackend(setting.options);
    if (absl::IsUnavailable(device.status())) {
      std::fprintf(stderr, "gpu_check: %s\n",
                   std::string(device.status().message()).c_str());
      return 3;
    }
    if (!device.ok()) {
      std::printf("wrong: %s: %s\n", setting.name,
                  std::string(device.status().message()).c_str());
      ++all.failed;
      continue;
    }
    // Asked before there is a device, cuDNN may end the process.
    if (all.passed + all.failed == 0) PrintVersions();
    for (const auto& [sentence, count] : Hold(setting, *std::move(device))) {
      std::printf("| %-12s | %-26s | %5d right | %5d wrong |\n", setting.name,
                  sentence.c_str(), count.passed, count.failed);
      all.passed += count.passed;
      all.failed += count.failed;
    }
  }
  std::printf("%d passed, %d failed\n", all.passed, all.failed);
  return all.failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace layerd

int main() { return layerd::Main(); }
