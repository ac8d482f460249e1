#include "daemon/engine/traced_names.h"

#include <algorithm>
#include <utility>

namespace layerd {

void TracedNames::NoteGone(const Model* model, Name name, Instant now) {
  gone_.push_back({model, std::move(name), now.time_since_epoch()});
  if (gone_.size() > kGoneMax) gone_.pop_front();
}

// The first to go of those that were still there when it began.
TracedNames::Name TracedNames::Of(
    const TraceEvent& event,
    const std::vector<std::shared_ptr<Model>>& loaded) const {
  if (event.model == nullptr) return {};
  const Gone* last = nullptr;
  for (const Gone& gone : gone_) {
    if (gone.model != event.model) continue;
    if (event.begin <= gone.at) return gone.name;
    last = &gone;
  }
  const auto there = std::find_if(
      loaded.begin(), loaded.end(),
      [&](const auto& model) { return model.get() == event.model; });
  if (there != loaded.end()) return {(*there)->name(), (*there)->version()};
  // Of a request that came upon it just before it went.
  return last != nullptr ? last->name : Name();
}

}  // namespace layerd
