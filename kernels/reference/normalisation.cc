// Softmax, LayerNorm, Lrn, Reduce: one element out for many in.
#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/reference/loops.h"

namespace layerd::reference {
namespace {

// The rest of the index: all of the given dimensions, `start` in the others.
Box Along(const std::vector<int64_t>& shape,
          const std::vector<int64_t>& dimensions, const Index& start) {
  Box box = WholeOf(shape);
  for (size_t d = 0; d < box.rank; ++d) {
    if (std::binary_search(dimensions.begin(), dimensions.end(),
                           static_cast<int64_t>(d))) {
      continue;
    }
    box.first[d] = start[d];
    box.count[d] = 1;
  }
  return box;
}

template <typename T, typename Sum>
T Reduced(Reduce::Kind kind, const Box& box, const TensorType& x, const T* in) {
  Sum sum = kind == Reduce::Kind::kProduct ? 1 : 0;
  T extreme = in[PositionOf(x, box.first)];
  int64_t count = 0;
  ForEach(box, [&](const Index& index) {
    const T value = in[PositionOf(x, index)];
    ++count;
    if (kind == Reduce::Kind::kProduct) {
      sum *= static_cast<Sum>(value);
    } else {
      sum += static_cast<Sum>(value);
    }
    const bool replaces =
        kind == Reduce::Kind::kMax ? value > extreme : value < extreme;
    if (replaces || value != value) extreme = value;
  });
  switch (kind) {
    case Reduce::Kind::kMean:
      return static_cast<T>(sum / static_cast<Sum>(count));
    case Reduce::Kind::kMax:
    case Reduce::Kind::kMin:
      return extreme;
    default:
      return static_cast<T>(sum);
  }
}

template <typename T>
int64_t PlaceOfExtreme(const Reduce& op, const Box& box, const TensorType& x,
                       const T* in) {
  const auto d = static_cast<size_t>(op.dimensions[0]);
  T extreme = in[PositionOf(x, box.first)];
  int64_t place = 0;
  ForEach(box, [&](const Index& index) {
    const T value = in[PositionOf(x, index)];
    const bool beats =
        op.kind == Reduce::Kind::kArgMax ? value > extreme : value < extreme;
    if (!beats && !(op.selects_last && value == extreme)) return;
    extreme = value;
    place = index[d];
  });
  return place;
}

template <typename T, typename Sum>
void RunReduce(const Reduce& op, const Part& part, const PartMemory& memory) {
  const TensorType& x = part.spec.inputs[0];
  const TensorType& y = part.spec.outputs[0];
  ForEach(WholeOf(y.shape), [&](const Index& start) {
    const Box box = Along(x.shape, op.dimensions, start);
    const int64_t to = PositionOf(y, start);
    if (op.kind == Reduce::Kind::kArgMax || op.kind == Reduce::Kind::kArgMin) {
      Output<int64_t>(memory)[to] =
          PlaceOfExtreme(op, box, x, Input<T>(memory, 0));
    } else {
      Output<T>(memory)[to] =
          Reduced<T, Sum>(op.kind, box, x, Input<T>(memory, 0));
    }
  });
}

}  // namespace

absl::Status Run(const Softmax& op, const Part& part,
                 const PartMemory& memory) {
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
  return absl::OkStatus();
}

absl::Status Run(const Lrn& op, const Part& part, const PartMemory& memory) {
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
  return absl::OkStatus();
}

absl::Status Run(const LayerNorm& op, const Part& part,
                 const PartMemory& memory) {
  const TensorType& x = part.spec.inputs[0];
  const TensorType& y = part.spec.outputs[0];
  std::vector<int64_t> dimensions;
  Box each = WholeOf(y.shape);
  for (size_t d = op.axis_first; d < y.shape.size(); ++d) {
    dimensions.push_back(static_cast<int64_t>(d));
    each.count[d] = 1;
  }
  const float* in = Input(memory, 0);
  ForEach(each, [&](const Index& start) {
    const Box row = Along(x.shape, dimensions, start);
    double count = 0, sum = 0, squares = 0;
    ForEach(row, [&](const Index& index) {
      sum += in[PositionOf(x, index)];
      ++count;
    });
    const double mean = op.keeps_mean ? 0 : sum / count;
    ForEach(row, [&](const Index& index) {
      const double distance = in[PositionOf(x, index)] - mean;
      squares += distance * distance;
    });
    const double deviation = std::sqrt(squares / count + op.epsilon);
    ForEach(row, [&](const Index& index) {
      double value = (in[PositionOf(x, index)] - mean) / deviation;
      if (op.has_scale) {
        value *= Weights(part, memory, 0)[ConstantPosition(part, 0, index)];
      }
      if (op.has_bias) {
        const size_t i = op.has_scale ? 1 : 0;
        value += Weights(part, memory, i)[ConstantPosition(part, i, index)];
      }
      Output(memory)[PositionOf(y, index)] = value;
    });
  });
  return absl::OkStatus();
}

absl::Status Run(const Reduce& op, const Part& part, const PartMemory& memory) {
  if (part.spec.inputs[0].dtype == DataType::kI64) {
    RunReduce<int64_t, uint64_t>(op, part, memory);
  } else if (part.spec.inputs[0].dtype == DataType::kF64) {
    RunReduce<double, double>(op, part, memory);
  } else {
    RunReduce<float, double>(op, part, memory);
  }
  return absl::OkStatus();
}

}  // namespace layerd::reference
