// Reduce: rows that become one number, or rows that are added up.
#include <algorithm>
#include <limits>
#include <type_traits>

#include "kernels/cpu/cpu_kernel.h"
#include "kernels/cpu/loop_nest.h"
#include "kernels/cpu/rows.h"

namespace layerd::cpu {
namespace {

struct Dimension {
  int64_t count, x_stride, y_stride;
};

// Those of x that stay, and those that are reduced; each with the one that lies
// densest in x last.
struct Split {
  std::vector<Dimension> kept, reduced;
};

// Joins neighbours that are one run in both tensors.
void Join(std::vector<Dimension>& dimensions) {
  std::stable_sort(dimensions.begin(), dimensions.end(),
                   [](const Dimension& a, const Dimension& b) {
                     return a.x_stride > b.x_stride;
                   });
  std::vector<Dimension> joined;
  for (const Dimension& inner : dimensions) {
    if (!joined.empty() &&
        joined.back().x_stride == inner.x_stride * inner.count &&
        joined.back().y_stride == inner.y_stride * inner.count) {
      joined.back() = {joined.back().count * inner.count, inner.x_stride,
                       inner.y_stride};
    } else {
      joined.push_back(inner);
    }
  }
  dimensions = std::move(joined);
}

Split SplitOf(const Reduce& op, const PartSpec& spec) {
  const TensorType& x = spec.inputs[0];
  Split split;
  for (size_t d = 0; d < x.shape.size(); ++d) {
    if (x.shape[d] == 1) continue;
    const bool goes = std::binary_search(
        op.dimensions.begin(), op.dimensions.end(), static_cast<int64_t>(d));
    (goes ? split.reduced : split.kept)
        .push_back(
            {x.shape[d], x.strides[d], goes ? 0 : spec.outputs[0].strides[d]});
  }
  Join(split.kept);
  Join(split.reduced);
  return split;
}

struct Places {
  int64_t x = 0, y = 0;
};

// Of combination `n` of the first `depth` dimensions.
Places PlacesOf(const std::vector<Dimension>& dimensions, size_t depth,
                int64_t n) {
  Places places;
  for (size_t d = depth; d-- > 0; n /= dimensions[d].count) {
    const int64_t at = n % dimensions[d].count;
    places.x += at * dimensions[d].x_stride;
    places.y += at * dimensions[d].y_stride;
  }
  return places;
}

int64_t CountOf(const std::vector<Dimension>& dimensions, size_t depth) {
  int64_t count = 1;
  for (size_t d = 0; d < depth; ++d) count *= dimensions[d].count;
  return count;
}

class ReduceKernel : public CpuKernel {
 public:
  ReduceKernel(const Reduce& op, const PartSpec& spec)
      : kind_(op.kind), split_(SplitOf(op, spec)) {
    if (split_.reduced.empty()) split_.reduced.push_back({1, 1, 0});
    const Dimension inner = split_.reduced.back();
    adds_rows_ = !split_.kept.empty() && split_.kept.back().x_stride == 1 &&
                 split_.kept.back().y_stride == 1 && inner.x_stride != 1;
    elements_ = CountOf(split_.kept, split_.kept.size()) *
                CountOf(split_.reduced, split_.reduced.size());
    factor_ = kind_ == Reduce::Kind::kMean
                  ? 1.0 / static_cast<double>(
                              CountOf(split_.reduced, split_.reduced.size()))
                  : 1;
  }

  absl::Status Run(dnnl_stream_t, const PartMemory& memory) override {
    const auto* x = reinterpret_cast<const float*>(memory.inputs[0]);
    auto* y = reinterpret_cast<float*>(memory.outputs[0]);
    adds_rows_ ? AddRows(x, y) : ReduceRows(x, y);
    return absl::OkStatus();
  }

 private:
  // Each element of y by itself, from rows along x.
  void ReduceRows(const float* x, float* y) const {
    const std::vector<Dimension>& reduced = split_.reduced;
    const size_t outer = reduced.size() - 1;
    const Dimension inner = reduced.back();
    const int64_t rows = CountOf(reduced, outer);
    const int64_t count = CountOf(split_.kept, split_.kept.size());
    ParallelRanges(count, elements_, [&](int64_t begin, int64_t end) {
      for (int64_t n = begin; n < end; ++n) {
        const Places at = PlacesOf(split_.kept, split_.kept.size(), n);
        float result = StartOf(kind_);
        for (int64_t r = 0; r < rows; ++r) {
          const float* row = x + at.x + PlacesOf(reduced, outer, r).x;
          result = Reduced(kind_, result,
                           ReduceRow(kind_, row, inner.x_stride, inner.count));
        }
        y[at.y] = static_cast<float>(result * factor_);
      }
    });
  }

