#include "daemon/ctl/costs_of.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "config/read_text.h"
#include "config/status_macros.h"
#include "daemon/ctl/failure.h"
#include "daemon/ctl/processor_probe.h"
#include "daemon/ctl/shared_options.h"
#include "daemon/plan/cost_profile.h"
#include "kernels/cpu/cpu_backend.h"
#include "loader/store/atomic_file.h"
#include "loader/store/direct_file.h"
#include "loader/store/page_buffer.h"
#include "loader/store/superblock.h"

namespace layerd {
namespace {

constexpr uint64_t kFnvOffset = 14695981039346656037u;
constexpr uint64_t kFnvPrime = 1099511628211u;

std::string HashOf(const std::string& text) {
  uint64_t hash = kFnvOffset;
  for (const char c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * kFnvPrime;
  }
  return absl::StrFormat("%016x", hash);
}

// The superblock has the checksums of the manifest and of the tile table,
// which has those of all weights.
absl::StatusOr<std::string> DigestOf(const std::string& layer_file) {
  ASSIGN_OR_RETURN(const DirectFile file, DirectFile::Open(layer_file));
  PageBuffer head(kPageBytes);
  RETURN_IF_ERROR(file.Read(0, head.bytes()));
  ASSIGN_OR_RETURN(const Superblock superblock,
                   ParseSuperblock(head.bytes(), file.file_bytes()));
  return absl::StrFormat("%08x%08x", superblock.manifest_crc32c,
                         superblock.tile_table_crc32c);
}

std::string MachineKey(int threads) {
  const KernelKey key = MakeCpuBackend(1)->key();
  return HashOf(absl::StrCat(ProcessorName(), "|", key.isa, "|", key.library,
                             "|", threads));
}

}  // namespace

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

absl::StatusOr<KnownCosts> KnownCosts::Of(const std::string& layer_file,
                                          const std::string& cache_folder,
                                          int threads) {
  KnownCosts costs;
  auto digest = DigestOf(layer_file);
  if (!digest.ok()) {
    return absl::Status(
        digest.status().code(),
        absl::StrCat(layer_file, ": ", std::string(digest.status().message())));
  }
  costs.file_digest_ = *std::move(digest);
  costs.machine_key_ = MachineKey(threads);
  costs.path_ = absl::StrCat(
      cache_folder, "/",
      CostProfile::FileName(costs.file_digest_, costs.machine_key_));
  return costs;
}

std::vector<double> KnownCosts::Read(size_t parts) const {
  std::ifstream file(path_, std::ios::binary);
  const std::string json{std::istreambuf_iterator<char>(file), {}};
  auto profile = CostProfile::Parse(json, file_digest_, machine_key_, parts);
  if (!profile.ok()) return {};
  return std::move(profile->part_seconds);
}

absl::Status KnownCosts::Write(const std::vector<double>& part_seconds) const {
  std::error_code ignored;  // Creating the file says more.
  std::filesystem::create_directories(
      std::filesystem::path(path_).parent_path(), ignored);
  const std::string json =
      CostProfile{file_digest_, machine_key_, part_seconds}.ToJson();
  ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::Create(path_, json.size()));
  RETURN_IF_ERROR(file.Write(0, std::as_bytes(std::span(json))));
  return file.Commit();
}

}  // namespace layerd
