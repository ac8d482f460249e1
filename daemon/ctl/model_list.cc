#include "daemon/ctl/model_list.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "config/byte_size.h"
#include "daemon/ctl/commands.h"
#include "daemon/ctl/failure.h"
#include "daemon/ctl/output.h"

namespace layerd {

Option AddressOption() {
  return {.name = "--address",
          .value = "A",
          .help = "HOST:PORT or unix:PATH; default 127.0.0.1:8001"};
}

absl::StatusOr<std::unique_ptr<Client>> ClientOf(const CommandLine& line) {
  auto client = Client::Connect(line.Text("--address", kDefaultAddress));
  if (client.ok()) return client;
  return UsageError(
      absl::StrCat("--address: ", std::string(client.status().message())));
}

std::string ModelTable(const admin::StatusResponse& response) {
  if (response.models_size() == 0) return "no models\n";
  std::vector<std::vector<std::string>> rows{
      {"model", "version", "state", "level", "weights", "reason"}};
  for (const admin::ModelStatus& model : response.models()) {
    rows.push_back({model.name(), model.version(), model.state(),
                    absl::StrCat(model.level()),
                    FormatByteSize(model.weight_bytes()), model.reason()});
  }
  return FormatTable(rows);
}

void AddBudget(const char* key, uint64_t bytes, JsonWriter* json) {
  if (bytes == kAllBytes) {
    json->AddNull(key);
  } else {
    json->Add(key, bytes);
  }
}

void AddModels(const admin::StatusResponse& response, JsonWriter* json) {
  json->BeginArray("models");
  for (const admin::ModelStatus& model : response.models()) {
    json->BeginObject();
    json->Add("name", model.name());
    json->Add("version", model.version());
    json->Add("state", model.state());
    json->Add("reason", model.reason());
    json->Add("level", model.level());
    json->Add("weight_bytes", model.weight_bytes());
    json->EndObject();
  }
  json->EndArray();
}

std::string FormatScheduling(const admin::Scheduling& scheduling) {
  return absl::StrFormat(
      "%d deadlines missed, promises broken: %d by overruns, %d by the drive, "
      "%d by a processor taken away, %d otherwise; %d requests came before "
      "their period, %d preemptions, %d cancelled, "
      "%d times no real-time priority",
      scheduling.deadline_misses(), scheduling.promises_broken_by_overrun(),
      scheduling.promises_broken_by_drive(),
      scheduling.promises_broken_by_processor(),
      scheduling.promises_broken_otherwise(), scheduling.too_often(),
      scheduling.preemptions(), scheduling.cancelled(),
      scheduling.realtime_refused());
}

void AddScheduling(const admin::Scheduling& scheduling, JsonWriter* json) {
  json->BeginObject("scheduling");
  json->Add("preemptions", scheduling.preemptions());
  json->Add("deadline_misses", scheduling.deadline_misses());
  json->Add("cancelled", scheduling.cancelled());
  json->Add("overruns", scheduling.overruns());
  json->Add("promises_broken_by_overrun",
            scheduling.promises_broken_by_overrun());
  json->Add("promises_broken_by_drive", scheduling.promises_broken_by_drive());
  json->Add("promises_broken_by_processor",
            scheduling.promises_broken_by_processor());
  json->Add("promises_broken_otherwise",
            scheduling.promises_broken_otherwise());
  json->Add("too_often", scheduling.too_often());
  json->Add("realtime_refused", scheduling.realtime_refused());
  json->EndObject();
}

}  // namespace layerd
