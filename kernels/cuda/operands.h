#ifndef LAYERD_KERNELS_CUDA_OPERANDS_H_
#define LAYERD_KERNELS_CUDA_OPERANDS_H_

#include <cstdint>

#include "cuda_runtime_api.h"

// What our own kernels are told: plain numbers, copied to the device with the
// launch. Read by C++17 (.cu files, CUDA 12) and C++20.
namespace layerd::cuda {

constexpr int kDimensionsMax = 8;
constexpr int kInputsMax = 4;

// One tensor: the address of its first element, and how far it reaches. The
// reach is for who watches memory, on the twin; kernels go by the strides.
struct Operand {
  void* data = nullptr;
  int64_t span_bytes = 0;
  int64_t strides[kDimensionsMax] = {};  // In elements; zero broadcasts.
  int is_half = 0;                       // Floats are f16, not f32.
};

// One element of y for each index below `shape`; inputs are indexed alike.
struct Operands {
  int rank = 0;
  int64_t shape[kDimensionsMax] = {};
  int64_t first = 0;  // Elements of the shape that are somebody else's,
  int64_t count = 0;  // and those that follow.
  Operand y;
  Operand x[kInputsMax];  // Those without data are not there.
  Operand fault;          // A word for a Fault; where the data can be wrong.
};

// What the data of one job asks for and cannot be.
enum class Fault : int32_t { kNone, kIndexOutside, kDivisionByZero };

// The number of ActivationKind.
struct ActivationArguments {
  int kind = 0;
  float alpha = 0, beta = 0;
};

enum class Combination {
  kFirst,
  kAdd,
  kSub,
  kMul,
  kDiv,
  kPow,
  kMax,
  kMin,
  kPRelu,
  kMod,
  kScaleShift,
};

// y = activation(x0), (x0 op x1), or (x0 * x1 + x2).
struct ElementwiseArguments {
  Combination combination = Combination::kFirst;
  ActivationArguments activation;
};

// Integers and truths: x0 and x1 are of type `of`, a number of DataType.
struct TypedArguments {
  int of = 0;
  int kind = 0;   // Of Binary::Kind, or of ActivationKind.
  int unary = 0;  // There is no x1.
  int divides = 0;
};

// y = x0 (of bool) ? x1 : x2, all of type `of`.
struct SelectArguments {
  int of = 0;
};

// x0 is indexed without the dimension that is looked up; its places lie `step`
// apart, and x1 says which one.
struct GatherArguments {
  int of = 0, of_indices = 0;
  int64_t length = 0, step = 0;
};

// Taps (kernels/resize_taps.h) are words in x1: for each dimension that is
// resized the number of its first tap for each element of y and one more, and
// for each tap a place in x0 and a weight. x0 is indexed without those
// dimensions.
struct ResizeArguments {
  int64_t firsts[kDimensionsMax] = {};  // Words from the start; -1: as it is.
  int64_t taps[kDimensionsMax] = {};
  float extrapolation_value = 0;
};

// y = x0, moved and padded: element i of dimension d comes from i - begin[d].
// Outside of [first, last] there is `value`, a mirror, or the edge.
struct MoveArguments {
  int from = 0, to = 0;  // Numbers of DataType.
  int mode = 0;          // Of Pad::Mode.
  float value = 0;       // Written where nothing comes from.
  int64_t begin[kDimensionsMax] = {};
  int64_t first[kDimensionsMax] = {};
  int64_t last[kDimensionsMax] = {};
};

// Windows over up to three dimensions; missing ones are of size 1.
struct WindowArguments {
  int64_t kernel[3] = {1, 1, 1};
  int64_t stride[3] = {1, 1, 1};
  int64_t dilation[3] = {1, 1, 1};
  int64_t pad_begin[3] = {};
  int64_t pad_end[3] = {};
  int64_t size[3] = {1, 1, 1};  // Of x.
  int64_t x_stride[3] = {};
  int64_t w_stride[3] = {};  // Of the weights; unused by pools.
};

struct PoolArguments {
  WindowArguments window;
  float lowest = 0;  // Of y's type: the largest of no elements.
  int is_max = 0;
  int count_include_pad = 0;
};

// y[n, c, ...] = activation(sum + x1[c] + x2[n, c, ...]): plain loops for what
// cuDNN does not take. x0 is indexed without its channels and windows; x3 are
// the weights.
struct ConvolutionArguments {
  WindowArguments window;
  int64_t channel_first = 0;
  int64_t outputs_of_group = 1, inputs_of_group = 1;
  int64_t x_channel_stride = 0;
  int64_t w_output_stride = 0, w_input_stride = 0;
  int has_bias = 0, adds_residual = 0;
  ActivationArguments activation;
};

// y[..., m, n] = activation(scale * sum_k x0 * x1 + x2 + x3[n]).
struct ProductArguments {
  int64_t depth = 0;
  int64_t a_step = 0, b_step = 0;  // Along k.
  float scale = 1;
  int has_bias = 0, adds_residual = 0;
  ActivationArguments activation;
};

// Over the dimensions that `summed` marks, together. One thread a sum: y and
// x0 are indexed with those dimensions at 0.
struct SoftmaxArguments {
  int rank = 0;
  int64_t shape[kDimensionsMax] = {};
  int64_t count = 0;
  int64_t x_strides[kDimensionsMax] = {};
  int64_t y_strides[kDimensionsMax] = {};
};

// Weights as they are stored (`from`, a number of DataType) to floats, times x1
// if there is one: a scale for each output channel.
struct DecodeArguments {
  int from = 0;
  int has_scales = 0;
};

// y is one number for each sum, of type `of` (floats or I64) or a place.
struct ReduceArguments {
  SoftmaxArguments over;
  int kind = 0;  // Of Reduce::Kind.
  int of = 0;
  int selects_last = 0;
};

// As SoftmaxArguments; the strides of scale (x1) and bias (x2) are dense.
struct LayerNormArguments {
  SoftmaxArguments over;
  float epsilon = 0;
  int has_scale = 0, has_bias = 0, keeps_mean = 0;
};

struct LrnArguments {
  int64_t size = 1;
  float alpha = 0, beta = 0, k = 1;
  int64_t channels = 1;
};

// Whether the kernels are there for the device in use, which costs no launch.
cudaError_t FindDeviceCode();

// Queue one kernel each; what cudaPeekAtLastError() says.
cudaError_t LaunchElementwise(const Operands& operands,
                              const ElementwiseArguments& arguments,
                              cudaStream_t stream);
cudaError_t LaunchTyped(const Operands& operands,
                        const TypedArguments& arguments, cudaStream_t stream);
cudaError_t LaunchSelect(const Operands& operands,
                         const SelectArguments& arguments, cudaStream_t stream);
cudaError_t LaunchGather(const Operands& operands,
                         const GatherArguments& arguments, cudaStream_t stream);
cudaError_t LaunchResize(const Operands& operands,
                         const ResizeArguments& arguments, cudaStream_t stream);
cudaError_t LaunchReduce(const Operands& operands,
                         const ReduceArguments& arguments, cudaStream_t stream);
cudaError_t LaunchMove(const Operands& operands, const MoveArguments& arguments,
                       cudaStream_t stream);
cudaError_t LaunchDecode(const Operands& operands,
                         const DecodeArguments& arguments, cudaStream_t stream);
cudaError_t LaunchPool(const Operands& operands, const PoolArguments& arguments,
                       cudaStream_t stream);
cudaError_t LaunchConvolution(const Operands& operands,
                              const ConvolutionArguments& arguments,
                              cudaStream_t stream);
cudaError_t LaunchConvTranspose(const Operands& operands,
                                const ConvolutionArguments& arguments,
                                cudaStream_t stream);
cudaError_t LaunchProduct(const Operands& operands,
                          const ProductArguments& arguments,
                          cudaStream_t stream);
cudaError_t LaunchSoftmax(const Operands& operands,
                          const SoftmaxArguments& arguments,
                          cudaStream_t stream);
cudaError_t LaunchLayerNorm(const Operands& operands,
                            const LayerNormArguments& arguments,
                            cudaStream_t stream);
cudaError_t LaunchLrn(const Operands& operands, const LrnArguments& arguments,
                      cudaStream_t stream);

}  // namespace layerd::cuda

#endif  // LAYERD_KERNELS_CUDA_OPERANDS_H_
