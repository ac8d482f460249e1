#include "daemon/plan/arena_space.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <optional>
#include <span>

namespace layerd {
namespace {

using Span = DisjointRanges::Span;

// Of one list of ranges: those that come next.
using Rest = std::span<const Span>;

void AddRest(const DisjointRanges& ranges, std::vector<Rest>* rests) {
  if (!ranges.ranges().empty()) rests->push_back(ranges.ranges());
}

// Takes what begins first from the lists; nothing if they are empty.
std::optional<Span> TakeNext(std::vector<Rest>& rests) {
  Rest* next = nullptr;
  for (Rest& rest : rests) {
    if (rest.empty()) continue;
    if (next == nullptr || rest[0].begin < (*next)[0].begin) next = &rest;
  }
  if (next == nullptr) return std::nullopt;
  const Span first = next->front();
  *next = next->subspan(1);
  return first;
}

}  // namespace

void DisjointRanges::Add(Span range) {
  const auto first = std::partition_point(
      ranges_.begin(), ranges_.end(),
      [&](const Span& other) { return other.end < range.begin; });
  const auto end = std::partition_point(
      first, ranges_.end(),
      [&](const Span& other) { return other.begin <= range.end; });
  if (first == end) {
    ranges_.insert(first, range);
    return;
  }
  *first = {std::min(first->begin, range.begin),
            std::max(std::prev(end)->end, range.end)};
  ranges_.erase(std::next(first), end);
}

ArenaSpace::ArenaSpace(const std::vector<Lifetime>& lives) {
  for (const Lifetime& life : lives) {
    if (life.first <= life.last) begins_.push_back(life.first);
  }
  std::sort(begins_.begin(), begins_.end());
  begins_.erase(std::unique(begins_.begin(), begins_.end()), begins_.end());
  nodes_.resize(2 * std::bit_ceil(begins_.size()));
}

uint64_t ArenaSpace::BestFit(const Lifetime& life, uint64_t bytes) const {
  const Nodes nodes = NodesOf(life);
  std::vector<Rest> rests;
  for (const size_t node : nodes.pieces) AddRest(nodes_[node].some, &rests);
  for (const size_t node : nodes.above) AddRest(nodes_[node].whole, &rests);
  uint64_t free_from = 0, best = 0;
  uint64_t best_gap = std::numeric_limits<uint64_t>::max();
  while (const std::optional<Span> taken = TakeNext(rests)) {
    if (taken->begin >= free_from + bytes &&
        taken->begin - free_from < best_gap) {
      best = free_from;
      best_gap = taken->begin - free_from;
    }
    free_from = std::max(free_from, taken->end);
  }
  return best_gap == std::numeric_limits<uint64_t>::max() ? free_from : best;
}

void ArenaSpace::Take(const Lifetime& life, Span range) {
  const Nodes nodes = NodesOf(life);
  for (const size_t node : nodes.pieces) {
    nodes_[node].whole.Add(range);
    nodes_[node].some.Add(range);
  }
  for (const size_t node : nodes.above) nodes_[node].some.Add(range);
}

ArenaSpace::Nodes ArenaSpace::NodesOf(const Lifetime& life) const {
  Nodes nodes;
  const size_t first = LeafOf(life.first), end = LeafOf(life.last) + 1;
  for (size_t from = first, to = end; from < to; from /= 2, to /= 2) {
    if (from % 2 == 1) nodes.pieces.push_back(from++);
    if (to % 2 == 1) nodes.pieces.push_back(--to);
  }
  for (int height = 1; nodes_.size() >> (height + 1) > 0; ++height) {
    const size_t step = size_t{1} << height;
    if (first % step != 0) nodes.above.push_back(first / step);
    if (end % step != 0) nodes.above.push_back((end - 1) / step);
  }
  return nodes;
}

// Of the last beginning until then.
size_t ArenaSpace::LeafOf(size_t part) const {
  const auto behind = std::upper_bound(begins_.begin(), begins_.end(), part);
  return nodes_.size() / 2 + static_cast<size_t>(behind - begins_.begin()) - 1;
}

}  // namespace layerd
