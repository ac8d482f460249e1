#include "daemon/sched/trace_buffer.h"

#include <algorithm>

namespace layerd {
namespace {

using std::chrono::nanoseconds;

// A duration has 48 bits, 78 hours, beside kind and level.
constexpr int kDurationBits = 48;
constexpr uint64_t kDurationMax = (uint64_t{1} << kDurationBits) - 1;

constexpr uint64_t kBeingWritten = ~uint64_t{0};

bool IsOfRequest(TraceKind kind) {
  switch (kind) {
    case TraceKind::kReceived:
    case TraceKind::kQueued:
    case TraceKind::kJob:
    case TraceKind::kSent:
    case TraceKind::kDeadline:
    case TraceKind::kComputed:
    case TraceKind::kTaken:
    case TraceKind::kLate:
    case TraceKind::kRefused:
      return true;
    case TraceKind::kPart:
    case TraceKind::kWait:
    case TraceKind::kPreempted:
    case TraceKind::kRead:
      return false;
  }
  return false;
}

}  // namespace

void TraceBuffer::Add(const TraceEvent& event) {
  if (IsOfRequest(event.kind)) return requests_.Add(event);
  (event.duration < kSlow ? work_ : slow_work_).Add(event);
}

std::vector<TraceEvent> TraceBuffer::Events() const {
  std::vector<TraceEvent> events;
  requests_.AppendTo(&events);
  work_.AppendTo(&events);
  slow_work_.AppendTo(&events);
  std::stable_sort(
      events.begin(), events.end(),
      [](const auto& a, const auto& b) { return a.begin < b.begin; });
  return events;
}

void TraceBuffer::Ring::Add(const TraceEvent& event) {
  const uint64_t number = added.fetch_add(1);
  Slot& slot = slots[number % kEvents];
  if (slot.number.exchange(kBeingWritten) == kBeingWritten) return;
  const uint64_t duration = std::min<uint64_t>(
      std::max<int64_t>(event.duration.count(), 0), kDurationMax);
  const std::array<uint64_t, 4> words = {
      static_cast<uint64_t>(event.begin.count()),
      duration | static_cast<uint64_t>(event.kind) << kDurationBits |
          static_cast<uint64_t>(event.level) << 56,
      static_cast<uint64_t>(event.job) << 32 | event.number,
      reinterpret_cast<uint64_t>(event.model)};
  // Who reads a new word sees that the event is being written.
  for (size_t i = 0; i < words.size(); ++i) {
    slot.words[i].store(words[i], std::memory_order_release);
  }
  slot.number.store(number + 1, std::memory_order_release);
  // By the next event the line is there.
  __builtin_prefetch(&slots[(number + 1) % kEvents], 1);
}

void TraceBuffer::Ring::AppendTo(std::vector<TraceEvent>* events) const {
  const uint64_t end = added.load();
  for (uint64_t number = end > kEvents ? end - kEvents : 0; number < end;
       ++number) {
    const Slot& slot = slots[number % kEvents];
    if (slot.number.load() != number + 1) continue;
    std::array<uint64_t, 4> words;
    for (size_t i = 0; i < words.size(); ++i) {
      words[i] = slot.words[i].load(std::memory_order_acquire);
    }
    if (slot.number.load() != number + 1) continue;
    events->push_back(
        {.kind = static_cast<TraceKind>(words[1] >> kDurationBits & 0xff),
         .level = static_cast<uint8_t>(words[1] >> 56),
         .job = static_cast<uint32_t>(words[2] >> 32),
         .number = static_cast<uint32_t>(words[2]),
         .begin = nanoseconds(static_cast<int64_t>(words[0])),
         .duration = nanoseconds(words[1] & kDurationMax),
         .model = reinterpret_cast<const Model*>(words[3])});
  }
}

}  // namespace layerd
