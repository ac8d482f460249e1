// One product a step, then what the gates do with it, row by row.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "config/status_macros.h"
#include "kernels/cpu/cpu_kernel.h"
#include "kernels/cpu/rows.h"
#include "kernels/cpu/staging.h"

namespace layerd::cpu {
namespace {

using Sizes = std::vector<int64_t>;
using Kind = Recurrent::Kind;

bool IsKernel(const Recurrent& op, size_t i) {
  return i == 0 || (i == 1 && op.kind == Kind::kGru);
}

// y [N, outputs] = x [N, H] * transpose(weight i) (+ bias), both plain.
PartSpec ProductOf(const Recurrent& op, const PartSpec& spec, size_t i) {
  const WeightLayout& kernel = spec.weights[i].layout;
  const int64_t rows = spec.inputs[0].shape[1];
  const bool has_bias = i == 1 && op.resets_product;
  PartSpec product;
  product.op = FullyConnected{.has_bias = has_bias};
  for (auto* types : {&product.inputs, &product.outputs}) {
    const bool is_input = types == &product.inputs;
    const Sizes shape = {rows, kernel.shape[is_input ? 1 : 0]};
    types->push_back({DataType::kF32, shape, PlainStrides(shape)});
  }
  product.weights = {spec.weights[i]};
  if (has_bias) product.weights.push_back(spec.weights[2]);
  product.channels = {0, kernel.shape[0]};
  product.rows = {0, rows};
  product.alignment_bytes = sizeof(float);
  return product;
}

class RecurrentKernel : public CpuKernel {
 public:
  RecurrentKernel(const Recurrent& op, const PartSpec& spec,
                  std::vector<std::unique_ptr<CpuKernel>> products)
      : op_(op),
        x_(spec.inputs[0]),
        y_(spec.outputs[0]),
        steps_(spec.rows),
        size_(x_.shape[2] / op.gates()),
        products_(std::move(products)) {
    if (spec.inputs.size() == 2) start_ = spec.inputs[1];
    if (op.has_peepholes) peepholes_bytes_ = spec.weights[1].offset_bytes;
    ScratchPlan scratch;
    const int64_t rows = x_.shape[1];
    state_bytes_ = scratch.Take(rows * size_ * sizeof(float));
    sums_bytes_ = scratch.Take(rows * size_ * op.gates() * sizeof(float));
    size_t inner = 0;
    for (const auto& product : products_) {
      inner = std::max(inner, product->scratch_bytes());
    }
    inner_bytes_ = scratch.Take(inner);
    scratch_bytes_ = scratch.bytes();
  }

  std::string implementation() const override {
    return products_[0]->implementation();
  }

  absl::Status Run(dnnl_stream_t stream, const PartMemory& memory) override {
    for (int64_t step = steps_.first; step < steps_.first + steps_.count;
         ++step) {
      RETURN_IF_ERROR(RunStep(stream, memory, step));
    }
    return absl::OkStatus();
  }

 private:
  struct Row {
    const float* x;
    const float* old;  // The state before; null: zeros.
    float* sums;       // Of this row.
    float* y;
  };

  float* At(const PartMemory& memory, uint64_t bytes) const {
    return reinterpret_cast<float*>(memory.scratch + bytes);
  }

  Row RowOf(const PartMemory& memory, int64_t step, int64_t n) const {
    const int64_t steps = x_.shape[0];
    const int64_t at = op_.is_reverse ? steps - 1 - step : step;
    const int64_t before = op_.is_reverse ? at + 1 : at - 1;
    auto* const y = reinterpret_cast<float*>(memory.outputs[0]);
    const float* old = nullptr;
    if (step > 0) {
      old = y + before * y_.strides[0] + n * y_.strides[1];
    } else if (!start_.shape.empty()) {
      old = reinterpret_cast<const float*>(memory.inputs[1]) +
            n * start_.strides[0];
    }
    return {reinterpret_cast<const float*>(memory.inputs[0]) +
                at * x_.strides[0] + n * x_.strides[1],
            old, At(memory, sums_bytes_) + n * size_ * op_.gates(),
            y + at * y_.strides[0] + n * y_.strides[1]};
  }

  absl::Status Multiply(size_t product, dnnl_stream_t stream,
                        const PartMemory& memory, float* to) const {
    const auto* from =
        static_cast<const std::byte*>(memory.scratch + state_bytes_);
    auto* out = reinterpret_cast<std::byte*>(to);
    PartMemory inner = memory;
    inner.inputs = {&from, 1};
    inner.outputs = {&out, 1};
    inner.scratch = memory.scratch + inner_bytes_;
    return products_[product]->Run(stream, inner);
  }

  absl::Status RunStep(dnnl_stream_t stream, const PartMemory& memory,
                       int64_t step) const {
    const int64_t rows = x_.shape[1];
    float* const state = At(memory, state_bytes_);
    float* const sums = At(memory, sums_bytes_);
    for (int64_t n = 0; n < rows; ++n) {
      const Row row = RowOf(memory, step, n);
      if (row.old == nullptr) {
        std::memset(state + n * size_, 0, size_ * sizeof(float));
      } else {
        std::memcpy(state + n * size_, row.old, size_ * sizeof(float));
      }
    }
    if (op_.kind == Kind::kGru) return RunGru(stream, memory, step);
    RETURN_IF_ERROR(Multiply(0, stream, memory, sums));
    for (int64_t n = 0; n < rows; ++n) {
      const Row row = RowOf(memory, step, n);
      AddRow(row.x, row.sums, size_ * op_.gates());
      if (op_.kind == Kind::kRnn) {
        Activate(op_.f, row.sums, row.y);
      } else {
        RunLstm(memory, row);
      }
    }
    return absl::OkStatus();
  }

