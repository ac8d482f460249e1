#ifndef LAYERD_DAEMON_PACK_GRAPH_SOURCE_FILE_H_
#define LAYERD_DAEMON_PACK_GRAPH_SOURCE_FILE_H_

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/pack/graph/graph.h"

namespace layerd {

// Errors: NOT_FOUND, PERMISSION_DENIED, INVALID_ARGUMENT if it is no regular
// file.
absl::StatusOr<std::unique_ptr<SourceFile>> OpenSource(const std::string& path);

// Opens `location`, as a model spells it, in the folder of `model_path`.
//
// The model is hostile: an absolute path, "..", a symbolic link anywhere below
// the folder, or anything but a regular file is INVALID_ARGUMENT.
absl::StatusOr<std::unique_ptr<SourceFile>> OpenBeneathModel(
    const std::string& model_path, const std::string& location);

// Exactly `out.size()` bytes from `offset_bytes`, whose pages then leave the
// page cache: weights are read once or twice, and the machine is small.
// Errors: DATA_LOSS if the file ends before.
absl::Status ReadSource(const SourceFile& file, uint64_t offset_bytes,
                        std::span<std::byte> out);

// Hex. Of one file: its SHA-256, as sha256sum shows it. The files after the
// first enter with their size before them, so no byte can change sides.
absl::StatusOr<std::string> Sha256OfSources(
    const std::vector<std::unique_ptr<SourceFile>>& files);

}  // namespace layerd

#endif  // LAYERD_DAEMON_PACK_GRAPH_SOURCE_FILE_H_
