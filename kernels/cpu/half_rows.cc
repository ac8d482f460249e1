#include "kernels/cpu/half_rows.h"

#include "kernels/half.h"

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace layerd::cpu {

#if defined(__x86_64__)
namespace {

__attribute__((target("avx,f16c"))) void Widen(const std::byte* from, int64_t,
                                               std::byte* to, int64_t,
                                               int64_t count) {
  const auto* source = reinterpret_cast<const uint16_t*>(from);
  auto* target = reinterpret_cast<float*>(to);
  int64_t i = 0;
  for (; i + 8 <= count; i += 8) {
    const auto* eight = reinterpret_cast<const __m128i*>(source + i);
    _mm256_storeu_ps(target + i, _mm256_cvtph_ps(_mm_loadu_si128(eight)));
  }
  for (; i < count; ++i) target[i] = FloatFromHalf(source[i]);
}

__attribute__((target("avx,f16c"))) void Narrow(const std::byte* from, int64_t,
                                                std::byte* to, int64_t,
                                                int64_t count) {
  const auto* source = reinterpret_cast<const float*>(from);
  auto* target = reinterpret_cast<uint16_t*>(to);
  int64_t i = 0;
  for (; i + 8 <= count; i += 8) {
    auto* eight = reinterpret_cast<__m128i*>(target + i);
    _mm_storeu_si128(eight, _mm256_cvtps_ph(_mm256_loadu_ps(source + i),
                                            _MM_FROUND_TO_NEAREST_INT));
  }
  for (; i < count; ++i) target[i] = HalfFromFloat(source[i]);
}

}  // namespace

CastRow HalfRowFor(DataType from, DataType to) {
  if (!__builtin_cpu_supports("f16c")) return nullptr;
  if (from == DataType::kF16 && to == DataType::kF32) return &Widen;
  if (from == DataType::kF32 && to == DataType::kF16) return &Narrow;
  return nullptr;
}
#elif defined(__aarch64__)
namespace {

void Widen(const std::byte* from, int64_t, std::byte* to, int64_t,
           int64_t count) {
  const auto* source = reinterpret_cast<const uint16_t*>(from);
  auto* target = reinterpret_cast<float*>(to);
  int64_t i = 0;
  for (; i + 4 <= count; i += 4) {
    const float16x4_t four = vreinterpret_f16_u16(vld1_u16(source + i));
    vst1q_f32(target + i, vcvt_f32_f16(four));
  }
  for (; i < count; ++i) target[i] = FloatFromHalf(source[i]);
}

void Narrow(const std::byte* from, int64_t, std::byte* to, int64_t,
            int64_t count) {
  const auto* source = reinterpret_cast<const float*>(from);
  auto* target = reinterpret_cast<uint16_t*>(to);
  int64_t i = 0;
  for (; i + 4 <= count; i += 4) {
    const float16x4_t four = vcvt_f16_f32(vld1q_f32(source + i));
    vst1_u16(target + i, vreinterpret_u16_f16(four));
  }
  for (; i < count; ++i) target[i] = HalfFromFloat(source[i]);
}

}  // namespace

CastRow HalfRowFor(DataType from, DataType to) {
  if (from == DataType::kF16 && to == DataType::kF32) return &Widen;
  if (from == DataType::kF32 && to == DataType::kF16) return &Narrow;
  return nullptr;
}
#else
CastRow HalfRowFor(DataType, DataType) { return nullptr; }
#endif

}  // namespace layerd::cpu
