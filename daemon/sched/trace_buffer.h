#ifndef LAYERD_DAEMON_SCHED_TRACE_BUFFER_H_
#define LAYERD_DAEMON_SCHED_TRACE_BUFFER_H_

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <vector>

#include "daemon/rt/clock.h"

namespace layerd {

class Model;

enum class TraceKind : uint8_t {
  kReceived,  // From arrival to queued: checking and admission.
  kQueued,    // From arrival to begin.
  kJob,       // From arrival to answer; `number` is the status code.
  kSent,      // From arrival until the reply has left; `number`: KiB read.
  kComputed,  // From begin, as long as its parts; `number`: us waited for them.
  kTaken,     // From begin, as long as the executor neither computed nor slept.
  kLate,      // From promised to answered; `number`: the Assumption, broken.
  kRefused,   // From arrival until the refusal has left; `number`: status code.
  kPart,      // One part; `number` is which.
  kWait,      // A job waits for the drive until its next part.
  kPreempted,  // At an instant: a more urgent job took over from this one.
  kDeadline,   // At an instant: this job's.
  kRead,       // One read of the drive; `number` is its bytes.
};

struct TraceEvent {
  TraceKind kind = TraceKind::kPart;
  uint8_t level = 0;  // 0: of no level.
  uint32_t job = 0;
  uint32_t number = 0;
  std::chrono::nanoseconds begin{0};  // Of the monotonic clock.
  std::chrono::nanoseconds duration{0};
  const Model* model = nullptr;  // A name: nobody follows the pointer.
};

// The last events, always recorded: what has just happened can be looked at
// without having been expected. Requests and what is done for them are kept
// apart: a request has a few events and hundreds of parts, and is still there
// when its parts are long overwritten. So are parts, reads and waits of kSlow
// and longer, which say why a request was late.
//
// Cost:      two locked operations an event; nothing is allocated after
//            construction, nobody waits.
// Threading: any. A reader takes what is whole and skips what is being
//            overwritten.
class TraceBuffer {
 public:
  static constexpr size_t kEvents = 1 << 13;  // Of each of the three.
  // Twice what a part or a read is meant to take, at the most.
  static constexpr std::chrono::milliseconds kSlow{2};

  void Add(const TraceEvent& event);
  // By their begin.
  std::vector<TraceEvent> Events() const;

 private:
  struct Slot {
    // The event's number and one; all ones while it is written. Who comes a
    // lap later and finds it so drops his event.
    std::atomic<uint64_t> number{0};
    std::array<std::atomic<uint64_t>, 4> words{};
  };
  struct Ring {
    void Add(const TraceEvent& event);
    void AppendTo(std::vector<TraceEvent>* events) const;

    std::atomic<uint64_t> added{0};
    std::array<Slot, kEvents> slots;
  };
  Ring requests_, work_, slow_work_;
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_SCHED_TRACE_BUFFER_H_
