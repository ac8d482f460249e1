#include "daemon/sched/arrival_forecast.h"

#include <algorithm>

namespace layerd {
namespace {

using std::chrono::nanoseconds;

constexpr size_t kModelsLikely = 64;

}  // namespace

ArrivalForecast::ArrivalForecast() { entries_.reserve(kModelsLikely); }

void ArrivalForecast::Note(const Model* model, Instant arrival) {
  Entry* entry = const_cast<Entry*>(Find(model));
  if (entry == nullptr) {
    entries_.push_back({.model = model, .last = arrival});
    entry = &entries_.back();
  } else {
    const nanoseconds since = std::max(arrival - entry->last, nanoseconds(0));
    entry->interval = entry->interval == nanoseconds(0)
                          ? since
                          : (entry->interval + since) / 2;
    entry->last = std::max(entry->last, arrival);
  }
  entry->number = ++arrivals_;
}

nanoseconds ArrivalForecast::Wait(const Model* model, Instant now) const {
  const Entry* entry = Find(model);
  if (entry == nullptr) return nanoseconds::max();
  const nanoseconds ago = std::max(now - entry->last, nanoseconds(0));
  // Half a beat late is still the same beat.
  if (entry->interval > nanoseconds(0) && ago <= entry->interval * 3 / 2) {
    return std::max(entry->interval - ago, nanoseconds(0));
  }
  return ago;
}

bool ArrivalForecast::Sooner(const Model* a, const Model* b,
                             Instant now) const {
  const nanoseconds wait_a = Wait(a, now), wait_b = Wait(b, now);
  if (wait_a != wait_b) return wait_a < wait_b;
  const Entry* const entry_a = Find(a);
  const Entry* const entry_b = Find(b);
  return entry_a != nullptr && entry_b != nullptr &&
         entry_a->number > entry_b->number;
}

const ArrivalForecast::Entry* ArrivalForecast::Find(const Model* model) const {
  const auto entry =
      std::find_if(entries_.begin(), entries_.end(),
                   [&](const Entry& e) { return e.model == model; });
  return entry == entries_.end() ? nullptr : &*entry;
}

}  // namespace layerd
