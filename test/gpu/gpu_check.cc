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

#include "kernels/cuda/cuda_backend.h"
#include "test/gpu/attached_backend.h"
#include "test/gpu/operator_contract.h"

namespace layerd {
namespace {

struct Setting {
  const char* name;
  CudaOptions options;
  float tolerance;
};

const Setting kSettings[] = {
    {"f32, staged", {CudaMemory::kStaged, false}, 1e-3f},
    {"f32, mapped", {CudaMemory::kMapped, false}, 1e-3f},
    {"f16, staged", {CudaMemory::kStaged, true}, 1e-2f},
    {"f16, mapped", {CudaMemory::kMapped, true}, 1e-2f},
};

struct Count {
  int passed = 0, failed = 0;
};

// By sentence.
using Counts = std::map<std::string, Count>;

Counts Hold(const Setting& setting, std::unique_ptr<Backend> device) {
  Counts counts;
  AttachedBackend backend(std::move(device));
  HoldOperators(backend, setting.tolerance, [&](const OperatorVerdict& one) {
    Count& count = counts[one.sentence];
    ++(one.wrong.empty() ? count.passed : count.failed);
    if (one.wrong.empty()) return;
    std::printf("wrong: %s: %s, %s: %s\n", setting.name, one.layer.c_str(),
                one.sentence.c_str(), one.wrong.c_str());
  });
  return counts;
}

int Main() {
  Count all;
  for (const Setting& setting : kSettings) {
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
    for (const auto& [sentence, count] : Hold(setting, *std::move(device))) {
      std::printf("| %-12s | %-24s | %5d right | %5d wrong |\n", setting.name,
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
