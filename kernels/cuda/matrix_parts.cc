// FullyConnected and MatMul through cuBLASLt. It counts columns, we count rows:
// our y = x * w^T is its y^T = w * x^T, in the same memory.
#include <optional>

#include "config/status_macros.h"
#include "kernels/cuda/cuda_kernel.h"
#include "kernels/cuda/lt_product.h"
#include "kernels/cuda/slice.h"
#include "kernels/cuda/staged.h"
#include "kernels/cuda/status.h"

namespace layerd::cuda {
namespace {

using Sizes = std::vector<int64_t>;

cudaDataType_t LtTypeOf(DataType type) {
  return type == DataType::kF16 ? CUDA_R_16F : CUDA_R_32F;
}

// Elements are aligned to themselves, whatever else is known.
uint32_t AtLeastOne(uint32_t alignment, DataType type) {
  return std::max(alignment, static_cast<uint32_t>(SizeOf(type)));
}

Slice DenseMatrix(const Slice& like) {
  return {like.shape, {like.shape[1], 1}, 0};
}

bool RowsAreRuns(const Slice& matrix) {
  return (matrix.shape[1] == 1 || matrix.strides[1] == 1) &&
         (matrix.shape[0] == 1 || matrix.strides[0] >= matrix.shape[1]);
}

// Rows that are runs in memory, as columns of the library.
LtMatrix ColumnsOf(const Slice& matrix, uint32_t alignment, DataType type) {
  const int64_t stride =
      matrix.shape[0] == 1 ? matrix.shape[1] : matrix.strides[0];
  return {static_cast<uint64_t>(matrix.shape[1]),
          static_cast<uint64_t>(matrix.shape[0]),
          stride,
          0,
          false,
          AtLeastOne(alignment, type),
          LtTypeOf(type)};
}

class LtFullyConnected final : public CudaKernel {
 public:
  LtFullyConnected(const FullyConnected& op, const PartSpec& spec)
      : CudaKernel(spec),
        op_(op),
        type_(spec.inputs[0].dtype),
        weights_offset_(spec.weights[0].offset_bytes),
        bias_offset_(op.has_bias ? spec.weights[1].offset_bytes : 0),
        x_(AsMatrix(spec.inputs[0])),
        y_(AsMatrix(spec.outputs[0])) {
    if (op.adds_residual) residual_ = AsMatrix(spec.inputs[1]);
  }

  absl::Status Plan(const PartSpec& spec, const Device& device);
  absl::Status Launch(const Device& device,
                      const DeviceMemory& memory) override;
  const char* implementation() const override { return "cublaslt"; }

 private:
  bool fuses_activation() const {
    return op_.activation.kind == ActivationKind::kRelu;
  }
  bool has_late_activation() const {
    return !fuses_activation() && op_.activation.kind != ActivationKind::kNone;
  }

  absl::Status CutAll(const PartSpec& spec);
  cublasLtEpilogue_t Epilogue() const;
  LtProduct::Question QuestionOf(const PartSpec& spec) const;

  Staged Stage(const Slice& from) {
    Staged staged;
    staged.scratch_offset = TakeScratch(from.count() * SizeOf(type_));
    DescribeMove(from, type_, DenseMatrix(from), type_, {}, &staged.operands,
                 &staged.arguments);
    return staged;
  }

