// Activations, Unary, Binary, ScaleShift, Select: one element out for one in.
#include <algorithm>
#include <cmath>
#include <type_traits>

#include "absl/strings/str_format.h"
#include "kernels/reference/loops.h"

namespace layerd::reference {
namespace {

double Sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

// Neither side overflows.
double Softplus(double x) {
  return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x)));
}

double Gelu(double x) { return x / 2 * (1 + std::erf(x / std::sqrt(2.0))); }

double GeluTanh(double x) {
  const double pi = std::acos(-1.0);
  return x / 2 *
         (1 + std::tanh(std::sqrt(2 / pi) * (x + 0.044715 * x * x * x)));
}

double Sign(double x) {
  if (x == 0) return x;
  return x < 0 ? -1 : x > 0 ? 1 : x;
}

double HardSigmoid(const Activation& activation, double x) {
  const double line = static_cast<double>(activation.alpha) * x +
                      static_cast<double>(activation.beta);
  return std::min(std::max(line, 0.0), 1.0);
}

int64_t ActivateInteger(ActivationKind kind, int64_t value) {
  const auto negative = static_cast<int64_t>(-static_cast<uint64_t>(value));
  switch (kind) {
    case ActivationKind::kRelu:
      return std::max<int64_t>(value, 0);
    case ActivationKind::kAbs:
      return value < 0 ? negative : value;
    case ActivationKind::kNegative:
      return negative;
    case ActivationKind::kSign:
      return value < 0 ? -1 : value > 0 ? 1 : 0;
    default:
      return value;
  }
}

double Combine(Binary::Kind kind, double a, double b) {
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
      return a > b || a != a ? a : b;
    case Binary::Kind::kMin:
      return a < b || a != a ? a : b;
    case Binary::Kind::kPRelu:
      return a < 0 ? a * b : a;
    case Binary::Kind::kMod:
      return std::fmod(a, b);
    default:
      return 0;
  }
}

uint64_t Power(uint64_t base, int64_t exponent) {
  uint64_t power = 1;
  for (; exponent > 0; exponent /= 2, base *= base) {
    if (exponent % 2 == 1) power *= base;
  }
  return power;
}

// The sign of b, as in Python. REQUIRES: b is neither 0 nor -1.
int64_t Modulo(int64_t a, int64_t b) {
  const int64_t rest = a % b;
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

// What wraps is unsigned. REQUIRES: no division by zero.
int64_t Combine(Binary::Kind kind, int64_t a, int64_t b) {
  const auto x = static_cast<uint64_t>(a);
  const auto y = static_cast<uint64_t>(b);
  switch (kind) {
    case Binary::Kind::kAdd:
      return static_cast<int64_t>(x + y);
    case Binary::Kind::kSub:
      return static_cast<int64_t>(x - y);
    case Binary::Kind::kMul:
      return static_cast<int64_t>(x * y);
    case Binary::Kind::kDiv:
      return b == -1 ? static_cast<int64_t>(-x) : a / b;
    case Binary::Kind::kPow:
      if (b >= 0) return static_cast<int64_t>(Power(x, b));
      return a == 1 ? 1 : a == -1 ? (b % 2 == 0 ? 1 : -1) : 0;
    case Binary::Kind::kMax:
      return std::max(a, b);
    case Binary::Kind::kMin:
      return std::min(a, b);
    case Binary::Kind::kMod:
      return b == -1 ? 0 : Modulo(a, b);
    default:
      return 0;
  }
}

template <typename T>
bool Compare(Binary::Kind kind, T a, T b) {
  switch (kind) {
    case Binary::Kind::kEqual:
      return a == b;
    case Binary::Kind::kLess:
      return a < b;
    case Binary::Kind::kLessOrEqual:
      return a <= b;
    case Binary::Kind::kAnd:
      return a && b;
    case Binary::Kind::kOr:
      return a || b;
    case Binary::Kind::kXor:
      return (a != T{0}) != (b != T{0});
    default:
      return false;
  }
}

bool Compares(Binary::Kind kind) { return kind >= Binary::Kind::kEqual; }

bool Divides(Binary::Kind kind) {
  return kind == Binary::Kind::kDiv || kind == Binary::Kind::kMod;
}

// Calls visit(position, a, b) for each element of the output.
template <typename T, typename Visit>
void ForEachPair(const Binary& op, const Part& part, const PartMemory& memory,
                 Visit visit) {
  const PartSpec& spec = part.spec;
  const TensorType& y = spec.outputs[0];
  ForEach(WholeOf(y.shape), [&](const Index& index) {
    const T first =
        Input<T>(memory, 0)[BroadcastPosition(spec.inputs[0], y, index)];
    const T second =
        op.constant == Binary::Constant::kNone
            ? Input<T>(memory, 1)[BroadcastPosition(spec.inputs[1], y, index)]
            : Weights<T>(part, memory, 0)[ConstantPosition(part, 0, index)];
    const int64_t at = PositionOf(y, index);
    if (op.constant == Binary::Constant::kLeft) {
      visit(at, second, first);
    } else {
      visit(at, first, second);
    }
  });
}

template <typename T>
absl::Status RunComparison(const Binary& op, const Part& part,
                           const PartMemory& memory) {
  ForEachPair<T>(op, part, memory, [&](int64_t at, T a, T b) {
    Output<bool>(memory)[at] = Compare(op.kind, a, b);
  });
  return absl::OkStatus();
}

absl::Status RunIntegers(const Binary& op, const Part& part,
                         const PartMemory& memory) {
  bool divides_by_zero = false;
  ForEachPair<int64_t>(op, part, memory, [&](int64_t at, int64_t a, int64_t b) {
    if (Divides(op.kind) && b == 0) {
      divides_by_zero = true;
      b = 1;
    }
    Output<int64_t>(memory)[at] = Combine(op.kind, a, b);
  });
  if (!divides_by_zero) return absl::OkStatus();
  return absl::InvalidArgumentError("an integer is divided by zero");
}

template <typename T>
void RunSelect(const Part& part, const PartMemory& memory) {
  const std::vector<TensorType>& inputs = part.spec.inputs;
  const TensorType& y = part.spec.outputs[0];
  ForEach(WholeOf(y.shape), [&](const Index& index) {
    const auto condition =
        Input<uint8_t>(memory, 0)[BroadcastPosition(inputs[0], y, index)];
    const size_t chosen = condition != 0 ? 1 : 2;
    Output<T>(memory)[PositionOf(y, index)] =
        Input<T>(memory, chosen)[BroadcastPosition(inputs[chosen], y, index)];
  });
}

}  // namespace

