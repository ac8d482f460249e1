#include "daemon/engine/promises.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <limits>
#include <optional>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "config/check.h"
#include "config/status_macros.h"
#include "daemon/plan/certificate.h"
#include "daemon/plan/cost_model.h"
#include "daemon/plan/drive_rate.h"
#include "daemon/plan/ring_demand.h"
#include "daemon/plan/row_lookup.h"
#include "daemon/plan/schedulability.h"
#include "daemon/rt/log.h"
#include "daemon/sched/declared_rate.h"
#include "loader/loader.h"
#include "loader/store/atomic_file.h"

namespace layerd {
namespace {

// As parts, first reads, and drives that nobody has looked at.
constexpr double kMargin = kSlowPart;
// From the slow looks at a drive to what admission counts with.
constexpr double kDriveMargin = 1.1;

// What takes longer than eleven days takes that: of a full queue it can be
// added up.
constexpr double kNanosecondsMax = 1e15;

std::chrono::nanoseconds Nanoseconds(double seconds) {
  return std::chrono::nanoseconds(
      static_cast<int64_t>(std::min(seconds * 1e9, kNanosecondsMax)));
}

double Seconds(std::chrono::milliseconds time) {
  return std::chrono::duration<double>(time).count();
}

// With what `resident(extent)` says stays in memory.
template <typename Resident>
TaskProgram ProgramWith(const MemoryPlan::ModelMemory& memory,
                        const Promises::Subject& subject, Resident resident) {
  const Program& program = subject.model->program();
  const ModelUrgency& urgency = subject.model->urgency();
  TaskProgram task;
  task.name =
      absl::StrCat(subject.model->name(), "/", subject.model->version());
  task.level = urgency.level;
  task.period_seconds = Seconds(urgency.period);
  task.deadline_seconds = Seconds(urgency.deadline);
  task.jitter_seconds = DeclaredRate::kJitterShare * task.period_seconds;
  task.seen_part_seconds = subject.seen_part_seconds;
  std::vector<std::optional<uint32_t>> number(program.reads.size());
  for (size_t i = 0; i < program.reads.size(); ++i) {
    const uint32_t extent = program.reads[i];
    if (resident(extent)) continue;
    number[i] = static_cast<uint32_t>(task.reads_bytes.size());
    task.reads_bytes.push_back(program.extents[extent].stored_bytes);
  }
  for (size_t t = 0; t < program.parts.size(); ++t) {
    const auto& read = program.parts[t].read;
    task.parts.push_back(
        {read ? number[*read] : std::nullopt, subject.costs->part_seconds[t]});
    if (!program.parts[t].table) continue;
    const auto table = std::find_if(
        memory.tables.begin(), memory.tables.end(),
        [&](const auto& of) { return of.extent == *program.parts[t].table; });
    LAYERD_CHECK(table != memory.tables.end());
    task.lookups.push_back(RowLookupOf(program, t, table->cache.bytes));
  }
  return task;
}

// As admission counts with it: parts take longer than their medians, and a
// device with memory of its own copies their weights before. One after the
// other, that takes no less than side by side.
TaskProgram Counted(TaskProgram task, const Costs& costs) {
  std::vector<bool> copied(task.reads_bytes.size(),
                           costs.copy_bytes_per_s == 0);
  for (TimedPart& part : task.parts) {
    if (part.read && !copied[*part.read]) {
      part.seconds += static_cast<double>(task.reads_bytes[*part.read]) /
                      costs.copy_bytes_per_s;
      copied[*part.read] = true;
    }
    part.seconds *= kMargin;
  }
  return task;
}

TaskProgram ProgramIn(const MemoryPlan::ModelMemory& memory,
                      const Promises::Subject& subject) {
  return ProgramWith(memory, subject, [&](uint32_t extent) {
    return memory.resident_offsets[extent].has_value();
  });
}

TaskProgram CountedProgramOf(const Promises::Subject& subject) {
  return Counted(ProgramIn(*subject.memory, subject), *subject.costs);
}

// Jobs that requests ask for with less urgency than the model has, if they may:
// best effort at that level, which comes at any rate.
TaskProgram LoweredProgramOf(const Promises::Subject& subject, int level,
                             const MemoryPlan& plan) {
  const auto memory = std::find_if(
      plan.models.begin(), plan.models.end(), [&](const auto& model) {
        return model.name == subject.memory->name && model.level == level;
      });
  LAYERD_CHECK(memory != plan.models.end());
  TaskProgram task = Counted(ProgramIn(*memory, subject), *subject.costs);
  task.name += " (lower_to)";
  task.level = level;
  task.period_seconds = task.deadline_seconds = task.jitter_seconds = 0;
  return task;
}

// Nothing if it does not run in such a ring wherever its seam is.
std::optional<TaskProgram> ProgramInRing(const Promises::Subject& subject,
                                         const RingDemand& demand,
                                         uint64_t ring_bytes,
                                         uint64_t head_bytes) {
  const RingDemand::Step& step =
      demand.steps()[demand.GreatestStep(head_bytes)];
  if (ring_bytes < step.ring_bytes_min) return std::nullopt;
  std::vector<bool> resident(subject.model->program().extents.size());
  for (size_t n = 0; n < step.head_extents; ++n) {
    resident[demand.order()[n]] = true;
  }
  return Counted(ProgramWith(*subject.memory, subject,
                             [&](uint32_t extent) { return resident[extent]; }),
                 *subject.costs);
}

// The drive has one rate in the analysis: that of the ring that has the least
// in flight.
uint64_t SmallestRingBytes(const MemoryPlan& plan) {
  uint64_t bytes = std::numeric_limits<uint64_t>::max();
  for (const MemoryPlan::LevelMemory& level : plan.levels) {
    if (level.ring.bytes > 0) bytes = std::min(bytes, level.ring.bytes);
  }
  return bytes;
}

Supply SupplyOf(const std::vector<Promises::Subject>& subjects,
                const MemoryPlan& plan, uint64_t smallest_ring_bytes,
                bool earliest_deadline_first) {
  const LoaderOptions loader;
  Supply supply;
  supply.inflight_low_bytes = loader.inflight_low_bytes;
  supply.read_bytes_max = loader.read_bytes_max;
  supply.earliest_deadline_first = earliest_deadline_first;
  supply.drive = {.quantile = 1 - DriveSpeed::kSlowShare,
                  .margin = kDriveMargin};
  for (const Promises::Subject& subject : subjects) {
    Costs costs = *subject.costs;
    const bool known = costs.slow_drive_bytes_per_s > 0;
    if (!known) supply.drive = {.quantile = 0.5, .margin = kMargin};
    costs.drive_bytes_per_s = known
                                  ? costs.slow_drive_bytes_per_s / kDriveMargin
                                  : costs.drive_bytes_per_s / kMargin;
    const double rate = DriveRate(costs, smallest_ring_bytes);
    supply.drive_bytes_per_s = supply.drive_bytes_per_s == 0
                                   ? rate
                                   : std::min(supply.drive_bytes_per_s, rate);
    supply.parts_open_max =
        std::max(supply.parts_open_max, costs.parts_open_max);
    supply.first_read_seconds =
        std::max(supply.first_read_seconds,
                 known ? kDriveMargin * costs.slow_first_read_seconds
                       : kMargin * costs.first_read_seconds);
  }
  for (const MemoryPlan::LevelMemory& level : plan.levels) {
    supply.ring_bytes[level.level - 1] = level.ring.bytes;
  }
  return supply;
}

std::string Arithmetic(const TaskProgram& task, const Guarantee& guarantee) {
  return absl::StrFormat(
      "%s: a response of %.3f ms cannot be ruled out, its deadline is %.3f; "
      "alone it takes %.3f, held up each time it waits by up to %.3f on the "
      "processor and %.3f at the drive, the rest are tasks of its level and "
      "more urgent ones",
      task.name, 1e3 * guarantee.response_seconds,
      1e3 * guarantee.deadline_seconds, 1e3 * guarantee.alone_seconds,
      1e3 * guarantee.block_compute_seconds,
      1e3 * guarantee.block_read_seconds);
}

// With a full ring and nobody else: what a request takes at least.
double PredictedSeconds(const Promises::Subject& subject,
                        const MemoryPlan& plan) {
  const TaskProgram task = ProgramIn(*subject.memory, subject);
  uint64_t ring_bytes = 0;
  for (const MemoryPlan::LevelMemory& level : plan.levels) {
    if (level.level == task.level) ring_bytes = level.ring.bytes;
  }
  RingCase ring_case = RingCaseOf(*subject.costs, ring_bytes);
  ring_case.reads_bytes = task.reads_bytes;
  ring_case.parts = task.parts;
  ring_case.prefilled_bytes = ring_bytes;
  const auto finish = RingFinishTimes(ring_case);
  return finish.ok() && !finish->empty() ? finish->back() : 0;
}

void WriteCertificate(const std::string& path, const std::string& json) {
  std::error_code ignored;  // Creating the file says more.
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(),
                                      ignored);
  if (const absl::Status status = WriteAtomically(path, json); !status.ok()) {
    LogWarning(absl::StrCat("certificate: ", std::string(status.message())));
  } else {
    LogInfo(absl::StrCat("the declared tasks are admitted: ", path));
  }
}

// Each at its level, in the order of `subjects`; then what they may be lowered
// to.
std::vector<TaskProgram> TasksOf(const std::vector<Promises::Subject>& subjects,
                                 const MemoryPlan& plan) {
  std::vector<TaskProgram> tasks;
  for (const Promises::Subject& subject : subjects) {
    tasks.push_back(CountedProgramOf(subject));
  }
  for (const Promises::Subject& subject : subjects) {
    const ModelUrgency& urgency = subject.model->urgency();
    for (int level = urgency.level + 1; level <= urgency.lowest(); ++level) {
      tasks.push_back(LoweredProgramOf(subject, level, plan));
    }
  }
  return tasks;
}

// All but what is promised.
Promises::OfModel Known(const Promises::Subject& subject,
                        const TaskProgram& task, const Guarantee& guarantee,
                        const MemoryPlan& plan) {
  double compute = 0;
  for (const TimedPart& part : task.parts) compute += part.seconds;
  Promises::OfModel of;
  of.compute = Nanoseconds(compute);
  of.block_compute = Nanoseconds(guarantee.block_compute_seconds);
  of.block_read = Nanoseconds(guarantee.block_read_seconds);
  if (subject.measured) {
    of.predicted = Nanoseconds(PredictedSeconds(subject, plan));
  }
  return of;
}

}  // namespace

