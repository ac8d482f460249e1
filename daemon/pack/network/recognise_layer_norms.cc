#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include "daemon/pack/network/recognise.h"
#include "daemon/pack/network/row_evaluator.h"

namespace layerd {
namespace {

using Row = RowEvaluator::Row;

// Mean 0 and variance 1, and nothing else about it that helps.
const Row& Standard() {
  static const Row row = [] {
    Row numbers = {-1.3, 0.7, 0.2, 2.9, -0.4, 1.1, -2.2, 0.05};
    double mean = 0;
    for (const double x : numbers) mean += x / numbers.size();
    double variance = 0;
    for (double& x : numbers) {
      x -= mean;
      variance += x * x / numbers.size();
    }
    for (double& x : numbers) x /= std::sqrt(variance);
    return numbers;
  }();
  return row;
}

Row Scaled(double scale, double shift) {
  Row row = Standard();
  for (double& x : row) x = x * scale + shift;
  return row;
}

class LayerNormFinder {
 public:
  explicit LayerNormFinder(Network* network)
      : network_(network), uses_(*network), evaluator_(*network, uses_) {}

  void Run() {
    for (size_t n = network_->nodes.size(); n-- > 0;) Replace(n);
    RemoveDeadNodes(network_);
    uses_ = Uses(*network_);
    for (Operation& node : network_->nodes) {
      if (OperatorOf<LayerNorm>(node) != nullptr) TakeAffine(&node);
    }
    std::erase_if(network_->nodes,
                  [](const Operation& node) { return node.output < 0; });
  }

 private:
  void Replace(size_t n);
  std::optional<size_t> AxisOfMeans(const std::vector<int>& leaves) const;
  std::optional<float> EpsilonOf(int root, int leaf, size_t axis_first);
  void TakeAffine(Operation* norm);
  bool TakeWeight(Operation* norm, Binary::Kind kind);

  Network* network_;
  Uses uses_;
  RowEvaluator evaluator_;
};

// Where the means of the cone begin; nothing if there are none, or only some
// over dimensions that are not the last ones.
std::optional<size_t> LayerNormFinder::AxisOfMeans(
    const std::vector<int>& leaves) const {
  for (const int value : leaves) {
    const int producer = uses_.producer[value];
    if (producer < 0) continue;
    const auto* reduce = OperatorOf<Reduce>(network_->nodes[producer]);
    if (reduce == nullptr || reduce->dimensions.empty()) continue;
    const auto rank =
        static_cast<int64_t>(network_->values[value].shape.size());
    if (reduce->dimensions.back() == rank - 1) return reduce->dimensions[0];
  }
  return std::nullopt;
}

std::optional<float> LayerNormFinder::EpsilonOf(int root, int leaf,
                                                size_t axis_first) {
  constexpr double kSmall = 1e-3;
  const auto small =
      evaluator_.Evaluate(root, leaf, Scaled(kSmall, 0), axis_first);
  if (!small || small->size() != Standard().size()) return std::nullopt;
  const double quotient = Standard()[0] * kSmall / (*small)[0];
  const double epsilon = quotient * quotient - kSmall * kSmall;
  if (!(epsilon > -1e-15 && epsilon < 1)) return std::nullopt;

  for (const double scale : {1e-3, 0.1, 1.0, 30.0}) {
    for (const double shift : {0.0, 0.5}) {
      const auto got =
          evaluator_.Evaluate(root, leaf, Scaled(scale, shift), axis_first);
      for (size_t i = 0; i < got->size(); ++i) {
        const double want =
            Standard()[i] * scale / std::sqrt(scale * scale + epsilon);
        if (!(std::abs((*got)[i] - want) < 1e-6)) return std::nullopt;
      }
    }
  }
  return static_cast<float>(std::max(epsilon, 0.0));
}

void LayerNormFinder::Replace(size_t n) {
  Operation& node = network_->nodes[n];
  const auto* binary = OperatorOf<Binary>(node);
  if (binary == nullptr || binary->constant != Binary::Constant::kNone) return;
  const std::vector<int> leaves = evaluator_.LeavesOf(node.output);
  const std::optional<size_t> axis_first = AxisOfMeans(leaves);
  if (!axis_first) return;
  for (const int leaf : leaves) {
    if (network_->values[leaf].shape != network_->values[node.output].shape) {
      continue;
    }
    const auto epsilon = EpsilonOf(node.output, leaf, *axis_first);
    if (!epsilon) continue;
    LayerNorm norm;
    norm.axis_first = static_cast<int64_t>(*axis_first);
    norm.epsilon = *epsilon;
    node.op = Operator(norm);
    node.inputs = {leaf};
    return;
  }
}

void LayerNormFinder::TakeAffine(Operation* norm) {
  auto& op = *OperatorOf<LayerNorm>(*norm);
  if (!op.has_scale && !op.has_bias && TakeWeight(norm, Binary::Kind::kMul)) {
    op.has_scale = true;
  }
  if (!op.has_bias && TakeWeight(norm, Binary::Kind::kAdd)) op.has_bias = true;
}

// If the only reader of `norm` is of that kind with a constant, shaped like
// what is normalised or one number, it becomes the last weight.
bool LayerNormFinder::TakeWeight(Operation* norm, Binary::Kind kind) {
  const int value = norm->output;
  if (uses_.count[value] != 1 || uses_.last[value] < 0) return false;
  Operation& reader = network_->nodes[uses_.last[value]];
  const auto* binary = OperatorOf<Binary>(reader);
  const std::vector<int64_t>& shape = network_->values[value].shape;
  if (binary == nullptr || binary->kind != kind ||
      binary->constant == Binary::Constant::kNone ||
      network_->values[reader.output].shape != shape) {
    return false;
  }
  const auto axis_first = OperatorOf<LayerNorm>(*norm)->axis_first;
  const std::vector<int64_t> row(shape.begin() + axis_first, shape.end());
  Weight weight = reader.weights[0];
  std::vector<int64_t> given = weight.shape;
  while (given.size() > row.size() && given[0] == 1) given.erase(given.begin());
  if (given != row) return false;
  weight.shape = row;
  norm->weights.push_back(std::move(weight));
  norm->output = reader.output;
  uses_.producer[norm->output] = uses_.producer[value];
  reader.output = -1;
  return true;
}

}  // namespace

void RecogniseLayerNorms(Network* network) { LayerNormFinder(network).Run(); }

}  // namespace layerd
