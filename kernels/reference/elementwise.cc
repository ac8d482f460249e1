// Unary, Binary, ScaleShift, Softmax, Lrn: one element out for one in.
#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/reference/loops.h"

namespace layerd::reference {
namespace {

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
  }
  return 0;
}

// Dimensions align at the last one; those of size 1 broadcast.
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

float Constant(const Part& part, const PartMemory& memory, const Index& index) {
  const auto& table = part.weights[0].positions;
  const size_t missing = part.spec.outputs[0].shape.size() - table.size();
  int64_t position = 0;
  for (size_t d = 0; d < table.size(); ++d) {
    position += table[d][table[d].size() > 1 ? index[missing + d] : 0];
  }
  return Weights(part, memory, 0)[position];
}

}  // namespace

double Activate(const Activation& activation, double value) {
  switch (activation.kind) {
    case ActivationKind::kNone:
      return value;
    case ActivationKind::kRelu:
      return value < 0 ? 0 : value;
    case ActivationKind::kClip:
      return std::min(std::max<double>(value, activation.alpha),
                      static_cast<double>(activation.beta));
    case ActivationKind::kLeakyRelu:
      return value < 0 ? activation.alpha * value : value;
    case ActivationKind::kSigmoid:
      return 1 / (1 + std::exp(-value));
    case ActivationKind::kTanh:
      return std::tanh(value);
  }
  return value;
}

void Run(const Unary& op, const Part& part, const PartMemory& memory) {
  const TensorType& x = part.spec.inputs[0];
  const TensorType& y = part.spec.outputs[0];
  ForEach(WholeOf(y.shape), [&](const Index& index) {
    Output(memory)[PositionOf(y, index)] =
        Activate(op.activation, Input(memory, 0)[PositionOf(x, index)]);
  });
}

void Run(const Binary& op, const Part& part, const PartMemory& memory) {
  const PartSpec& spec = part.spec;
  const TensorType& y = spec.outputs[0];
  ForEach(WholeOf(y.shape), [&](const Index& index) {
    const float first =
        Input(memory, 0)[BroadcastPosition(spec.inputs[0], y, index)];
    const float second =
        op.constant == Binary::Constant::kNone
            ? Input(memory, 1)[BroadcastPosition(spec.inputs[1], y, index)]
            : Constant(part, memory, index);
    const double value = op.constant == Binary::Constant::kLeft
                             ? Combine(op.kind, second, first)
                             : Combine(op.kind, first, second);
    Output(memory)[PositionOf(y, index)] = Activate(op.activation, value);
  });
}

void Run(const ScaleShift& op, const Part& part, const PartMemory& memory) {
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
}

void Run(const Softmax& op, const Part& part, const PartMemory& memory) {
  const TensorType& x = part.spec.inputs[0];
  const TensorType& y = part.spec.outputs[0];
  const float* in = Input(memory, 0);
  Box each = WholeOf(y.shape);  // All first elements of what is summed.
  for (int64_t d = op.axis_first; d < op.axis_first + op.axis_count; ++d) {
    each.count[d] = 1;
  }
  ForEach(each, [&](const Index& start) {
    Box summed = WholeOf(y.shape);
    for (size_t d = 0; d < summed.rank; ++d) {
      if (each.count[d] == 1 && summed.count[d] > 1) continue;
      summed.first[d] = start[d];
      summed.count[d] = 1;
    }
    double most = -std::numeric_limits<double>::infinity();
    ForEach(summed, [&](const Index& index) {
      most = std::max<double>(most, in[PositionOf(x, index)]);
    });
    double sum = 0;
    ForEach(summed, [&](const Index& index) {
      sum += std::exp(in[PositionOf(x, index)] - most);
    });
    ForEach(summed, [&](const Index& index) {
      Output(memory)[PositionOf(y, index)] =
          std::exp(in[PositionOf(x, index)] - most) / sum;
    });
  });
}

void Run(const Lrn& op, const Part& part, const PartMemory& memory) {
  const TensorType& x = part.spec.inputs[0];
  const TensorType& y = part.spec.outputs[0];
  const int64_t before = (op.size - 1) / 2;
  const int64_t after = op.size - 1 - before;
  ForEach(WholeOf(y.shape), [&](const Index& index) {
    const float* channels =
        Input(memory, 0) + PositionOf(x, index) - index[1] * x.strides[1];
    const int64_t first = std::max<int64_t>(index[1] - before, 0);
    const int64_t last = std::min(index[1] + after, x.shape[1] - 1);
    double sum = 0;
    for (int64_t c = first; c <= last; ++c) {
      const double value = channels[c * x.strides[1]];
      sum += value * value;
    }
    const double divisor = std::pow(op.k + op.alpha / op.size * sum, op.beta);
    Output(memory)[PositionOf(y, index)] =
        channels[index[1] * x.strides[1]] / divisor;
  });
}

}  // namespace layerd::reference