absl::StatusOr<std::shared_ptr<const Promises>> Promises::Make(
    const std::vector<Subject>& subjects, const MemoryPlan& plan,
    bool earliest_deadline_first, bool strict,
    const std::string& certificate_path) {
  auto promises = std::make_shared<Promises>();
  if (subjects.empty()) return promises;
  const Supply supply = SupplyOf(subjects, plan, SmallestRingBytes(plan),
                                 earliest_deadline_first);
  const std::vector<TaskProgram> tasks = TasksOf(subjects, plan);
  const bool measured = std::ranges::all_of(subjects, &Subject::measured);
  const bool declared = std::ranges::any_of(
      tasks, [](const auto& task) { return task.period_seconds > 0; });
  const auto guarantees = Guarantees(tasks, supply);
  if (!guarantees.ok()) {
    const std::string reason(guarantees.status().message());
    if (strict && declared) return absl::ResourceExhaustedError(reason);
    promises->warnings_.push_back(reason);
    return promises;
  }
  for (size_t i = 0; i < subjects.size(); ++i) {
    const Guarantee& guarantee = (*guarantees)[i];
    OfModel& of = promises->models_[subjects[i].model];
    of = Known(subjects[i], tasks[i], guarantee, plan);
    if (tasks[i].period_seconds == 0) continue;
    if (guarantee.holds) {
      if (measured) of.response = Nanoseconds(guarantee.response_seconds);
      continue;
    }
    std::string arithmetic = Arithmetic(tasks[i], guarantee);
    if (strict && measured) return absl::ResourceExhaustedError(arithmetic);
    if (!measured) {
      arithmetic += " (by the class of this machine: nothing was measured yet)";
    }
    promises->warnings_.push_back(std::move(arithmetic));
  }
  const bool all_hold = promises->warnings_.empty();
  if (declared && all_hold && measured && !certificate_path.empty()) {
    WriteCertificate(certificate_path,
                     CertificateJson(tasks, supply, *guarantees));
  }
  return promises;
}

