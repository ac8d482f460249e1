// Convolutions through cuDNN's fused call: y = act(conv(x, w) + z + bias), all
// in dense NHWC. What lies otherwise is moved through scratch.
#include <algorithm>
#include <optional>

#include "config/status_macros.h"
#include "kernels/cuda/cuda_kernel.h"
#include "kernels/cuda/slice.h"
#include "kernels/cuda/staged.h"
#include "kernels/cuda/status.h"

namespace layerd::cuda {
namespace {

using Sizes = std::vector<int64_t>;

constexpr uint32_t kCudnnAlignment = 16;
constexpr size_t kWorkspaceBytesMax = kConvolutionWorkspaceBytesMax;

// One part as a convolution of its own, with two windowed dimensions.
struct Geometry {
  Slice x, y, residual;
  Slice weights;  // As they are stored.
  Sizes kernel;   // [O, I / groups, rows, columns], of this part.
  Sizes strides, dilations, pads_begin;
  int64_t groups = 1;
};

void CutChannels(const Convolution& op, const PartSpec& spec, Geometry* part) {
  const int64_t outputs = spec.outputs[0].shape[1] / op.groups;
  const int64_t inputs = spec.inputs[0].shape[1] / op.groups;
  part->y.Cut(1, spec.channels);
  if (op.adds_residual) part->residual.Cut(1, spec.channels);
  if (op.groups == 1) return;
  part->groups = spec.channels.count / outputs;
  part->x.Cut(1,
              {spec.channels.first / outputs * inputs, part->groups * inputs});
}

// Output rows need a range of input rows, and padding only where that range
// hangs over the picture.
absl::Status CutRows(const Convolution& op, const PartSpec& spec,
                     Geometry* part) {
  if (spec.rows.count == part->y.shape[2]) return absl::OkStatus();
  const int64_t reach = (part->kernel[2] - 1) * op.dilations[0];
  const int64_t begin = spec.rows.first * op.strides[0] - op.pads_begin[0];
  const int64_t end = begin + (spec.rows.count - 1) * op.strides[0] + reach + 1;
  const int64_t first = std::max<int64_t>(begin, 0);
  const int64_t last = std::min(end, part->x.shape[2]) - 1;
  if (last < first) {
    return absl::UnimplementedError("rows that see nothing but padding");
  }
  part->pads_begin[0] = first - begin;
  part->x.Cut(2, {first, last - first + 1});
  part->y.Cut(2, spec.rows);
  if (op.adds_residual) part->residual.Cut(2, spec.rows);
  return absl::OkStatus();
}

void Widen(Geometry* part) {
  part->x.Widen(2);
  part->y.Widen(2);
  if (!part->residual.shape.empty()) part->residual.Widen(2);
  part->weights.Widen(part->weights.shape.size() - 1);
  part->kernel.insert(part->kernel.begin() + 2, 1);
  part->strides.insert(part->strides.begin(), 1);
  part->dilations.insert(part->dilations.begin(), 1);
  part->pads_begin.insert(part->pads_begin.begin(), 0);
}

absl::StatusOr<Geometry> GeometryOf(const Convolution& op,
                                    const PartSpec& spec) {
  const size_t spatial = op.strides.size();
  if (spatial > 2) return absl::UnimplementedError("three dimensions");
  if (op.kernel_is_input) return absl::UnimplementedError("a computed kernel");
  Geometry part;
  part.x = Slice::Of(spec.inputs[0]);
  part.y = Slice::Of(spec.outputs[0]);
  if (op.adds_residual) part.residual = Slice::Of(spec.inputs[1]);
  const Sizes& weights = spec.weights[0].layout.shape;
  part.weights = {weights, spec.weights[0].layout.strides, 0};
  part.kernel = {spec.channels.count, weights[weights.size() - spatial - 1]};
  part.kernel.insert(part.kernel.end(), weights.end() - spatial, weights.end());
  part.strides = op.strides;
  part.dilations = op.dilations;
  part.pads_begin = op.pads_begin;
  CutChannels(op, spec, &part);
  RETURN_IF_ERROR(CutRows(op, spec, &part));
  if (spatial == 1) Widen(&part);
  return part;
}

bool IsWholeRuns(int64_t channels) { return channels % kHalfChannels == 0; }

// `shape` with channels that tensor cores take.
Sizes WithWholeRuns(Sizes shape) {
  shape[1] = InWholeRuns(shape[1]);
  return shape;
}

absl::Status CheckChannels(const Convolution& op, const Geometry& part) {
  if (op.groups == 1) return absl::OkStatus();
  if (IsWholeRuns(part.x.shape[1]) && IsWholeRuns(part.y.shape[1])) {
    return absl::OkStatus();
  }
  return absl::UnimplementedError("groups of f16 that are no whole runs");
}

// What the windows of y reach over, from where the padding begins.
int64_t ReachOf(const Geometry& part, size_t d) {
  return (part.y.shape[2 + d] - 1) * part.strides[d] +
         (part.kernel[2 + d] - 1) * part.dilations[d] + 1;
}

// The library pads both sides alike; that is right if it then counts as many
// windows as there are.
bool PadsAreSymmetric(const Geometry& part) {
  for (size_t d = 0; d < 2; ++d) {
    const int64_t padded = part.x.shape[2 + d] + 2 * part.pads_begin[d];
    const int64_t window = (part.kernel[2 + d] - 1) * part.dilations[d] + 1;
    if ((padded - window) / part.strides[d] + 1 != part.y.shape[2 + d]) {
      return false;
    }
  }
  return true;
}

class CudnnConvolution final : public CudaKernel {
 public:
  CudnnConvolution(const Convolution& op, const PartSpec& spec,
                   const Geometry& part)
      : CudaKernel(spec),
        part_(part),
        op_(op),
        type_(spec.inputs[0].dtype),
        x_shape_(Padded(part.x.shape)),
        y_shape_(Padded(part.y.shape)),
        bias_offset_(op.has_bias ? spec.weights[1].offset_bytes : 0),
        weights_offset_(spec.weights[0].offset_bytes) {
    StageInput(spec);
    if (y_shape_ != part_.y.shape || NeedsStaging(spec, part_.y)) {
      y_staged_ = Stage(y_shape_, part_.y);
      DescribeMove(ComputedOutput(), type_, part_.y, type_, {},
                   &y_staged_->operands, &y_staged_->arguments);
    }
    if (op.adds_residual &&
        (y_shape_ != part_.y.shape || NeedsStaging(spec, part_.residual))) {
      residual_staged_ = Stage(y_shape_, part_.residual);
    }
    StageWeights();
  }

