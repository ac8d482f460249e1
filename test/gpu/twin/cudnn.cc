// The part of cuDNN that the backend calls: the fused convolution in NHWC, its
// descriptors, and the questions of plan time. Everything is checked when the
// call is made, and descriptors are read then.
#include "cudnn.h"

#include <algorithm>
#include <cstring>
#include <mutex>

#include "absl/strings/str_cat.h"
#include "test/gpu/twin/half_host.h"
#include "test/gpu/twin/machine.h"

struct cudnnContext {
  cudaStream_t stream = nullptr;
};
struct cudnnTensorStruct {
  cudnnTensorFormat_t format = CUDNN_TENSOR_NCHW;
  cudnnDataType_t type = CUDNN_DATA_FLOAT;
  int64_t n = 0, c = 0, h = 0, w = 0;
  int64_t count() const { return n * c * h * w; }
};
struct cudnnFilterStruct {
  cudnnTensorFormat_t format = CUDNN_TENSOR_NCHW;
  cudnnDataType_t type = CUDNN_DATA_FLOAT;
  int64_t k = 0, c = 0, h = 0, w = 0;
  int64_t count() const { return k * c * h * w; }
};
struct cudnnConvolutionStruct {
  int64_t pad[2] = {}, stride[2] = {1, 1}, dilation[2] = {1, 1};
  int64_t groups = 1;
  cudnnMathType_t math = CUDNN_DEFAULT_MATH;
};
struct cudnnActivationStruct {
  cudnnActivationMode_t mode = CUDNN_ACTIVATION_IDENTITY;
  cudnnNanPropagation_t nan = CUDNN_PROPAGATE_NAN;
};

namespace layerd::twin {
namespace {

constexpr uintptr_t kAlignment = 16;
// Tensor cores take f16 in NHWC with whole runs of so many channels; the
// library pads them in NCHW alone.
constexpr int64_t kHalfChannels = 8;

// All that one convolution is, copied when the call is made.
struct Problem {
  cudnnTensorStruct x, y;
  cudnnFilterStruct w;
  cudnnConvolutionStruct conv;

  bool half() const { return x.type == CUDNN_DATA_HALF; }
  size_t element_bytes() const { return half() ? 2 : 4; }

  uint64_t Fingerprint() const {
    uint64_t hash = 17;
    for (const int64_t number :
         {x.n, x.c, x.h, x.w, y.c, y.h, y.w, w.k, w.c, w.h, w.w, conv.pad[0],
          conv.pad[1], conv.stride[0], conv.stride[1], conv.dilation[0],
          conv.dilation[1], conv.groups, int64_t{x.type}}) {
      hash = hash * 1000003 + static_cast<uint64_t>(number);
    }
    return hash;
  }

  int64_t Places(int d) const {
    const int64_t size = d == 0 ? x.h : x.w;
    const int64_t window = d == 0 ? w.h : w.w;
    return (size + 2 * conv.pad[d] - ((window - 1) * conv.dilation[d] + 1)) /
               conv.stride[d] +
           1;
  }

