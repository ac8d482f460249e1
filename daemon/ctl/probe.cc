#include <chrono>
#include <filesystem>
#include <optional>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "config/byte_size.h"
#include "config/status_macros.h"
#include "daemon/ctl/commands.h"
#include "daemon/ctl/layer_file_for.h"
#include "daemon/ctl/output.h"
#include "daemon/ctl/processor_probe.h"
#include "daemon/ctl/temporary_folder.h"
#include "daemon/engine/drive_probe.h"
#include "daemon/plan/machine.h"
#include "daemon/rt/cache_folder.h"
#include "daemon/rt/compute_cpus.h"
#include "daemon/rt/processor_name.h"
#include "kernels/cpu/cpu_backend.h"
#include "kernels/cuda/load_backend.h"

namespace layerd {
namespace {

constexpr uint64_t kProbeFileBytes = 256 << 20;
// Whoever plans by the answer may have more.
constexpr int kComputeThreads = 1;
constexpr auto kCellTime = std::chrono::milliseconds(180);
constexpr double kGiB = 1 << 30;

absl::StatusOr<DriveProbe> ProbeAt(const std::string& path) {
  std::error_code ignored;
  if (std::filesystem::is_regular_file(path, ignored)) {
    return ProbeDrive(path, AllDriveCells(), kCellTime, kComputeThreads);
  }
  ASSIGN_OR_RETURN(const TemporaryFolder folder, TemporaryFolder::Make({path}));
  ASSIGN_OR_RETURN(const ProbeFile file,
                   ProbeFile::Create(folder.path(), kProbeFileBytes));
  return ProbeDrive(file.path(), AllDriveCells(), kCellTime, kComputeThreads);
}

absl::StatusOr<std::string> PathToProbe(const CommandLine& line) {
  if (line.Has("--path")) return line.Text("--path", "");
  const std::string folder = CacheFolder("");
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (!error) return folder;
  return absl::ErrnoToStatus(error.value(),
                             absl::StrCat("cache folder ", folder));
}

absl::StatusOr<Machine> ProbeMachine(const DriveProbe& drive) {
  Machine machine;
  machine.processor = ProcessorName();
  machine.isa = MakeCpuBackend(1)->key().isa;
  machine.cores = CpusWeMayUse();
  ASSIGN_OR_RETURN(machine.flops_per_s, ConvolutionFlopsPerS());
  machine.memory_bytes_per_s = MemoryBytesPerS();
  machine.crc_bytes_per_s = CrcBytesPerCpuS();
  machine.drive_bytes_per_s = drive.speed.bytes_per_s;
  machine.drive_turn_seconds = drive.speed.turn_seconds;
  machine.first_read_seconds = drive.speed.first_read_seconds;
  machine.drive = drive.table;
  if (const auto device = ProbeCuda(); device.ok()) {
    machine.device_copy_bytes_per_s = device->copy_bytes_per_s;
    machine.device_launch_seconds = device->launch_seconds;
  }
  return machine;
}

std::string DeviceText(const Machine& machine) {
  if (machine.device_copy_bytes_per_s == 0) return "";
  return absl::StrFormat(
      "GPU        %.2f GiB/s into its memory, %.1f us a launch\n",
      machine.device_copy_bytes_per_s / kGiB,
      1e6 * machine.device_launch_seconds);
}

std::string TextOf(const Machine& machine, const std::string& path) {
  std::vector<std::vector<std::string>> rows{
      {"read", "depth", "MiB/s", "p50 us", "p99 us", "p99.9 us", "CPU-ms/GiB"}};
  for (const Machine::DriveRate& rate : machine.drive) {
    rows.push_back({FormatByteSize(rate.read_bytes), absl::StrCat(rate.depth),
                    absl::StrFormat("%.0f", rate.mib_s),
                    absl::StrFormat("%.0f", rate.p50_us),
                    absl::StrFormat("%.0f", rate.p99_us),
                    absl::StrFormat("%.0f", rate.p999_us),
                    absl::StrFormat("%.1f", rate.cpu_ms_per_gib)});
  }
  return absl::StrFormat(
      "processor  %s, %s, %d cores\n"
      "one core   %.0f GFLOP/s in a convolution, %.1f GiB/s from memory, "
      "%.1f GiB/s of checksums\n"
      "%s"
      "drive      %.2f GiB/s as the loader reads beside a busy core, "
      "first read %.0f us later; "
      "at %s\n\n%s",
      machine.processor, machine.isa, machine.cores, machine.flops_per_s / 1e9,
      machine.memory_bytes_per_s / kGiB, machine.crc_bytes_per_s / kGiB,
      DeviceText(machine), machine.drive_bytes_per_s / kGiB,
      1e6 * machine.first_read_seconds, path, FormatTable(rows));
}

absl::Status RunProbe(const CommandLine& line) {
  ASSIGN_OR_RETURN(const std::string path, PathToProbe(line));
  ASSIGN_OR_RETURN(const DriveProbe drive, ProbeAt(path));
  for (const std::string& warning : drive.warnings) Warn(warning);
  ASSIGN_OR_RETURN(const Machine machine, ProbeMachine(drive));
  if (line.Has("--output")) {
    RETURN_IF_ERROR(WriteResult(line.Text("--output", ""), machine.ToJson()));
  }
  return WriteAnswer(line.json() ? machine.ToJson() : TextOf(machine, path));
}

}  // namespace

Command ProbeCommand() {
  return {
      .name = "probe",
      .operands = "",
      .operand_count_min = 0,
      .operand_count_max = 0,
      .summary =
          "Measures this machine: its drive by size and depth of reads, "
          "its processor, and an NVIDIA GPU where it has one.",
      .options = {{.name = "--output",
                   .value = "machine.json",
                   .help = "where the answer goes too, for --machine of plan "
                           "and bench",
                   .short_name = "-o"},
                  {.name = "--path",
                   .value = "FOLDER|FILE",
                   .help = "whose drive; a folder takes a file of 256 MiB for "
                           "the time; default the cache folder"}},
      .notes =
          "Takes about ten seconds on an idle machine, and is worth as "
          "much as the machine is idle. Reads go past the page cache, "
          "into huge pages, as layerd's do.",
      .run = RunProbe,
  };
}

}  // namespace layerd