  // Rows of y, to which rows of x are added.
  void AddRows(const float* x, float* y) const {
    constexpr int64_t kPiece = 512;
    const std::vector<Dimension>& kept = split_.kept;
    const size_t outer = kept.size() - 1;
    const int64_t width = kept.back().count;
    const int64_t pieces = (width + kPiece - 1) / kPiece;
    const int64_t rows = CountOf(split_.reduced, split_.reduced.size());
    ParallelRanges(
        CountOf(kept, outer) * pieces, elements_,
        [&](int64_t begin, int64_t end) {
          for (int64_t n = begin; n < end; ++n) {
            const Places at = PlacesOf(kept, outer, n / pieces);
            const int64_t first = n % pieces * kPiece;
            const int64_t count = std::min(kPiece, width - first);
            float* to = y + at.y + first;
            std::fill(to, to + count, StartOf(kind_));
            for (int64_t r = 0; r < rows; ++r) {
              const int64_t row =
                  PlacesOf(split_.reduced, split_.reduced.size(), r).x;
              AccumulateRow(kind_, x + at.x + first + row, to, count);
            }
            if (factor_ != 1) {
              ScaleRow(static_cast<float>(factor_), to, count);
            }
          }
        });
  }

  Reduce::Kind kind_;
  Split split_;
  bool adds_rows_ = false;
  int64_t elements_;
  double factor_;
};

// Where the extreme of one dimension is.
class PlaceKernel : public CpuKernel {
 public:
  // Of floats along a dimension that lies dense, or rows that do.
  static bool Takes(const Reduce& op, const PartSpec& spec) {
    const Split split = SplitOf(op, spec);
    return op.kind >= Reduce::Kind::kArgMax &&
           spec.inputs[0].dtype == DataType::kF32 &&
           split.reduced.size() == 1 &&
           split.reduced[0].count <= std::numeric_limits<int32_t>::max() &&
           (split.reduced[0].x_stride == 1 ||
            (!split.kept.empty() && split.kept.back().x_stride == 1));
  }

  PlaceKernel(const Reduce& op, const PartSpec& spec)
      : wants_most_(op.kind == Reduce::Kind::kArgMax),
        wants_last_(op.selects_last),
        kept_(SplitOf(op, spec).kept),
        along_(SplitOf(op, spec).reduced[0]) {}

  absl::Status Run(dnnl_stream_t, const PartMemory& memory) override {
    const auto* x = reinterpret_cast<const float*>(memory.inputs[0]);
    auto* y = reinterpret_cast<int64_t*>(memory.outputs[0]);
    along_.x_stride == 1 ? FindInRows(x, y) : FindAcross(x, y);
    return absl::OkStatus();
  }

 private:
  void FindInRows(const float* x, int64_t* y) const {
    const int64_t count = CountOf(kept_, kept_.size());
    ParallelRanges(
        count, count * along_.count, [&](int64_t begin, int64_t end) {
          for (int64_t n = begin; n < end; ++n) {
            const Places at = PlacesOf(kept_, kept_.size(), n);
            y[at.y] =
                PlaceInRow(wants_most_, wants_last_, x + at.x, along_.count);
          }
        });
  }

  // Pieces of rows whose best fit a first-level cache.
  void FindAcross(const float* x, int64_t* y) const {
    const size_t outer = kept_.size() - 1;
    const Dimension row = kept_.back();
    const int64_t pieces = (row.count + kPiece - 1) / kPiece;
    ParallelRanges(CountOf(kept_, outer) * pieces,
                   CountOf(kept_, kept_.size()) * along_.count,
                   [&](int64_t begin, int64_t end) {
                     for (int64_t n = begin; n < end; ++n) {
                       const Places at = PlacesOf(kept_, outer, n / pieces);
                       const int64_t first = n % pieces * kPiece;
                       FindPiece(x + at.x + first,
                                 std::min(kPiece, row.count - first),
                                 y + at.y + first * row.y_stride);
                     }
                   });
  }

