#include "daemon/pack/network/row_evaluator.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <utility>

#include "daemon/pack/graph/element_type.h"
#include "kernels/reference/loops.h"

namespace layerd {
namespace {

// Nothing for what is no function of one number each.
std::optional<double> Combine(Binary::Kind kind, double a, double b) {
  switch (kind) {
    case Binary::Kind::kAdd:
      return a + b;
    case Binary::Kind::kSub:
      return a - b;
    case Binary::Kind::kMul:
      return a * b;
    case Binary::Kind::kDiv:
      return a / b;
    case Binary::Kind::kPow:
      return std::pow(a, b);
    case Binary::Kind::kMax:
      return std::max(a, b);
    case Binary::Kind::kMin:
      return std::min(a, b);
    default:
      return std::nullopt;
  }
}

}  // namespace

std::vector<int> RowEvaluator::LeavesOf(int root) const {
  std::set<int> leaves;
  std::vector<int> open = {root};
  size_t nodes = 0;
  while (!open.empty() && nodes < kNodesMax) {
    const int value = open.back();
    open.pop_back();
    const int producer = uses_.producer[value];
    if (producer < 0 || !Understands(network_.nodes[producer])) continue;
    ++nodes;
    for (const int input : network_.nodes[producer].inputs) {
      if (leaves.insert(input).second) open.push_back(input);
    }
  }
  std::vector<int> in_order(leaves.begin(), leaves.end());
  std::stable_sort(in_order.begin(), in_order.end(), [&](int a, int b) {
    return uses_.producer[a] < uses_.producer[b];
  });
  return in_order;
}

std::optional<RowEvaluator::Row> RowEvaluator::Evaluate(
    int root, int leaf, const Row& row, std::optional<size_t> axis_first) {
  leaf_ = leaf;
  width_ = row.size();
  asked_ = 0;
  axis_first_ = axis_first;
  known_.clear();
  known_[leaf] = row;
  const Row* of_root = Of(root);
  if (of_root == nullptr) return std::nullopt;
  return *of_root;
}

bool RowEvaluator::Understands(const Operation& node) const {
  if (network_.values[node.output].dtype != DataType::kF32) return false;
  if (OperatorOf<Unary>(node) != nullptr) return true;
  if (const auto* binary = OperatorOf<Binary>(node)) {
    return Combine(binary->kind, 1, 1).has_value() &&
           (binary->constant == Binary::Constant::kNone ||
            CountOf(node.weights[0].shape) == 1);
  }
  const auto* reduce = OperatorOf<Reduce>(node);
  return reduce != nullptr && reduce->kind == Reduce::Kind::kMean;
}

bool RowEvaluator::IsRow(int value) const {
  return network_.values[value].shape == network_.values[leaf_].shape;
}

bool RowEvaluator::IsNumber(int value) const {
  if (!axis_first_) return false;
  std::vector<int64_t> shape = network_.values[leaf_].shape;
  std::fill(shape.begin() + *axis_first_, shape.end(), 1);
  return network_.values[value].shape == shape;
}

const RowEvaluator::Row* RowEvaluator::Of(int value) {
  if (const auto known = known_.find(value); known != known_.end()) {
    return &known->second;
  }
  const int producer = uses_.producer[value];
  // Nodes before the leaf cannot depend on it.
  if (producer < 0 || producer <= uses_.producer[leaf_] ||
      ++asked_ > kNodesMax || !(IsRow(value) || IsNumber(value)) ||
      !Understands(network_.nodes[producer])) {
    return nullptr;
  }
  std::optional<Row> row = Compute(network_.nodes[producer]);
  if (!row) return nullptr;
  return &(known_[value] = *std::move(row));
}

std::optional<RowEvaluator::Row> RowEvaluator::Compute(const Operation& node) {
  std::vector<const Row*> operands;
  for (const int input : node.inputs) {
    operands.push_back(Of(input));
    if (operands.back() == nullptr) return std::nullopt;
  }
  if (const auto* reduce = OperatorOf<Reduce>(node)) {
    if (!axis_first_ || operands[0]->size() != width_) return std::nullopt;
    const size_t rank = network_.values[leaf_].shape.size();
    std::vector<int64_t> expected(rank - *axis_first_);
    std::iota(expected.begin(), expected.end(), *axis_first_);
    if (reduce->dimensions != expected) return std::nullopt;
    const Row& row = *operands[0];
    return Row{std::accumulate(row.begin(), row.end(), 0.0) / row.size()};
  }
  Row constant;
  Activation activation;
  std::optional<Binary::Kind> kind;
  if (const auto* unary = OperatorOf<Unary>(node)) {
    activation = unary->activation;
  } else {
    const auto& binary = *OperatorOf<Binary>(node);
    activation = binary.activation;
    kind = binary.kind;
    if (binary.constant != Binary::Constant::kNone) {
      const std::optional<double> number = ConstantOf(node);
      if (!number) return std::nullopt;
      constant = {*number};
      const bool left = binary.constant == Binary::Constant::kLeft;
      operands.insert(left ? operands.begin() : operands.end(), &constant);
    }
  }
  size_t size = 1;
  for (const Row* operand : operands) size = std::max(size, operand->size());
  Row result(size);
  for (size_t i = 0; i < size; ++i) {
    const auto at = [i](const Row* row) {
      return (*row)[row->size() == 1 ? 0 : i];
    };
    double number = at(operands[0]);
    if (kind) number = *Combine(*kind, number, at(operands[1]));
    result[i] = reference::Activate(activation, number);
  }
  return result;
}

std::optional<double> RowEvaluator::ConstantOf(const Operation& node) {
  const auto known = constants_.find(node.output);
  if (known != constants_.end()) return known->second;
  const auto numbers = ReadAll(network_, node.weights[0]);
  if (!numbers.ok() || numbers->size() != 1) return std::nullopt;
  return constants_[node.output] = (*numbers)[0];
}

}  // namespace layerd
