#include "daemon/plan/schedulability.h"

#include <algorithm>
#include <random>
#include <utility>

#include "absl/status/status.h"
#include "test/catch/catch.h"

namespace layerd {
namespace {

std::vector<double> Fifo(const std::vector<AnalyzedTask>& tasks) {
  return ResponseTimes(tasks, /*earliest_deadline_first=*/false);
}

AnalyzedTask Task(int level, double period, double alone) {
  return {.level = level,
          .period_seconds = period,
          .alone_seconds = alone,
          .deadline_seconds = period};
}

TEST_CASE("Textbook task sets have the textbook's response times") {
  struct Row {
    const char* source;
    std::vector<AnalyzedTask> tasks;
    std::vector<double> responses;
  };
  const auto row = GENERATE(values<Row>({
      {"Burns and Wellings, Real-Time Systems and Programming Languages, task "
       "set D, of response time analysis: c fills its period to the end",
       {Task(1, 7, 3), Task(2, 12, 3), Task(3, 20, 5)},
       {3, 6, 20}},
      {"The same book, task set C: utilisation 1, harmonic periods",
       {Task(3, 80, 40), Task(2, 40, 10), Task(1, 20, 5)},
       {80, 15, 5}},
      {"Buttazzo, Hard Real-Time Computing Systems, the example of response "
       "time analysis with deadlines before periods",
       {{1, 4, 1, 3}, {2, 5, 1, 4}, {3, 6, 2, 5}, {4, 11, 1, 10}},
       {1, 2, 4, 10}},
  }));
  INFO(row.source);
  CHECK(Fifo(row.tasks) == row.responses);
}

TEST_CASE("A task that cannot be on time is told so, and how far it came") {
  // Burns and Wellings, task set A: utilisation 0.82, above the rate-monotonic
  // bound of 0.78, and its least urgent task misses.
  const std::vector<double> responses =
      Fifo({Task(3, 50, 12), Task(2, 40, 10), Task(1, 30, 10)});
  CHECK(responses[1] == 20);
  CHECK(responses[2] == 10);
  CHECK(responses[0] > 50);
}

TEST_CASE("In a level, arrivals wait for one job of each other task") {
  const std::vector<AnalyzedTask> tasks{Task(2, 100, 10), Task(2, 200, 30),
                                        Task(1, 50, 5)};
  CHECK(Fifo(tasks) == std::vector<double>{45, 45, 5});
}

std::vector<double> ByDeadline(const std::vector<AnalyzedTask>& tasks) {
  return ResponseTimes(tasks, /*earliest_deadline_first=*/true);
}

TEST_CASE("By deadline, whoever is due later blocks by one job") {
  // Buttazzo, Bertogna and Yao, Limited Preemptive Scheduling for Real-Time
  // Systems, a survey (2013), the task set of its figures: not preempted, the
  // long task makes the two others late.
  const std::vector<double> responses =
      ByDeadline({{1, 6, 1, 4}, {1, 10, 3, 8}, {1, 18, 6, 12}});
  CHECK(responses[0] == 6 + 1);
  CHECK(responses[1] == 6 + 1 + 3);
  CHECK(responses[2] == 2 * 1 + 3 + 6);
}

TEST_CASE("By deadline, a level may be fuller than by arrival") {
  // Utilisation 23/24, too much for fixed priorities even with preemption
  // (Lipari, Sistemi in tempo reale, Earliest Deadline First).
  const std::vector<AnalyzedTask> tasks{Task(1, 4, 1), Task(1, 6, 2),
                                        Task(1, 8, 3)};
  CHECK(ByDeadline(tasks) == std::vector<double>{4, 6, 7});
  CHECK(Fifo(tasks) == std::vector<double>{6, 6, 6});
}

// A tick of a processor: more urgent work first, then the job of the level that
// is on, or the one due next.
class Ticks {
 public:
  Ticks(const std::vector<AnalyzedTask>& tasks, std::vector<int> first)
      : tasks_(tasks), next_(std::move(first)) {}

