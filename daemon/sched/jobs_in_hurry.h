#ifndef LAYERD_DAEMON_SCHED_JOBS_IN_HURRY_H_
#define LAYERD_DAEMON_SCHED_JOBS_IN_HURRY_H_

#include <cstddef>
#include <functional>
#include <utility>

namespace layerd {

// Whether whoever reads for the jobs that are on has to hurry: unless all of
// them are best effort below the most urgent level. Without a job it is as with
// a hasty one: what is read ahead then is for the next. Likewise while a job
// begins or ends, because then the executor waits for the reader, and perhaps
// an urgent job for the executor.
//
// Threading: one thread.
class JobsInHurry {
 public:
  // `tell` hears of each change; at first they hurry. Empty: nobody listens.
  explicit JobsInHurry(std::function<void(bool hurry)> tell)
      : tell_(std::move(tell)) {}

  // A job is about to begin, or to end.
  void Change() { Tell(true); }
  // It has begun, or has ended, with all that goes with it.
  void Begun(bool hasty) {
    ++(hasty ? hasty_ : others_);
    Settle();
  }
  void Ended(bool hasty) {
    --(hasty ? hasty_ : others_);
    Settle();
  }

 private:
  void Settle() { Tell(hasty_ > 0 || others_ == 0); }
  void Tell(bool hurry) {
    if (hurry == told_) return;
    told_ = hurry;
    if (tell_) tell_(hurry);
  }

  const std::function<void(bool hurry)> tell_;
  size_t hasty_ = 0, others_ = 0;
  bool told_ = true;
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_SCHED_JOBS_IN_HURRY_H_
