#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <numeric>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "config/byte_size.h"
#include "config/status_macros.h"
#include "daemon/ctl/bench_report.h"
#include "daemon/ctl/bench_settings.h"
#include "daemon/ctl/commands.h"
#include "daemon/ctl/contest.h"
#include "daemon/ctl/costs_of.h"
#include "daemon/ctl/failure.h"
#include "daemon/ctl/layer_file_for.h"
#include "daemon/ctl/output.h"
#include "daemon/ctl/pack_options.h"
#include "daemon/ctl/processor_probe.h"
#include "daemon/ctl/shared_options.h"
#include "daemon/ctl/streaming_child.h"
#include "daemon/ctl/temporary_folder.h"
#include "daemon/engine/drive_probe.h"
#include "daemon/plan/cost_model.h"
#include "daemon/plan/cost_profile.h"
#include "daemon/plan/costs.h"
#include "daemon/plan/drive_rate.h"
#include "daemon/plan/quantile.h"

namespace layerd {
namespace {

constexpr double kMiB = 1 << 20;
constexpr double kGiB = 1 << 30;
constexpr uint64_t kRoundsToKnow = 9, kChildRequests = 5;

// From before the run or from the command line. A slower drive's rate counts
// from Submit(), and has the real one's latency inside it.
absl::StatusOr<DriveSpeed> SpeedOf(const BenchSettings& settings) {
  if (settings.paced_bytes_per_s > 0) {
    return DriveSpeed{.bytes_per_s = settings.paced_bytes_per_s};
  }
  if (settings.machine_is_given) {
    return DriveSpeed{.bytes_per_s = settings.machine.drive_bytes_per_s,
                      .first_read_seconds = settings.machine.first_read_seconds,
                      .turn_seconds = settings.machine.drive_turn_seconds};
  }
  const auto probe = ProbeDrive(settings.layer_file, {}, {}, settings.threads);
  if (probe.ok()) return probe->speed;
  // Smaller than one read of the loader's: a file in its place.
  std::error_code ignored;  // Creating the file says more.
  std::filesystem::create_directories(settings.cache_folder, ignored);
  ASSIGN_OR_RETURN(const TemporaryFolder folder,
                   TemporaryFolder::Make({settings.cache_folder}));
  ASSIGN_OR_RETURN(const ProbeFile file,
                   ProbeFile::Create(folder.path(), 64 << 20));
  ASSIGN_OR_RETURN(const DriveProbe other,
                   ProbeDrive(file.path(), {}, {}, settings.threads));
  return other.speed;
}

// Of one request. By rounds, for what made one slow made both slow.
double ResidentSeconds(const std::vector<double>& part_seconds,
                       const Contest& contest) {
  std::vector<double> ratios = contest.resident.latencies_ms();
  for (size_t round = 0; round < ratios.size(); ++round) {
    ratios[round] /= contest.streamed.computing_ms()[round];
  }
  return Median(ratios) *
         std::accumulate(part_seconds.begin(), part_seconds.end(), 0.0);
}

// What these rounds found. A drive that is modelled tells nothing of the real
// one, of which what is known stays.
absl::Status Keep(const BenchSettings& settings, const KnownCosts& known,
                  const DriveSpeed& drive, const Contest& contest) {
  const std::vector<double> parts = contest.streamed.PartSeconds();
  const std::optional<CostProfile> before = known.Read(parts.size());
  const DriveSpeed real = before ? before->drive : DriveSpeed{};
  return known.Write({.part_seconds = parts,
                      .drive = settings.reads_this_drive() ? drive : real,
                      .resident_seconds = ResidentSeconds(parts, contest)});
}

// Streamed, as a daemon does it, in turn with resident requests, and in as many
// places as it will be. Nobody asks for whole layers yet.
absl::Status MeasureParts(BenchSettings settings, const KnownCosts& known,
                          const DriveSpeed& drive, Contest contest) {
  settings.whole_layer_file.clear();
  contest.whole_layer.reset();
  RETURN_IF_ERROR(RunRounds(
      settings, drive, std::min(kRoundsToKnow, settings.requests), &contest));
  return Keep(settings, known, drive, contest);
}

// Plans are made by measured part times, so a file that nobody has measured is
// measured now, before anything counts. So is one whose speed was not measured
// beside its parts, as a daemon leaves it.
absl::StatusOr<Contest> StartInformed(const BenchSettings& settings,
                                      const KnownCosts& known,
                                      const DriveSpeed& drive) {
  ASSIGN_OR_RETURN(Contest contest, StartContest(settings, drive));
  const size_t parts = contest.streamed.model().program().parts.size();
  auto profile = known.Read(parts);
  if (!profile || profile->resident_seconds == 0) {
    RETURN_IF_ERROR(MeasureParts(settings, known, drive, std::move(contest)));
    ASSIGN_OR_RETURN(contest, StartContest(settings, drive));
    profile = known.Read(parts);
  }
  if (profile) contest.resident_seconds_before = profile->resident_seconds;
  return contest;
}

Costs CostsOf(std::vector<double> part_seconds, const DriveSpeed& drive) {
  return {.part_seconds = std::move(part_seconds),
          .drive_bytes_per_s = drive.bytes_per_s,
          .drive_turn_seconds = drive.turn_seconds,
          .first_read_seconds = drive.first_read_seconds};
}

double RingRate(const DriveSpeed& drive, uint64_t ring_bytes) {
  return DriveRate(CostsOf({}, drive), ring_bytes);
}

// With the plan of the streamed engine and these part times.
absl::StatusOr<Prediction> PredictionOf(const Contest& contest,
                                        std::vector<double> part_seconds,
                                        const DriveSpeed& drive) {
  return Predict(contest.streamed.model().program(), contest.plan,
                 CostsOf(std::move(part_seconds), drive));
}

// What is in the file, and what its plan takes.
absl::Status DescribeFile(const BenchSettings& settings, Contest* contest,
                          BenchReport* report) {
  ASSIGN_OR_RETURN(const auto file, LayerFileReader::Open(settings.layer_file));
  const Engine::MemoryStats memory = contest->streamed.engine().memory();
  report->threads = settings.threads;
  report->requests = settings.requests;
  report->weights_dtype = settings.weights;
  report->weight_bytes = file->manifest().identity().weight_bytes();
  report->tile_bytes = file->stream().tile_bytes;
  report->budget_bytes = settings.budget_bytes == kAllBytes
                             ? memory.weight_memory_bytes()
                             : settings.budget_bytes;
  report->ring_bytes = memory.ring_bytes;
  report->head_bytes = memory.head_bytes;
  report->decode_bytes = memory.decode_bytes;
  report->table_bytes = memory.table_bytes;
  report->arena_bytes = memory.arena_bytes;
  return absl::OkStatus();
}

void DescribeReading(const Contest& contest, BenchReport* report) {
  report->crc_cpu_ms_per_gib = 1e3 * kGiB / CrcBytesPerCpuS();
  if (contest.read_bytes == 0) return;  // All is resident: no rate to tell.
  const auto bytes = static_cast<double>(contest.read_bytes);
  report->read_bytes_mean = bytes / static_cast<double>(contest.reads);
  report->read_mib_s =
      bytes / kMiB /
      std::chrono::duration<double>(contest.reading_time).count();
  const double cpu_ms =
      1e-6 * static_cast<double>(contest.loader_cpu_time.count());
  report->loader_cpu_ms_per_gib = cpu_ms / (bytes / kGiB);
  report->loader_cpu_ms_mean = cpu_ms / static_cast<double>(report->requests);
}

// In a streamed request. Of narrow weights decoding is a part of it, which the
// resident engine did once for all.
std::vector<double> PartSecondsOf(const BenchSettings& settings,
                                  const Contest& contest) {
  return settings.is_narrow ? contest.streamed.PartSeconds()
                            : contest.resident.PartSeconds();
}

// As it was between the rounds, if it was looked at.
DriveSpeed BesideOf(const Contest& contest, const DriveSpeed& before) {
  if (!contest.drive) return before;
  return DriveLooks::SpeedOf(contest.drive->looks(), before);
}

// Reading at once on the drive as it was between the rounds, and as it was
// before, by which memory was planned.
absl::Status DescribeBounds(const std::vector<double>& parts,
                            const DriveSpeed& before, const Contest& contest,
                            BenchReport* report) {
  const DriveSpeed beside = BesideOf(contest, before);
  if (contest.drive) report->drive_looks = contest.drive->looks().size();
  ASSIGN_OR_RETURN(const Prediction at_beside,
                   PredictionOf(contest, parts, beside));
  ASSIGN_OR_RETURN(const Prediction at_before,
                   PredictionOf(contest, parts, before));
  report->asap_bound_ms = 1e3 * at_beside.warm_seconds;
  report->lower_bound_ms = 1e3 * at_beside.lower_bound_seconds;
  report->asap_bound_before_ms = 1e3 * at_before.warm_seconds;
  const uint64_t ring_bytes = report->ring_bytes;
  report->drive_mib_s = RingRate(beside, ring_bytes) / kMiB;
  report->drive_before_mib_s = RingRate(before, ring_bytes) / kMiB;
  return absl::OkStatus();
}

absl::Status DescribeTimes(const BenchSettings& settings,
                           const DriveSpeed& drive, const Contest& contest,
                           BenchReport* report) {
  report->resident_ms = contest.resident.latencies_ms();
  report->streamed_ms = contest.streamed.latencies_ms();
  report->drive_wait_ms = contest.streamed.waits_ms();
  report->computing_ms = contest.streamed.computing_ms();
  if (contest.whole_layer) {
    report->whole_layer_ms = contest.whole_layer->latencies_ms();
  }
  const std::vector<double> parts = PartSecondsOf(settings, contest);
  for (const double seconds : parts) {
    report->longest_part_us = std::max(report->longest_part_us, 1e6 * seconds);
  }
  report->outputs_identical = contest.outputs_identical;
  return DescribeBounds(parts, drive, contest, report);
}

absl::StatusOr<uint64_t> PeakRss(const BenchSettings& settings,
                                 const Contest& contest) {
  return PeakRssOf({.layer_file = settings.layer_file,
                    .budget_bytes = settings.budget_bytes,
                    .threads = settings.threads,
                    .requests = std::min(settings.requests, kChildRequests)},
                   PortsOf(contest.streamed.model().inputs()),
                   contest.inputs.front());
}

// A file of less than a read tells no rate.
std::optional<DriveBeside> DriveToWatch(const BenchSettings& settings) {
  if (!settings.reads_this_drive()) return std::nullopt;
  if (!DriveLooks::Open(settings.layer_file).ok()) return std::nullopt;
  return DriveBeside(settings.layer_file, settings.threads);
}

absl::StatusOr<BenchReport> Bench(const BenchSettings& settings) {
  EvictFile(settings.layer_file);
  ASSIGN_OR_RETURN(const DriveSpeed drive, SpeedOf(settings));
  ASSIGN_OR_RETURN(const KnownCosts known,
                   KnownCostsOf(settings.layer_file, settings.cache_folder,
                                settings.threads));
  ASSIGN_OR_RETURN(Contest contest, StartInformed(settings, known, drive));
  for (const std::string& warning : contest.streamed.engine().warnings()) {
    Warn(warning);
  }
  BenchReport report;
  const Engine::PlanReport planned = contest.streamed.engine().Plan();
  contest.plan = planned.plan;
  report.predicted_ms = 1e3 * planned.outlook.front().prediction.warm_seconds;
  if (contest.resident_seconds_before > 0) {
    report.resident_before_ms = 1e3 * contest.resident_seconds_before;
  }
  RETURN_IF_ERROR(DescribeFile(settings, &contest, &report));
  contest.drive = DriveToWatch(settings);
  RETURN_IF_ERROR(RunRounds(settings, drive, settings.requests, &contest));
  RETURN_IF_ERROR(DescribeTimes(settings, drive, contest, &report));
  DescribeReading(contest, &report);
  const absl::StatusOr<uint64_t> peak = PeakRss(settings, contest);
  if (peak.ok()) {
    report.peak_rss_bytes = *peak;
  } else {
    Warn(absl::StrCat("peak memory: ", std::string(peak.status().message())));
  }
  const absl::Status written =
      Keep(settings, known, BesideOf(contest, drive), contest);
  if (!written.ok()) {
    Warn(absl::StrCat("the part times are not kept: ", written.message()));
  }
  return report;
}

absl::Status RunBench(const CommandLine& line) {
  ASSIGN_OR_RETURN(const BenchSettings settings, ReadBenchSettings(line));
  ASSIGN_OR_RETURN(BenchReport report, Bench(settings));
  report.model = ModelNameOf(line.operands().front());
  RETURN_IF_ERROR(
      WriteAnswer(line.json() ? BenchJson(report) : BenchText(report)));
  if (report.outputs_identical) return absl::OkStatus();
  return Answered(absl::InternalError(
      "a streamed output differs from the resident one: this must never "
      "happen, please report it"));
}

}  // namespace

Command BenchCommand() {
  return {
      .name = "bench",
      .operands = "FILE",
      .operand_count_min = 1,
      .operand_count_max = 1,
      .summary =
          "Measures what streaming costs: resident and streamed "
          "requests side by side.",
      .options = {{.name = "--budget",
                   .value = "SIZE",
                   .help = "of memory for weights of the streamed one: 16MiB, "
                           "1GiB, all; default all"},
                  ThreadsOption(),
                  {.name = "--requests",
                   .value = "K",
                   .help = "rounds that count; default 20"},
                  {.name = "--drive-mib-s",
                   .value = "R",
                   .help = "models a drive of R MiB/s, slower than this one"},
                  {.name = "--input",
                   .value = "NAME=x.npy",
                   .help = "an input of every request, if random numbers are "
                           "none: indices must be within their tables",
                   .repeats = true},
                  MachineOption(),
                  WeightsOption(),
                  ShapeOption(),
                  CacheOption()},
      .notes =
          "A round is one request of each engine in one process, in "
          "alternating order; the overhead is the median of the rounds' "
          "ratios, and where that lies with 95 % confidence is beside it: with "
          "fewer than six rounds nobody knows. After each third of them all "
          "engines move to other "
          "memory. A FILE.onnx is also packed with whole layers, for the "
          "honest baseline. The resident engine has f32 weights: narrow ones "
          "are decoded once. Realtime scheduling is off. Without "
          "--machine and --drive-mib-s the drive is probed first, beside busy "
          "processors, and between the rounds while the resident engine "
          "computes.",
      .run = RunBench,
  };
}

}  // namespace layerd