  // From the arrival at `arrival` of task `of` to its end.
  int ResponseOf(size_t of, int arrival) {
    for (int now = -1;; ++now) {
      for (size_t i = 0; i < tasks_.size(); ++i) {
        if (next_[i] != now) continue;
        jobs_.push_back({i, now, static_cast<int>(tasks_[i].alone_seconds)});
        next_[i] += static_cast<int>(tasks_[i].period_seconds);
      }
      Job* const job = Next();
      if (job == nullptr || --job->left > 0) continue;
      if (job->task == of && job->arrival == arrival) return now + 1 - arrival;
      jobs_.erase(jobs_.begin() + (job - jobs_.data()));
    }
  }

 private:
  struct Job {
    size_t task;
    int arrival, left;
    bool on = false;
  };

  double Due(const Job& job) const {
    return job.arrival + tasks_[job.task].deadline_seconds;
  }
  Job* Next() {
    Job *urgent = nullptr, *on = nullptr, *first = nullptr;
    for (Job& job : jobs_) {
      if (tasks_[job.task].level == 1) {
        urgent = &job;
      } else if (job.on) {
        on = &job;
      } else if (first == nullptr || Due(job) < Due(*first)) {
        first = &job;
      }
    }
    if (on == nullptr && first != nullptr) {
      on = first;
      on->on = true;  // Also while more urgent work computes.
    }
    return urgent != nullptr ? urgent : on;
  }

