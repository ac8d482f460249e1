#include "daemon/rt/prompt_thread.h"

#include "daemon/rt/scheduling_attributes.h"

namespace layerd {
namespace {

constexpr uint64_t kUsualSlice = 0;  // Whatever Linux gives others.
constexpr int kNice = -10;

bool AskFor(int nice, uint64_t slice_ns) {
  return SetScheduling(0, {.nice = nice, .runtime_ns = slice_ns});
}

}  // namespace

void BecomePrompt() {
  if (!AskFor(kNice, kShortestSliceNs)) AskFor(0, kShortestSliceNs);
}

void BecomeOrdinary() { AskFor(0, kUsualSlice); }

}  // namespace layerd
