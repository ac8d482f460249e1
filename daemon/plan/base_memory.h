#ifndef LAYERD_DAEMON_PLAN_BASE_MEMORY_H_
#define LAYERD_DAEMON_PLAN_BASE_MEMORY_H_

#include <cstddef>
#include <cstdint>

namespace layerd {

// What a daemon's process takes beside its memory budget and its requests:
// bounds that a test holds (test/e2e/memory_test.py), not measurements.
//
// The daemon: its code and libraries (gRPC, oneDNN), their threads, and for a
// moment the buffers that a drive is measured with. A model: its manifest, what
// is planned of it, and the code that oneDNN makes for the shapes of its parts,
// up to kPreparedBaseBytes of what its kernels list (PreparedBytesMax), and up
// to kListedBaseBytes of what its file lists; half of what a part counts is for
// what the file lists of it. A tile has its checksum, twice while these are
// read, and a place in a table's cache.
inline constexpr uint64_t kDaemonBaseBytes = 28 << 20;
inline constexpr uint64_t kModelBaseBytes = 6 << 20;
inline constexpr uint64_t kPartBaseBytes = 4 << 10;
inline constexpr uint64_t kPreparedBaseBytes = 2 << 20;
inline constexpr uint64_t kListedBaseBytes = 2 << 20;
static_assert(kPreparedBaseBytes + kListedBaseBytes < kModelBaseBytes);
inline constexpr uint64_t kTileBaseBytes = 40;

// Of one model, whatever the budget is: a tool that is given none must not fall
// to a file either. That is a line of ten million places and more, of which
// each has a list.
inline constexpr uint64_t kPreparedBytesMax = 1 << 30;

// Where a GPU computes: its context, the code of CUDA, cuDNN and cuBLASLt that
// is loaded when first used, and what the backend allocates for itself. On a
// board all of it is the same memory. A guess until a device was measured.
inline constexpr uint64_t kDeviceBaseBytes = 512 << 20;

// Of a model whose file has so many tiles and such a manifest
// (LayerFileReader::manifest_memory_bytes()): a million tensors of few parts
// are more than these stand for.
inline uint64_t BaseBytesOf(size_t parts, size_t tiles,
                            uint64_t manifest_memory_bytes) {
  const uint64_t listed = manifest_memory_bytes + kTileBaseBytes * tiles;
  const uint64_t in_base = kListedBaseBytes + kPartBaseBytes / 2 * parts;
  return kModelBaseBytes + kPartBaseBytes * parts +
         (listed > in_base ? listed - in_base : 0);
}

// What of `prepared_bytes`, of all parts of a model, counts against the memory
// budget.
inline uint64_t CountedPreparedBytes(uint64_t prepared_bytes) {
  return prepared_bytes > kPreparedBaseBytes
             ? prepared_bytes - kPreparedBaseBytes
             : 0;
}

}  // namespace layerd

#endif  // LAYERD_DAEMON_PLAN_BASE_MEMORY_H_