  void Activate(const Activation& activation, float* x, float* y) const {
    if (std::isfinite(op_.clip)) {
      for (int64_t i = 0; i < size_; ++i) {
        x[i] = std::min(std::max(x[i], -op_.clip), op_.clip);
      }
    }
    ActivateRow(activation, x, y, size_);
  }

  void Peep(const PartMemory& memory, int64_t gate, const float* cell,
            float* sums) const {
    if (!op_.has_peepholes || cell == nullptr) return;
    const float* const weights =
        reinterpret_cast<const float*>(memory.weights + peepholes_bytes_) +
        gate * size_;
    for (int64_t i = 0; i < size_; ++i) sums[i] += weights[i] * cell[i];
  }

  void RunLstm(const PartMemory& memory, const Row& row) const {
    float* const input = row.sums;
    float* const output = input + size_;
    float* const forget = output + size_;
    float* const candidate = forget + size_;
    float* const cell = row.y + size_;
    const float* const old = row.old == nullptr ? nullptr : row.old + size_;
    Peep(memory, 0, old, input);
    Peep(memory, 2, old, forget);
    Activate(op_.f, input, input);
    Activate(op_.f, forget, forget);
    Activate(op_.g, candidate, candidate);
    for (int64_t i = 0; i < size_; ++i) {
      const float kept = old == nullptr ? 0.0f : forget[i] * old[i];
      cell[i] = kept + input[i] * candidate[i];
    }
    Peep(memory, 1, cell, output);
    Activate(op_.f, output, output);
    ActivateRow(op_.h, cell, input, size_);
    for (int64_t i = 0; i < size_; ++i) row.y[i] = output[i] * input[i];
  }

  absl::Status RunGru(dnnl_stream_t stream, const PartMemory& memory,
                      int64_t step) const {
    const int64_t rows = x_.shape[1];
    float* const state = At(memory, state_bytes_);
    float* const sums = At(memory, sums_bytes_);
    float* const products = sums + rows * size_ * 2;
    RETURN_IF_ERROR(Multiply(0, stream, memory, sums));
    if (op_.resets_product) {
      RETURN_IF_ERROR(Multiply(1, stream, memory, products));
    }
    for (int64_t n = 0; n < rows; ++n) {
      float* const gates = sums + n * size_ * 2;
      AddRow(RowOf(memory, step, n).x, gates, size_ * 2);
      Activate(op_.f, gates, gates);
      Activate(op_.f, gates + size_, gates + size_);
      float* const reset =
          op_.resets_product ? products + n * size_ : state + n * size_;
      for (int64_t i = 0; i < size_; ++i) reset[i] *= gates[size_ + i];
    }
    if (!op_.resets_product) {
      RETURN_IF_ERROR(Multiply(1, stream, memory, products));
    }
    for (int64_t n = 0; n < rows; ++n) {
      const Row row = RowOf(memory, step, n);
      const float* const update = sums + n * size_ * 2;
      float* const candidate = products + n * size_;
      AddRow(row.x + 2 * size_, candidate, size_);
      Activate(op_.g, candidate, candidate);
      for (int64_t i = 0; i < size_; ++i) {
        const float old = row.old == nullptr ? 0.0f : row.old[i];
        row.y[i] = (1 - update[i]) * candidate[i] + update[i] * old;
      }
    }
    return absl::OkStatus();
  }

  const Recurrent op_;
  const TensorType x_, y_;
  TensorType start_;  // No shape: zeros.
  const Range steps_;
  const int64_t size_;  // Units.
  std::vector<std::unique_ptr<CpuKernel>> products_;
  uint64_t peepholes_bytes_ = 0;                     // In the extent.
  uint64_t state_bytes_, sums_bytes_, inner_bytes_;  // In scratch.
};

bool HasRows(const TensorType& type) {
  return type.shape.back() == 1 || type.strides.back() == 1;
}

}  // namespace

absl::StatusOr<WeightLayout> KernelLayout(const Recurrent& op,
                                          const PartSpec& spec, size_t i,
                                          const OneDnn& library) {
  if (!IsKernel(op, i)) return absl::UnimplementedError("no kernel");
  const PartSpec product = ProductOf(op, spec, i);
  return KernelLayout(std::get<FullyConnected>(product.op), product, library);
}

KernelOr Make(const Recurrent& op, const PartSpec& spec,
              const OneDnn& library) {
  for (const auto* types : {&spec.inputs, &spec.outputs}) {
    for (const TensorType& type : *types) {
      if (!HasRows(type)) return absl::UnimplementedError("no rows");
    }
  }
  std::vector<std::unique_ptr<CpuKernel>> products;
  for (size_t i = 0; i < spec.weights.size() && IsKernel(op, i); ++i) {
    const PartSpec product = ProductOf(op, spec, i);
    ASSIGN_OR_RETURN(
        products.emplace_back(),
        Make(std::get<FullyConnected>(product.op), product, library));
  }
  return std::make_unique<RecurrentKernel>(op, spec, std::move(products));
}

// The reference loops choose in place.
KernelOr Make(const TopK&, const PartSpec&, const OneDnn&) {
  return absl::UnimplementedError("by the reference loops");
}

}  // namespace layerd::cpu