  const FullyConnected op_;
  const DataType type_;  // Of all tensors and weights.
  const size_t weights_offset_, bias_offset_;
  Slice x_, y_, residual_;
  std::optional<Staged> x_staged_;
  LtProduct product_;
  size_t workspace_offset_ = 0;
};

absl::Status LtFullyConnected::CutAll(const PartSpec& spec) {
  if (x_.shape.empty() || y_.shape.empty() ||
      (op_.adds_residual && residual_.shape.empty())) {
    return absl::UnimplementedError("rows without one stride");
  }
  x_.Cut(0, spec.rows);
  for (Slice* slice : {&y_, &residual_}) {
    if (slice->shape.empty()) continue;
    slice->Cut(0, spec.rows);
    slice->Cut(1, spec.channels);
    if (!RowsAreRuns(*slice)) {
      return absl::UnimplementedError("rows that are no runs");
    }
  }
  return absl::OkStatus();
}

cublasLtEpilogue_t LtFullyConnected::Epilogue() const {
  if (fuses_activation()) {
    return op_.has_bias ? CUBLASLT_EPILOGUE_RELU_BIAS : CUBLASLT_EPILOGUE_RELU;
  }
  return op_.has_bias ? CUBLASLT_EPILOGUE_BIAS : CUBLASLT_EPILOGUE_DEFAULT;
}

LtProduct::Question LtFullyConnected::QuestionOf(const PartSpec& spec) const {
  const Slice weights{spec.weights[0].layout.shape,
                      spec.weights[0].layout.strides, 0};
  LtProduct::Question question;
  question.a = ColumnsOf(weights, kScratchAlignment, type_);
  question.a.transposed = true;
  const auto in_place = [&](const Slice& slice) {
    return ColumnsOf(slice, AlignmentOf(spec, slice, type_), type_);
  };
  question.b = x_staged_ ? ColumnsOf(DenseMatrix(x_), kScratchAlignment, type_)
                         : in_place(x_);
  question.d = in_place(y_);
  question.c = op_.adds_residual ? in_place(residual_) : question.d;
  question.beta = op_.adds_residual ? 1 : 0;
  question.epilogue = Epilogue();
  return question;
}

absl::Status LtFullyConnected::Plan(const PartSpec& spec,
                                    const Device& device) {
  RETURN_IF_ERROR(CutAll(spec));
  if (!RowsAreRuns(x_)) x_staged_ = Stage(x_);
  RETURN_IF_ERROR(product_.Plan(device.lt.get(), QuestionOf(spec)));
  workspace_offset_ = TakeScratch(product_.workspace_bytes());
  return absl::OkStatus();
}

absl::Status LtFullyConnected::Launch(const Device& device,
                                      const DeviceMemory& memory) {
  const cudaStream_t stream = device.compute.get();
  void* x = AddressOf(memory.inputs[0], x_, type_);
  if (x_staged_) {
    void* const to = memory.scratch + x_staged_->scratch_offset;
    RETURN_IF_ERROR(x_staged_->Run(x, to, stream));
    x = to;
  }
  void* const y = AddressOf(memory.output, y_, type_);
  RETURN_IF_ERROR(product_.Launch(
      device.lt.get(),
      {.a = memory.weights + weights_offset_,
       .b = x,
       .c = op_.adds_residual ? AddressOf(memory.inputs[1], residual_, type_)
                              : y,
       .bias = memory.weights + bias_offset_,
       .d = y,
       .workspace = memory.scratch + workspace_offset_},
      stream));
  if (!has_late_activation()) return absl::OkStatus();
  Operand all = OperandOf(y_, type_);
  all.data = y;
  return QueueActivation(op_.activation, y_.shape, all, all, stream);
}

// The last two dimensions of one operand of a product, and one stride for all
// the leading ones.
struct Batched {
  LtMatrix matrix;
  Sizes batch_strides;  // One for each leading dimension of y.
};

std::optional<LtMatrix> MatrixOf(const TensorType& type, uint32_t alignment) {
  const size_t rank = type.shape.size();
  const int64_t rows = type.shape[rank - 2], columns = type.shape[rank - 1];
  int64_t row_stride = type.strides[rank - 2];
  int64_t column_stride = type.strides[rank - 1];
  if (columns == 1) column_stride = 1;
  if (rows == 1) row_stride = columns * column_stride;
  LtMatrix matrix;
  matrix.alignment = AtLeastOne(alignment, type.dtype);
  matrix.type = LtTypeOf(type.dtype);
  if (column_stride == 1 && row_stride >= columns) {
    matrix.rows = columns;
    matrix.columns = rows;
    matrix.stride = row_stride;
    return matrix;
  }
  if (rows == 1) row_stride = 1;
  if (row_stride == 1 && column_stride >= rows) {
    matrix.rows = rows;
    matrix.columns = columns;
    matrix.stride = column_stride;
    matrix.transposed = true;
    return matrix;
  }
  return std::nullopt;
}

Sizes BatchStrides(const TensorType& type, size_t leading) {
  Sizes strides(leading, 0);
  const size_t own = type.shape.size() - 2;
  for (size_t d = 0; d < own; ++d) {
    if (type.shape[d] > 1) strides[leading - own + d] = type.strides[d];
  }
  return strides;
}

// Leading dimensions as one, if all three operands go through them evenly.
bool Collapse(const Sizes& shape, std::array<Batched*, 3> operands,
              int32_t* batches) {
  int64_t count = 1;
  std::array<int64_t, 3> next{};
  for (size_t d = shape.size() - 2; d-- > 0;) {
    if (shape[d] == 1) continue;
    for (size_t i = 0; i < 3; ++i) {
      const int64_t stride = operands[i]->batch_strides[d];
      if (count == 1) {
        operands[i]->matrix.batch_stride = stride;
      } else if (stride != next[i]) {
        return false;
      }
      next[i] = stride * shape[d];
    }
    count *= shape[d];
  }
  *batches = static_cast<int32_t>(count);
  return count <= 1 << 16;
}

class LtMatMul final : public CudaKernel {
 public:
  explicit LtMatMul(const PartSpec& spec) : CudaKernel(spec) {}

