#include "daemon/ctl/bench_settings.h"

#include <algorithm>

#include "config/byte_size.h"
#include "config/status_macros.h"
#include "daemon/ctl/costs_of.h"
#include "daemon/ctl/layer_file_for.h"
#include "daemon/ctl/pack_options.h"
#include "daemon/ctl/shared_options.h"
#include "daemon/plan/program.h"
#include "daemon/rt/cache_folder.h"
#include "kernels/decoded_part.h"
#include "loader/store/layer_file_reader.h"

namespace layerd {
namespace {

constexpr double kMiB = 1 << 20;
constexpr uint64_t kRequestsDefault = 20, kRequestsMax = 1'000'000;
constexpr uint64_t kDriveMibMax = 1 << 20;
constexpr uint64_t kUnlimitedExtent = uint64_t{1} << 40;
constexpr uint64_t kUnlimitedWork = uint64_t{1} << 62;

absl::StatusOr<std::string> PackedFile(const std::string& file,
                                       const std::string& cache_folder,
                                       const PackOptions& options) {
  ASSIGN_OR_RETURN(LayerFileFor layer_file,
                   LayerFileFor::Find(file, cache_folder, options));
  RETURN_IF_ERROR(layer_file.PackOnce());
  return layer_file.path();
}

absl::Status FindFiles(const CommandLine& line, BenchSettings* settings) {
  const std::string& file = line.operands().front();
  settings->cache_folder = CacheFolder(line.Text("--cache", ""));
  PackOptions packing;
  ASSIGN_OR_RETURN(packing.shapes, ReadShapes(line, file));
  ASSIGN_OR_RETURN(packing.weights, ReadWeights(line));
  ASSIGN_OR_RETURN(settings->layer_file,
                   PackedFile(file, settings->cache_folder, packing));
  if (settings->layer_file == file) return absl::OkStatus();
  packing.weights = "f32";
  packing.extent_bytes_max = kUnlimitedExtent;
  packing.part_flops_max = kUnlimitedWork;
  ASSIGN_OR_RETURN(settings->whole_layer_file,
                   PackedFile(file, settings->cache_folder, packing));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<BenchSettings> ReadBenchSettings(const CommandLine& line) {
  BenchSettings settings;
  ASSIGN_OR_RETURN(settings.budget_bytes, line.Bytes("--budget", kAllBytes));
  ASSIGN_OR_RETURN(settings.threads, ReadThreads(line));
  ASSIGN_OR_RETURN(
      settings.requests,
      line.Number("--requests", kRequestsDefault, 1, kRequestsMax));
  ASSIGN_OR_RETURN(const uint64_t drive_mib_s,
                   line.Number("--drive-mib-s", 0, 1, kDriveMibMax));
  settings.paced_bytes_per_s = static_cast<double>(drive_mib_s) * kMiB;
  ASSIGN_OR_RETURN(settings.machine, ReadMachine(line));
  settings.machine_is_given = line.Has("--machine");
  settings.inputs = line.All("--input");
  RETURN_IF_ERROR(FindFiles(line, &settings));
  ASSIGN_OR_RETURN(const auto file, LayerFileReader::Open(settings.layer_file));
  settings.weights = file->manifest().options().weights();
  ASSIGN_OR_RETURN(const Program program, Program::Parse(file->manifest()));
  settings.is_narrow = std::ranges::any_of(
      program.parts,
      [&](const Part& part) { return IsNarrow(program.SpecOf(part)); });
  return settings;
}

}  // namespace layerd
