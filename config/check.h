// The check for what only our own bug can break.
//
//   LAYERD_CHECK(idle());
//   LAYERD_CHECK(tile < tile_count(), absl::StrFormat("tile %d", tile));
//
// What the world can break (a file, a drive, a client) is an absl::Status
// instead. A failed check says what and where, and aborts, in every build. The
// second argument is evaluated only on the way down.

#ifndef LAYERD_CONFIG_CHECK_H_
#define LAYERD_CONFIG_CHECK_H_

#include <string_view>

namespace layerd {

// Writes "file:line: check failed: condition (note)" to stderr and aborts.
// Allocates nothing, for it may be called while memory is what is broken.
[[noreturn]] void CheckFailed(const char* file, int line, const char* condition,
                              std::string_view note = {});

}  // namespace layerd

#define LAYERD_CHECK(condition, ...)               \
  (static_cast<bool>(condition)                    \
       ? void()                                    \
       : ::layerd::CheckFailed(__FILE__, __LINE__, \
                               #condition __VA_OPT__(, ) __VA_ARGS__))

#endif  // LAYERD_CONFIG_CHECK_H_