  absl::Status Plan(const Device& device);
  absl::Status Launch(const Device& device,
                      const DeviceMemory& memory) override;
  const char* implementation() const override { return "cudnn"; }

 private:
  bool is_half() const { return type_ == DataType::kF16; }
  bool fuses_activation() const {
    return op_.activation.kind == ActivationKind::kRelu;
  }
  bool has_late_activation() const {
    return !fuses_activation() && op_.activation.kind != ActivationKind::kNone;
  }

  bool NeedsStaging(const PartSpec& spec, const Slice& slice) const {
    return !slice.IsDense() ||
           AlignmentOf(spec, slice, type_) < kCudnnAlignment;
  }

  // Of groups only those come here that need no more channels.
  Sizes Padded(const Sizes& shape) const {
    return is_half() && op_.groups == 1 ? WithWholeRuns(shape) : shape;
  }
  // The channels that are there, of what the library writes.
  Slice ComputedOutput() const {
    Slice computed = Slice::Dense(y_shape_);
    computed.Cut(1, {0, part_.y.shape[1]});
    return computed;
  }

  // `from` in scratch, dense in `shape`: zeros behind it and `before` it.
  Staged Stage(const Sizes& shape, const Slice& from,
               const Sizes& before = {}) {
    const Slice dense = Slice::Dense(shape);
    Staged staged;
    staged.scratch_offset = TakeScratch(dense.count() * SizeOf(type_));
    DescribeMove(from, type_, dense, type_, before, &staged.operands,
                 &staged.arguments);
    return staged;
  }

