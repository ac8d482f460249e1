#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "config/byte_size.h"
#include "config/status_macros.h"
#include "daemon/ctl/commands.h"
#include "daemon/ctl/curve_svg.h"
#include "daemon/ctl/failure.h"
#include "daemon/ctl/json_writer.h"
#include "daemon/ctl/layer_file_for.h"
#include "daemon/ctl/output.h"
#include "daemon/ctl/plan_question.h"
#include "daemon/plan/base_memory.h"
#include "daemon/plan/cost_model.h"

namespace layerd {
namespace {

constexpr double kMiB = 1 << 20;
using Question = PlanQuestion;

constexpr size_t kFilesMax = 6;  // As many colours has the picture.

struct Answer {
  PlannedPoint point;  // What the budget gives.
  double saved_by_one_mib_seconds = 0;
  std::vector<PlannedPoint> curve;  // Empty if it was not asked for.
};

absl::StatusOr<Answer> Plan(const Question& question, bool with_curve) {
  const ModelDemand demand = question.demand();
  Answer answer;
  MemoryPlanner planner({demand});
  ASSIGN_OR_RETURN(answer.point.plan, planner.Plan(question.budgets));
  ASSIGN_OR_RETURN(
      const std::vector<ModelOutlook> outlook,
      OutlookOf({demand}, answer.point.plan, question.budgets, &planner));
  answer.point.prediction = outlook.front().prediction;
  answer.saved_by_one_mib_seconds = outlook.front().saved_by_one_mib_seconds;
  if (with_curve) {
    ASSIGN_OR_RETURN(answer.curve, MemoryCurve(demand, question.costs));
  }
  return answer;
}

uint64_t WeightMemory(const MemoryPlan& plan) {
  return plan.weight_memory_bytes();
}

// "all" is as much as there is.
uint64_t BudgetOf(const Question& question, const MemoryPlan& plan) {
  return question.budgets.weight_bytes == kAllBytes
             ? WeightMemory(plan)
             : question.budgets.weight_bytes;
}

void AddPoint(const PlannedPoint& point, JsonWriter* json) {
  json->Add("ring_bytes", point.plan.ring_bytes);
  json->Add("head_bytes", point.plan.head_bytes);
  json->Add("decode_bytes", point.plan.decode.bytes);
  json->Add("table_bytes", point.plan.table_bytes);
  json->Add("arena_bytes", point.plan.beside_weights_bytes());
  json->Add("total_bytes",
            WeightMemory(point.plan) + point.plan.beside_weights_bytes());
  json->Add("predicted_cold_ms", 1e3 * point.prediction.cold_seconds);
  json->Add("predicted_warm_ms", 1e3 * point.prediction.warm_seconds);
  json->Add("asap_bound_ms", 1e3 * point.prediction.asap_seconds);
  json->Add("lower_bound_ms", 1e3 * point.prediction.lower_bound_seconds);
  json->Add("blocking_us", 1e6 * point.prediction.blocking_seconds);
}

void AddAnswer(const Question& question, const Answer& answer,
               JsonWriter* out) {
  JsonWriter& json = *out;
  json.Add("budget_bytes", BudgetOf(question, answer.point.plan));
  json.Add("minimum_budget_bytes", answer.point.plan.minimum_weight_bytes);
  // Of a daemon that serves this model alone.
  json.Add("base_bytes",
           kDaemonBaseBytes + question.model->base_bytes() +
               (question.on_device ? question.device_base_bytes : 0));
  // What a GPU takes of it: already in base_bytes, if one computes.
  json.Add("device_base_bytes", question.device_base_bytes);
  json.Add("kernels", question.on_device ? "cuda" : "cpu");
  json.Add("copy_bytes_per_s", question.costs.copy_bytes_per_s);
  json.Add("launch_us", 1e6 * question.costs.launch_seconds);
  AddPoint(answer.point, out);
  const Prediction& times = answer.point.prediction;
  json.Add("resident_ms", 1e3 * times.resident_seconds);
  json.Add("gave_up_ms", 1e3 * (times.cold_seconds - times.resident_seconds));
  json.Add("one_more_mib_saves_ms", 1e3 * answer.saved_by_one_mib_seconds);
  json.Add("costs_measured", question.measured);
  if (!answer.curve.empty()) {
    json.BeginArray("curve");
    for (const PlannedPoint& point : answer.curve) {
      json.BeginObject();
      json.Add("budget_bytes", point.budget_bytes);
      AddPoint(point, out);
      json.EndObject();
    }
    json.EndArray();
  }
}

// One file is the document; several are a list in it.
std::string JsonOf(const std::vector<Question>& questions,
                   const std::vector<Answer>& answers) {
  JsonWriter json;
  json.BeginObject();
  if (questions.size() == 1) {
    AddAnswer(questions.front(), answers.front(), &json);
  } else {
    json.BeginArray("files");
    for (size_t i = 0; i < questions.size(); ++i) {
      json.BeginObject();
      json.Add("file", questions[i].file);
      AddAnswer(questions[i], answers[i], &json);
      json.EndObject();
    }
    json.EndArray();
  }
  json.EndObject();
  return json.Finish();
}

std::string Mib(uint64_t bytes) {
  return absl::StrFormat("%.2f", static_cast<double>(bytes) / kMiB);
}

std::string Ms(double seconds) {
  return absl::StrFormat("%.3f", 1e3 * seconds);
}

std::string CurveText(const Answer& answer) {
  std::vector<std::vector<std::string>> rows{{"budget MiB", "ring", "head",
                                              "cold ms", "warm ms",
                                              "no schedule beats ms"}};
  for (const PlannedPoint& point : answer.curve) {
    rows.push_back({Mib(point.budget_bytes), Mib(point.plan.ring_bytes),
                    Mib(point.plan.head_bytes),
                    Ms(point.prediction.cold_seconds),
                    Ms(point.prediction.warm_seconds),
                    Ms(point.prediction.lower_bound_seconds)});
  }
  return absl::StrCat("\n", FormatTable(rows));
}

// What a GPU adds: memory beside the budgets, and a stage between drive and
// computing.
std::string DeviceText(const Question& question) {
  const Costs& costs = question.costs;
  const std::string copies =
      costs.copy_bytes_per_s > 0
          ? absl::StrFormat("weights are copied to it at %.0f MiB/s",
                            costs.copy_bytes_per_s / kMiB)
          : "it reads weights where the drive puts them";
  const std::string launch =
      question.measured
          ? "launches are in the part times"
          : absl::StrFormat("a launch is %.1f us", 1e6 * costs.launch_seconds);
  return absl::StrFormat(
      "GPU      takes %s beside all budgets; %s; %s%s\n",
      FormatByteSize(question.device_base_bytes), copies, launch,
      question.device_measured ? "" : " (guessed: no GPU was probed)");
}

std::string TextOf(const Question& question, const Answer& answer) {
  const MemoryPlan& plan = answer.point.plan;
  const Prediction& times = answer.point.prediction;
  std::string text = absl::StrFormat(
      "memory   %s for weights of %s (ring %s, head %s, tables %s, decoding "
      "%s; "
      "the least is %s), arena %s\n"
      "latency  %s ms cold, %s ms warm; reading at once is worth %s ms, no "
      "schedule beats %s ms\n"
      "blocks   others for at most %.0f us\n"
      "costs    %s; drive %.0f MiB/s\n",
      FormatByteSize(WeightMemory(plan)), FormatByteSize(plan.weight_bytes),
      FormatByteSize(plan.ring_bytes), FormatByteSize(plan.head_bytes),
      FormatByteSize(plan.table_bytes), FormatByteSize(plan.decode.bytes),
      FormatByteSize(plan.minimum_weight_bytes),
      FormatByteSize(plan.beside_weights_bytes()), Ms(times.cold_seconds),
      Ms(times.warm_seconds), Ms(times.asap_seconds),
      Ms(times.lower_bound_seconds), 1e6 * times.blocking_seconds,
      question.measured ? "part times measured here"
                        : "part times from counted work at the machine's rates",
      question.costs.drive_bytes_per_s / kMiB);
  absl::StrAppendFormat(
      &text,
      "gave up  %s ms of %s ms (%.1f %%) that all resident would take; 1 MiB "
      "more would save %s ms\n",
      Ms(times.cold_seconds - times.resident_seconds),
      Ms(times.resident_seconds),
      times.resident_seconds > 0
          ? 100 * (times.cold_seconds / times.resident_seconds - 1)
          : 0.0,
      Ms(answer.saved_by_one_mib_seconds));
  if (question.on_device) absl::StrAppend(&text, DeviceText(question));
  if (!answer.curve.empty()) absl::StrAppend(&text, CurveText(answer));
  return text;
}

CurveSeries SeriesOf(const std::string& name, const Answer& answer) {
  CurveSeries series{.name = name, .points = {}};
  for (const PlannedPoint& point : answer.curve) {
    if (point.budget_bytes == 0) continue;  // A logarithm knows no 0.
    series.points.push_back({static_cast<double>(point.budget_bytes) / kMiB,
                             1e3 * point.prediction.cold_seconds,
                             1e3 * point.prediction.lower_bound_seconds});
  }
  return series;
}

absl::Status WriteSvg(const std::string& path,
                      const std::vector<Question>& questions,
                      const std::vector<Answer>& answers) {
  std::vector<CurveSeries> all;
  for (size_t i = 0; i < questions.size(); ++i) {
    all.push_back(SeriesOf(ModelNameOf(questions[i].file), answers[i]));
    if (all.back().points.empty()) all.pop_back();
  }
  if (all.empty()) {
    return absl::FailedPreconditionError(
        "the model has no weights, so there is no curve to draw");
  }
  const std::string title = absl::StrFormat(
      "%s: latency over memory, drive at %.0f MiB/s", all.front().name,
      questions.front().costs.drive_bytes_per_s / kMiB);
  return WriteResult(path, CurveSvg(title, all));
}

absl::Status RunPlan(const CommandLine& line) {
  const bool with_curve = line.Has("--curve") || line.Has("--svg");
  std::vector<Question> questions;
  std::vector<Answer> answers;
  for (const std::string& file : line.operands()) {
    ASSIGN_OR_RETURN(Question question, ReadPlanQuestion(line, file));
    questions.push_back(std::move(question));
  }
  std::string text;
  for (const Question& question : questions) {
    ASSIGN_OR_RETURN(Answer answer, Plan(question, with_curve));
    if (questions.size() > 1) {
      absl::StrAppend(&text, text.empty() ? "" : "\n", question.file, "\n");
    }
    absl::StrAppend(&text, TextOf(question, answer));
    answers.push_back(std::move(answer));
  }
  if (line.Has("--svg")) {
    RETURN_IF_ERROR(WriteSvg(line.Text("--svg", ""), questions, answers));
  }
  return WriteAnswer(line.json() ? JsonOf(questions, answers) : text);
}

}  // namespace

Command PlanCommand() {
  Command command{
      .name = "plan",
      .operands = "FILE...",
      .operand_count_min = 1,
      .operand_count_max = kFilesMax,
      .summary =
          "Says what memory a budget becomes, and what latency to "
          "expect of it; several FILEs share one picture.",
      .options = {{.name = "--budget",
                   .value = "SIZE",
                   .help = "of memory for weights: 16MiB, 1GiB, all; default "
                           "all"},
                  {.name = "--memory-budget",
                   .value = "SIZE",
                   .help = "of weights, activations and scratch together; "
                           "default all"},
                  {.name = "--curve",
                   .help = "also the table of memory against latency"},
                  {.name = "--svg",
                   .value = "OUT.svg",
                   .help = "where that curve goes as a picture"}},
      .notes =
          "cold: the ring is empty when the request comes; warm: it is "
          "full. Part times are those that `layerctl bench` measured "
          "here, else counted work at the rates of --machine. FILE may be "
          "packed for a GPU; none is needed to plan for it.",
      .run = RunPlan,
  };
  for (Option& option : PlanQuestionOptions()) {
    command.options.push_back(std::move(option));
  }
  return command;
}

}  // namespace layerd
