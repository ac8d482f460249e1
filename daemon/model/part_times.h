#ifndef LAYERD_DAEMON_MODEL_PART_TIMES_H_
#define LAYERD_DAEMON_MODEL_PART_TIMES_H_

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace layerd {

// How long a model's parts took while it was served, disturbed as they were.
//
// Why: costs are medians, of a machine that did nothing else. Beside a loader
// and clients, and on a virtual machine whose neighbours share its memory, one
// part of a hundred takes half as long again: that is what an urgent job has to
// wait for.
//
// Cost:      a logarithm for each part, nothing is allocated.
// Threading: Note() on one thread; what tells of all counts or sets them, while
//            nobody notes; the rest on any.
class PartTimes {
 public:
  // Of a thousand parts one may take longer,
  static constexpr double kNearlyAll = 0.999;
  // of at least so many. Of those that are older than kRemembered half count.
  static constexpr uint32_t kEnough = 4000, kRemembered = 1 << 16;

  void Note(std::chrono::nanoseconds took);

  // Steps of time, each so much longer than the one before that this many are
  // an octave, and how many parts took each, up to the longest: to go on with
  // on another day.
  static constexpr int kStepsPerOctave = 16;
  std::vector<uint32_t> counts() const;
  // Goes on from these. False if counts() cannot have told them: then nothing
  // changes.
  bool Restore(std::span<const uint32_t> counts);

  // What nearly all have kept to; 0: not known yet.
  std::chrono::nanoseconds nearly_all() const {
    return std::chrono::nanoseconds(nearly_all_ns_.load());
  }
  double nearly_all_seconds() const {
    return std::chrono::duration<double>(nearly_all()).count();
  }

 private:
  static constexpr int kOctaves = 24;  // Of 1 us.

  void Look();

  std::array<uint32_t, kStepsPerOctave * kOctaves> counts_{};
  uint32_t count_ = 0, until_look_ = kEnough;
  std::atomic<int64_t> nearly_all_ns_{0};
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_MODEL_PART_TIMES_H_
