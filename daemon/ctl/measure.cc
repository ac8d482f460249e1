#include "absl/strings/str_cat.h"
#include "config/status_macros.h"
#include "daemon/ctl/client.h"
#include "daemon/ctl/commands.h"
#include "daemon/ctl/model_list.h"
#include "daemon/ctl/output.h"

namespace layerd {
namespace {

absl::Status RunMeasure(const CommandLine& line) {
  const std::string model =
      line.operands().empty() ? "" : line.operands().front();
  ASSIGN_OR_RETURN(const std::unique_ptr<Client> client, ClientOf(line));
  RETURN_IF_ERROR(client->MeasureAgain(model));
  if (!line.json()) {
    return WriteAnswer(absl::StrCat(
        model.empty() ? "all models" : model,
        " will be measured as soon as nothing else is asked for\n"));
  }
  JsonWriter json;
  json.BeginObject();
  json.Add("model", model);
  json.EndObject();
  return WriteAnswer(json.Finish());
}

}  // namespace

Command MeasureCommand() {
  return {
      .name = "measure",
      .operands = "[MODEL]",
      .operand_count_min = 0,
      .operand_count_max = 1,
      .summary =
          "Has a running layerd measure again what a model costs, or all do.",
      .options = {AddressOption()},
      .notes =
          "After a change of clocks or of the drive: memory is planned and "
          "deadlines are promised by what was measured. Requests go first; "
          "until it is done, what was known holds. The log tells when memory "
          "is planned anew.",
      .run = RunMeasure,
  };
}

}  // namespace layerd
