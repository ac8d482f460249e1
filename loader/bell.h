#ifndef LAYERD_LOADER_BELL_H_
#define LAYERD_LOADER_BELL_H_

#include <atomic>
#include <chrono>
#include <cstdint>

namespace layerd {

// "Something has changed: look again." One waits, anyone rings.
//
//   const uint32_t rung = bell.rung();
//   if (!Look()) bell.WaitFor(rung, patience);
//
// A ring between the two lines is not lost: WaitFor() returns at once.
//
// Why not std::atomic::wait: who waits may be out of patience.
// Cost:      ringing is one atomic while nobody waits; no lock, no allocation.
// Threading: Ring() from any thread, the rest from the one that waits.
class Bell {
 public:
  static constexpr std::chrono::nanoseconds kForEver =
      std::chrono::nanoseconds::max();

  uint32_t rung() const { return count_.load(); }
  void Ring();
  // Returns when the bell has rung since rung() was `rung`, when `patience` is
  // over, or for no reason at all.
  void WaitFor(uint32_t rung, std::chrono::nanoseconds patience);

 private:
  std::atomic<uint32_t> count_{0};
  std::atomic<bool> waiting_{false};
};

}  // namespace layerd

#endif  // LAYERD_LOADER_BELL_H_
