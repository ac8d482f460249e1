#include <cstring>

#include "absl/strings/str_format.h"
#include "config/status_macros.h"
#include "kernels/cpu/cpu_kernel.h"
#include "kernels/cpu/strided_copy.h"

namespace layerd::cpu {
namespace {

using Sizes = std::vector<int64_t>;

// Two loops over what lies outside the axis and over the indices; inside is one
// copy.
class GatherKernel : public CpuKernel {
 public:
  GatherKernel(const Gather& op, const PartSpec& spec)
      : is_constant_(spec.inputs.size() == 1),
        index_dtype_(spec.inputs.back().dtype) {
    const TensorType& y = spec.outputs[0];
    const TensorType& indices = spec.inputs.back();
    TensorType x;
    if (is_constant_) {
      const WeightPiece& piece = spec.weights[0];
      x = {piece.layout.dtype, piece.layout.shape, piece.layout.strides};
      offset_bytes_ = piece.offset_bytes;
    } else {
      x = spec.inputs[0];
    }
    const auto axis = static_cast<size_t>(op.axis);
    const size_t looked_up = indices.shape.size();
    const auto part = [](const Sizes& of, size_t first, size_t end) {
      return Sizes(of.begin() + static_cast<int64_t>(first),
                   of.begin() + static_cast<int64_t>(end));
    };
    length_ = x.shape[axis];
    step_ = x.strides[axis];
    outer_ = PlanLoops(part(y.shape, 0, axis),
                       {part(y.strides, 0, axis), part(x.strides, 0, axis)});
    lookup_ =
        PlanLoops(indices.shape,
                  {indices.strides, part(y.strides, axis, axis + looked_up)});
    const Sizes inner = part(x.shape, axis + 1, x.shape.size());
    const Sizes x_inner = part(x.strides, axis + 1, x.shape.size());
    const Sizes y_inner = part(y.strides, axis + looked_up, y.shape.size());
    bytes_ = static_cast<int64_t>(SizeOf(y.dtype));
    copy_ = StridedCopy(inner, y.dtype, x_inner, y.dtype, y_inner);
    is_one_element_ = TensorType{y.dtype, inner, {}}.element_count() == 1;
  }

  absl::Status Run(dnnl_stream_t, const PartMemory& memory) override {
    const std::byte* indices = memory.inputs.back();
    RETURN_IF_ERROR(CheckIndices(indices));
    const std::byte* x =
        is_constant_ ? memory.weights + offset_bytes_ : memory.inputs[0];
    ForEachPosition(outer_, [&](int64_t y_outer, int64_t x_outer) {
      ForEachPosition(lookup_, [&](int64_t place, int64_t y_place) {
        int64_t row = IndexAt(indices, place);
        if (row < 0) row += length_;
        CopyOne(x + (x_outer + row * step_) * bytes_,
                memory.outputs[0] + (y_outer + y_place) * bytes_);
      });
    });
    return absl::OkStatus();
  }

 private:
  // Calls visit(position of operand 0, of operand 1), in the order of memory.
  template <typename Visit>
  static void ForEachPosition(const LoopNest& nest, const Visit& visit) {
    int64_t rows = 1;
    for (size_t d = 0; d + 1 < nest.rank; ++d) rows *= nest.count[d];
    RowCursor cursor(nest, 0);
    for (int64_t row = 0; row < rows; ++row, cursor.Next()) {
      for (int64_t i = 0; i < nest.row_count(); ++i) {
        visit(cursor.positions()[0] + i * nest.row_stride()[0],
              cursor.positions()[1] + i * nest.row_stride()[1]);
      }
    }
  }

  int64_t IndexAt(const std::byte* indices, int64_t place) const {
    if (index_dtype_ == DataType::kI64) {
      return reinterpret_cast<const int64_t*>(indices)[place];
    }
    return reinterpret_cast<const int32_t*>(indices)[place];
  }

  // All of them, before anything is read.
  absl::Status CheckIndices(const std::byte* indices) const {
    absl::Status status;
    ForEachPosition(lookup_, [&](int64_t place, int64_t) {
      const int64_t row = IndexAt(indices, place);
      if ((row >= -length_ && row < length_) || !status.ok()) return;
      status = absl::InvalidArgumentError(
          absl::StrFormat("Gather: index %d is not within %d to %d", row,
                          -length_, length_ - 1));
    });
    return status;
  }

  void CopyOne(const std::byte* from, std::byte* to) const {
    if (is_one_element_) {
      std::memcpy(to, from, static_cast<size_t>(bytes_));
    } else {
      copy_.Run(from, to);
    }
  }

  bool is_constant_;
  DataType index_dtype_;
  uint64_t offset_bytes_ = 0;
  int64_t length_, step_;  // Of the axis in x.
  LoopNest outer_;         // Operands: y, x.
  LoopNest lookup_;        // Operands: indices, y.
  StridedCopy copy_;
  int64_t bytes_;
  bool is_one_element_;
};

}  // namespace

KernelOr Make(const Gather& op, const PartSpec& spec, const OneDnn&) {
  return std::make_unique<GatherKernel>(op, spec);
}

}  // namespace layerd::cpu