  absl::Status Plan(const MatMul& op, const PartSpec& spec,
                    const Device& device) {
    LtProduct::Question question;
    RETURN_IF_ERROR(Ask(op, spec, &question));
    RETURN_IF_ERROR(product_.Plan(device.lt.get(), question));
    workspace_offset_ = TakeScratch(product_.workspace_bytes());
    return absl::OkStatus();
  }

  absl::Status Launch(const Device& device,
                      const DeviceMemory& memory) override {
    return product_.Launch(device.lt.get(),
                           {.a = memory.inputs[1],
                            .b = memory.inputs[0],
                            .c = memory.output,
                            .bias = nullptr,
                            .d = memory.output,
                            .workspace = memory.scratch + workspace_offset_},
                           device.compute.get());
  }
  const char* implementation() const override { return "cublaslt"; }

 private:
  static absl::Status Ask(const MatMul& op, const PartSpec& spec,
                          LtProduct::Question* question) {
    const TensorType& y = spec.outputs[0];
    const uint32_t alignment = AlignmentOf(spec, Slice{}, y.dtype);
    const auto left = MatrixOf(spec.inputs[0], alignment);
    const auto right = MatrixOf(spec.inputs[1], alignment);
    const auto out = MatrixOf(y, alignment);
    if (!left || !right || !out || out->transposed) {
      return absl::UnimplementedError("operands that are no matrices");
    }
    const size_t leading = y.shape.size() - 2;
    Batched a{*right, BatchStrides(spec.inputs[1], leading)};
    Batched b{*left, BatchStrides(spec.inputs[0], leading)};
    Batched d{*out, BatchStrides(y, leading)};
    if (!Collapse(y.shape, {&a, &b, &d}, &question->batches)) {
      return absl::UnimplementedError("batches without one stride");
    }
    // Each batch begins somewhere else.
    for (Batched* operand : {&a, &b, &d}) {
      const uint64_t address =
          static_cast<uint64_t>(operand->matrix.batch_stride) *
              SizeOf(y.dtype) |
          operand->matrix.alignment;
      operand->matrix.alignment = static_cast<uint32_t>(address & -address);
    }
    question->a = a.matrix;
    question->b = b.matrix;
    question->c = question->d = d.matrix;
    question->alpha = op.scale;
    return absl::OkStatus();
  }

  LtProduct product_;
  size_t workspace_offset_ = 0;
};

}  // namespace

KernelOr MakeLt(const FullyConnected& op, const PartSpec& spec,
                const Device& device) {
  auto kernel = std::make_unique<LtFullyConnected>(op, spec);
  RETURN_IF_ERROR(kernel->Plan(spec, device));
  return kernel;
}

KernelOr MakeLt(const MatMul& op, const PartSpec& spec, const Device& device) {
  auto kernel = std::make_unique<LtMatMul>(spec);
  RETURN_IF_ERROR(kernel->Plan(op, spec, device));
  return kernel;
}

}  // namespace layerd::cuda
