#include "kernels/cpu/element_loops.h"

#include <optional>

#include "kernels/cpu/clamp.h"
#include "kernels/cpu/rows.h"

namespace layerd::cpu {
namespace {

// Rows whose output is not contiguous (nothing that we lay out) pass through
// a buffer on the stack, piece by piece.
constexpr int64_t kPiece = 512;

// Calls compute(first, y, count) for all of a row of the output.
template <typename Compute>
void IntoRow(float* y, int64_t stride, int64_t count, const Compute& compute) {
  if (stride == 1) return compute(int64_t{0}, y, count);
  float piece[kPiece];
  for (int64_t first = 0; first < count; first += kPiece) {
    const int64_t size = std::min(kPiece, count - first);
    compute(first, piece, size);
    for (int64_t i = 0; i < size; ++i) y[(first + i) * stride] = piece[i];
  }
}

void GatherRow(const float* x, int64_t stride, float* y, int64_t count) {
  for (int64_t i = 0; i < count; ++i) y[i] = x[i * stride];
}

// Pixels of few channels, each with a weight: a call for every one of them
// would take longer than its product.
bool IsByNumberOfRow(const LoopNest& nest) {
  constexpr int64_t kShortRow = 512;
  return nest.rank == 2 && nest.row_count() <= kShortRow &&
         nest.row_stride() == LoopNest::Positions{1, 1, 0};
}

void RunTimesNumber(const LoopNest& nest, const float* a, const float* b,
                    float* y) {
  const LoopNest::Positions step = nest.stride[0];
  const int64_t count = nest.row_count();
  ParallelRanges(
      nest.count[0], nest.count[0] * count, [&](int64_t begin, int64_t end) {
        TimesNumberRows({a + begin * step[1], b + begin * step[2],
                         y + begin * step[0], step[1], step[2], step[0],
                         end - begin, count});
      });
}

}  // namespace

void RunBinary(const LoopNest& nest, Binary::Kind kind,
               const Activation& activation, const float* a, const float* b,
               float* y) {
  if (kind == Binary::Kind::kMul && activation == Activation{} &&
      IsByNumberOfRow(nest)) {
    return RunTimesNumber(nest, a, b, y);
  }
  const LoopNest::Positions stride = nest.row_stride();
  ForEachRow(nest, [&](const LoopNest::Positions& at, int64_t count) {
    IntoRow(y + at[0], stride[0], count,
            [&](int64_t first, float* row, int64_t size) {
              BinaryRow(kind, a + at[1] + first * stride[1], stride[1],
                        b + at[2] + first * stride[2], stride[2], row, size);
              ActivateRow(activation, row, row, size);
            });
  });
}

void RunSum(const LoopNest& nest, const Activation& activation, const float* a,
            const float* b, float* y) {
  const std::optional<Clamp> clamp = AsClamp(activation);
  const bool rows_are_dense = nest.row_stride() == LoopNest::Positions{1, 1, 1};
  if (!clamp || nest.rank != 2 || !rows_are_dense) {
    return RunBinary(nest, Binary::Kind::kAdd, activation, a, b, y);
  }
  const LoopNest::Positions step = nest.stride[0];
  const int64_t count = nest.row_count();
  ParallelRanges(
      nest.count[0], nest.count[0] * count, [&](int64_t begin, int64_t end) {
        AddClampRows(
            {a + begin * step[1], b + begin * step[2], y + begin * step[0],
             step[1], step[2], step[0], end - begin, count},
            clamp->low, clamp->high);
      });
}

void RunUnary(const LoopNest& nest, const Activation& activation,
              const float* x, float* y) {
  const LoopNest::Positions stride = nest.row_stride();
  ForEachRow(nest, [&](const LoopNest::Positions& at, int64_t count) {
    IntoRow(y + at[0], stride[0], count,
            [&](int64_t first, float* row, int64_t size) {
              const float* from = x + at[1] + first * stride[1];
              if (stride[1] != 1) GatherRow(from, stride[1], row, size);
              ActivateRow(activation, stride[1] == 1 ? from : row, row, size);
            });
  });
}

void RunScaleShift(const LoopNest& nest, const Activation& activation,
                   const float* x, const float* scale, const float* shift,
                   float* y) {
  const LoopNest::Positions stride = nest.row_stride();
  ForEachRow(nest, [&](const LoopNest::Positions& at, int64_t count) {
    IntoRow(y + at[0], stride[0], count,
            [&](int64_t first, float* row, int64_t size) {
              const float* from = x + at[1] + first * stride[1];
              if (stride[1] != 1) GatherRow(from, stride[1], row, size);
              const int64_t constant = at[2] + first * stride[2];
              ScaleShiftRow(stride[1] == 1 ? from : row, scale + constant,
                            shift + constant, stride[2], row, size);
              ActivateRow(activation, row, row, size);
            });
  });
}

}  // namespace layerd::cpu