  // Nothing if it is sound; else what is not.
  const char* Flaw() const {
    if (x.format != CUDNN_TENSOR_NHWC || y.format != CUDNN_TENSOR_NHWC ||
        w.format != CUDNN_TENSOR_NHWC) {
      return "tensors that are not all NHWC";
    }
    if (x.type != y.type || x.type != w.type) return "types that differ";
    if (x.c != w.c * conv.groups || w.k % conv.groups != 0) {
      return "channels that do not fit";
    }
    if (y.n != x.n || y.c != w.k || y.h != Places(0) || y.w != Places(1)) {
      return "an output of another shape";
    }
    if (half() && conv.math != CUDNN_TENSOR_OP_MATH) {
      return "f16 without tensor cores";
    }
    if (half() && (x.c % kHalfChannels != 0 || y.c % kHalfChannels != 0)) {
      return "channels of f16 that are no multiple of 8";
    }
    if (!half() && conv.math != CUDNN_FMA_MATH) return "TF32 by default";
    return nullptr;
  }
};

Problem ProblemOf(cudnnTensorDescriptor_t x, cudnnFilterDescriptor_t w,
                  cudnnConvolutionDescriptor_t conv,
                  cudnnTensorDescriptor_t y) {
  return {*x, *y, *w, *conv};
}

// What the library offers for a problem: always the same for a seed.
struct Offer {
  bool supported;
  size_t workspace_bytes;
};

Offer OfferOf(Machine& machine, const Problem& problem, int algorithm) {
  const uint64_t fate = machine.Fate(problem.Fingerprint() * 31 +
                                     static_cast<uint64_t>(algorithm));
  Offer offer;
  offer.supported =
      algorithm <= CUDNN_CONVOLUTION_FWD_ALGO_GEMM &&
      static_cast<int>(fate % 100) >= machine.options().not_supported_percent;
  // One of them wants more than anybody gives.
  offer.workspace_bytes =
      fate / 100 % 7 == 0 ? size_t{1} << 30 : fate / 700 % 16 * 64;
  return offer;
}

void Convolve(const Problem& p, const void* x, const void* w, const void* bias,
              const void* z, float of_z, bool relu, bool backwards, void* y) {
  const bool half = p.half();
  const std::vector<float> xs = FloatsOf(x, p.x.count(), half);
  const std::vector<float> ws = FloatsOf(w, p.w.count(), half);
  const int64_t outputs = p.w.k / p.conv.groups;
  int64_t at = 0;
  for (int64_t n = 0; n < p.y.n; ++n) {
    for (int64_t h = 0; h < p.y.h; ++h) {
      for (int64_t v = 0; v < p.y.w; ++v) {
        for (int64_t k = 0; k < p.y.c; ++k, ++at) {
          float sum = 0;
          const int64_t first = k / outputs * p.w.c;
          for (int64_t step = 0; step < p.w.h * p.w.w; ++step) {
            const int64_t i = backwards ? p.w.h * p.w.w - 1 - step : step;
            const int64_t r = i / p.w.w, s = i % p.w.w;
            const int64_t row =
                h * p.conv.stride[0] - p.conv.pad[0] + r * p.conv.dilation[0];
            const int64_t column =
                v * p.conv.stride[1] - p.conv.pad[1] + s * p.conv.dilation[1];
            if (row < 0 || row >= p.x.h || column < 0 || column >= p.x.w) {
              continue;
            }
            sum += Dot(
                &xs[((n * p.x.h + row) * p.x.w + column) * p.x.c + first],
                &ws[((k * p.w.h + r) * p.w.w + s) * p.w.c], p.w.c, backwards);
          }
          if (of_z != 0) sum += of_z * FloatAt(z, at, half);
          sum += FloatAt(bias, k, half);
          SetFloat(y, at, half, relu && !(sum > 0) ? 0 : sum);
        }
      }
    }
  }
}

template <typename Descriptor>
cudnnStatus_t Create(Descriptor** descriptor) {
  *descriptor = new Descriptor();
  return CUDNN_STATUS_SUCCESS;
}
template <typename Descriptor>
cudnnStatus_t Destroy(Descriptor* descriptor) {
  delete descriptor;
  return CUDNN_STATUS_SUCCESS;
}

}  // namespace
}  // namespace layerd::twin

using layerd::twin::Call;
using layerd::twin::Machine;
using layerd::twin::Problem;
using layerd::twin::Touch;

