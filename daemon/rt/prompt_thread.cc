#include "daemon/rt/prompt_thread.h"

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace layerd {
namespace {

constexpr uint64_t kSliceNs = 100'000;  // The shortest that Linux grants.
constexpr uint64_t kUsualSlice = 0;     // Whatever Linux gives others.
constexpr int kNice = -10;

// As the kernel has it since 3.14; no header of glibc 2.36 does.
struct SchedulingAttributes {
  uint32_t size = 48;
  uint32_t policy = SCHED_OTHER;
  uint64_t flags = 0;
  int32_t nice = 0;
  uint32_t priority = 0;
  uint64_t runtime_ns = 0;
  uint64_t deadline_ns = 0;
  uint64_t period_ns = 0;
};
static_assert(sizeof(SchedulingAttributes) == 48);

bool AskFor(int nice, uint64_t slice_ns) {
  const SchedulingAttributes attributes{.nice = nice, .runtime_ns = slice_ns};
  return syscall(SYS_sched_setattr, 0, &attributes, 0) == 0;
}

}  // namespace

void BecomePrompt() {
  if (!AskFor(kNice, kSliceNs)) AskFor(0, kSliceNs);
}

void BecomeOrdinary() { AskFor(0, kUsualSlice); }

}  // namespace layerd
