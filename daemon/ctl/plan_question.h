#ifndef LAYERD_DAEMON_CTL_PLAN_QUESTION_H_
#define LAYERD_DAEMON_CTL_PLAN_QUESTION_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "daemon/ctl/command_line.h"
#include "daemon/model/model.h"
#include "daemon/plan/costs.h"
#include "daemon/plan/memory_plan.h"

namespace layerd {

// All that `plan` needs to know of one FILE: the model, for whom it was packed,
// and what that machine costs. A file for a GPU needs none here: its parts are
// taken to want as much scratch as any device gives them.
struct PlanQuestion {
  std::string file;
  std::unique_ptr<Backend> backend;  // Outlives the model.
  std::shared_ptr<Model> model;
  MemoryBudgets budgets;
  Costs costs;
  bool measured = false;  // The part times are.
  bool on_device = false;
  bool device_measured = false;    // What a copy and a launch cost is.
  uint64_t device_base_bytes = 0;  // Beside all budgets.

  ModelDemand demand() const {
    return {.name = model->name(),
            .level = model->level(),
            .program = &model->program(),
            .scratch_bytes = model->scratch_bytes(),
            .decode_bytes = model->decode_bytes(),
            .prepared_bytes = model->prepared_bytes(),
            .costs = &costs};
  }
};

// Of `plan`, beside budgets.
std::vector<Option> PlanQuestionOptions();
absl::StatusOr<PlanQuestion> ReadPlanQuestion(const CommandLine& line,
                                              const std::string& file);

}  // namespace layerd

#endif  // LAYERD_DAEMON_CTL_PLAN_QUESTION_H_
