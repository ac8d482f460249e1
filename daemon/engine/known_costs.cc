#include "daemon/engine/known_costs.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "config/fnv1a.h"
#include "config/status_macros.h"
#include "daemon/rt/processor_name.h"
#include "loader/store/atomic_file.h"
#include "loader/store/direct_file.h"
#include "loader/store/page_buffer.h"
#include "loader/store/superblock.h"

namespace layerd {
namespace {

// Twenty bytes or so a part.
constexpr uintmax_t kProfileBytesMax = 64 << 20;

absl::StatusOr<std::string> DigestIn(const std::string& layer_file) {
  ASSIGN_OR_RETURN(const DirectFile file, DirectFile::Open(layer_file));
  PageBuffer head(kPageBytes);
  const uint64_t head_bytes = std::min(file.file_bytes(), kPageBytes);
  if (head_bytes > 0) RETURN_IF_ERROR(file.Read(0, head.bytes()));
  ASSIGN_OR_RETURN(
      const Superblock superblock,
      ParseSuperblock(head.bytes().first(head_bytes), file.file_bytes()));
  return DigestOf(superblock);
}

std::string MachineKey(const KernelKey& key, int threads) {
  return absl::StrFormat(
      "%016x", Fnv1a(absl::StrCat(ProcessorName(), "|", key.backend, "|",
                                  key.isa, "|", key.library, "|", threads)));
}

}  // namespace

absl::StatusOr<KnownCosts> KnownCosts::Of(const std::string& layer_file,
                                          const std::string& cache_folder,
                                          const KernelKey& key, int threads) {
  auto digest = DigestIn(layer_file);
  if (!digest.ok()) {
    return absl::Status(
        digest.status().code(),
        absl::StrCat(layer_file, ": ", std::string(digest.status().message())));
  }
  return OfDigest(*digest, cache_folder, key, threads);
}

KnownCosts KnownCosts::OfDigest(const std::string& file_digest,
                                const std::string& cache_folder,
                                const KernelKey& key, int threads) {
  KnownCosts costs;
  costs.file_digest_ = file_digest;
  costs.machine_key_ = MachineKey(key, threads);
  costs.path_ = absl::StrCat(
      cache_folder, "/",
      CostProfile::FileName(costs.file_digest_, costs.machine_key_));
  return costs;
}

std::optional<CostProfile> KnownCosts::Read(size_t parts) const {
  std::error_code error;
  const uintmax_t bytes = std::filesystem::file_size(path_, error);
  if (error || bytes > kProfileBytesMax) return std::nullopt;
  std::ifstream file(path_, std::ios::binary);
  if (!file) return std::nullopt;
  std::string json(bytes, '\0');
  if (!file.read(json.data(), static_cast<std::streamsize>(bytes))) {
    return std::nullopt;
  }
  auto profile = CostProfile::Parse(json, file_digest_, machine_key_, parts);
  if (!profile.ok()) return std::nullopt;
  return *std::move(profile);
}

absl::Status KnownCosts::Write(CostProfile measured) const {
  measured.file_digest = file_digest_;
  measured.machine_key = machine_key_;
  const std::optional<CostProfile> before = Read(measured.part_seconds.size());
  if (before) measured.seen = before->seen;
  return Store(measured);
}

absl::Status KnownCosts::WriteSeen(size_t parts, const SeenParts& seen) const {
  std::optional<CostProfile> profile = Read(parts);
  if (!profile || seen.counts.empty() || profile->seen == seen) {
    return absl::OkStatus();
  }
  profile->seen = seen;
  return Store(*profile);
}

absl::Status KnownCosts::Store(const CostProfile& profile) const {
  std::error_code ignored;  // Creating the file says more.
  std::filesystem::create_directories(
      std::filesystem::path(path_).parent_path(), ignored);
  return WriteAtomically(path_, profile.ToJson());
}

Costs CostsOf(const Program& program, const std::optional<CostProfile>& profile,
              const Machine& machine, int threads) {
  Costs costs;
  costs.part_seconds = profile ? profile->part_seconds
                               : CountedPartSeconds(program, machine, threads);
  if (profile && profile->drive.bytes_per_s > 0) {
    costs.drive_bytes_per_s = profile->drive.bytes_per_s;
    costs.drive_turn_seconds = profile->drive.turn_seconds;
    costs.first_read_seconds = profile->drive.first_read_seconds;
    costs.slow_drive_bytes_per_s = profile->drive.slow_bytes_per_s;
    costs.slow_first_read_seconds = profile->drive.slow_first_read_seconds;
  } else {
    costs.drive_bytes_per_s = machine.drive_bytes_per_s;
    costs.drive_turn_seconds = machine.drive_turn_seconds;
    costs.first_read_seconds = machine.first_read_seconds;
  }
  costs.copy_bytes_per_s = machine.copy_bytes_per_s;
  costs.parts_open_max = machine.parts_open_max;
  // Parts that were measured were measured with their launches.
  costs.launch_seconds = profile ? 0 : machine.launch_seconds;
  return costs;
}

}  // namespace layerd
