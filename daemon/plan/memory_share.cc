#include "daemon/plan/memory_share.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "config/check.h"

namespace layerd {
namespace {

constexpr double kNever = std::numeric_limits<double>::max();
// Prices in badness a byte: at the first nothing but the least is bought, but
// where a page takes hours; at the last everything that helps at all.
constexpr double kDearest = 1e3, kCheapest = 1e-24;
constexpr int kBisections = 64;
constexpr int kChangesMax = 32;
constexpr double kSamePrice = 1e-7;

// Parts that all latencies of a level are worked out from, where every ring is
// looked at with every head: some 5 ns each.
constexpr size_t kPartsSeenMax = 1 << 29;

// Those of RingSizes() that are of use, or as many as there is time for.
std::vector<uint64_t> RingSizesBelow(uint64_t useful_bytes,
                                     const MemoryShare::Level& level) {
  size_t parts = 0;
  for (const MemoryShare::Model& model : level.models) {
    parts += model.table->parts() * model.table->head_steps().size();
  }
  std::vector<uint64_t> all = RingSizes();
  std::erase_if(all, [&](uint64_t bytes) { return bytes >= useful_bytes; });
  const size_t stride = 1 + parts * all.size() / kPartsSeenMax;
  std::vector<uint64_t> sizes;
  for (size_t i = 0; i < all.size(); i += stride) sizes.push_back(all[i]);
  return sizes;
}

uint64_t Sum(const auto& priced) {
  uint64_t bytes = 0;
  for (const auto& level : priced) bytes += level.bytes;
  return bytes;
}

}  // namespace

MemoryShare::MemoryShare(std::vector<Level> levels)
    : levels_(std::move(levels)) {
  for (const Level& level : levels_) {
    uint64_t useful = level.least_ring_bytes;
    std::vector<uint64_t> rings{0, level.least_ring_bytes};
    for (const Model& model : level.models) {
      const RingDemand::Step& all = model.table->demand().steps().front();
      useful = std::max(useful, all.streamed_bytes);
      rings.push_back(all.ring_bytes_min);
    }
    for (const uint64_t bytes : RingSizesBelow(useful, level)) {
      rings.push_back(bytes);
    }
    std::sort(rings.begin(), rings.end());
    rings.erase(std::unique(rings.begin(), rings.end()), rings.end());
    rings_.push_back(std::move(rings));
  }
}

std::vector<MemoryShare::Choice> MemoryShare::Best(uint64_t room_bytes) {
  room_bytes_ = room_bytes;
  double dear = kDearest, cheap = kCheapest;
  std::vector<Priced> plan = AllAtPrice(dear);
  while (Sum(plan) > room_bytes) {
    LAYERD_CHECK(dear < kNever / kDearest);
    dear *= kDearest;
    plan = AllAtPrice(dear);
  }
  // What one can afford at the lowest price wins at once; else bisect.
  std::vector<Priced> all = AllAtPrice(cheap);
  if (Sum(all) <= room_bytes) {
    plan = std::move(all);
    dear = cheap;
  }
  for (int i = 0; i < kBisections && dear > cheap * (1 + kSamePrice); ++i) {
    const double price = std::sqrt(dear * cheap);
    std::vector<Priced> candidate = AllAtPrice(price);
    if (Sum(candidate) <= room_bytes) {
      plan = std::move(candidate);
      dear = price;
    } else {
      cheap = price;
    }
  }
  for (int i = 0; i < kChangesMax; ++i) {
    if (!ImproveOnce(dear, &plan)) break;
  }
  std::vector<Choice> choices;
  for (Priced& level : plan) choices.push_back(std::move(level.choice));
  return choices;
}

double MemoryShare::Badness(const Model& model, uint64_t ring_bytes,
                            size_t step) {
  const double seconds = model.table->ColdSeconds(ring_bytes, step);
  if (seconds == kNever) return kNever;
  const double alone = model.table->resident_seconds();
  return model.rate * (alone > 0 ? seconds / alone : seconds);
}

uint64_t MemoryShare::HeadBytes(const LatencyTable& table, size_t step) {
  return table.demand().steps()[step].head_bytes;
}

MemoryShare::Priced MemoryShare::Price(const Level& level,
                                       Choice choice) const {
  Priced priced{.bytes = choice.ring_bytes};
  for (size_t m = 0; m < level.models.size(); ++m) {
    const Model& model = level.models[m];
    priced.bytes += HeadBytes(*model.table, choice.steps[m]);
    priced.badness += Badness(model, choice.ring_bytes, choice.steps[m]);
  }
  priced.choice = std::move(choice);
  return priced;
}

// The least head that the ring can do with, and all that are larger.
std::vector<size_t> MemoryShare::StepsFor(LatencyTable& table,
                                          uint64_t ring_bytes) const {
  const size_t least = table.demand().LeastStep(ring_bytes);
  std::vector<size_t> steps{least};
  for (const size_t step : table.head_steps()) {
    if (step > least && HeadBytes(table, step) <= room_bytes_) {
      steps.push_back(step);
    }
  }
  return steps;
}

size_t MemoryShare::Cheapest(const Model& model, uint64_t ring_bytes,
                             double price) const {
  size_t best = 0;
  double best_cost = kNever;
  for (const size_t step : StepsFor(*model.table, ring_bytes)) {
    const double cost =
        Badness(model, ring_bytes, step) +
        price * static_cast<double>(HeadBytes(*model.table, step));
    if (cost < best_cost) {
      best = step;
      best_cost = cost;
    }
  }
  return best;
}

MemoryShare::Choice MemoryShare::AtPrice(const Level& level,
                                         uint64_t ring_bytes,
                                         double price) const {
  Choice choice{.ring_bytes = ring_bytes};
  for (const Model& model : level.models) {
    choice.steps.push_back(Cheapest(model, ring_bytes, price));
  }
  return choice;
}

MemoryShare::Priced MemoryShare::AtPrice(size_t level, double price) const {
  Priced best;
  double best_cost = kNever;
  for (const uint64_t ring : rings_[level]) {
    if (ring > room_bytes_) break;
    Priced priced = Price(levels_[level], AtPrice(levels_[level], ring, price));
    const double cost =
        priced.badness + price * static_cast<double>(priced.bytes);
    if (cost < best_cost) {
      best = std::move(priced);
      best_cost = cost;
    }
  }
  return best;
}

std::vector<MemoryShare::Priced> MemoryShare::AllAtPrice(double price) const {
  std::vector<Priced> plan;
  for (size_t g = 0; g < levels_.size(); ++g) plan.push_back(AtPrice(g, price));
  return plan;
}

// Calls `consider` with every change of one level's ring, or of that and one of
// its heads.
void MemoryShare::ForEachChange(
    size_t level, double price,
    const std::function<void(Choice)>& consider) const {
  const std::vector<Model>& models = levels_[level].models;
  for (const uint64_t ring : rings_[level]) {
    if (ring > room_bytes_) break;
    const Choice base = AtPrice(levels_[level], ring, price);
    for (size_t m = 0; m < models.size(); ++m) {
      for (const size_t step : StepsFor(*models[m].table, ring)) {
        Choice choice = base;
        choice.steps[m] = step;
        consider(std::move(choice));
      }
    }
  }
}

// Makes the change that helps most and fits; of several the one with the
// largest ring, for that serves every layer.
bool MemoryShare::ImproveOnce(double price, std::vector<Priced>* plan) const {
  const uint64_t sum = Sum(*plan);
  double best_gain = 0, best_growth = 0;
  size_t best_level = 0;
  std::optional<Priced> best;
  for (size_t g = 0; g < levels_.size(); ++g) {
    const Priced& now = (*plan)[g];
    ForEachChange(g, price, [&](Choice choice) {
      Priced priced = Price(levels_[g], std::move(choice));
      if (sum - now.bytes + priced.bytes > room_bytes_) return;
      const double gain = now.badness - priced.badness;
      const double growth = static_cast<double>(priced.choice.ring_bytes) -
                            static_cast<double>(now.choice.ring_bytes);
      if (std::pair(gain, growth) <= std::pair(best_gain, best_growth)) return;
      best_gain = gain;
      best_growth = growth;
      best_level = g;
      best = std::move(priced);
    });
  }
  if (best) (*plan)[best_level] = *std::move(best);
  return best.has_value();
}

}  // namespace layerd