int64_t BroadcastPosition(const TensorType& operand, const TensorType& output,
                          const Index& index) {
  int64_t position = 0;
  const size_t missing = output.shape.size() - operand.shape.size();
  for (size_t d = 0; d < operand.shape.size(); ++d) {
    if (operand.shape[d] > 1) {
      position += index[missing + d] * operand.strides[d];
    }
  }
  return position;
}

int64_t ConstantPosition(const Part& part, size_t i, const Index& index) {
  const std::vector<Positions>& places = part.weights[i].positions;
  const size_t missing = part.spec.outputs[0].shape.size() - places.size();
  int64_t position = 0;
  for (size_t d = 0; d < places.size(); ++d) {
    position += places[d][places[d].size > 1 ? index[missing + d] : 0];
  }
  return position;
}

double Activate(const Activation& activation, double value) {
  const double alpha = activation.alpha;
  const double beta = activation.beta;
  switch (activation.kind) {
    case ActivationKind::kNone:
    case ActivationKind::kNot:
      return value;
    case ActivationKind::kRelu:
      return value < 0 ? 0 : value;
    case ActivationKind::kClip:
      return std::min(std::max(value, alpha), beta);
    case ActivationKind::kLeakyRelu:
      return value < 0 ? alpha * value : value;
    case ActivationKind::kSigmoid:
      return Sigmoid(value);
    case ActivationKind::kTanh:
      return std::tanh(value);
    case ActivationKind::kGelu:
      return Gelu(value);
    case ActivationKind::kGeluTanh:
      return GeluTanh(value);
    case ActivationKind::kSwish:
      return value * Sigmoid(alpha * value);
    case ActivationKind::kHardSigmoid:
      return HardSigmoid(activation, value);
    case ActivationKind::kHardSwish:
      return value * HardSigmoid(activation, value);
    case ActivationKind::kMish:
      return value * std::tanh(Softplus(value));
    case ActivationKind::kSoftplus:
      return Softplus(value);
    case ActivationKind::kSoftsign:
      return value / (1 + std::abs(value));
    case ActivationKind::kElu:
      return value < 0 ? alpha * std::expm1(value) : beta * value;
    case ActivationKind::kThreshold:
      return value > alpha ? value : 0;
    case ActivationKind::kLinear:
      return alpha * value + beta;
    case ActivationKind::kErf:
      return std::erf(value);
    case ActivationKind::kExp:
      return std::exp(value);
    case ActivationKind::kLog:
      return std::log(value);
    case ActivationKind::kSqrt:
      return std::sqrt(value);
    case ActivationKind::kReciprocal:
      return 1 / value;
    case ActivationKind::kAbs:
      return std::abs(value);
    case ActivationKind::kNegative:
      return -value;
    case ActivationKind::kSign:
      return Sign(value);
    case ActivationKind::kFloor:
      return std::floor(value);
    case ActivationKind::kCeil:
      return std::ceil(value);
    case ActivationKind::kRound:
      return std::nearbyint(value);
    case ActivationKind::kSin:
      return std::sin(value);
    case ActivationKind::kCos:
      return std::cos(value);
  }
  return value;
}

