#include "daemon/plan/deadline_split.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

#include "loader/store/format.h"

namespace layerd {
namespace {

// Sizes of the ring, of a level's memory.
constexpr int kRingShares[] = {32, 28, 24, 20, 16, 12, 10, 8, 6};
constexpr int kRingSharesOf = 32;
// Guarantees that are looked at, if none holds.
constexpr int kLooksMax = 4000;

uint64_t RingBytes(uint64_t level_bytes, int share) {
  return level_bytes * share / kRingSharesOf / kPageBytes * kPageBytes;
}

uint64_t BytesOf(const TaskProgram& task) {
  return std::accumulate(task.reads_bytes.begin(), task.reads_bytes.end(),
                         uint64_t{0});
}

// Of one level.
struct Division {
  uint64_t ring_bytes = 0;
  std::vector<uint64_t> head_bytes = {};  // Of each member, like:
  std::vector<AnalyzedJob> jobs = {};
  double burden = 0;  // Of the less urgent: seconds a second.
};

struct Level {
  int number = 0;
  std::vector<size_t> members = {};      // The shortest period first.
  std::vector<Division> divisions = {};  // The least burden first.
};

double BurdenOf(const AnalyzedJob& job) {
  const CrossedCost& crossed = job.paths.crossed;
  double seconds = crossed.whole_seconds;
  for (const auto* more :
       {&crossed.to_drive_seconds, &crossed.to_processor_seconds}) {
    if (!more->empty()) seconds += more->front();
  }
  return std::min(seconds, job.task.alone_seconds) / job.task.period_seconds;
}

class Search {
 public:
  Search(const std::vector<TaskProgram>& tasks,
         const std::array<uint64_t, kLevelsMax>& level_bytes,
         const Supply& supply, const ProgramInSplit& program)
      : tasks_(tasks), supply_(supply), program_(program) {
    for (int number = 1; number <= kLevelsMax; ++number) {
      AddLevel(number, level_bytes[number - 1]);
    }
  }

  DeadlineSplit Run() {
    DeadlineSplit split{.head_bytes = std::vector<uint64_t>(tasks_.size())};
    const bool possible = std::all_of(
        levels_.begin(), levels_.end(),
        [](const Level& level) { return !level.divisions.empty(); });
    if (levels_.empty() || !possible) return split;
    split.holds = HoldsFrom(0);
    if (!split.holds) {
      chosen_.clear();
      for (const Level& level : levels_) chosen_.push_back(&level.divisions[0]);
    }
    for (size_t l = 0; l < levels_.size(); ++l) {
      const auto& [number, members, divisions] = levels_[l];
      split.ring_bytes[number - 1] = chosen_[l]->ring_bytes;
      for (size_t m = 0; m < members.size(); ++m) {
        split.head_bytes[members[m]] = chosen_[l]->head_bytes[m];
      }
    }
    return split;
  }

 private:
  void AddLevel(int number, uint64_t bytes) {
    Level level{.number = number};
    for (size_t i = 0; i < tasks_.size(); ++i) {
      if (tasks_[i].level != number || tasks_[i].period_seconds == 0) continue;
      level.members.push_back(i);
    }
    if (level.members.empty() || bytes == 0) return;
    std::stable_sort(
        level.members.begin(), level.members.end(), [this](size_t a, size_t b) {
          return tasks_[a].period_seconds < tasks_[b].period_seconds;
        });
    for (const int share : kRingShares) {
      const uint64_t ring_bytes = RingBytes(bytes, share);
      auto division = Divide(level, ring_bytes, bytes - ring_bytes);
      if (division) level.divisions.push_back(*std::move(division));
    }
    std::stable_sort(level.divisions.begin(), level.divisions.end(),
                     [](const Division& a, const Division& b) {
                       return a.burden < b.burden;
                     });
    levels_.push_back(std::move(level));
  }

  std::optional<Division> Divide(const Level& level, uint64_t ring_bytes,
                                 uint64_t heads_bytes) const {
    Division division{.ring_bytes = ring_bytes};
    Supply supply = supply_;
    supply.ring_bytes[level.number - 1] = ring_bytes;
    for (const size_t task : level.members) {
      const auto all = program_(task, std::numeric_limits<uint64_t>::max(), 0);
      const auto rest = program_(task, ring_bytes, heads_bytes);
      if (!all || !rest) return std::nullopt;
      auto job = JobOf(*rest, tasks_, supply);
      if (!job.ok()) return std::nullopt;
      division.head_bytes.push_back(BytesOf(*all) - BytesOf(*rest));
      heads_bytes -= std::min(heads_bytes, division.head_bytes.back());
      division.burden += BurdenOf(*job);
      division.jobs.push_back(*std::move(job));
    }
    return division;
  }

  // Whether a division of that level and all less urgent ones is found with
  // which they hold, beside what is chosen of the more urgent.
  bool HoldsFrom(size_t index) {
    if (index == levels_.size()) return true;
    const size_t jobs_before = jobs_.size();
    for (const Division& division : levels_[index].divisions) {
      if (looks_left_ == 0) return false;
      for (const AnalyzedJob& job : division.jobs) jobs_.push_back(&job);
      chosen_.push_back(&division);
      if (AllHold(jobs_before) && HoldsFrom(index + 1)) return true;
      chosen_.pop_back();
      jobs_.resize(jobs_before);
    }
    return false;
  }

  bool AllHold(size_t first) {
    for (size_t i = first; i < jobs_.size(); ++i) {
      if (looks_left_ == 0) return false;
      --looks_left_;
      if (!GuaranteeBeside(jobs_, i, supply_.earliest_deadline_first).holds) {
        return false;
      }
    }
    return true;
  }

  const std::vector<TaskProgram>& tasks_;
  const Supply& supply_;
  const ProgramInSplit& program_;
  std::vector<Level> levels_;
  std::vector<const AnalyzedJob*> jobs_;  // Of what is chosen,
  std::vector<const Division*> chosen_;   // a division of each level.
  int looks_left_ = kLooksMax;
};

}  // namespace

uint64_t LeastRingTried(uint64_t level_bytes) {
  return RingBytes(level_bytes, *std::min_element(std::begin(kRingShares),
                                                  std::end(kRingShares)));
}

DeadlineSplit SplitForDeadlines(
    const std::vector<TaskProgram>& tasks,
    const std::array<uint64_t, kLevelsMax>& level_bytes, const Supply& supply,
    const ProgramInSplit& program) {
  return Search(tasks, level_bytes, supply, program).Run();
}

}  // namespace layerd
