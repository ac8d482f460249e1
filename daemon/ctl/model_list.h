#ifndef LAYERD_DAEMON_CTL_MODEL_LIST_H_
#define LAYERD_DAEMON_CTL_MODEL_LIST_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "admin.pb.h"
#include "daemon/ctl/client.h"
#include "daemon/ctl/command_line.h"
#include "daemon/ctl/json_writer.h"

namespace layerd {

// The daemon that --address names. UsageError() if it is no address.
absl::StatusOr<std::unique_ptr<Client>> ClientOf(const CommandLine& line);

// The models that a daemon tells of, for `status` and `models`.
std::string ModelTable(const admin::StatusResponse& response);
void AddModels(const admin::StatusResponse& response, JsonWriter* json);

// A budget, for `status` and `budget`: null without a bound.
void AddBudget(const char* key, uint64_t bytes, JsonWriter* json);

// What became of its jobs since the start, for `status` and `watch`: in a line,
// and as the key "scheduling".
std::string FormatScheduling(const admin::Scheduling& scheduling);
void AddScheduling(const admin::Scheduling& scheduling, JsonWriter* json);

}  // namespace layerd

#endif  // LAYERD_DAEMON_CTL_MODEL_LIST_H_
