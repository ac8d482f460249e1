#ifndef LAYERD_DAEMON_CTL_FAILURE_H_
#define LAYERD_DAEMON_CTL_FAILURE_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace layerd {

// How layerctl ends: 0 done; 1 refused or failed; 2 usage; 3 the device that
// was asked for is missing. A command returns a status, and what the exit code
// needs beyond it travels as a payload.

// The command line, or a file named on it, is not what was asked for.
absl::Status UsageError(std::string_view message);

// There is no device, or not what it needs.
absl::Status NoDevice(absl::Status status);

// The command has written its JSON document all the same (`status` of a daemon
// that is not ready), so no other one may follow.
absl::Status Answered(absl::Status status);

int ExitCodeOf(const absl::Status& status);

// For standard error: the code's name and the message, or for usage where to
// read on. `command` may be empty.
std::string FailureText(const absl::Status& status, std::string_view command);

// For standard output with --json: {"error", "code"}, minimum_budget_bytes if
// a budget was too small. Empty if the command has answered already.
std::string FailureJson(const absl::Status& status);

}  // namespace layerd

#endif  // LAYERD_DAEMON_CTL_FAILURE_H_
