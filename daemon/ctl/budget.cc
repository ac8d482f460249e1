#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "config/byte_size.h"
#include "config/status_macros.h"
#include "daemon/ctl/client.h"
#include "daemon/ctl/commands.h"
#include "daemon/ctl/failure.h"
#include "daemon/ctl/model_list.h"
#include "daemon/ctl/output.h"
#include "daemon/ctl/waiting_note.h"

namespace layerd {
namespace {

constexpr char kAsks[] =
    "layerd answers what operators ask for one after the other, beside its "
    "requests";
constexpr char kChanges[] =
    "layerd plans its memory anew, beside its requests, and takes the new plan "
    "once the request that is on has been answered. Whoever leaves now finds "
    "out by `layerctl budget` whether it was";

void AddModel(const admin::PlannedModel& model, JsonWriter* json) {
  json->BeginObject();
  json->Add("name", model.name());
  json->Add("level", uint64_t{model.level()});
  json->Add("weight_bytes", model.weight_bytes());
  json->Add("head_bytes", model.head_bytes());
  json->Add("streamed_bytes", model.streamed_bytes());
  json->Add("resident_ms", model.resident_ms());
  json->Add("predicted_cold_ms", model.predicted_cold_ms());
  json->Add("predicted_warm_ms", model.predicted_warm_ms());
  json->Add("lower_bound_ms", model.lower_bound_ms());
  json->Add("gave_up_ms", model.predicted_cold_ms() - model.resident_ms());
  json->Add("one_more_mib_saves_ms", model.one_more_mib_saves_ms());
  json->Add("blocking_us", model.blocking_us());
  json->Add("costs_measured", model.costs_measured());
  json->EndObject();
}

void AddLevels(const admin::PlanResponse& plan, JsonWriter* json) {
  json->BeginArray("levels");
  for (const admin::PlannedLevel& level : plan.levels()) {
    json->BeginObject();
    json->Add("level", uint64_t{level.level()});
    json->Add("ring_bytes", level.ring_bytes());
    json->Add("arena_bytes", level.arena_bytes());
    json->EndObject();
  }
  json->EndArray();
}

std::string JsonOf(const admin::PlanResponse& plan) {
  const admin::Memory& memory = plan.memory();
  JsonWriter json;
  json.BeginObject();
  AddBudget("memory_budget_bytes", memory.memory_budget_bytes(), &json);
  AddBudget("weight_budget_bytes", memory.weight_budget_bytes(), &json);
  json.Add("minimum_memory_budget_bytes", plan.minimum_memory_budget_bytes());
  json.Add("minimum_weight_budget_bytes", plan.minimum_weight_budget_bytes());
  json.Add("base_bytes", plan.base_bytes());
  json.Add("ring_bytes", memory.ring_bytes());
  json.Add("head_bytes", memory.head_bytes());
  json.Add("decode_bytes", memory.decode_bytes());
  json.Add("table_bytes", memory.table_bytes());
  json.Add("arena_bytes", memory.arena_bytes());
  json.Add("total_bytes", memory.ring_bytes() + memory.head_bytes() +
                              memory.decode_bytes() + memory.table_bytes() +
                              memory.arena_bytes());
  AddLevels(plan, &json);
  json.BeginArray("models");
  for (const admin::PlannedModel& model : plan.models()) AddModel(model, &json);
  json.EndArray();
  json.EndObject();
  return json.Finish();
}

std::string Ms(double ms) { return absl::StrFormat("%.3f", ms); }

std::string ModelRows(const admin::PlanResponse& plan) {
  std::vector<std::vector<std::string>> rows{
      {"model", "level", "head", "resident ms", "cold ms", "warm ms",
       "gave up ms", "1 MiB more saves ms", "costs"}};
  for (const admin::PlannedModel& model : plan.models()) {
    rows.push_back({model.name(), absl::StrCat(model.level()),
                    FormatByteSize(model.head_bytes()), Ms(model.resident_ms()),
                    Ms(model.predicted_cold_ms()),
                    Ms(model.predicted_warm_ms()),
                    Ms(model.predicted_cold_ms() - model.resident_ms()),
                    Ms(model.one_more_mib_saves_ms()),
                    model.costs_measured() ? "measured" : "counted"});
  }
  return FormatTable(rows);
}

std::string TextOf(const admin::PlanResponse& plan) {
  const admin::Memory& memory = plan.memory();
  std::string text = absl::StrFormat(
      "budgets  all memory %s (at least %s), weights %s (at least %s)\n"
      "memory   rings %s, heads %s, tables %s, decoding %s, arenas %s; weights "
      "would be %s; the process takes up to %s beside that\n",
      FormatByteSize(memory.memory_budget_bytes()),
      FormatByteSize(plan.minimum_memory_budget_bytes()),
      FormatByteSize(memory.weight_budget_bytes()),
      FormatByteSize(plan.minimum_weight_budget_bytes()),
      FormatByteSize(memory.ring_bytes()), FormatByteSize(memory.head_bytes()),
      FormatByteSize(memory.table_bytes()),
      FormatByteSize(memory.decode_bytes()),
      FormatByteSize(memory.arena_bytes()),
      FormatByteSize(memory.weight_bytes()), FormatByteSize(plan.base_bytes()));
  for (const admin::PlannedLevel& level : plan.levels()) {
    absl::StrAppendFormat(&text, "level %d  ring %s, arena %s\n", level.level(),
                          FormatByteSize(level.ring_bytes()),
                          FormatByteSize(level.arena_bytes()));
  }
  return absl::StrCat(text, "\n", ModelRows(plan));
}

absl::StatusOr<std::optional<uint64_t>> MemoryBudgetOf(
    const CommandLine& line) {
  if (line.operands().empty()) return std::optional<uint64_t>();
  const auto bytes = ParseByteSize(line.operands().front());
  if (bytes.ok()) return std::optional(*bytes);
  return UsageError(std::string(bytes.status().message()));
}

absl::Status RunBudget(const CommandLine& line) {
  ASSIGN_OR_RETURN(const std::optional<uint64_t> memory_bytes,
                   MemoryBudgetOf(line));
  std::optional<uint64_t> weight_bytes;
  if (line.Has("--weights")) {
    ASSIGN_OR_RETURN(weight_bytes, line.Bytes("--weights", kAllBytes));
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<Client> client, ClientOf(line));
  const bool only_asks = !memory_bytes && !weight_bytes;
  const WaitingNote note(only_asks ? kAsks : kChanges);
  ASSIGN_OR_RETURN(const admin::PlanResponse plan,
                   only_asks ? client->Plan()
                             : client->SetBudget(memory_bytes, weight_bytes));
  return WriteAnswer(line.json() ? JsonOf(plan) : TextOf(plan));
}

}  // namespace

Command BudgetCommand() {
  return {
      .name = "budget",
      .operands = "[SIZE]",
      .operand_count_min = 0,
      .operand_count_max = 1,
      .summary =
          "Changes the memory budget of a running layerd; without SIZE, "
          "what it is spent on.",
      .options = {AddressOption(),
                  {.name = "--weights",
                   .value = "SIZE",
                   .help = "of memory for weights alone: 16MiB, 1GiB, all"}},
      .notes =
          "SIZE is for weights, activations and scratch of all models "
          "together: 64MiB, 1GiB, all. Requests wait for a moment, none "
          "fails. It holds until the daemon is started again.",
      .run = RunBudget,
  };
}

}  // namespace layerd
