#ifndef LAYERD_DAEMON_SCHED_ARRIVAL_FORECAST_H_
#define LAYERD_DAEMON_SCHED_ARRIVAL_FORECAST_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "daemon/rt/clock.h"

namespace layerd {

class Model;

// Whose job comes next? For reading ahead while there is nothing else to do: a
// wrong guess costs reads, never an answer.
//
// A model that keeps a rhythm is expected at its next beat, whether its period
// was declared or not; one that has missed its beat, or never had one, as long
// from now as its last job is ago. The soonest is the guess, and of several
// the one that came last. So periodic tasks go by phase, and where there is no
// phase the most recent counts.
//
// Cost:      nothing is allocated for a model that was seen before.
// Threading: one thread.
class ArrivalForecast {
 public:
  ArrivalForecast();

  // Models are names here: nobody follows the pointer.
  void Note(const Model* model, Instant arrival);
  // How long from now `model` is expected; the greatest time there is if it
  // was never seen.
  std::chrono::nanoseconds Wait(const Model* model, Instant now) const;
  // True if `a` is the better guess.
  bool Sooner(const Model* a, const Model* b, Instant now) const;

 private:
  struct Entry {
    const Model* model = nullptr;
    Instant last{};
    uint64_t number = 0;                   // Of the arrival, over all models.
    std::chrono::nanoseconds interval{0};  // Smoothed; 0: seen once.
  };
  const Entry* Find(const Model* model) const;

  std::vector<Entry> entries_;
  uint64_t arrivals_ = 0;
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_SCHED_ARRIVAL_FORECAST_H_
