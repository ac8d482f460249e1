#include "daemon/ctl/failure.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "config/plain_text.h"
#include "daemon/ctl/json_writer.h"
#include "daemon/plan/memory_plan.h"

namespace layerd {
namespace {

constexpr char kUsagePayload[] = "layerctl/usage";
constexpr char kAnsweredPayload[] = "layerctl/answered";
constexpr char kNoDevicePayload[] = "layerctl/no_device";
constexpr int kFailed = 1;
constexpr int kUsage = 2;
constexpr int kNoDevice = 3;

bool IsUsage(const absl::Status& status) {
  return status.GetPayload(kUsagePayload).has_value();
}

}  // namespace

absl::Status UsageError(std::string_view message) {
  absl::Status status =
      absl::InvalidArgumentError({message.data(), message.size()});
  status.SetPayload(kUsagePayload, absl::Cord("1"));
  return status;
}

absl::Status Answered(absl::Status status) {
  status.SetPayload(kAnsweredPayload, absl::Cord("1"));
  return status;
}

absl::Status NoDevice(absl::Status status) {
  status.SetPayload(kNoDevicePayload, absl::Cord("1"));
  return status;
}

int ExitCodeOf(const absl::Status& status) {
  if (status.ok()) return 0;
  if (status.GetPayload(kNoDevicePayload)) return kNoDevice;
  return IsUsage(status) ? kUsage : kFailed;
}

std::string FailureText(const absl::Status& status, std::string_view command) {
  const std::string message = PlainText(std::string(status.message()));
  if (!IsUsage(status)) {
    return absl::StrCat(absl::StatusCodeToString(status.code()), ": ", message,
                        "\n");
  }
  const std::string program =
      command.empty() ? "layerctl"
                      : absl::StrCat("layerctl ", std::string(command));
  return absl::StrFormat("%s: %s\nSee `%s --help`.\n", program, message,
                         program);
}

std::string FailureJson(const absl::Status& status) {
  if (status.GetPayload(kAnsweredPayload)) return "";
  JsonWriter json;
  json.BeginObject();
  json.Add("error", std::string(status.message()));
  json.Add("code", absl::StatusCodeToString(status.code()));
  if (const std::optional<uint64_t> bytes = MinimumBudgetBytes(status)) {
    json.Add("minimum_budget_bytes", *bytes);
  }
  json.EndObject();
  return json.Finish();
}

}  // namespace layerd
