#include "absl/strings/str_cat.h"
#include "config/status_macros.h"
#include "daemon/ctl/client.h"
#include "daemon/ctl/commands.h"
#include "daemon/ctl/model_list.h"
#include "daemon/ctl/output.h"
#include "daemon/ctl/waiting_note.h"

namespace layerd {
namespace {

constexpr char kInTurn[] =
    "layerd packs, loads and unloads models one after the other, and goes on "
    "with it if you leave; `layerctl models` tells how far it has come";

absl::Status Tell(const CommandLine& line, const std::string& state) {
  const std::string& model = line.operands().front();
  if (!line.json())
    return WriteAnswer(absl::StrCat(model, " is ", state, "\n"));
  JsonWriter json;
  json.BeginObject();
  json.Add("model", model);
  json.Add("state", state);
  json.EndObject();
  return WriteAnswer(json.Finish());
}

absl::Status RunLoad(const CommandLine& line) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Client> client, ClientOf(line));
  const WaitingNote note(kInTurn);
  RETURN_IF_ERROR(client->Load(line.operands().front()));
  return Tell(line, "loaded");
}

absl::Status RunUnload(const CommandLine& line) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Client> client, ClientOf(line));
  const WaitingNote note(kInTurn);
  RETURN_IF_ERROR(client->Unload(line.operands().front()));
  return Tell(line, "unloaded");
}

}  // namespace

Command LoadCommand() {
  return {
      .name = "load",
      .operands = "MODEL",
      .operand_count_min = 1,
      .operand_count_max = 1,
      .summary =
          "Has a running layerd load a model: new, changed, failed or "
          "unloaded.",
      .options = {AddressOption()},
      .notes =
          "All versions in its folder of the repository; an ONNX file is "
          "packed first. What serves and has not changed goes on serving.",
      .run = RunLoad,
  };
}

Command UnloadCommand() {
  return {
      .name = "unload",
      .operands = "MODEL",
      .operand_count_min = 1,
      .operand_count_max = 1,
      .summary = "Has a running layerd give up a model in all its versions.",
      .options = {AddressOption()},
      .notes = "",
      .run = RunUnload,
  };
}

}  // namespace layerd
