#ifndef LAYERD_DAEMON_CTL_STREAMING_CHILD_H_
#define LAYERD_DAEMON_CTL_STREAMING_CHILD_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "daemon/ctl/array_files.h"
#include "daemon/ctl/npy.h"

namespace layerd {

struct StreamingChild {
  std::string layer_file;
  uint64_t budget_bytes = 0;
  int threads = 1;
  uint64_t requests = 1;
};

// The peak memory, huge pages included, of a process of its own that does
// nothing but stream: `layerctl run` of this very program.
absl::StatusOr<uint64_t> PeakRssOf(const StreamingChild& child,
                                   const std::vector<ArrayPort>& ports,
                                   const std::vector<Array>& inputs);

}  // namespace layerd

#endif  // LAYERD_DAEMON_CTL_STREAMING_CHILD_H_