extern "C" {

const char* CUDNNWINAPI cudnnGetErrorString(cudnnStatus_t status) {
  return status == CUDNN_STATUS_NOT_SUPPORTED ? "not supported"
                                              : "an error of the twin";
}

size_t CUDNNWINAPI cudnnGetVersion() { return CUDNN_VERSION; }

cudnnStatus_t CUDNNWINAPI cudnnCreate(cudnnHandle_t* handle) {
  return layerd::twin::Create(handle);
}
cudnnStatus_t CUDNNWINAPI cudnnDestroy(cudnnHandle_t handle) {
  return layerd::twin::Destroy(handle);
}
cudnnStatus_t CUDNNWINAPI cudnnSetStream(cudnnHandle_t handle,
                                         cudaStream_t stream) {
  handle->stream = stream;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t CUDNNWINAPI
cudnnCreateTensorDescriptor(cudnnTensorDescriptor_t* tensor) {
  return layerd::twin::Create(tensor);
}
cudnnStatus_t CUDNNWINAPI
cudnnDestroyTensorDescriptor(cudnnTensorDescriptor_t tensor) {
  return layerd::twin::Destroy(tensor);
}
cudnnStatus_t CUDNNWINAPI cudnnSetTensor4dDescriptor(
    cudnnTensorDescriptor_t tensor, cudnnTensorFormat_t format,
    cudnnDataType_t type, int n, int c, int h, int w) {
  if (n < 1 || c < 1 || h < 1 || w < 1) return CUDNN_STATUS_BAD_PARAM;
  *tensor = {format, type, n, c, h, w};
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t CUDNNWINAPI
cudnnCreateFilterDescriptor(cudnnFilterDescriptor_t* filter) {
  return layerd::twin::Create(filter);
}
cudnnStatus_t CUDNNWINAPI
cudnnDestroyFilterDescriptor(cudnnFilterDescriptor_t filter) {
  return layerd::twin::Destroy(filter);
}
cudnnStatus_t CUDNNWINAPI cudnnSetFilter4dDescriptor(
    cudnnFilterDescriptor_t filter, cudnnDataType_t type,
    cudnnTensorFormat_t format, int k, int c, int h, int w) {
  if (k < 1 || c < 1 || h < 1 || w < 1) return CUDNN_STATUS_BAD_PARAM;
  *filter = {format, type, k, c, h, w};
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t CUDNNWINAPI
cudnnCreateConvolutionDescriptor(cudnnConvolutionDescriptor_t* convolution) {
  return layerd::twin::Create(convolution);
}
cudnnStatus_t CUDNNWINAPI
cudnnDestroyConvolutionDescriptor(cudnnConvolutionDescriptor_t convolution) {
  return layerd::twin::Destroy(convolution);
}
cudnnStatus_t CUDNNWINAPI cudnnSetConvolution2dDescriptor(
    cudnnConvolutionDescriptor_t convolution, int pad_h, int pad_w, int u,
    int v, int dilation_h, int dilation_w, cudnnConvolutionMode_t mode,
    cudnnDataType_t compute) {
  if (mode != CUDNN_CROSS_CORRELATION || compute != CUDNN_DATA_FLOAT ||
      pad_h < 0 || pad_w < 0 || u < 1 || v < 1 || dilation_h < 1 ||
      dilation_w < 1) {
    return CUDNN_STATUS_BAD_PARAM;
  }
  convolution->pad[0] = pad_h;
  convolution->pad[1] = pad_w;
  convolution->stride[0] = u;
  convolution->stride[1] = v;
  convolution->dilation[0] = dilation_h;
  convolution->dilation[1] = dilation_w;
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t CUDNNWINAPI cudnnSetConvolutionGroupCount(
    cudnnConvolutionDescriptor_t convolution, int groups) {
  convolution->groups = groups;
  return groups < 1 ? CUDNN_STATUS_BAD_PARAM : CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t CUDNNWINAPI cudnnSetConvolutionMathType(
    cudnnConvolutionDescriptor_t convolution, cudnnMathType_t math) {
  Machine& machine = Machine::Get();
  const std::lock_guard lock(machine.mutex());
  Call call{.name = "cudnnSetConvolutionMathType",
            .bytes = static_cast<size_t>(math)};
  machine.Admit(call);
  convolution->math = static_cast<cudnnMathType_t>(call.bytes);
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t CUDNNWINAPI
cudnnCreateActivationDescriptor(cudnnActivationDescriptor_t* activation) {
  return layerd::twin::Create(activation);
}
cudnnStatus_t CUDNNWINAPI
cudnnDestroyActivationDescriptor(cudnnActivationDescriptor_t activation) {
  return layerd::twin::Destroy(activation);
}
cudnnStatus_t CUDNNWINAPI cudnnSetActivationDescriptor(
    cudnnActivationDescriptor_t activation, cudnnActivationMode_t mode,
    cudnnNanPropagation_t nan, double) {
  activation->mode = mode;
  activation->nan = nan;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t CUDNNWINAPI cudnnGetConvolutionForwardAlgorithm_v7(
    cudnnHandle_t, const cudnnTensorDescriptor_t x,
    const cudnnFilterDescriptor_t w,
    const cudnnConvolutionDescriptor_t convolution,
    const cudnnTensorDescriptor_t y, const int wanted, int* returned,
    cudnnConvolutionFwdAlgoPerf_t* found) {
  Machine& machine = Machine::Get();
  const std::lock_guard lock(machine.mutex());
  const Problem problem = layerd::twin::ProblemOf(x, w, convolution, y);
  if (const char* flaw = problem.Flaw()) {
    machine.Alarm(absl::StrCat("a plan for ", flaw));
    return CUDNN_STATUS_BAD_PARAM;
  }
  // In any order, but the same each time it is asked.
  const uint64_t shift = machine.Fate(problem.Fingerprint());
  *returned = 0;
  for (int i = 0; i < CUDNN_CONVOLUTION_FWD_ALGO_COUNT && i < wanted; ++i) {
    const int algorithm = static_cast<int>((shift + static_cast<uint64_t>(i)) %
                                           CUDNN_CONVOLUTION_FWD_ALGO_COUNT);
    const auto offer = layerd::twin::OfferOf(machine, problem, algorithm);
    cudnnConvolutionFwdAlgoPerf_t& one = found[(*returned)++];
    one = {};
    one.algo = static_cast<cudnnConvolutionFwdAlgo_t>(algorithm);
    one.status =
        offer.supported ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_NOT_SUPPORTED;
    one.memory = offer.workspace_bytes;
    // One of them gives other bits each time.
    one.determinism = shift / 11 % 5 == static_cast<uint64_t>(algorithm)
                          ? CUDNN_NON_DETERMINISTIC
                          : CUDNN_DETERMINISTIC;
    one.mathType = convolution->math;
  }
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t CUDNNWINAPI cudnnGetConvolutionForwardWorkspaceSize(
    cudnnHandle_t, const cudnnTensorDescriptor_t x,
    const cudnnFilterDescriptor_t w,
    const cudnnConvolutionDescriptor_t convolution,
    const cudnnTensorDescriptor_t y, cudnnConvolutionFwdAlgo_t algorithm,
    size_t* bytes) {
  Machine& machine = Machine::Get();
  const std::lock_guard lock(machine.mutex());
  const Problem problem = layerd::twin::ProblemOf(x, w, convolution, y);
  const auto offer = layerd::twin::OfferOf(machine, problem, algorithm);
  *bytes = offer.workspace_bytes;
  return offer.supported ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_NOT_SUPPORTED;
}

cudnnStatus_t CUDNNWINAPI cudnnConvolutionBiasActivationForward(
    cudnnHandle_t handle, const void* alpha1, const cudnnTensorDescriptor_t xd,
    const void* x, const cudnnFilterDescriptor_t wd, const void* w,
    const cudnnConvolutionDescriptor_t convolution,
    cudnnConvolutionFwdAlgo_t algorithm, void* workspace,
    size_t workspace_bytes, const void* alpha2,
    const cudnnTensorDescriptor_t zd, const void* z,
    const cudnnTensorDescriptor_t bd, const void* bias,
    const cudnnActivationDescriptor_t activation,
    const cudnnTensorDescriptor_t yd, void* y) {
  Machine& machine = Machine::Get();
  const std::lock_guard lock(machine.mutex());
  Call call{
      .name = "cudnnConvolutionBiasActivationForward",
      .stream = handle->stream,
      .pointers = {y, const_cast<void*>(x), const_cast<void*>(w),
                   const_cast<void*>(z), const_cast<void*>(bias), workspace},
      .descriptor = convolution,
      .bytes = workspace_bytes};
  if (!machine.Admit(call)) return CUDNN_STATUS_SUCCESS;
  const Problem problem = layerd::twin::ProblemOf(
      xd, wd, static_cast<cudnnConvolutionDescriptor_t>(call.descriptor), yd);
  const float of_x = *static_cast<const float*>(alpha1);
  const float of_z = *static_cast<const float*>(alpha2);
  const bool relu = activation->mode == CUDNN_ACTIVATION_RELU;
  const auto wrong = [&](const char* what) {
    machine.Alarm(absl::StrCat("convolution: ", what));
    return CUDNN_STATUS_BAD_PARAM;
  };
  if (const char* flaw = problem.Flaw()) return wrong(flaw);
  if (of_x != 1) return wrong("a factor that is not 1");
  if (!relu && activation->mode != CUDNN_ACTIVATION_IDENTITY) {
    return wrong("an activation that the fused call does not know");
  }
  if (activation->nan != CUDNN_NOT_PROPAGATE_NAN) {
    return wrong("an activation that keeps NaN");
  }
  if (!relu && algorithm != CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM) {
    return wrong("no activation with an algorithm that needs one");
  }
  if (bd->n != 1 || bd->h != 1 || bd->w != 1 || bd->c != problem.y.c ||
      bd->type != problem.y.type || zd->count() != problem.y.count()) {
    return wrong("a bias or residual of another shape");
  }
  const auto offer = layerd::twin::OfferOf(machine, problem, algorithm);
  if (!offer.supported) return wrong("an algorithm that was not offered");
  if (call.bytes < offer.workspace_bytes) return wrong("too small a workspace");
  const size_t size = problem.element_bytes();
  std::vector<Touch> touches = {
      {call.pointers[0], problem.y.count() * size, true},
      {call.pointers[1], problem.x.count() * size, false},
      {call.pointers[2], problem.w.count() * size, false},
      {call.pointers[4], static_cast<size_t>(problem.y.c) * size, false}};
  if (of_z != 0) {
    touches.push_back({call.pointers[3], problem.y.count() * size, false});
  }
  if (offer.workspace_bytes > 0) {
    touches.push_back({call.pointers[5], offer.workspace_bytes, true});
  }
  for (const Touch& touch : touches) {
    if (reinterpret_cast<uintptr_t>(touch.begin) % layerd::twin::kAlignment !=
        0) {
      return wrong("a tensor off 16 bytes");
    }
    if (!machine.IsDeviceVisible(touch.begin, touch.bytes)) {
      return wrong("memory that is not the device's");
    }
  }
  ++machine.counters().convolutions;
  machine.Enqueue(call.stream, "a convolution", touches,
                  [=, at = call, needed = offer.workspace_bytes] {
                    if (needed > 0) std::memset(at.pointers[5], 0xff, needed);
                    layerd::twin::Convolve(problem, at.pointers[1],
                                           at.pointers[2], at.pointers[4],
                                           at.pointers[3], of_z, relu,
                                           algorithm % 2 == 1, at.pointers[0]);
                  });
  return CUDNN_STATUS_SUCCESS;
}

}  // extern "C"
