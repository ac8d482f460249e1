#ifndef LAYERD_DAEMON_CTL_SHARED_OPTIONS_H_
#define LAYERD_DAEMON_CTL_SHARED_OPTIONS_H_

#include "absl/status/statusor.h"
#include "daemon/ctl/command_line.h"

namespace layerd {

// Of commands that compute.
Option ThreadsOption();
absl::StatusOr<int> ReadThreads(const CommandLine& line);

// --cache, of commands that pack FILE.onnx first.
Option CacheOption();

}  // namespace layerd

#endif  // LAYERD_DAEMON_CTL_SHARED_OPTIONS_H_
