#ifndef LAYERD_DAEMON_PLAN_BASE_MEMORY_H_
#define LAYERD_DAEMON_PLAN_BASE_MEMORY_H_

#include <cstdint>

#include "daemon/plan/program.h"

namespace layerd {

// What a daemon's process takes beside its memory budget and its requests:
// bounds that a test holds (test/e2e/memory_test.py), not measurements.
//
// The daemon: its code and libraries (gRPC, oneDNN), their threads, and for a
// moment the buffers that a drive is measured with. A model: its manifest, what
// is planned of it, and the code that oneDNN makes for the shapes of its parts.
inline constexpr uint64_t kDaemonBaseBytes = 28 << 20;
inline constexpr uint64_t kModelBaseBytes = 6 << 20;
inline constexpr uint64_t kPartBaseBytes = 4 << 10;

// Where a GPU computes: its context, the code of CUDA, cuDNN and cuBLASLt that
// is loaded when first used, and what the backend allocates for itself. On a
// board all of it is the same memory. A guess until a device was measured.
inline constexpr uint64_t kDeviceBaseBytes = 512 << 20;

inline uint64_t BaseBytesOf(const Program& program) {
  return kModelBaseBytes + kPartBaseBytes * program.parts.size();
}

}  // namespace layerd

#endif  // LAYERD_DAEMON_PLAN_BASE_MEMORY_H_
