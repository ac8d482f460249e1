#ifndef LAYERD_DAEMON_PLAN_ARENA_SPACE_H_
#define LAYERD_DAEMON_PLAN_ARENA_SPACE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "daemon/plan/arena_slots.h"

namespace layerd {

// Byte ranges [begin, end) that do not touch, in order.
class DisjointRanges {
 public:
  struct Span {
    uint64_t begin, end;
  };

  void Add(Span range);
  const std::vector<Span>& ranges() const { return ranges_; }

 private:
  std::vector<Span> ranges_;
};

// Which bytes of an arena are taken, and when.
//
// Times are the leaves of a binary tree. A life is cut into a few pieces, the
// largest nodes that lie inside it, and a node knows the union of what is taken
// there. What lies above each other without a gap is one range, so that a
// network of many buffers, whether they live short or all at once, has few
// ranges to look at: a logarithm of them for each call. Where lives are made to
// leave gaps that nothing fits into it is as many as there are gaps.
//
// Units: bytes.
class ArenaSpace {
 public:
  // For slots with these lives; those of none (first > last) do not count.
  explicit ArenaSpace(const std::vector<Lifetime>& lives);

  // The lowest of the smallest gaps that have room for so many bytes all
  // through `life`; above everything if there is none.
  // REQUIRES: `life`, here and below, is one of `lives`.
  uint64_t BestFit(const Lifetime& life, uint64_t bytes) const;
  void Take(const Lifetime& life, DisjointRanges::Span range);

 private:
  struct Node {
    DisjointRanges whole;  // By lives that it is a piece of.
    DisjointRanges some;   // By those, and by lives with pieces below it.
  };
  struct Nodes {
    std::vector<size_t> pieces;
    std::vector<size_t> above;  // Those, and not of the life as a whole.
  };
  Nodes NodesOf(const Lifetime& life) const;
  size_t LeafOf(size_t part) const;

  // Lives meet as before if time moves only where one begins.
  std::vector<size_t> begins_;
  std::vector<Node> nodes_;  // 1 is the root, n has 2 n and 2 n + 1 below.
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_PLAN_ARENA_SPACE_H_
