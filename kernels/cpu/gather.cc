#include <algorithm>
#include <cstring>

#include "absl/strings/str_format.h"
#include "config/status_macros.h"
#include "kernels/cpu/cpu_kernel.h"
#include "kernels/cpu/staging.h"
#include "kernels/cpu/strided_copy.h"

namespace layerd::cpu {
namespace {

using Sizes = std::vector<int64_t>;

// Two loops over what lies outside the axis and over the indices; inside is one
// element, one run or a copy.
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
    comb_ = PlanLoops(inner, {y_inner, x_inner});
    inner_count_ = TensorType{y.dtype, inner, {}}.element_count();
    is_run_ = SameOrder(inner, x_inner, PlainStrides(inner)) &&
              SameOrder(inner, y_inner, PlainStrides(inner));
    lookup_count_ = indices.element_count();
  }

  absl::Status Run(dnnl_stream_t, const PartMemory& memory) override {
    const std::byte* indices = memory.inputs.back();
    RETURN_IF_ERROR(index_dtype_ == DataType::kI64
                        ? CheckIndices<int64_t>(indices)
                        : CheckIndices<int32_t>(indices));
    const std::byte* x =
        is_constant_ ? memory.weights + offset_bytes_ : memory.inputs[0];
    const int64_t rows = RowsOf(outer_) * outer_.row_count();
    const int64_t elements = rows * lookup_count_ * inner_count_;
    // Threads share whichever is more: what lies outside the axis, or indices.
    if (rows < lookup_count_) {
      for (int64_t row = 0; row < rows; ++row) {
        LookUp(indices, row, elements / rows, x, memory.outputs[0]);
      }
      return absl::OkStatus();
    }
    ParallelRanges(rows, elements, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        LookUp(indices, row, 0, x, memory.outputs[0]);
      }
    });
    return absl::OkStatus();
  }

 private:
  static int64_t RowsOf(const LoopNest& nest) {
    int64_t rows = 1;
    for (size_t d = 0; d + 1 < nest.rank; ++d) rows *= nest.count[d];
    return rows;
  }

  // Everything that is looked up at one place outside the axis; threads share
  // it where it has many `elements`.
  void LookUp(const std::byte* indices, int64_t row, int64_t elements,
              const std::byte* x, std::byte* y) const {
    const RowCursor cursor(outer_, row / outer_.row_count());
    const int64_t at = row % outer_.row_count();
    y += (cursor.positions()[0] + at * outer_.row_stride()[0]) * bytes_;
    x += (cursor.positions()[1] + at * outer_.row_stride()[1]) * bytes_;
    const auto look = [&](int64_t begin, int64_t end) {
      index_dtype_ == DataType::kI64
          ? LookUpRows<int64_t>(indices, begin, end, x, y)
          : LookUpRows<int32_t>(indices, begin, end, x, y);
    };
    ParallelRanges(RowsOf(lookup_) == 1 ? lookup_.row_count() : 1, elements,
                   look);
  }

  // Calls visit(index, its place in y) for those of one row of indices between
  // two of them, or for all if there are several rows.
  template <typename Index, typename Visit>
  void ForEachIndex(const std::byte* indices, int64_t begin, int64_t end,
                    const Visit& visit) const {
    const int64_t rows = RowsOf(lookup_);
    if (rows > 1) begin = 0, end = lookup_.row_count();
    const int64_t stride = lookup_.row_stride()[0];
    const int64_t y_stride = lookup_.row_stride()[1];
    RowCursor cursor(lookup_, 0);
    for (int64_t row = 0; row < rows; ++row, cursor.Next()) {
      const auto* const index =
          reinterpret_cast<const Index*>(indices) + cursor.positions()[0];
      const int64_t place = cursor.positions()[1];
      for (int64_t i = begin; i < end; ++i) {
        visit(index[i * stride], place + i * y_stride);
      }
    }
  }

  template <typename Index>
  void LookUpRows(const std::byte* indices, int64_t begin, int64_t end,
                  const std::byte* x, std::byte* y) const {
    if (inner_count_ == 1) {
      return LookUpElements<Index>(indices, begin, end, x, y);
    }
    const auto run_bytes = static_cast<size_t>(inner_count_ * bytes_);
    ForEachIndex<Index>(indices, begin, end, [&](Index index, int64_t place) {
      const int64_t row = index < 0 ? index + length_ : index;
      const std::byte* const from = x + row * step_ * bytes_;
      std::byte* const to = y + place * bytes_;
      if (is_run_) {
        std::memcpy(to, from, run_bytes);
      } else if (comb_.rank == 1 && bytes_ == 4) {
        Comb(comb_, from, to);
      } else {
        copy_.Run(from, to);
      }
    });
  }

  // Elements at equal distances: the channels of a pixel where each has a
  // plane.
  static void Comb(const LoopNest& comb, const std::byte* x, std::byte* y) {
    const auto* const from = reinterpret_cast<const uint32_t*>(x);
    auto* const to = reinterpret_cast<uint32_t*>(y);
    const LoopNest::Positions& stride = comb.row_stride();
    for (int64_t i = 0; i < comb.row_count(); ++i) {
      to[i * stride[0]] = from[i * stride[1]];
    }
  }

  template <typename Index>
  void LookUpElements(const std::byte* indices, int64_t begin, int64_t end,
                      const std::byte* x, std::byte* y) const {
    switch (bytes_) {
      case 1:
        return LookUpAs<uint8_t, Index>(indices, begin, end, x, y);
      case 2:
        return LookUpAs<uint16_t, Index>(indices, begin, end, x, y);
      case 4:
        return LookUpAs<uint32_t, Index>(indices, begin, end, x, y);
      default:
        return LookUpAs<uint64_t, Index>(indices, begin, end, x, y);
    }
  }

  template <typename Element, typename Index>
  void LookUpAs(const std::byte* indices, int64_t begin, int64_t end,
                const std::byte* x, std::byte* y) const {
    const auto* const from = reinterpret_cast<const Element*>(x);
    auto* const to = reinterpret_cast<Element*>(y);
    ForEachIndex<Index>(indices, begin, end, [&](Index index, int64_t place) {
      const int64_t row = index < 0 ? index + length_ : index;
      to[place] = from[row * step_];
    });
  }

  // All of them, before anything is read.
  template <typename Index>
  absl::Status CheckIndices(const std::byte* indices) const {
    int64_t least = 0, most = 0;
    ForEachIndex<Index>(indices, 0, lookup_.row_count(),
                        [&](int64_t index, int64_t) {
                          least = std::min(least, index);
                          most = std::max(most, index);
                        });
    if (least >= -length_ && most < length_) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrFormat(
        "Gather: index %d is not within %d to %d",
        least < -length_ ? least : most, -length_, length_ - 1));
  }

  bool is_constant_;
  DataType index_dtype_;
  uint64_t offset_bytes_ = 0;
  int64_t length_, step_;  // Of the axis in x.
  LoopNest outer_;         // Operands: y, x.
  LoopNest lookup_;        // Operands: indices, y.
  StridedCopy copy_;
  int64_t inner_count_;  // Elements inside the axis.
  bool is_run_;          // They are one run on both sides.
  LoopNest comb_;        // Operands: y, x.
  int64_t lookup_count_;
  int64_t bytes_;
};

}  // namespace

KernelOr Make(const Gather& op, const PartSpec& spec, const OneDnn&) {
  if (!spec.weights.empty() &&
      spec.weights[0].layout.dtype != spec.outputs[0].dtype) {
    return absl::UnimplementedError("rows that are widened");
  }
  return std::make_unique<GatherKernel>(op, spec);
}

}  // namespace layerd::cpu
