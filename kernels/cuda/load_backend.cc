#include "kernels/cuda/load_backend.h"

#include <dlfcn.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "config/check.h"
#include "config/status_macros.h"

namespace layerd {
namespace {

std::vector<std::string> Candidates(const std::string& path) {
  if (!path.empty()) return {path};
  if (const char* named = std::getenv("LAYERD_CUDA_LIBRARY")) return {named};
  std::vector<std::string> candidates;
  std::error_code error;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
  if (!error) {
    const auto folder = program.parent_path();
    for (const char* where :
         {".", "../kernels/cuda", "../../kernels/cuda", "../lib/layerd"}) {
      const auto candidate = folder / where / kCudaPluginFile;
      if (std::filesystem::exists(candidate, error)) {
        candidates.push_back(candidate.lexically_normal().string());
      }
    }
  }
  candidates.emplace_back(kCudaPluginFile);
  return candidates;
}

// Why the first one that is there did not open, or that none is.
absl::StatusOr<void*> OpenOne(const std::string& path) {
  const std::vector<std::string> candidates = Candidates(path);
  for (const std::string& candidate : candidates) {
    void* const library = dlopen(candidate.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library != nullptr) return library;
    const char* const why = dlerror();
    if (std::filesystem::exists(candidate)) return absl::UnavailableError(why);
  }
  return absl::UnavailableError(absl::StrCat(
      candidates.back(), " is not there: it is built with --config=cuda"));
}

// Asked before the plugin is opened, for its libraries take 140 MiB.
bool HasDriver() {
  void* const driver = dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL);
  if (driver != nullptr) dlclose(driver);
  return driver != nullptr;
}

// In the order of CudaMemory.
constexpr const char* kStrategies[] = {"probe", "staged", "mapped", "managed"};

absl::Status ReadMemory(const std::string& where, const std::string& name,
                        CudaPluginOptions* options) {
  for (size_t i = 0; i < std::size(kStrategies); ++i) {
    if (name != kStrategies[i]) continue;
    options->memory = static_cast<int>(i);
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      where, " is \"", name, "\", expected probe, staged, mapped or managed"));
}

bool IsNamed(const std::string& path) {
  return !path.empty() || std::getenv("LAYERD_CUDA_LIBRARY") != nullptr;
}

// An opened plugin of our own version. Never closed: what it made may outlive
// whoever asked.
absl::StatusOr<void*> OpenPlugin(const std::string& path) {
  if (!IsNamed(path) && !HasDriver()) {
    return absl::UnavailableError("no NVIDIA driver: there is no libcuda.so.1");
  }
  ASSIGN_OR_RETURN(void* const library, OpenOne(path));
  auto* const version = reinterpret_cast<CudaPluginVersion*>(
      dlsym(library, kCudaPluginVersionName));
  if (version != nullptr && version() == kCudaPluginVersion) return library;
  return absl::UnavailableError(absl::StrCat(
      kCudaPluginFile, " is of another layerd: build both together"));
}

// REQUIRES: the plugin has it.
template <typename Function>
Function* FunctionOf(void* library, const char* name) {
  auto* const function = reinterpret_cast<Function*>(dlsym(library, name));
  LAYERD_CHECK(function != nullptr, name);
  return function;
}

}  // namespace

absl::StatusOr<CudaPluginOptions> CudaOptionsNamed(const std::string& memory) {
  CudaPluginOptions options;
  RETURN_IF_ERROR(ReadMemory("cuda_memory", memory, &options));
  const char* const name = std::getenv("LAYERD_CUDA_MEMORY");
  if (options.memory == 0 && name != nullptr) {
    RETURN_IF_ERROR(ReadMemory("LAYERD_CUDA_MEMORY", name, &options));
  }
  return options;
}

absl::StatusOr<std::unique_ptr<Backend>> LoadCudaBackend(
    const CudaPluginOptions& options, const std::string& path) {
  ASSIGN_OR_RETURN(void* const library, OpenPlugin(path));
  absl::StatusOr<std::unique_ptr<Backend>> backend =
      absl::UnavailableError("no backend");
  FunctionOf<CudaPluginMake>(library, kCudaPluginMakeName)(options, &backend);
  return backend;
}

absl::StatusOr<CudaRates> ProbeCuda(const std::string& path) {
  ASSIGN_OR_RETURN(void* const library, OpenPlugin(path));
  absl::StatusOr<CudaRates> rates = absl::UnavailableError("no rates");
  FunctionOf<CudaPluginProbe>(library, kCudaPluginProbeName)(&rates);
  return rates;
}

}  // namespace layerd