  void FindPiece(const float* x, int64_t count, int64_t* y) const {
    float best[kPiece];
    int32_t place[kPiece] = {};
    std::copy(x, x + count, best);
    for (int64_t at = 1; at < along_.count; ++at) {
      PlacesOfRows(wants_most_, wants_last_, x + at * along_.x_stride,
                   static_cast<int32_t>(at), best, place, count);
    }
    for (int64_t i = 0; i < count; ++i) y[i * kept_.back().y_stride] = place[i];
  }

  static constexpr int64_t kPiece = 1024;
  bool wants_most_, wants_last_;
  std::vector<Dimension> kept_;
  Dimension along_;
};

// Integers and doubles, and places of few: rare and small.
template <typename T>
class PlainReduceKernel : public CpuKernel {
  // Integers wrap.
  using Summed = std::conditional_t<std::is_integral_v<T>, uint64_t, T>;

 public:
  PlainReduceKernel(const Reduce& op, const PartSpec& spec)
      : op_(op), split_(SplitOf(op, spec)) {}

  absl::Status Run(dnnl_stream_t, const PartMemory& memory) override {
    const bool finds_place = op_.kind >= Reduce::Kind::kArgMax;
    const bool is_extreme =
        op_.kind == Reduce::Kind::kMax || op_.kind == Reduce::Kind::kMin;
    if (finds_place) {
      Each<int64_t>(memory, [&](const T* x) { return ExtremeOf(x).place; });
    } else if (is_extreme) {
      Each<T>(memory, [&](const T* x) { return ExtremeOf(x).value; });
    } else {
      Each<T>(memory, [&](const T* x) { return SumOf(x); });
    }
    return absl::OkStatus();
  }

 private:
  struct Extreme {
    T value;
    int64_t place;
  };

  template <typename Y, typename One>
  void Each(const PartMemory& memory, One one) const {
    const T* x = reinterpret_cast<const T*>(memory.inputs[0]);
    Y* y = reinterpret_cast<Y*>(memory.outputs[0]);
    const int64_t count = CountOf(split_.kept, split_.kept.size());
    ParallelRanges(count, count * rows(), [&](int64_t begin, int64_t end) {
      for (int64_t n = begin; n < end; ++n) {
        const Places at = PlacesOf(split_.kept, split_.kept.size(), n);
        y[at.y] = one(x + at.x);
      }
    });
  }

  int64_t rows() const {
    return CountOf(split_.reduced, split_.reduced.size());
  }
  T At(const T* x, int64_t row) const {
    return x[PlacesOf(split_.reduced, split_.reduced.size(), row).x];
  }

  // Of values what is no number beats all others.
  Extreme ExtremeOf(const T* x) const {
    Extreme extreme = {x[0], 0};
    const bool wants_most =
        op_.kind == Reduce::Kind::kMax || op_.kind == Reduce::Kind::kArgMax;
    const bool finds_place = op_.kind >= Reduce::Kind::kArgMax;
    for (int64_t r = 0, end = rows(); r < end; ++r) {
      const T value = At(x, r);
      const bool beats =
          wants_most ? value > extreme.value : value < extreme.value;
      if (beats || (op_.selects_last && value == extreme.value) ||
          (value != value && !finds_place)) {
        extreme = {value, r};
      }
    }
    return extreme;
  }

  T SumOf(const T* x) const {
    const bool multiplies = op_.kind == Reduce::Kind::kProduct;
    Summed sum = multiplies ? 1 : 0;
    for (int64_t r = 0, end = rows(); r < end; ++r) {
      const auto value = static_cast<Summed>(At(x, r));
      sum = multiplies ? sum * value : sum + value;
    }
    return static_cast<T>(sum);
  }

  Reduce op_;
  Split split_;
};

}  // namespace

KernelOr Make(const Reduce& op, const PartSpec& spec, const OneDnn&) {
  if (spec.inputs[0].dtype == DataType::kI64) {
    return std::make_unique<PlainReduceKernel<int64_t>>(op, spec);
  }
  if (spec.inputs[0].dtype == DataType::kF64) {
    return std::make_unique<PlainReduceKernel<double>>(op, spec);
  }
  if (PlaceKernel::Takes(op, spec)) {
    return std::make_unique<PlaceKernel>(op, spec);
  }
  if (op.kind >= Reduce::Kind::kArgMax) {
    return std::make_unique<PlainReduceKernel<float>>(op, spec);
  }
  return std::make_unique<ReduceKernel>(op, spec);
}

}  // namespace layerd::cpu