std::optional<DeadlineSplit> Promises::SplitFor(
    const std::vector<Subject>& subjects, const MemoryPlan& plan,
    bool earliest_deadline_first) {
  std::vector<TaskProgram> tasks;
  std::vector<RingDemand> demands;
  std::array<uint64_t, kLevelsMax> level_bytes{};
  for (const Subject& subject : subjects) {
    if (!subject.measured) return std::nullopt;
    tasks.push_back(CountedProgramOf(subject));
    demands.emplace_back(subject.model->program());
    level_bytes[tasks.back().level - 1] += subject.memory->head.bytes;
  }
  uint64_t smallest_bytes = SmallestRingBytes(plan);
  for (const MemoryPlan::LevelMemory& level : plan.levels) {
    level_bytes[level.level - 1] += level.ring.bytes;
    // So slow is the drive at the worst, whatever is tried.
    smallest_bytes =
        std::min(smallest_bytes, LeastRingTried(level_bytes[level.level - 1]));
  }
  DeadlineSplit split = SplitForDeadlines(
      tasks, level_bytes,
      SupplyOf(subjects, plan, smallest_bytes, earliest_deadline_first),
      [&](size_t task, uint64_t ring_bytes, uint64_t head_bytes) {
        return ProgramInRing(subjects[task], demands[task], ring_bytes,
                             head_bytes);
      });
  if (!split.holds) return std::nullopt;
  return split;
}

Promises::OfModel Promises::Of(const Model* model) const {
  const auto found = models_.find(model);
  return found == models_.end() ? OfModel{} : found->second;
}

}  // namespace layerd
