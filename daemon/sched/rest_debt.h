#ifndef LAYERD_DAEMON_SCHED_REST_DEBT_H_
#define LAYERD_DAEMON_SCHED_REST_DEBT_H_

#include <algorithm>
#include <chrono>

namespace layerd {

// How much rest a thread owes its CPU that computes at real-time priority.
// Kernels stop one that leaves nothing to others for up to 50 ms a second,
// whatever it computes just then; who rests in time chooses the moment.
//
// What is best effort rests as soon as there is a rest to take. What is urgent
// may run up a debt first: with a share of 6 % the kernel's second is still
// left its 5 %.
//
// Threading: one at a time.
class RestDebt {
 public:
  using Time = std::chrono::nanoseconds;
  static constexpr Time kRest = std::chrono::microseconds(500);
  static constexpr Time kUrgentMax = std::chrono::milliseconds(6);

  // `share` of the time is to be left; 0: none.
  explicit RestDebt(double share) : share_(share) {}

  void NoteComputed(Time time) {
    owed_ += std::chrono::duration_cast<Time>(share_ * time);
  }
  // Waiting is rest, too. What it pays ahead is kept for one rest.
  void NoteRested(Time time) { owed_ = std::max(owed_ - time, -kRest); }

  bool IsDue(bool urgent) const {
    return owed_ >= (urgent ? kUrgentMax : kRest);
  }

 private:
  const double share_;
  Time owed_{0};
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_SCHED_REST_DEBT_H_
