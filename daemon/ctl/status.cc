#include <chrono>
#include <limits>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "config/byte_size.h"
#include "config/status_macros.h"
#include "daemon/ctl/client.h"
#include "daemon/ctl/commands.h"
#include "daemon/ctl/failure.h"
#include "daemon/ctl/model_list.h"
#include "daemon/ctl/output.h"

namespace layerd {
namespace {

using std::chrono::steady_clock;

constexpr uint64_t kWaitSecondsMax = 24 * 3600;
constexpr std::chrono::milliseconds kPollInterval(50);

// Asks until the daemon is ready or the time is over; what it said last. Each
// time on a connection of its own: gRPC looks at one that was refused before
// only every five seconds.
absl::StatusOr<admin::StatusResponse> WaitUntilReady(
    const CommandLine& line, steady_clock::time_point deadline) {
  while (true) {
    ASSIGN_OR_RETURN(const std::unique_ptr<Client> client, ClientOf(line));
    absl::StatusOr<admin::StatusResponse> response = client->Status();
    const bool ready = response.ok() && response->ready();
    if (ready || steady_clock::now() >= deadline) return response;
    std::this_thread::sleep_for(kPollInterval);
  }
}

void AddMemory(const admin::Memory& memory, JsonWriter* json) {
  json->BeginObject("memory");
  AddBudget("weight_budget_bytes", memory.weight_budget_bytes(), json);
  AddBudget("memory_budget_bytes", memory.memory_budget_bytes(), json);
  json->Add("ring_bytes", memory.ring_bytes());
  json->Add("head_bytes", memory.head_bytes());
  json->Add("decode_bytes", memory.decode_bytes());
  json->Add("table_bytes", memory.table_bytes());
  json->Add("arena_bytes", memory.arena_bytes());
  json->Add("weight_bytes", memory.weight_bytes());
  json->EndObject();
}

void AddLoading(const admin::Loading& loading, JsonWriter* json) {
  json->BeginObject("loading");
  json->Add("read_bytes", loading.read_bytes());
  json->Add("reads", loading.reads());
  json->Add("read_errors", loading.read_errors());
  json->Add("checksum_errors", loading.checksum_errors());
  json->Add("lookups", loading.lookups());
  json->EndObject();
}

std::string JsonOf(const admin::StatusResponse& response) {
  JsonWriter json;
  json.BeginObject();
  json.Add("ready", response.ready());
  json.Add("version", response.version());
  AddModels(response, &json);
  AddMemory(response.memory(), &json);
  AddLoading(response.loading(), &json);
  AddScheduling(response.scheduling(), &json);
  json.Add("warnings", std::vector<std::string>(response.warnings().begin(),
                                                response.warnings().end()));
  json.EndObject();
  return json.Finish();
}

// Who reads `ready` finds it whatever happened.
std::string UnreachedJson(const absl::Status& status) {
  JsonWriter json;
  json.BeginObject();
  json.Add("ready", false);
  json.AddNull("version");
  json.BeginArray("models");
  json.EndArray();
  json.Add("error", std::string(status.message()));
  json.Add("code", absl::StatusCodeToString(status.code()));
  json.EndObject();
  return json.Finish();
}

std::string TextOf(const std::string& address,
                   const admin::StatusResponse& response) {
  const admin::Memory& memory = response.memory();
  const admin::Loading& loading = response.loading();
  std::string text = absl::StrFormat(
      "layerd %s at %s is %s\n"
      "memory   rings %s, heads %s, tables %s, decoding %s, arenas %s; weights "
      "would be "
      "%s\n"
      "budgets  weights %s, all memory %s\n"
      "drive    %s in %s reads, %d errors, %d wrong checksums\n"
      "jobs     %s\n",
      response.version(), address, response.ready() ? "ready" : "NOT READY",
      FormatByteSize(memory.ring_bytes()), FormatByteSize(memory.head_bytes()),
      FormatByteSize(memory.table_bytes()),
      FormatByteSize(memory.decode_bytes()),
      FormatByteSize(memory.arena_bytes()),
      FormatByteSize(memory.weight_bytes()),
      FormatByteSize(memory.weight_budget_bytes()),
      FormatByteSize(memory.memory_budget_bytes()),
      FormatByteSize(loading.read_bytes()), FormatCount(loading.reads()),
      loading.read_errors(), loading.checksum_errors(),
      FormatScheduling(response.scheduling()));
  for (const std::string& warning : response.warnings()) {
    absl::StrAppend(&text, "warning: ", warning, "\n");
  }
  return absl::StrCat(text, "\n", ModelTable(response));
}

absl::Status NotReady(const admin::StatusResponse& response) {
  int loading = 0;
  for (const admin::ModelStatus& model : response.models()) {
    loading += model.state() == "LOADING";
  }
  return Answered(absl::UnavailableError(
      absl::StrFormat("layerd is not ready: %d of %d models are still loading",
                      loading, response.models_size())));
}

absl::Status RunStatus(const CommandLine& line) {
  ASSIGN_OR_RETURN(const uint64_t wait_seconds,
                   line.Number("--wait", 0, 0, kWaitSecondsMax));
  ASSIGN_OR_RETURN(const std::unique_ptr<Client> client, ClientOf(line));
  const absl::StatusOr<admin::StatusResponse> response = WaitUntilReady(
      line, steady_clock::now() + std::chrono::seconds(wait_seconds));
  if (!response.ok()) {
    if (!line.json()) return response.status();
    RETURN_IF_ERROR(WriteAnswer(UnreachedJson(response.status())));
    return Answered(response.status());
  }
  RETURN_IF_ERROR(WriteAnswer(
      line.json() ? JsonOf(*response) : TextOf(client->address(), *response)));
  return response->ready() ? absl::OkStatus() : NotReady(*response);
}

}  // namespace

Command StatusCommand() {
  return {
      .name = "status",
      .operands = "",
      .operand_count_min = 0,
      .operand_count_max = 0,
      .summary =
          "Tells how a running layerd is; the exit code is 0 only when "
          "it is ready.",
      .options = {AddressOption(),
                  {.name = "--wait",
                   .value = "SECONDS",
                   .help = "asks until it is ready, so long at most"}},
      .notes =
          "Ready: every model found at the start is ready or has "
          "failed.",
      .run = RunStatus,
  };
}

}  // namespace layerd
