#ifndef LAYERD_DAEMON_ENGINE_PROMISES_H_
#define LAYERD_DAEMON_ENGINE_PROMISES_H_

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/model/model.h"
#include "daemon/plan/costs.h"
#include "daemon/plan/deadline_split.h"
#include "daemon/plan/memory_plan.h"

namespace layerd {

// What can be said of the time that jobs take, for one set of models in one
// memory plan: what a request is predicted to take, and what is promised to
// declared tasks (model.yaml: period_ms).
//
// Costs of parts are medians of what was measured, so the analysis counts them
// as a quarter longer; a lower part, of which one alone may hold up a job, as
// long as nearly all were seen to take (PartTimes), if that is more. The drive
// is counted with at the rate that nine looks of ten kept to (DriveSpeed), less
// a margin: no bound, and the certificate says so. Before anything was measured
// nothing is predicted, and nothing that is declared is refused.
//
// Threading: immutable once made.
class Promises {
 public:
  struct Subject {  // Loans.
    const Model* model = nullptr;
    const Costs* costs = nullptr;
    const MemoryPlan::ModelMemory* memory = nullptr;  // At its own level.
    bool measured = false;
    double seen_part_seconds = 0;  // As ModelDemand has it.
  };

  // `certificate_path`: where the proof of a set that was admitted is written;
  // empty: nowhere. RESOURCE_EXHAUSTED with the arithmetic if `strict` and a
  // declared task cannot be promised to be on time.
  static absl::StatusOr<std::shared_ptr<const Promises>> Make(
      const std::vector<Subject>& subjects, const MemoryPlan& plan,
      bool earliest_deadline_first, bool strict,
      const std::string& certificate_path);

  // How the memory of levels that have declared tasks can be divided so that
  // all of them keep their deadlines, by what was measured; nothing: no such
  // division is known. The order of `subjects` is that of its heads.
  static std::optional<DeadlineSplit> SplitFor(
      const std::vector<Subject>& subjects, const MemoryPlan& plan,
      bool earliest_deadline_first);

  struct OfModel {
    // Alone, from a full ring: at least; 0: not known.
    std::chrono::nanoseconds predicted{0};
    // From arrival to answer, of a declared task; 0: nothing is promised.
    std::chrono::nanoseconds response{0};
    std::chrono::nanoseconds compute{0};  // All parts, as counted with.
    // How long lower work may hold it up at each wait: on the processor and at
    // the drive.
    std::chrono::nanoseconds block_compute{0}, block_read{0};
  };
  // Zeros if the model is not among them.
  OfModel Of(const Model* model) const;
  // Declared tasks that nothing is promised to, and why; a line each.
  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  std::map<const Model*, OfModel> models_;
  std::vector<std::string> warnings_;
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_ENGINE_PROMISES_H_
