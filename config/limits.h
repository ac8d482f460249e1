#ifndef LAYERD_CONFIG_LIMITS_H_
#define LAYERD_CONFIG_LIMITS_H_

#include <cstddef>
#include <cstdint>

namespace layerd {

// Every bound on what comes from outside and is not a matter of a file format
// (those are in loader/store/format.h), in one place, with how they relate.

inline constexpr int kLevelsMax = 4;  // 1 is the most urgent.
inline constexpr int kLevelDefault = 3;

// An hour, of a declared task's period and deadline.
inline constexpr uint64_t kTaskMsMax = 3'600'000;

inline constexpr size_t kModelNameBytesMax = 128;
inline constexpr size_t kListenersMax = 16;
inline constexpr int kThreadsMax = 256;

// A request with its tensors, as gRPC receives it.
inline constexpr uint64_t kMessageBytesMin = 64 << 10;
inline constexpr uint64_t kMessageBytesDefault = 64 << 20;
inline constexpr uint64_t kMessageBytesMax = 1 << 30;

// A request that has no tensors.
inline constexpr uint64_t kSmallRequestBytesMax = 64 << 10;

// Of a request, all that is no value of a tensor: names, types, shapes and
// parameters; and how many tensors it may name. Each is an object in memory,
// many times as large as its bytes, and nobody knows yet whether it fits.
inline constexpr uint64_t kRequestWordsBytesMax = 256 << 10;
inline constexpr uint64_t kRequestTensorsMax = 4096;
// A typed value: a negative number takes ten bytes, and may have a tag.
inline constexpr uint64_t kTypedValueBytesMax = 11;

// All requests that were received and not answered, with their replies.
inline constexpr uint64_t kRequestBytesDefault = 16 << 20;

inline constexpr uint64_t kQueueJobsDefault = 64;
inline constexpr uint64_t kQueueJobsMax = 4096;

inline constexpr uint64_t kDrainMsDefault = 10'000;
inline constexpr uint64_t kDrainMsMax = 600'000;

inline constexpr uint64_t kConfigFileBytesMax = 1 << 20;

static_assert(kMessageBytesMin <= kMessageBytesDefault &&
              kMessageBytesDefault <= kMessageBytesMax);
static_assert(kMessageBytesMax <= INT32_MAX, "gRPC counts in int");
static_assert(kRequestWordsBytesMax <= kMessageBytesDefault);
static_assert(kSmallRequestBytesMax <= kMessageBytesMin);
static_assert(kRequestBytesDefault >= kMessageBytesMin);
static_assert(kQueueJobsDefault <= kQueueJobsMax);
static_assert(kLevelDefault <= kLevelsMax);

}  // namespace layerd

#endif  // LAYERD_CONFIG_LIMITS_H_
