#include "kernels/cpu/winograd_rows.h"

#include "kernels/cpu/lanes.h"
#include "kernels/cpu/multiversion.h"

namespace layerd::cpu {
namespace {

static_assert(kWinogradLanes % LongVector::kCount == 0);

// transpose(B) times a column of six.
template <typename Floats>
LAYERD_INLINE void ToPoints(const Floats (&d)[6], Floats (&t)[6]) {
  const Floats even = d[4] - 4.0f * d[2];
  const Floats odd = d[3] - 4.0f * d[1];
  const Floats far_even = d[4] - d[2];
  const Floats far_odd = 2.0f * (d[3] - d[1]);
  t[0] = 4.0f * d[0] - 5.0f * d[2] + d[4];
  t[1] = even + odd;
  t[2] = even - odd;
  t[3] = far_even + far_odd;
  t[4] = far_even - far_odd;
  t[5] = 4.0f * d[1] - 5.0f * d[3] + d[5];
}

// transpose(A) times a column of six.
template <typename Floats>
LAYERD_INLINE void FromPoints(const Floats (&m)[6], Floats (&y)[4]) {
  const Floats sum = m[1] + m[2];
  const Floats difference = m[1] - m[2];
  const Floats far_sum = m[3] + m[4];
  const Floats far_difference = m[3] - m[4];
  y[0] = m[0] + sum + far_sum;
  y[1] = difference + 2.0f * far_difference;
  y[2] = sum + 4.0f * far_sum;
  y[3] = difference + 8.0f * far_difference + m[5];
}

template <typename Vector>
LAYERD_INLINE void InputBy(const float* const* pixels, int64_t channels,
                           float* to, int64_t step) {
  using Floats = typename Vector::Floats;
  for (int64_t c = 0; c < channels; c += Vector::kCount) {
    Floats half[6][6];
    for (int j = 0; j < 6; ++j) {
      Floats column[6], points[6];
      for (int i = 0; i < 6; ++i)
        column[i] = Vector::Load(pixels[i * 6 + j] + c);
      ToPoints(column, points);
      for (int i = 0; i < 6; ++i) half[i][j] = points[i];
    }
    for (int i = 0; i < 6; ++i) {
      Floats points[6];
      ToPoints(half[i], points);
      for (int j = 0; j < 6; ++j)
        Vector::Put(to + (i * 6 + j) * step + c, points[j]);
    }
  }
}

template <typename Vector>
LAYERD_INLINE void OutputBy(const WinogradOutput& output) {
  using Floats = typename Vector::Floats;
  const Floats low = Floats{} + output.low;
  const Floats high = Floats{} + output.high;
  for (int64_t c = 0; c < output.channels; c += Vector::kCount) {
    Floats half[4][6];
    for (int j = 0; j < 6; ++j) {
      Floats column[6], places[4];
      for (int i = 0; i < 6; ++i) {
        column[i] = Vector::Load(output.from + (i * 6 + j) * output.step + c);
      }
      FromPoints(column, places);
      for (int i = 0; i < 4; ++i) half[i][j] = places[i];
    }
    const Floats bias =
        output.bias == nullptr ? Floats{} : Vector::Load(output.bias + c);
    for (int i = 0; i < 4; ++i) {
      Floats places[4];
      FromPoints(half[i], places);
      for (int j = 0; j < 4; ++j) {
        if (output.y[i * 4 + j] == nullptr) continue;
        Floats y = places[j] + bias;
        if (output.residual != nullptr) {
          y += Vector::Load(output.residual[i * 4 + j] + c);
        }
        y = y < low ? low : y;  // Not a number stays so.
        y = y > high ? high : y;
        Vector::Put(output.y[i * 4 + j] + c, y);
      }
    }
  }
}

}  // namespace

LAYERD_MULTIVERSION
void TransformInput(const float* const* pixels, int64_t channels, float* to,
                    int64_t step) {
  HasLongVectors() ? InputBy<LongVector>(pixels, channels, to, step)
                   : InputBy<ShortVector>(pixels, channels, to, step);
}

LAYERD_MULTIVERSION
void TransformOutput(const WinogradOutput& output) {
  HasLongVectors() ? OutputBy<LongVector>(output)
                   : OutputBy<ShortVector>(output);
}

}  // namespace layerd::cpu