absl::Status Run(const Unary& op, const Part& part, const PartMemory& memory) {
  const TensorType& x = part.spec.inputs[0];
  const TensorType& y = part.spec.outputs[0];
  ForEach(WholeOf(y.shape), [&](const Index& index) {
    const int64_t from = PositionOf(x, index);
    const int64_t to = PositionOf(y, index);
    if (y.dtype == DataType::kF64) {
      Output<double>(memory)[to] =
          Activate(op.activation, Input<double>(memory, 0)[from]);
    } else if (y.dtype == DataType::kI64) {
      Output<int64_t>(memory)[to] =
          ActivateInteger(op.activation.kind, Input<int64_t>(memory, 0)[from]);
    } else if (y.dtype == DataType::kBool) {
      const bool value = Input<uint8_t>(memory, 0)[from] != 0;
      Output<bool>(memory)[to] =
          op.activation.kind == ActivationKind::kNot ? !value : value;
    } else {
      Output(memory)[to] = Activate(op.activation, Input(memory, 0)[from]);
    }
  });
  return absl::OkStatus();
}

absl::Status Run(const Binary& op, const Part& part, const PartMemory& memory) {
  const DataType dtype = part.spec.inputs[0].dtype;
  if (Compares(op.kind)) {
    if (dtype == DataType::kBool) {
      return RunComparison<uint8_t>(op, part, memory);
    }
    if (dtype == DataType::kI64) {
      return RunComparison<int64_t>(op, part, memory);
    }
    if (dtype == DataType::kF64) {
      return RunComparison<double>(op, part, memory);
    }
    return RunComparison<float>(op, part, memory);
  }
  if (dtype == DataType::kI64) return RunIntegers(op, part, memory);
  if (dtype == DataType::kF64) {
    ForEachPair<double>(op, part, memory, [&](int64_t at, double a, double b) {
      Output<double>(memory)[at] = Combine(op.kind, a, b);
    });
    return absl::OkStatus();
  }
  ForEachPair<float>(op, part, memory, [&](int64_t at, float a, float b) {
    const double value = Combine(op.kind, static_cast<double>(a), b);
    Output(memory)[at] = Activate(op.activation, value);
  });
  return absl::OkStatus();
}

absl::Status Run(const ScaleShift& op, const Part& part,
                 const PartMemory& memory) {
  const TensorType& x = part.spec.inputs[0];
  const TensorType& y = part.spec.outputs[0];
  ForEach(WholeOf(y.shape), [&](const Index& index) {
    const double scale =
        Weights(part, memory, 0)[part.weights[0].positions[0][index[1]]];
    const double shift =
        Weights(part, memory, 1)[part.weights[1].positions[0][index[1]]];
    const double value = Input(memory, 0)[PositionOf(x, index)];
    Output(memory)[PositionOf(y, index)] =
        Activate(op.activation, value * scale + shift);
  });
  return absl::OkStatus();
}

absl::Status Run(const Select&, const Part& part, const PartMemory& memory) {
  switch (SizeOf(part.spec.outputs[0].dtype)) {
    case 1:
      RunSelect<uint8_t>(part, memory);
      break;
    case 2:
      RunSelect<uint16_t>(part, memory);
      break;
    case 4:
      RunSelect<uint32_t>(part, memory);
      break;
    default:
      RunSelect<uint64_t>(part, memory);
      break;
  }
  return absl::OkStatus();
}

}  // namespace layerd::reference
