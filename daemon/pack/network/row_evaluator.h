#ifndef LAYERD_DAEMON_PACK_NETWORK_ROW_EVALUATOR_H_
#define LAYERD_DAEMON_PACK_NETWORK_ROW_EVALUATOR_H_

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "daemon/pack/network/network.h"

namespace layerd {

// What a few nodes compute of one value, in double: a row of numbers stands for
// that value, and everything between is worked out element by element, or by
// means over the row.
//
// Why: exporters spell functions out in every order of their nodes, and each
// has its own. What stands there is known by what it does, not by how it is
// written.
//
// Understood are unary and binary operators on f32, constants of one number,
// and means over dimensions [axis_first, rank) of the value; a value is either
// shaped like the leaf (a row) or has size 1 in those dimensions (one number).
//
// Ownership: network and uses are loans, and do not change.
class RowEvaluator {
 public:
  using Row = std::vector<double>;

  RowEvaluator(const Network& network, const Uses& uses)
      : network_(network), uses_(uses) {}

  // Values that `root` might be a function of, the farthest first: of at most
  // kNodesMax nodes.
  std::vector<int> LeavesOf(int root) const;

  // Of `root`, if it is a function of `leaf` and constants only. A row, or one
  // number. `axis_first`: of the means; elementwise only if nothing.
  std::optional<Row> Evaluate(int root, int leaf, const Row& row,
                              std::optional<size_t> axis_first);
  // Nodes that the last evaluation went through.
  size_t nodes() const { return known_.size() - 1; }

  static constexpr size_t kNodesMax = 24;

 private:
  bool Understands(const Operation& node) const;
  bool IsRow(int value) const;
  bool IsNumber(int value) const;
  const Row* Of(int value);
  std::optional<Row> Compute(const Operation& node);
  std::optional<double> ConstantOf(const Operation& node);

  const Network& network_;
  const Uses& uses_;
  int leaf_ = -1;
  size_t width_ = 0;
  size_t asked_ = 0;  // Nodes, before what they read is known.
  std::optional<size_t> axis_first_;
  std::map<int, Row> known_;
  std::map<int, double> constants_;  // By the output of their node.
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_PACK_NETWORK_ROW_EVALUATOR_H_
