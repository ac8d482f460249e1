#include "kernels/cuda/device.cuh"
#include "kernels/cuda/summed.cuh"

namespace layerd::cuda {
namespace {

__device__ WritableFloats ResultsFrom(const Operands& operands,
                                      const Index& index) {
  return {Result(operands, index).data, operands.y.is_half};
}

__global__ void SoftmaxKernel(Operands operands, SoftmaxArguments arguments) {
  for (int64_t i = FirstElement(); i < operands.count; i += ElementStep()) {
    const Index index = IndexOf(operands, i);
    const Floats x =
        FloatsOf(operands.x[0]) + PositionOf(operands, operands.x[0], index);
    const WritableFloats y = ResultsFrom(operands, index);
    float most = x[0];
    ForEachSummed(arguments, [&](int64_t from, int64_t) {
      most = x[from] > most ? x[from] : most;
    });
    float sum = 0;
    ForEachSummed(arguments,
                  [&](int64_t from, int64_t) { sum += expf(x[from] - most); });
    ForEachSummed(arguments, [&](int64_t from, int64_t to) {
      y[to] = expf(x[from] - most) / sum;
    });
  }
}

__global__ void LayerNormKernel(Operands operands,
                                LayerNormArguments arguments) {
  const SoftmaxArguments& over = arguments.over;
  const float count = static_cast<float>(over.count);
  for (int64_t i = FirstElement(); i < operands.count; i += ElementStep()) {
    const Index index = IndexOf(operands, i);
    const Floats x =
        FloatsOf(operands.x[0]) + PositionOf(operands, operands.x[0], index);
    const WritableFloats y = ResultsFrom(operands, index);
    float sum = 0;
    ForEachSummed(over, [&](int64_t from, int64_t) { sum += x[from]; });
    const float mean = arguments.keeps_mean ? 0 : sum / count;
    float squares = 0;
    ForEachSummed(over, [&](int64_t from, int64_t) {
      squares += (x[from] - mean) * (x[from] - mean);
    });
    const float factor = 1 / sqrtf(squares / count + arguments.epsilon);
    int64_t at = 0;
    ForEachSummed(over, [&](int64_t from, int64_t to) {
      float value = (x[from] - mean) * factor;
      if (arguments.has_scale) value *= FloatsOf(operands.x[1])[at];
      if (arguments.has_bias) value += FloatsOf(operands.x[2])[at];
      y[to] = value;
      ++at;
    });
  }
}

__global__ void LrnKernel(Operands operands, LrnArguments arguments) {
  const int64_t before = (arguments.size - 1) / 2;
  const int64_t after = arguments.size - 1 - before;
  for (int64_t i = FirstElement(); i < operands.count; i += ElementStep()) {
    const Index index = IndexOf(operands, i);
    const Operand& x = operands.x[0];
    const int64_t step = x.strides[1];
    const Floats channel = FloatsOf(x) + PositionOf(operands, x, index);
    const int64_t first = index.at[1] < before ? -index.at[1] : -before;
    const int64_t rest = arguments.channels - 1 - index.at[1];
    const int64_t last = after < rest ? after : rest;
    float sum = 0;
    for (int64_t c = first; c <= last; ++c) {
      sum += channel[c * step] * channel[c * step];
    }
    const float inside = arguments.k + arguments.alpha /
                                           static_cast<float>(arguments.size) *
                                           sum;
    Result(operands, index) = channel[0] / powf(inside, arguments.beta);
  }
}

}  // namespace

cudaError_t LaunchSoftmax(const Operands& operands,
                          const SoftmaxArguments& arguments,
                          cudaStream_t stream) {
  LAYERD_LAUNCH(SoftmaxKernel, operands, arguments, stream);
  return cudaPeekAtLastError();
}

cudaError_t LaunchLayerNorm(const Operands& operands,
                            const LayerNormArguments& arguments,
                            cudaStream_t stream) {
  LAYERD_LAUNCH(LayerNormKernel, operands, arguments, stream);
  return cudaPeekAtLastError();
}

cudaError_t LaunchLrn(const Operands& operands, const LrnArguments& arguments,
                      cudaStream_t stream) {
  LAYERD_LAUNCH(LrnKernel, operands, arguments, stream);
  return cudaPeekAtLastError();
}

}  // namespace layerd::cuda
