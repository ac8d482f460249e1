#ifndef LAYERD_DAEMON_ENGINE_PACKED_CACHE_H_
#define LAYERD_DAEMON_ENGINE_PACKED_CACHE_H_

#include <cstdint>
#include <set>
#include <string>

namespace layerd {

// Layer files in a cache folder (`cache.max_bytes`). Each can be made again
// from its ONNX; a model that changes gets a new one, so that without a bound
// the old ones would fill the drive.

// Notes that the file is used now.
void MarkUsed(const std::string& layer_file);

// Removes layer files of `folder`, those used longest ago first and none that
// is `in_use` (`folder`, a slash and the name), until they take at most
// `bytes_max`; and what packers that were ended have left of theirs. Returns
// what is left.
uint64_t TrimCache(const std::string& folder, uint64_t bytes_max,
                   const std::set<std::string>& in_use);

}  // namespace layerd

#endif  // LAYERD_DAEMON_ENGINE_PACKED_CACHE_H_
