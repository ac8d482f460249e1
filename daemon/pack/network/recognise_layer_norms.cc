#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>
#include <variant>
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

// What `norm` makes of Scaled(scale, shift).
Row Normalised(const LayerNorm& norm, double scale, double shift) {
  const double kept = norm.keeps_mean ? shift : 0;
  const double deviation =
      std::sqrt(scale * scale + kept * kept + norm.epsilon);
  Row row = Scaled(scale, kept);
  for (double& x : row) x /= deviation;
  return row;
}

// Nothing over nothing is no number in both.
bool AreClose(const Row& got, const Row& want) {
  return std::equal(
      got.begin(), got.end(), want.begin(), want.end(), [](double a, double b) {
        return std::abs(a - b) < 1e-6 || (std::isnan(a) && std::isnan(b));
      });
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
  bool Is(const LayerNorm& norm, int root, int leaf);
  std::optional<LayerNorm> NormOf(int root, int leaf, size_t axis_first);
  void TakeAffine(Operation* norm);
  bool TakeWeight(Operation* norm, Binary::Kind kind);
  Operation* ReaderOf(Operation* norm);
  void Absorb(Operation* norm, Operation* reader);

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

// Around a mean of 0 all norms are alike.
std::optional<float> LayerNormFinder::EpsilonOf(int root, int leaf,
                                                size_t axis_first) {
  constexpr double kSmall = 1e-3;
  const auto small =
      evaluator_.Evaluate(root, leaf, Scaled(kSmall, 0), axis_first);
  if (!small || small->size() != Standard().size()) return std::nullopt;
  const double quotient = Standard()[0] * kSmall / (*small)[0];
  const double epsilon = quotient * quotient - kSmall * kSmall;
  if (!(epsilon > -1e-15 && epsilon < 1)) return std::nullopt;
  return static_cast<float>(std::max(epsilon, 0.0));
}

// The smallest tell an epsilon inside of the root from one outside. Beside a
// shift they are nothing: a mean of squares less a squared mean loses them.
bool LayerNormFinder::Is(const LayerNorm& norm, int root, int leaf) {
  for (const double scale : {0.0, 1e-7, 1e-5, 1e-3, 0.1, 1.0, 30.0, 1e5}) {
    for (const double shift : {0.0, 0.5}) {
      if (shift != 0 && scale != 0 && scale < 1e-3) continue;
      const auto got = evaluator_.Evaluate(root, leaf, Scaled(scale, shift),
                                           norm.axis_first);
      if (!AreClose(*got, Normalised(norm, scale, shift))) return false;
    }
  }
  return true;
}

std::optional<LayerNorm> LayerNormFinder::NormOf(int root, int leaf,
                                                 size_t axis_first) {
  const auto epsilon = EpsilonOf(root, leaf, axis_first);
  if (!epsilon) return std::nullopt;
  LayerNorm norm{static_cast<int64_t>(axis_first), *epsilon};
  for (const bool keeps_mean : {false, true}) {
    norm.keeps_mean = keeps_mean;
    if (Is(norm, root, leaf)) return norm;
  }
  return std::nullopt;
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
    const auto norm = NormOf(node.output, leaf, *axis_first);
    if (!norm) continue;
    node.op = Operator(*norm);
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

// `norm` makes what `reader` made of it.
void LayerNormFinder::Absorb(Operation* norm, Operation* reader) {
  uses_.producer[reader->output] = uses_.producer[norm->output];
  norm->output = reader->output;
  reader->output = -1;
}

// Who alone reads what `norm` makes, if anybody. A Reshape to the same shape is
// a cast between floating types: transformers narrow before they scale.
Operation* LayerNormFinder::ReaderOf(Operation* norm) {
  while (uses_.count[norm->output] == 1 && uses_.last[norm->output] >= 0) {
    Operation* reader = &network_->nodes[uses_.last[norm->output]];
    if (!std::holds_alternative<Reshape>(reader->op) ||
        network_->values[reader->output].shape !=
            network_->values[norm->output].shape) {
      return reader;
    }
    Absorb(norm, reader);
  }
  return nullptr;
}

// If its reader is of that kind with a constant, shaped like what is normalised
// or one number, it becomes the last weight.
bool LayerNormFinder::TakeWeight(Operation* norm, Binary::Kind kind) {
  Operation* reader = ReaderOf(norm);
  if (reader == nullptr) return false;
  const auto* binary = OperatorOf<Binary>(*reader);
  const std::vector<int64_t>& shape = network_->values[norm->output].shape;
  if (binary == nullptr || binary->kind != kind ||
      binary->constant == Binary::Constant::kNone ||
      network_->values[reader->output].shape != shape) {
    return false;
  }
  const auto axis_first = OperatorOf<LayerNorm>(*norm)->axis_first;
  const std::vector<int64_t> row(shape.begin() + axis_first, shape.end());
  Weight weight = reader->weights[0];
  std::vector<int64_t> given = weight.shape;
  while (given.size() > row.size() && given[0] == 1) given.erase(given.begin());
  if (given != row) return false;
  weight.shape = row;
  norm->weights.push_back(std::move(weight));
  Absorb(norm, reader);
  return true;
}

}  // namespace

void RecogniseLayerNorms(Network* network) { LayerNormFinder(network).Run(); }

}  // namespace layerd
