#include "daemon/pack/graph/activation_for.h"

#include <string>

namespace layerd {
namespace {

struct UnaryRow {
  const char* op_type;
  ActivationKind kind;
};
constexpr UnaryRow kUnary[] = {
    {"Abs", ActivationKind::kAbs},
    {"Ceil", ActivationKind::kCeil},
    {"Cos", ActivationKind::kCos},
    {"Erf", ActivationKind::kErf},
    {"Exp", ActivationKind::kExp},
    {"Floor", ActivationKind::kFloor},
    {"Log", ActivationKind::kLog},
    {"Mish", ActivationKind::kMish},
    {"Neg", ActivationKind::kNegative},
    {"Not", ActivationKind::kNot},
    {"Reciprocal", ActivationKind::kReciprocal},
    {"Relu", ActivationKind::kRelu},
    {"Round", ActivationKind::kRound},
    {"Sigmoid", ActivationKind::kSigmoid},
    {"Sign", ActivationKind::kSign},
    {"Sin", ActivationKind::kSin},
    {"Softplus", ActivationKind::kSoftplus},
    {"Softsign", ActivationKind::kSoftsign},
    {"Sqrt", ActivationKind::kSqrt},
    {"Tanh", ActivationKind::kTanh},
};

float Number(const Node& node, const char* name) {
  return std::get<float>(node.attributes.at(name));
}

}  // namespace

std::optional<Activation> ActivationFor(const Node& node) {
  const std::string& type = node.op_type;
  for (const UnaryRow& row : kUnary) {
    if (type == row.op_type) return Activation{row.kind, 0, 0};
  }
  if (type == "LeakyRelu") {
    return Activation{ActivationKind::kLeakyRelu, Number(node, "alpha"), 0};
  }
  if (type == "Elu") {
    return Activation{ActivationKind::kElu, Number(node, "alpha"), 1};
  }
  if (type == "Selu") {
    const float gamma = Number(node, "gamma");
    return Activation{ActivationKind::kElu, Number(node, "alpha") * gamma,
                      gamma};
  }
  if (type == "HardSigmoid") {
    return Activation{ActivationKind::kHardSigmoid, Number(node, "alpha"),
                      Number(node, "beta")};
  }
  if (type == "HardSwish") {
    return Activation{ActivationKind::kHardSwish, 1.0f / 6, 0.5f};
  }
  if (type == "ThresholdedRelu") {
    return Activation{ActivationKind::kThreshold, Number(node, "alpha"), 0};
  }
  if (type == "Gelu") {
    return Activation{
        std::get<std::string>(node.attributes.at("approximate")) == "tanh"
            ? ActivationKind::kGeluTanh
            : ActivationKind::kGelu,
        0, 0};
  }
  return std::nullopt;
}

}  // namespace layerd
