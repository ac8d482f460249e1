#ifndef LAYERD_LOADER_STORE_MANIFEST_SIZE_H_
#define LAYERD_LOADER_STORE_MANIFEST_SIZE_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "absl/status/statusor.h"

namespace layerd {

// What the largest manifest may become in memory: that of a network of some
// 250'000 parts, or 60 GiB of weights.
inline constexpr uint64_t kManifestMemoryBytesMax = 512 << 20;

// Whether Protobuf may read a manifest. Two bytes can be a message, of which
// the object has a hundred and what is understood of it as many again: a file
// of 64 MiB would take several GiB before anybody could ask what it means. So
// the fields are walked over first, and what they will take is added up.
//
// Only sizes are looked at: what is no manifest is OK here, and refused by who
// parses it. Returns the sum, while it is read and once it is understood.
// Errors: INVALID_ARGUMENT with its bytes and the limit.
absl::StatusOr<uint64_t> ManifestMemoryBytes(
    std::span<const std::byte> manifest);

}  // namespace layerd

#endif  // LAYERD_LOADER_STORE_MANIFEST_SIZE_H_