  const std::vector<AnalyzedTask>& tasks_;
  std::vector<int> next_;
  std::vector<Job> jobs_;
};

// George, Rivierre and Spuri: all begin together, but for one that is due later
// and began just before; ours comes when it does.
int WorstSeen(const std::vector<AnalyzedTask>& tasks, size_t of) {
  const auto period = static_cast<int>(tasks[of].period_seconds);
  int worst = 0;
  for (size_t begun = 0; begun < tasks.size(); ++begun) {
    for (int arrival = 0; arrival < 4 * period; arrival += 2) {
      std::vector<int> first(tasks.size());
      if (begun != of && tasks[begun].level > 1) first[begun] = -1;
      first[of] = arrival % period;
      worst = std::max(worst, Ticks(tasks, first).ResponseOf(of, arrival));
    }
  }
  return worst;
}

// One at level 1, three at level 2; none if they might be busy for too long to
// look at.
std::vector<AnalyzedTask> DrawTasks(uint32_t seed) {
  std::mt19937 random(seed);
  // Even ticks: what had begun a tick before then reaches as far as it can.
  const auto drawn = [&](int from, int to) {
    return 2.0 * (from + static_cast<int>(random() % (to - from)));
  };
  std::vector<AnalyzedTask> tasks{Task(1, 40, drawn(2, 6))};
  double utilisation = tasks[0].alone_seconds / tasks[0].period_seconds;
  for (int i = 0; i < 3; ++i) {
    const double period = drawn(15, 45), alone = drawn(1, 9);
    const double deadline = std::max(alone, period - drawn(0, 10));
    tasks.push_back({2, period, alone, deadline});
    utilisation += alone / period;
  }
  if (utilisation > 0.9) tasks.clear();
  return tasks;
}

TEST_CASE(
    "By deadline, the worst arrivals take no longer, and mostly as long") {
  int looked = 0, met = 0;
  for (uint32_t seed = 0; seed < 100; ++seed) {
    const std::vector<AnalyzedTask> tasks = DrawTasks(seed);
    for (size_t of = 1; of < tasks.size(); ++of) {
      const double bound = ByDeadline(tasks)[of];
      if (bound > tasks[of].deadline_seconds) continue;
      const int seen = WorstSeen(tasks, of);
      INFO("seed " << seed << ", task " << of);
      CHECK(seen <= bound);
      ++looked;
      met += seen >= bound - 1;  // What had begun has computed for a tick.
    }
  }
  INFO(met << " of " << looked);
  CHECK(looked > 100);
  CHECK(10 * met >= 9 * looked);
}

TaskProgram Program(const std::string& name, int level, double period,
                    double part_seconds) {
  TaskProgram task;
  task.name = name;
  task.level = level;
  task.period_seconds = period;
  for (uint32_t i = 0; i < 100; ++i) {
    task.reads_bytes.push_back(256 << 10);
    task.parts.push_back({.read = i, .seconds = part_seconds});
  }
  return task;
}

Supply Drive() {
  Supply supply;
  supply.drive_bytes_per_s = 1 << 30;
  supply.ring_bytes.fill(8 << 20);
  return supply;
}

TEST_CASE(
    "A task alone takes what the ring recurrence says, and the joined "
    "read it waits for") {
  const auto guarantees = Guarantees({Program("m", 1, 0.2, 1e-3)}, Drive());
  REQUIRE(guarantees.ok());
  const Guarantee& alone = guarantees->front();
  CHECK(alone.holds);
  CHECK(alone.block_compute_seconds == 0);
  CHECK(alone.block_read_seconds == 0);
  const double extent = 256.0 / (1 << 20);
  CHECK(alone.join_seconds == Approx(4 * extent));
  CHECK(alone.response_seconds == Approx(0.1 + extent + 4 * extent));
}

TEST_CASE("Lower work blocks by its longest part and what it has in flight") {
  const auto guarantees = Guarantees(
      {Program("urgent", 1, 0.2, 1e-3), Program("flood", 4, 0, 3e-3)}, Drive());
  REQUIRE(guarantees.ok());
  const Guarantee& urgent = guarantees->front();
  CHECK(urgent.block_compute_seconds == 3e-3);
  CHECK(urgent.block_read_seconds == Approx(0.5 / 1024));
  CHECK(urgent.holds);
  CHECK_FALSE(guarantees->back().holds);  // Nobody asked for a promise.
}

TEST_CASE(
    "Lower work blocks as long as nearly all its parts were seen to take") {
  const auto block_for = [](double seen_seconds) {
    TaskProgram flood = Program("flood", 4, 0, 3e-3);
    flood.seen_part_seconds = seen_seconds;
    const auto guarantees =
        Guarantees({Program("urgent", 1, 0.2, 1e-3), flood}, Drive());
    REQUIRE(guarantees.ok());
    return guarantees->front();
  };
  CHECK(block_for(2e-3).block_compute_seconds == 3e-3);
  CHECK(block_for(5e-3).block_compute_seconds == 5e-3);
  CHECK(block_for(5e-3).response_seconds > block_for(2e-3).response_seconds);
}

TEST_CASE("A set that asks for more than there is does not hold") {
  const auto guarantees = Guarantees(
      {Program("fast", 1, 0.15, 1e-3), Program("slow", 2, 0.3, 1.4e-3)},
      Drive());
  REQUIRE(guarantees.ok());
  CHECK(guarantees->front().holds);
  CHECK_FALSE(guarantees->back().holds);
}

TEST_CASE(
    "A job that may be early counts once more, and needs room of its own") {
  std::vector<AnalyzedTask> tasks{Task(1, 50, 10), Task(2, 100, 35)};
  CHECK(Fifo(tasks)[1] == 45);
  tasks[0].jitter_seconds = 6;
  CHECK(Fifo(tasks)[1] == 55);
  TaskProgram task = Program("m", 1, 0.12, 1e-3);
  CHECK(Guarantees({task}, Drive())->front().holds);
  task.jitter_seconds = 0.02;
  CHECK_FALSE(Guarantees({task}, Drive())->front().holds);
}

TEST_CASE("What cannot be promised is refused in words") {
  const auto beside = Guarantees(
      {Program("camera", 3, 0.2, 1e-3), Program("batch", 3, 0, 1e-3)}, Drive());
  REQUIRE(absl::IsInvalidArgument(beside.status()));
  CHECK_THAT(std::string(beside.status().message()),
             Catch::Contains("camera") && Catch::Contains("batch"));
  TaskProgram late = Program("late", 1, 0.2, 1e-3);
  late.deadline_seconds = 0.3;
  CHECK(absl::IsInvalidArgument(Guarantees({late}, Drive()).status()));
}

}  // namespace
}  // namespace layerd
