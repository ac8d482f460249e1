// Convolution, ConvTranspose, FullyConnected, MatMul: sums of products.
#include <array>

#include "kernels/reference/loops.h"

namespace layerd::reference {
namespace {

// A convolution with exactly three spatial dimensions: missing ones have
// size 1 in front.
struct Window {
  std::array<int64_t, 3> kernel, stride, dilation, pad, x_size, x_stride;
  std::array<const Positions*, 3> kernel_position;
};

const Positions kOne;

// A kernel's numbers and the positions of its elements, wherever it comes from.
struct Kernel {
  const float* data;
  const std::vector<Positions>& positions;
};

template <typename Op>
Kernel KernelOf(const Op& op, const Part& part, const PartMemory& memory) {
  if (op.kernel_is_input) return {Input(memory, 1), part.kernel_input};
  return {Weights(part, memory, 0), part.weights[0].positions};
}

// Of the first element of an output channel, of a part's first one on.
int64_t OfChannel(const std::vector<Positions>& positions, int64_t groups,
                  int64_t outputs, int64_t channel) {
  if (groups == 1) return positions[0][channel];
  return positions[0][channel / outputs] + positions[1][channel % outputs];
}

template <typename Op>
Window WindowOf(const Op& op, const Part& part,
                const std::vector<Positions>& kernel) {
  Window window;
  window.kernel.fill(1);
  window.stride.fill(1);
  window.dilation.fill(1);
  window.pad.fill(0);
  window.x_size.fill(1);
  window.x_stride.fill(0);
  window.kernel_position.fill(&kOne);
  const TensorType& x = part.spec.inputs[0];
  const size_t spatial = op.strides.size();
  for (size_t d = 0; d < spatial; ++d) {
    const size_t to = 3 - spatial + d;
    const auto& positions = kernel[kernel.size() - spatial + d];
    window.kernel[to] = positions.size;
    window.kernel_position[to] = &positions;
    window.stride[to] = op.strides[d];
    window.dilation[to] = op.dilations[d];
    window.pad[to] = op.pads_begin[d];
    window.x_size[to] = x.shape[2 + d];
    window.x_stride[to] = x.strides[2 + d];
  }
  return window;
}

// Sums one output of one input channel.
double SumWindow(const Window& w, const std::array<int64_t, 3>& output,
                 const float* x, const float* kernel) {
  double sum = 0;
  for (int64_t a = 0; a < w.kernel[0]; ++a) {
    const int64_t z = output[0] * w.stride[0] - w.pad[0] + a * w.dilation[0];
    if (z < 0 || z >= w.x_size[0]) continue;
    for (int64_t b = 0; b < w.kernel[1]; ++b) {
      const int64_t y = output[1] * w.stride[1] - w.pad[1] + b * w.dilation[1];
      if (y < 0 || y >= w.x_size[1]) continue;
      const float* row = x + z * w.x_stride[0] + y * w.x_stride[1];
      const float* weights =
          kernel + (*w.kernel_position[0])[a] + (*w.kernel_position[1])[b];
      for (int64_t c = 0; c < w.kernel[2]; ++c) {
        const int64_t at =
            output[2] * w.stride[2] - w.pad[2] + c * w.dilation[2];
        if (at < 0 || at >= w.x_size[2]) continue;
        sum += static_cast<double>(row[at * w.x_stride[2]]) *
               weights[(*w.kernel_position[2])[c]];
      }
    }
  }
  return sum;
}

// Sums what one input channel adds to one output: of each element of the
// kernel the input that lands there.
double GatherSpread(const Window& w, const std::array<int64_t, 3>& output,
                    const float* x, const float* kernel) {
  double sum = 0;
  Box box;
  box.rank = 3;
  for (size_t d = 0; d < 3; ++d) box.count[d] = w.kernel[d];
  ForEach(box, [&](const Index& k) {
    int64_t from = 0;
    int64_t weight = 0;
    for (size_t d = 0; d < 3; ++d) {
      const int64_t at = output[d] + w.pad[d] - k[d] * w.dilation[d];
      if (at < 0 || at % w.stride[d] != 0) return;
      if (at / w.stride[d] >= w.x_size[d]) return;
      from += at / w.stride[d] * w.x_stride[d];
      weight += (*w.kernel_position[d])[k[d]];
    }
    sum += static_cast<double>(x[from]) * kernel[weight];
  });
  return sum;
}

double BiasOf(bool has_bias, const Part& part, const PartMemory& memory,
              int64_t channel) {
  if (!has_bias) return 0;
  return Weights(part, memory, 1)[part.weights[1].positions[0][channel]];
}

double ResidualOf(bool adds_residual, const Part& part,
                  const PartMemory& memory, const Index& index) {
  if (!adds_residual) return 0;
  return Input(memory, 1)[PositionOf(part.spec.inputs[1], index)];
}

// Operands have dimensions of size 1 (or none) where they broadcast.
int64_t BatchPosition(const TensorType& operand, const TensorType& output,
                      const Index& index) {
  int64_t position = 0;
  const size_t missing = output.shape.size() - operand.shape.size();
  for (size_t d = 0; d + 2 < operand.shape.size(); ++d) {
    if (operand.shape[d] > 1) {
      position += index[missing + d] * operand.strides[d];
    }
  }
  return position;
}

// What a part has of its output: its channels, all rows.
Box ChannelsOf(const PartSpec& spec) {
  Box box = WholeOf(spec.outputs[0].shape);
  box.first[1] = spec.channels.first;
  box.count[1] = spec.channels.count;
  return box;
}

// Of each output in `box` the bias, what `sum_of` makes of each input channel
// that its group has, and the residual.
template <typename Op, typename SumOf>
void RunWindows(const Op& op, const Box& box, bool adds_residual,
                const Part& part, const PartMemory& memory, SumOf sum_of) {
  const PartSpec& spec = part.spec;
  const Kernel kernel = KernelOf(op, part, memory);
  const std::vector<Positions>& places = kernel.positions;
  const Positions& of_input = places[op.groups == 1 ? 1 : 2];
  const Window window = WindowOf(op, part, places);
  const TensorType& x = spec.inputs[0];
  const TensorType& y = spec.outputs[0];
  const size_t spatial = op.strides.size();
  const int64_t inputs = x.shape[1] / op.groups;
  const int64_t outputs = y.shape[1] / op.groups;
  ForEach(box, [&](const Index& index) {
    const int64_t channel = index[1] - spec.channels.first;
    const int64_t group = index[1] / outputs;
    const int64_t weights = OfChannel(places, op.groups, outputs, channel);
    std::array<int64_t, 3> output{};
    for (size_t d = 0; d < spatial; ++d) output[3 - spatial + d] = index[2 + d];
    const float* of_group = Input(memory, 0) + index[0] * x.strides[0] +
                            group * inputs * x.strides[1];
    double sum = BiasOf(op.has_bias, part, memory, channel);
    for (int64_t i = 0; i < inputs; ++i) {
      sum += sum_of(window, output, of_group + i * x.strides[1],
                    kernel.data + weights + of_input[i]);
    }
    sum += ResidualOf(adds_residual, part, memory, index);
    Output(memory)[PositionOf(y, index)] = Activate(op.activation, sum);
  });
}

}  // namespace

absl::Status Run(const Convolution& op, const Part& part,
                 const PartMemory& memory) {
  Box box = ChannelsOf(part.spec);
  box.first[2] = part.spec.rows.first;
  box.count[2] = part.spec.rows.count;
  RunWindows(op, box, op.adds_residual, part, memory, SumWindow);
  return absl::OkStatus();
}

absl::Status Run(const ConvTranspose& op, const Part& part,
                 const PartMemory& memory) {
  RunWindows(op, ChannelsOf(part.spec), false, part, memory, GatherSpread);
  return absl::OkStatus();
}

absl::Status Run(const FullyConnected& op, const Part& part,
                 const PartMemory& memory) {
  const PartSpec& spec = part.spec;
  const TensorType& x = spec.inputs[0];
  const TensorType& y = spec.outputs[0];
  const std::vector<Positions>& places = part.weights[0].positions;
  const float* weights = Weights(part, memory, 0);
  const size_t last = x.shape.size() - 1;
  for (int64_t row = spec.rows.first; row < spec.rows.first + spec.rows.count;
       ++row) {
    Index index{};
    int64_t rest = row;
    for (size_t d = last; d-- > 0; rest /= x.shape[d]) {
      index[d] = rest % x.shape[d];
    }
    const float* in = Input(memory, 0) + PositionOf(x, index);
    for (int64_t n = 0; n < spec.channels.count; ++n) {
      double sum = BiasOf(op.has_bias, part, memory, n);
      for (int64_t k = 0; k < x.shape[last]; ++k) {
        sum += static_cast<double>(in[k * x.strides[last]]) *
               weights[places[0][n] + places[1][k]];
      }
      Index at = index;
      at[last] = spec.channels.first + n;
      sum += ResidualOf(op.adds_residual, part, memory, at);
      Output(memory)[PositionOf(y, at)] = Activate(op.activation, sum);
    }
  }
  return absl::OkStatus();
}

absl::Status Run(const MatMul& op, const Part& part, const PartMemory& memory) {
  const TensorType& a = part.spec.inputs[0];
  const TensorType& b = part.spec.inputs[1];
  const TensorType& y = part.spec.outputs[0];
  const size_t rank = y.shape.size();
  const int64_t depth = a.shape.back();
  const int64_t a_step = a.strides.back();
  const int64_t b_step = b.strides[b.strides.size() - 2];
  ForEach(WholeOf(y.shape), [&](const Index& index) {
    const float* left = Input(memory, 0) + BatchPosition(a, y, index) +
                        index[rank - 2] * a.strides[a.strides.size() - 2];
    const float* right = Input(memory, 1) + BatchPosition(b, y, index) +
                         index[rank - 1] * b.strides.back();
    double sum = 0;
    for (int64_t k = 0; k < depth; ++k) {
      sum += static_cast<double>(left[k * a_step]) * right[k * b_step];
    }
    Output(memory)[PositionOf(y, index)] = op.scale * sum;
  });
  return absl::OkStatus();
}

}  // namespace layerd::reference