  void StageInput(const PartSpec& spec) {
    const bool pads = !PadsAreSymmetric(part_);
    if (!pads && x_shape_ == part_.x.shape && !NeedsStaging(spec, part_.x)) {
      return;
    }
    Sizes before(4, 0);
    if (pads) {
      for (size_t d = 0; d < 2; ++d) {
        x_shape_[2 + d] = ReachOf(part_, d);
        before[2 + d] = part_.pads_begin[d];
        part_.pads_begin[d] = 0;
      }
    }
    x_staged_ = Stage(x_shape_, part_.x, before);
  }

  void StageWeights() {
    const int64_t channels = part_.kernel[0];
    part_.kernel = {y_shape_[1], x_shape_[1] / part_.groups, part_.kernel[2],
                    part_.kernel[3]};
    if (op_.groups > 1 || part_.kernel == part_.weights.shape) return;
    weights_staged_ = Stage(part_.kernel, part_.weights);
    if (!op_.has_bias) return;
    bias_staged_ = Stage({1, y_shape_[1], 1, 1},
                         {{1, channels, 1, 1}, {channels, 1, 1, 1}, 0});
  }

  absl::Status Describe();
  absl::Status ChooseAlgorithm(cudnnHandle_t cudnn);
  absl::StatusOr<void*> Staging(const std::optional<Staged>& staged,
                                void* in_place, std::byte* scratch,
                                cudaStream_t stream) const;
  absl::Status Finish(void* computed, void* y, cudaStream_t stream) const;

  Geometry part_;
  const Convolution op_;
  const DataType type_;      // Of all tensors and weights.
  Sizes x_shape_, y_shape_;  // As the library sees them.
  const size_t bias_offset_, weights_offset_;
  std::optional<Staged> x_staged_, y_staged_, residual_staged_;
  std::optional<Staged> weights_staged_, bias_staged_;

