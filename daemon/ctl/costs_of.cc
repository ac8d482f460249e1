#include "daemon/ctl/costs_of.h"

#include "absl/strings/str_cat.h"
#include "config/read_text.h"
#include "daemon/ctl/failure.h"
#include "daemon/rt/compute_cpus.h"
#include "kernels/cpu/cpu_backend.h"

namespace layerd {

Option MachineOption() {
  return {.name = "--machine",
          .value = "machine.json",
          .help =
              "a machine that `layerctl probe -o` has measured; default "
              "the modest one of this processor's class"};
}

absl::StatusOr<Machine> ReadMachine(const CommandLine& line) {
  if (!line.Has("--machine")) {
    return Machine::OfClass(MakeCpuBackend(1)->key().isa, CpusWeMayUse());
  }
  const std::string path = line.Text("--machine", "");
  const auto text = ReadTextFile(path);
  if (!text.ok()) return UsageError(std::string(text.status().message()));
  auto machine = Machine::Parse(*text);
  if (machine.ok()) return machine;
  return UsageError(
      absl::StrCat(path, ": ", std::string(machine.status().message())));
}

absl::StatusOr<KnownCosts> KnownCostsOf(const std::string& layer_file,
                                        const std::string& cache_folder,
                                        int threads) {
  return KnownCostsOf(layer_file, cache_folder, threads,
                      MakeCpuBackend(1)->key());
}

absl::StatusOr<KnownCosts> KnownCostsOf(const std::string& layer_file,
                                        const std::string& cache_folder,
                                        int threads, const KernelKey& key) {
  return KnownCosts::Of(layer_file, cache_folder, key, threads);
}

}  // namespace layerd
