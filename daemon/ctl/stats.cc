#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "config/status_macros.h"
#include "daemon/ctl/client.h"
#include "daemon/ctl/commands.h"
#include "daemon/ctl/model_list.h"
#include "daemon/ctl/output.h"

namespace layerd {
namespace {

std::string JsonOf(const std::vector<Client::ModelCounts>& models) {
  JsonWriter json;
  json.BeginObject();
  json.BeginArray("models");
  for (const Client::ModelCounts& model : models) {
    json.BeginObject();
    json.Add("name", model.name);
    json.Add("version", model.version);
    json.Add("successes", model.successes);
    json.Add("failures", model.failures);
    json.Add("mean_queue_ms", model.queue_ms);
    json.Add("mean_infer_ms", model.infer_ms);
    json.Add("mean_total_ms", model.total_ms);
    json.Add("last_inference_ms", model.last_ms);
    json.EndObject();
  }
  json.EndArray();
  json.EndObject();
  return json.Finish();
}

std::string TextOf(const std::vector<Client::ModelCounts>& models) {
  std::vector<std::vector<std::string>> rows{{"model", "version", "answered",
                                              "failed", "queued ms",
                                              "computed ms", "in all ms"}};
  for (const Client::ModelCounts& model : models) {
    rows.push_back({model.name, model.version, absl::StrCat(model.successes),
                    absl::StrCat(model.failures),
                    absl::StrFormat("%.3f", model.queue_ms),
                    absl::StrFormat("%.3f", model.infer_ms),
                    absl::StrFormat("%.3f", model.total_ms)});
  }
  return FormatTable(rows);
}

absl::Status RunStats(const CommandLine& line) {
  const std::string model =
      line.operands().empty() ? "" : line.operands().front();
  ASSIGN_OR_RETURN(const std::unique_ptr<Client> client, ClientOf(line));
  ASSIGN_OR_RETURN(const std::vector<Client::ModelCounts> models,
                   client->Statistics(model));
  return WriteAnswer(line.json() ? JsonOf(models) : TextOf(models));
}

}  // namespace

Command StatsCommand() {
  return {
      .name = "stats",
      .operands = "[MODEL]",
      .operand_count_min = 0,
      .operand_count_max = 1,
      .summary =
          "Tells how many requests a running layerd has answered, and how "
          "fast.",
      .options = {AddressOption()},
      .notes = "Times are means over the requests that were answered.",
      .run = RunStats,
  };
}

}  // namespace layerd
