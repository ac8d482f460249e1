#ifndef LAYERD_DAEMON_RT_SCHEDULING_ATTRIBUTES_H_
#define LAYERD_DAEMON_RT_SCHEDULING_ATTRIBUTES_H_

#include <sched.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include <cstdint>

namespace layerd {

// The shortest slice that Linux grants (6.12 or newer): who asks for it may
// interrupt whoever computes.
inline constexpr uint64_t kShortestSliceNs = 100'000;

// As the kernel has it since 3.14; no header of glibc 2.36 does.
struct SchedulingAttributes {
  uint32_t size = 48;
  uint32_t policy = SCHED_OTHER;
  uint64_t flags = 0;
  int32_t nice = 0;
  uint32_t priority = 0;
  uint64_t runtime_ns = 0;  // Of a normal thread its slice; 0: the usual one.
  uint64_t deadline_ns = 0;
  uint64_t period_ns = 0;
};
static_assert(sizeof(SchedulingAttributes) == 48);

// `thread`: 0 is the calling one. False if it was refused.
inline bool SetScheduling(pid_t thread,
                          const SchedulingAttributes& attributes) {
  return syscall(SYS_sched_setattr, thread, &attributes, 0) == 0;
}

}  // namespace layerd

#endif  // LAYERD_DAEMON_RT_SCHEDULING_ATTRIBUTES_H_