  UniqueTensor x_, y_, bias_;
  UniqueFilter kernel_;
  UniqueConvolution convolution_;
  UniqueActivation activation_;
  cudnnConvolutionFwdAlgo_t algorithm_{};
  size_t workspace_offset_ = 0, workspace_bytes_ = 0;
};

template <typename Descriptor, typename Create>
absl::Status CreateDescriptor(Create create, Descriptor* descriptor) {
  typename Descriptor::pointer raw = nullptr;
  RETURN_IF_ERROR(FromCudnn(create(&raw), "a cuDNN descriptor"));
  descriptor->reset(raw);
  return absl::OkStatus();
}

absl::Status SetTensor(const Sizes& shape, cudnnDataType_t type,
                       UniqueTensor* tensor) {
  RETURN_IF_ERROR(CreateDescriptor(cudnnCreateTensorDescriptor, tensor));
  return FromCudnn(cudnnSetTensor4dDescriptor(
                       tensor->get(), CUDNN_TENSOR_NHWC, type,
                       static_cast<int>(shape[0]), static_cast<int>(shape[1]),
                       static_cast<int>(shape[2]), static_cast<int>(shape[3])),
                   "cudnnSetTensor4dDescriptor");
}

absl::Status CudnnConvolution::Describe() {
  const cudnnDataType_t type = is_half() ? CUDNN_DATA_HALF : CUDNN_DATA_FLOAT;
  const auto number = [](int64_t value) { return static_cast<int>(value); };
  RETURN_IF_ERROR(SetTensor(x_shape_, type, &x_));
  RETURN_IF_ERROR(SetTensor(y_shape_, type, &y_));
  RETURN_IF_ERROR(SetTensor({1, y_shape_[1], 1, 1}, type, &bias_));
  RETURN_IF_ERROR(CreateDescriptor(cudnnCreateFilterDescriptor, &kernel_));
  RETURN_IF_ERROR(
      FromCudnn(cudnnSetFilter4dDescriptor(
                    kernel_.get(), type, CUDNN_TENSOR_NHWC,
                    number(part_.kernel[0]), number(part_.kernel[1]),
                    number(part_.kernel[2]), number(part_.kernel[3])),
                "cudnnSetFilter4dDescriptor"));
  RETURN_IF_ERROR(
      CreateDescriptor(cudnnCreateConvolutionDescriptor, &convolution_));
  RETURN_IF_ERROR(
      FromCudnn(cudnnSetConvolution2dDescriptor(
                    convolution_.get(), number(part_.pads_begin[0]),
                    number(part_.pads_begin[1]), number(part_.strides[0]),
                    number(part_.strides[1]), number(part_.dilations[0]),
                    number(part_.dilations[1]), CUDNN_CROSS_CORRELATION,
                    CUDNN_DATA_FLOAT),
                "cudnnSetConvolution2dDescriptor"));
  RETURN_IF_ERROR(FromCudnn(
      cudnnSetConvolutionGroupCount(convolution_.get(), number(part_.groups)),
      "cudnnSetConvolutionGroupCount"));
  // FMA: no TF32 behind anybody's back.
  RETURN_IF_ERROR(FromCudnn(
      cudnnSetConvolutionMathType(convolution_.get(), is_half()
                                                          ? CUDNN_TENSOR_OP_MATH
                                                          : CUDNN_FMA_MATH),
      "cudnnSetConvolutionMathType"));
  RETURN_IF_ERROR(
      CreateDescriptor(cudnnCreateActivationDescriptor, &activation_));
  // The fused call takes no other word about NaN.
  return FromCudnn(cudnnSetActivationDescriptor(activation_.get(),
                                                fuses_activation()
                                                    ? CUDNN_ACTIVATION_RELU
                                                    : CUDNN_ACTIVATION_IDENTITY,
                                                CUDNN_NOT_PROPAGATE_NAN, 0),
                   "cudnnSetActivationDescriptor");
}

// The first of the library's list that gives the same bits each time and needs
// little memory. Without an activation the fused call knows one algorithm.
absl::Status CudnnConvolution::ChooseAlgorithm(cudnnHandle_t cudnn) {
  cudnnConvolutionFwdAlgoPerf_t found[CUDNN_CONVOLUTION_FWD_ALGO_COUNT];
  int count = 0;
  RETURN_IF_ERROR(
      FromCudnn(cudnnGetConvolutionForwardAlgorithm_v7(
                    cudnn, x_.get(), kernel_.get(), convolution_.get(),
                    y_.get(), CUDNN_CONVOLUTION_FWD_ALGO_COUNT, &count, found),
                "cudnnGetConvolutionForwardAlgorithm_v7"));
  for (int i = 0; i < count; ++i) {
    const cudnnConvolutionFwdAlgoPerf_t& one = found[i];
    if (one.status != CUDNN_STATUS_SUCCESS ||
        one.determinism != CUDNN_DETERMINISTIC ||
        one.memory > kWorkspaceBytesMax) {
      continue;
    }
    if (!is_half() && one.mathType != CUDNN_FMA_MATH) continue;
    if (!fuses_activation() &&
        one.algo != CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM) {
      continue;
    }
    size_t bytes = 0;
    const absl::Status status =
        FromCudnn(cudnnGetConvolutionForwardWorkspaceSize(
                      cudnn, x_.get(), kernel_.get(), convolution_.get(),
                      y_.get(), one.algo, &bytes),
                  "cudnnGetConvolutionForwardWorkspaceSize");
    if (absl::IsUnimplemented(status) || bytes > kWorkspaceBytesMax) continue;
    RETURN_IF_ERROR(status);
    algorithm_ = one.algo;
    workspace_bytes_ = bytes;
    workspace_offset_ = TakeScratch(bytes);
    return absl::OkStatus();
  }
  return absl::UnimplementedError("cuDNN has no algorithm for it");
}

absl::Status CudnnConvolution::Plan(const Device& device) {
  if (y_shape_[1] > Device::kZerosMax) {
    return absl::UnimplementedError("too many channels");
  }
  if (is_half()) RETURN_IF_ERROR(CheckChannels(op_, part_));
  const std::lock_guard<std::mutex> lock(device.planning);
  RETURN_IF_ERROR(Describe());
  return ChooseAlgorithm(device.planning_cudnn.get());
}

absl::StatusOr<void*> CudnnConvolution::Staging(
    const std::optional<Staged>& staged, void* in_place, std::byte* scratch,
    cudaStream_t stream) const {
  if (!staged) return in_place;
  void* const to = scratch + staged->scratch_offset;
  RETURN_IF_ERROR(staged->Run(in_place, to, stream));
  return to;
}

absl::Status CudnnConvolution::Launch(const Device& device,
                                      const DeviceMemory& memory) {
  const cudaStream_t stream = device.compute.get();
  std::byte* const scratch = memory.scratch;
  ASSIGN_OR_RETURN(
      void* const x,
      Staging(x_staged_, AddressOf(memory.inputs[0], part_.x, type_), scratch,
              stream));
  ASSIGN_OR_RETURN(void* const weights,
                   Staging(weights_staged_, memory.weights + weights_offset_,
                           scratch, stream));
  void* bias = device.zeros.get();
  if (op_.has_bias) {
    ASSIGN_OR_RETURN(bias, Staging(bias_staged_, memory.weights + bias_offset_,
                                   scratch, stream));
  }
  void* const y_in_place = AddressOf(memory.output, part_.y, type_);
  void* const y = y_staged_ ? scratch + y_staged_->scratch_offset : y_in_place;
  void* z = y;  // Not read, unless there is a residual.
  if (op_.adds_residual) {
    ASSIGN_OR_RETURN(
        z, Staging(residual_staged_,
                   AddressOf(memory.inputs[1], part_.residual, type_), scratch,
                   stream));
  }
  const float one = 1, of_residual = op_.adds_residual ? 1 : 0;
  RETURN_IF_ERROR(FromCudnn(
      cudnnConvolutionBiasActivationForward(
          device.cudnn.get(), &one, x_.get(), x, kernel_.get(), weights,
          convolution_.get(), algorithm_, scratch + workspace_offset_,
          workspace_bytes_, &of_residual, y_.get(), z, bias_.get(), bias,
          activation_.get(), y_.get(), y),
      "cudnnConvolutionBiasActivationForward"));
  return Finish(y, y_in_place, stream);
}

absl::Status CudnnConvolution::Finish(void* computed, void* y,
                                      cudaStream_t stream) const {
  if (!has_late_activation()) {
    return y_staged_ ? y_staged_->Run(computed, y, stream) : absl::OkStatus();
  }
  Operand from = OperandOf(y_staged_ ? ComputedOutput() : part_.y, type_);
  Operand to = OperandOf(part_.y, type_);
  from.data = computed;
  to.data = y;
  return QueueActivation(op_.activation, part_.y.shape, from, to, stream);
}

}  // namespace

KernelOr MakeCudnn(const Convolution& op, const PartSpec& spec,
                   const Device& device) {
  ASSIGN_OR_RETURN(const Geometry part, GeometryOf(op, spec));
  auto kernel = std::make_unique<CudnnConvolution>(op, spec, part);
  RETURN_IF_ERROR(kernel->Plan(device));
  return kernel;
}

}  // namespace layerd::cuda
