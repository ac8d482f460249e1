#ifndef LAYERD_DAEMON_ENGINE_TRACED_NAMES_H_
#define LAYERD_DAEMON_ENGINE_TRACED_NAMES_H_

#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "daemon/model/model.h"
#include "daemon/rt/clock.h"
#include "daemon/sched/trace_buffer.h"

namespace layerd {

// Whose the events of a trace are, also of models that are gone.
//
// Why the time: an event has nothing of its model but the address, and what is
// loaded later may come to lie there.
//
// Threading: none of its own.
class TracedNames {
 public:
  struct Name {
    std::string model, version;  // Empty: not known any more.
  };
  // Of more the oldest are forgotten: by then few of their events are left.
  static constexpr size_t kGoneMax = 256;

  // What was at this address serves no more, from `now` on.
  void NoteGone(const Model* model, Name name, Instant now);
  // REQUIRES: `loaded` are all that are not gone.
  Name Of(const TraceEvent& event,
          const std::vector<std::shared_ptr<Model>>& loaded) const;

 private:
  struct Gone {
    const Model* model;  // Nobody follows it.
    Name name;
    std::chrono::nanoseconds at;  // As an event's begin.
  };
  std::deque<Gone> gone_;  // The oldest first.
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_ENGINE_TRACED_NAMES_H_
