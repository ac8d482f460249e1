#include "daemon/pack/network/network.h"

#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "config/status_macros.h"

namespace layerd {
namespace {

struct FindActivation {
  Activation* operator()(Convolution& op) const { return &op.activation; }
  Activation* operator()(ConvTranspose& op) const { return &op.activation; }
  Activation* operator()(FullyConnected& op) const { return &op.activation; }
  Activation* operator()(Unary& op) const { return &op.activation; }
  Activation* operator()(Binary& op) const { return &op.activation; }
  Activation* operator()(ScaleShift& op) const { return &op.activation; }
  template <typename Other>
  Activation* operator()(Other&) const {
    return nullptr;
  }
};

// In the order of ActivationKind.
constexpr const char* kActivationNames[] = {
    "",         "Relu",     "Clip",  "LeakyRelu",   "Sigmoid",   "Tanh",
    "Gelu",     "GeluTanh", "Swish", "HardSigmoid", "HardSwish", "Mish",
    "Softplus", "Softsign", "Elu",   "Threshold",   "Linear",    "Erf",
    "Exp",      "Log",      "Sqrt",  "Reciprocal",  "Abs",       "Negative",
    "Sign",     "Floor",    "Ceil",  "Round",       "Sin",       "Cos",
    "Not"};
static_assert(std::size(kActivationNames) ==
              static_cast<size_t>(kLastActivationKind) + 1);

// In the order of Binary::Kind.
constexpr const char* kBinaryNames[] = {
    "Add", "Sub",   "Mul",  "Div",         "Pow", "Max", "Min", "PRelu",
    "Mod", "Equal", "Less", "LessOrEqual", "And", "Or",  "Xor"};
static_assert(std::size(kBinaryNames) ==
              static_cast<size_t>(Binary::kLastKind) + 1);

constexpr const char* kReduceNames[] = {"ReduceMean", "ReduceSum",  "ReduceMax",
                                        "ReduceMin",  "ReduceProd", "ArgMax",
                                        "ArgMin"};
static_assert(std::size(kReduceNames) ==
              static_cast<size_t>(Reduce::kLastKind) + 1);

std::string SuffixOf(const Activation* activation) {
  if (activation == nullptr || activation->kind == ActivationKind::kNone) {
    return "";
  }
  return absl::StrCat(" ",
                      kActivationNames[static_cast<size_t>(activation->kind)]);
}

std::string OperatorName(const Operation& node) {
  if (const auto* binary = OperatorOf<Binary>(node)) {
    return kBinaryNames[static_cast<size_t>(binary->kind)];
  }
  if (const auto* reduce = OperatorOf<Reduce>(node)) {
    return kReduceNames[static_cast<size_t>(reduce->kind)];
  }
  if (const auto* norm = OperatorOf<LayerNorm>(node);
      norm && norm->keeps_mean) {
    return "RootNorm";
  }
  if (const auto* op = std::get_if<Operator>(&node.op)) {
    return NameOf(*op);
  }
  if (std::holds_alternative<Transpose>(node.op)) return "Transpose";
  if (std::holds_alternative<Slice>(node.op)) return "Slice";
  if (std::holds_alternative<Expand>(node.op)) return "Expand";
  return std::holds_alternative<Concat>(node.op) ? "Concat" : "Reshape";
}

std::string ToString(const Weight& weight) {
  return absl::StrCat(weight.output_scale.empty() ? "" : "scaled ",
                      weight.input_scale.empty() ? "" : "input-scaled ",
                      weight.transposed ? "transposed " : "", "[",
                      absl::StrJoin(weight.shape, ", "), "]");
}

}  // namespace

Weight Weight::Of(int constant, std::vector<int64_t> shape, DataType dtype) {
  Weight weight;
  weight.constant = constant;
  weight.shape = std::move(shape);
  weight.dtype = dtype;
  return weight;
}

Weight Weight::Integers(std::vector<int64_t> held) {
  Weight weight;
  weight.shape = {static_cast<int64_t>(held.size())};
  weight.dtype = DataType::kI64;
  weight.held_integers = std::move(held);
  return weight;
}

Weight Weight::Vector(std::vector<float> held) {
  Weight weight;
  weight.shape = {static_cast<int64_t>(held.size())};
  weight.held = std::move(held);
  return weight;
}

Activation* ActivationOf(Operation& node) {
  Operator* op = std::get_if<Operator>(&node.op);
  return op == nullptr ? nullptr : std::visit(FindActivation(), *op);
}

Uses::Uses(const Network& network)
    : producer(network.values.size(), -1),
      count(network.values.size()),
      last(network.values.size(), -1),
      is_output(network.values.size()) {
  for (size_t n = 0; n < network.nodes.size(); ++n) {
    producer[network.nodes[n].output] = static_cast<int>(n);
    for (const int input : network.nodes[n].inputs) {
      ++count[input];
      last[input] = static_cast<int>(n);
    }
  }
  for (const int output : network.outputs) {
    ++count[output];
    is_output[output] = true;
  }
}

void RemoveDeadNodes(Network* network) {
  std::vector<bool> needed(network->values.size());
  for (const int output : network->outputs) needed[output] = true;
  std::vector<Operation> alive;
  for (size_t n = network->nodes.size(); n-- > 0;) {
    Operation& node = network->nodes[n];
    if (!needed[node.output]) continue;
    for (const int input : node.inputs) needed[input] = true;
    alive.push_back(std::move(node));
  }
  network->nodes.assign(std::make_move_iterator(alive.rbegin()),
                        std::make_move_iterator(alive.rend()));
}

absl::StatusOr<std::vector<float>> ReadAll(const Network& network,
                                           const Weight& weight) {
  if (weight.constant < 0) return weight.held;
  const Constant& constant = network.graph->constants[weight.constant];
  std::vector<float> numbers(constant.element_count());
  RETURN_IF_ERROR(
      network.graph->ReadF32(constant, 0, std::span<float>(numbers)));
  return numbers;
}

std::string ToString(const Network& network) {
  std::string text;
  for (const Operation& node : network.nodes) {
    std::vector<std::string> operands;
    for (const int input : node.inputs) {
      operands.push_back(network.values[input].name);
    }
    for (const Weight& weight : node.weights) {
      operands.push_back(ToString(weight));
    }
    const Activation* activation = ActivationOf(const_cast<Operation&>(node));
    absl::StrAppend(&text, network.values[node.output].name, " = ",
                    OperatorName(node), "(", absl::StrJoin(operands, ", "), ")",
                    SuffixOf(activation), "\n");
  }
  return text;
}

}  // namespace layerd
