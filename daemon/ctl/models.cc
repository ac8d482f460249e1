#include "config/status_macros.h"
#include "daemon/ctl/commands.h"
#include "daemon/ctl/model_list.h"
#include "daemon/ctl/output.h"

namespace layerd {
namespace {

absl::Status RunModels(const CommandLine& line) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Client> client, ClientOf(line));
  ASSIGN_OR_RETURN(const admin::StatusResponse response, client->Status());
  if (!line.json()) return WriteAnswer(ModelTable(response));
  JsonWriter json;
  json.BeginObject();
  AddModels(response, &json);
  json.EndObject();
  return WriteAnswer(json.Finish());
}

}  // namespace

Command ModelsCommand() {
  return {
      .name = "models",
      .operands = "",
      .operand_count_min = 0,
      .operand_count_max = 0,
      .summary = "Lists the models of a running layerd with their states.",
      .options = {AddressOption()},
      .notes = "",
      .run = RunModels,
  };
}

}  // namespace layerd
