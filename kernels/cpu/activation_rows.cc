#include <cmath>

#include "kernels/cpu/multiversion.h"
#include "kernels/cpu/rows.h"
#include "kernels/cpu/vector_math.h"

namespace layerd::cpu {
namespace {

struct Row {
  const float* x;
  float* y;
  int64_t count;
  float alpha, beta;
};

template <typename Function>
LAYERD_INLINE void Apply(const Row& row, Function function) {
  const float* x = row.x;
  float* y = row.y;
  const int64_t count = row.count;
  LAYERD_SAME_OR_APART
  for (int64_t i = 0; i < count; ++i) y[i] = function(x[i]);
}

LAYERD_INLINE float Clamped(float x, float low, float high) {
  const float raised = x < low ? low : x;
  return raised > high ? high : raised;
}

LAYERD_MULTIVERSION void ReluRow(const Row& row) {
  Apply(row, [](float x) { return x < 0 ? 0.0f : x; });
}
LAYERD_MULTIVERSION void ClipRow(const Row& row) {
  const float low = row.alpha, high = row.beta;
  Apply(row, [=](float x) { return Clamped(x, low, high); });
}
LAYERD_MULTIVERSION void LeakyRow(const Row& row) {
  const float slope = row.alpha;
  Apply(row, [=](float x) { return x < 0 ? slope * x : x; });
}
LAYERD_MULTIVERSION void SigmoidRow(const Row& row) {
  Apply(row, [](float x) { return Sigmoid(x); });
}
LAYERD_MULTIVERSION void TanhRow(const Row& row) {
  Apply(row, [](float x) { return Tanh(x); });
}
LAYERD_MULTIVERSION void GeluRow(const Row& row) {
  Apply(row, [](float x) { return Gelu(x); });
}
LAYERD_MULTIVERSION void GeluTanhRow(const Row& row) {
  Apply(row, [](float x) { return GeluTanh(x); });
}
LAYERD_MULTIVERSION void SwishRow(const Row& row) {
  const float alpha = row.alpha;
  Apply(row, [=](float x) { return x * Sigmoid(alpha * x); });
}
LAYERD_MULTIVERSION void HardSigmoidRow(const Row& row) {
  const float alpha = row.alpha, beta = row.beta;
  Apply(row, [=](float x) { return Clamped(alpha * x + beta, 0, 1); });
}
LAYERD_MULTIVERSION void HardSwishRow(const Row& row) {
  const float alpha = row.alpha, beta = row.beta;
  Apply(row, [=](float x) { return x * Clamped(alpha * x + beta, 0, 1); });
}
LAYERD_MULTIVERSION void MishRow(const Row& row) {
  Apply(row, [](float x) { return Mish(x); });
}
LAYERD_MULTIVERSION void SoftplusRow(const Row& row) {
  Apply(row, [](float x) { return Softplus(x); });
}
LAYERD_MULTIVERSION void SoftsignRow(const Row& row) {
  Apply(row, [](float x) { return x / (1.0f + Absolute(x)); });
}
LAYERD_MULTIVERSION void EluRow(const Row& row) {
  const float alpha = row.alpha, beta = row.beta;
  Apply(row,
        [=](float x) { return x < 0 ? alpha * ExpMinusOne(x) : beta * x; });
}
LAYERD_MULTIVERSION void ThresholdRow(const Row& row) {
  const float alpha = row.alpha;
  Apply(row, [=](float x) { return x > alpha ? x : 0.0f; });
}
LAYERD_MULTIVERSION void LinearRow(const Row& row) {
  const float alpha = row.alpha, beta = row.beta;
  Apply(row, [=](float x) { return alpha * x + beta; });
}
LAYERD_MULTIVERSION void ErfRow(const Row& row) {
  Apply(row, [](float x) { return Erf(x); });
}
LAYERD_MULTIVERSION void ExpRow(const Row& row) {
  Apply(row, [](float x) { return WideExp(x); });
}
LAYERD_MULTIVERSION void LogRow(const Row& row) {
  Apply(row, [](float x) { return Log(x); });
}
LAYERD_MULTIVERSION void SqrtRow(const Row& row) {
  Apply(row, [](float x) { return __builtin_sqrtf(x); });
}
LAYERD_MULTIVERSION void ReciprocalRow(const Row& row) {
  Apply(row, [](float x) { return 1.0f / x; });
}
LAYERD_MULTIVERSION void AbsRow(const Row& row) {
  Apply(row, [](float x) { return Absolute(x); });
}
LAYERD_MULTIVERSION void NegativeRow(const Row& row) {
  Apply(row, [](float x) { return -x; });
}
LAYERD_MULTIVERSION void SignRow(const Row& row) {
  Apply(row, [](float x) { return x > 0 ? 1.0f : x < 0 ? -1.0f : x; });
}
LAYERD_MULTIVERSION void FloorRow(const Row& row) {
  Apply(row, [](float x) { return __builtin_floorf(x); });
}
LAYERD_MULTIVERSION void CeilRow(const Row& row) {
  Apply(row, [](float x) { return __builtin_ceilf(x); });
}
LAYERD_MULTIVERSION void RoundRow(const Row& row) {
  Apply(row, [](float x) { return __builtin_rintf(x); });
}
// Too rare in networks for vectors of our own.
void SinRow(const Row& row) {
  Apply(row, [](float x) { return std::sin(x); });
}
void CosRow(const Row& row) {
  Apply(row, [](float x) { return std::cos(x); });
}

void CopyRow(const Row& row) {
  if (row.x != row.y) layerd::cpu::CopyRow(row.x, row.y, row.count);
}

using RowFunction = void (*)(const Row&);

// In the order of ActivationKind.
constexpr RowFunction kRows[] = {
    CopyRow,      ReluRow,       ClipRow,     LeakyRow,    SigmoidRow,
    TanhRow,      GeluRow,       GeluTanhRow, SwishRow,    HardSigmoidRow,
    HardSwishRow, MishRow,       SoftplusRow, SoftsignRow, EluRow,
    ThresholdRow, LinearRow,     ErfRow,      ExpRow,      LogRow,
    SqrtRow,      ReciprocalRow, AbsRow,      NegativeRow, SignRow,
    FloorRow,     CeilRow,       RoundRow,    SinRow,      CosRow};
static_assert(std::size(kRows) == static_cast<size_t>(ActivationKind::kNot));

}  // namespace

void ActivateRow(const Activation& activation, const float* x, float* y,
                 int64_t count) {
  kRows[static_cast<size_t>(activation.kind)](
      {x, y, count, activation.alpha, activation.beta});
}

}  // namespace layerd::cpu
