#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "daemon/pack/network/recognise.h"
#include "daemon/pack/network/row_evaluator.h"
#include "kernels/reference/loops.h"

namespace layerd {
namespace {

using Row = RowEvaluator::Row;

// Where functions are looked at. Odd numbers, so that no corner of a piecewise
// function is hit.
const Row& Points() {
  static const Row points = [] {
    Row row;
    for (int i = -24; i <= 24; ++i) row.push_back(0.41 * i + 0.013);
    return row;
  }();
  return points;
}

// Where what is bounded differs: a ReLU that ends at 20 is one up to there. And
// around 0, where a root of a square and a little more is no magnitude.
const Row& EdgePoints() {
  static const Row points = [] {
    Row row = {0};
    for (double far = 10; far < 1e30; far *= 3)
      row.insert(row.end(), {far, -far});
    for (double near = 1e-5; near > 1e-30; near /= 1000)
      row.insert(row.end(), {near, -near});
    return row;
  }();
  return points;
}

// Constants in the model are f32.
bool AreClose(double got, double want) {
  return std::abs(got - want) <= 1e-6 * (1 + std::abs(want));
}

bool Is(const Activation& activation, const Row& row) {
  for (size_t i = 0; i < row.size(); ++i) {
    if (!AreClose(row[i], reference::Activate(activation, Points()[i]))) {
      return false;
    }
  }
  return true;
}

// What ends at 0 or at 1 ends there and not 1e-7 before, and what is 0 at 0 is
// no more: behind it may stand a logarithm or a quotient. 6 times the f32 next
// to 1 / 6 is 3e-8 more than 1.
bool IsCloseAt(double point, double got, double want) {
  const double size = std::abs(want);
  const bool is_limit = size == 0 || size == 1;
  if (std::abs(point) > 500 && is_limit) {
    return std::abs(got - want) <= 4e-8 * size;
  }
  if (std::abs(point) < 1e-4) {
    return std::abs(got - want) <= 1e-6 * size + 1e-15;
  }
  return AreClose(got, want);
}

// What overflows on its way, however the function is spelled, says nothing.
bool HoldsAtEdges(const Activation& activation, const Row& row) {
  for (size_t i = 0; i < row.size(); ++i) {
    const double point = EdgePoints()[i];
    const bool overflows = std::abs(point) > 1 && !std::isfinite(row[i]);
    const double want = reference::Activate(activation, point);
    if (!overflows && !IsCloseAt(point, row[i], want)) return false;
  }
  return true;
}

// Parameters are taken from one point, and hold at all others or not at all.

// x * sigmoid(alpha * x), alpha as exporters write it: 1, 1.702.
Activation SwishLike(const Row& row) {
  const double gate = row.back() / Points().back();
  const double small = row[row.size() / 2] / Points()[row.size() / 2];
  const double alpha = std::log(small / (1 - small)) / Points()[row.size() / 2];
  // A gate that is never open or shut is no gate; one that is open at once is a
  // ReLU's, and no number at 0.
  if (!(gate > 0.9) || !std::isfinite(alpha)) return {ActivationKind::kNone};
  return {ActivationKind::kSwish,
          static_cast<float>(std::round(alpha * 1e4) / 1e4)};
}

Activation LeakyReluLike(const Row& row) {
  const double slope = row.front() / Points().front();
  if (std::abs(slope - 1) < 1e-5) return {ActivationKind::kNone};
  return {ActivationKind::kLeakyRelu, static_cast<float>(slope)};
}

std::optional<Activation> ActivationThatIs(const Row& row) {
  const Activation known[] = {
      {ActivationKind::kGelu},
      {ActivationKind::kGeluTanh},
      SwishLike(row),
      {ActivationKind::kHardSwish, 1.0f / 6, 0.5f},
      {ActivationKind::kHardSigmoid, 1.0f / 6, 0.5f},
      {ActivationKind::kMish},
      {ActivationKind::kSigmoid},
      {ActivationKind::kTanh},
      {ActivationKind::kSoftplus},
      {ActivationKind::kSoftsign},
      {ActivationKind::kRelu},
      LeakyReluLike(row),
  };
  for (const Activation& activation : known) {
    if (activation.kind == ActivationKind::kNone) continue;
    if (Is(activation, row)) return activation;
  }
  return std::nullopt;
}

}  // namespace

void RecogniseActivations(Network* network) {
  const Uses uses(*network);
  RowEvaluator evaluator(*network, uses);
  for (size_t n = network->nodes.size(); n-- > 0;) {
    Operation& node = network->nodes[n];
    for (const int leaf : evaluator.LeavesOf(node.output)) {
      const auto row =
          evaluator.Evaluate(node.output, leaf, Points(), std::nullopt);
      // One node is what it says it is.
      if (!row || row->size() != Points().size() || evaluator.nodes() < 2) {
        continue;
      }
      const auto activation = ActivationThatIs(*row);
      if (!activation) continue;
      const auto edges =
          evaluator.Evaluate(node.output, leaf, EdgePoints(), std::nullopt);
      if (!edges || !HoldsAtEdges(*activation, *edges)) continue;
      node.op = Operator(Unary{*activation});
      node.inputs = {leaf};
      node.weights.clear();
      break;
    }
  }
  RemoveDeadNodes(network);
}

}  // namespace layerd
