#include "kernels/cpu/decode_rows.h"

#include "kernels/half.h"

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace layerd::cpu {
namespace {

// The bodies are plain loops that compilers make into vectors: inlined into a
// function for each instruction set.
#define LAYERD_BODY inline __attribute__((always_inline))

LAYERD_BODY float Widen(int8_t stored) { return static_cast<float>(stored); }
LAYERD_BODY float Widen(uint16_t bits) { return FloatFromBFloat16(bits); }

// Stored weights come from memory, once and in order, and a processor that
// follows a stream by itself stops at the end of each page: asked for ahead
// they come twice as fast. What is asked for past the end is the next part's,
// or nobody's: asking never faults.
constexpr int64_t kAheadBytes = 8192, kLineBytes = 64;

LAYERD_BODY void AskAhead(const void* from, int64_t bytes) {
  const auto* ahead = static_cast<const char*>(from) + kAheadBytes;
  for (int64_t i = 0; i < bytes; i += kLineBytes) {
    __builtin_prefetch(ahead + i, 0, 2);
  }
}

LAYERD_BODY void BFloat16Body(const uint16_t* __restrict from,
                              float* __restrict to, int64_t count) {
  constexpr int64_t kRun = 64;
  int64_t first = 0;
  for (; first + kRun <= count; first += kRun) {
    AskAhead(from + first, kRun * 2);
    for (int64_t i = 0; i < kRun; ++i) to[first + i] = Widen(from[first + i]);
  }
  for (; first < count; ++first) to[first] = Widen(from[first]);
}

template <typename Stored>
LAYERD_BODY void ScaleAll(const Stored* __restrict from, float* __restrict to,
                          int64_t count, float scale) {
  constexpr int64_t kRun = 64;
  int64_t first = 0;
  for (; first + kRun <= count; first += kRun) {
    AskAhead(from + first, kRun * sizeof(Stored));
#pragma GCC ivdep
    for (int64_t i = 0; i < kRun; ++i) {
      to[first + i] = Widen(from[first + i]) * scale;
    }
  }
  for (; first < count; ++first) to[first] = Widen(from[first]) * scale;
}

// A constant number of lanes keeps the scales in registers.
template <int64_t kLanes, typename Stored>
LAYERD_BODY void ScaleLanes(const Stored* __restrict from, float* __restrict to,
                            int64_t rows, const float* scales) {
  float of_lane[kLanes];
  for (int64_t l = 0; l < kLanes; ++l) of_lane[l] = scales[l];
  for (int64_t r = 0; r < rows; ++r) {
    AskAhead(from + r * kLanes, kLanes * sizeof(Stored));
#pragma GCC ivdep
    for (int64_t l = 0; l < kLanes; ++l) {
      to[r * kLanes + l] = Widen(from[r * kLanes + l]) * of_lane[l];
    }
  }
}

template <typename Stored>
LAYERD_BODY void ScaledBody(const Stored* __restrict from, float* __restrict to,
                            int64_t rows, int64_t lanes, const float* scales) {
  switch (lanes) {
    case 1:
      return ScaleAll(from, to, rows, scales[0]);
    case 8:
      return ScaleLanes<8>(from, to, rows, scales);
    case 16:
      return ScaleLanes<16>(from, to, rows, scales);
    case 32:
      return ScaleLanes<32>(from, to, rows, scales);
    case 48:
      return ScaleLanes<48>(from, to, rows, scales);
    case 64:
      return ScaleLanes<64>(from, to, rows, scales);
    default:
      break;
  }
  for (int64_t r = 0; r < rows; ++r) {
#pragma GCC ivdep
    for (int64_t l = 0; l < lanes; ++l) {
      to[r * lanes + l] = Widen(from[r * lanes + l]) * scales[l];
    }
  }
}

LAYERD_BODY void HalfFrom(int64_t first, const uint16_t* from, float* to,
                          int64_t count) {
  for (int64_t i = first; i < count; ++i) to[i] = FloatFromHalf(from[i]);
}

LAYERD_BODY void ScaledHalfBody(const uint16_t* from, float* to, int64_t rows,
                                int64_t lanes, const float* scales) {
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t l = 0; l < lanes; ++l, ++from, ++to) {
      *to = FloatFromHalf(*from) * scales[l];
    }
  }
}

// One function of each loop for one instruction set.
#define LAYERD_DECODERS(Set, attributes)                                       \
  attributes void BFloat16##Set(const uint16_t* from, float* to,               \
                                int64_t count) {                               \
    BFloat16Body(from, to, count);                                             \
  }                                                                            \
  attributes void ScaledBFloat16##Set(const uint16_t* from, float* to,         \
                                      int64_t rows, int64_t lanes,             \
                                      const float* scales) {                   \
    ScaledBody(from, to, rows, lanes, scales);                                 \
  }                                                                            \
  attributes void ScaledInt8##Set(const int8_t* from, float* to, int64_t rows, \
                                  int64_t lanes, const float* scales) {        \
    ScaledBody(from, to, rows, lanes, scales);                                 \
  }

// Halves, where a set has an instruction for so many of them. `Widened(from)`
// is a vector.
#define LAYERD_HALF_DECODERS(Set, attributes, width, Widened, Store, Times,   \
                             Load, Broadcast)                                 \
  attributes void Half##Set(const uint16_t* from, float* to, int64_t count) { \
    int64_t i = 0;                                                            \
    for (; i + width <= count; i += width) {                                  \
      AskAhead(from + i, width * sizeof(uint16_t));                           \
      Store(to + i, Widened(from + i));                                       \
    }                                                                         \
    HalfFrom(i, from, to, count);                                             \
  }                                                                           \
  attributes void ScaledHalf##Set(const uint16_t* from, float* to,            \
                                  int64_t rows, int64_t lanes,                \
                                  const float* scales) {                      \
    int64_t row = 0;                                                          \
    if (lanes == 1) {                                                         \
      const auto scale = Broadcast(scales[0]);                                \
      for (; row + width <= rows; row += width) {                             \
        AskAhead(from + row, width * sizeof(uint16_t));                       \
        Store(to + row, Times(Widened(from + row), scale));                   \
      }                                                                       \
    } else if (lanes % width == 0) {                                          \
      for (; row < rows; ++row) {                                             \
        for (int64_t l = 0; l < lanes; l += width) {                          \
          const int64_t i = row * lanes + l;                                  \
          AskAhead(from + i, width * sizeof(uint16_t));                       \
          Store(to + i, Times(Widened(from + i), Load(scales + l)));          \
        }                                                                     \
      }                                                                       \
    }                                                                         \
    ScaledHalfBody(from + row * lanes, to + row * lanes, rows - row, lanes,   \
                   scales);                                                   \
  }

#define LAYERD_SET(name, Set)                                             \
  {                                                                       \
    name, Half##Set, BFloat16##Set, ScaledHalf##Set, ScaledBFloat16##Set, \
        ScaledInt8##Set                                                   \
  }

LAYERD_DECODERS(Plain, )

void HalfPlain(const uint16_t* from, float* to, int64_t count) {
  HalfFrom(0, from, to, count);
}

void ScaledHalfPlain(const uint16_t* from, float* to, int64_t rows,
                     int64_t lanes, const float* scales) {
  ScaledHalfBody(from, to, rows, lanes, scales);
}

constexpr DecodeRows kPlain = LAYERD_SET("plain", Plain);

#if defined(__x86_64__)

#define LAYERD_AVX512                     \
  __attribute__((                         \
      target("avx512f,avx512bw,avx512vl," \
             "avx512dq,f16c,fma,"         \
             "prefer-vector-width=512")))
#define LAYERD_AVX2 __attribute__((target("avx2,f16c,fma")))

// GCC's own header leaves undefined on purpose what it then overwrites.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"

LAYERD_AVX512 LAYERD_BODY __m512 Sixteen(const uint16_t* from) {
  return _mm512_cvtph_ps(
      _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
}

LAYERD_DECODERS(Avx512, LAYERD_AVX512)
LAYERD_HALF_DECODERS(Avx512, LAYERD_AVX512, 16, Sixteen, _mm512_storeu_ps,
                     _mm512_mul_ps, _mm512_loadu_ps, _mm512_set1_ps)
#pragma GCC diagnostic pop

LAYERD_AVX2 LAYERD_BODY __m256 Eight(const uint16_t* from) {
  return _mm256_cvtph_ps(
      _mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
}

LAYERD_DECODERS(Avx2, LAYERD_AVX2)
LAYERD_HALF_DECODERS(Avx2, LAYERD_AVX2, 8, Eight, _mm256_storeu_ps,
                     _mm256_mul_ps, _mm256_loadu_ps, _mm256_set1_ps)

constexpr DecodeRows kAvx512 = LAYERD_SET("avx512", Avx512);
constexpr DecodeRows kAvx2 = LAYERD_SET("avx2", Avx2);

bool HasAvx512() {
  return __builtin_cpu_supports("avx512f") &&
         __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512dq");
}

bool HasAvx2() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("f16c") &&
         __builtin_cpu_supports("fma");
}

std::vector<const DecodeRows*> FindAll() {
  std::vector<const DecodeRows*> all;
  if (HasAvx512()) all.push_back(&kAvx512);
  if (HasAvx2()) all.push_back(&kAvx2);
  all.push_back(&kPlain);
  return all;
}

#elif defined(__aarch64__)

// The baseline has NEON: only halves need to be told so.
LAYERD_BODY float32x4_t Four(const uint16_t* from) {
  return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(from)));
}

LAYERD_DECODERS(Neon, )
LAYERD_HALF_DECODERS(Neon, , 4, Four, vst1q_f32, vmulq_f32, vld1q_f32,
                     vdupq_n_f32)

constexpr DecodeRows kNeon = LAYERD_SET("neon", Neon);

std::vector<const DecodeRows*> FindAll() { return {&kNeon, &kPlain}; }

#else

std::vector<const DecodeRows*> FindAll() { return {&kPlain}; }

#endif

}  // namespace

const std::vector<const DecodeRows*>& AllDecodeRows() {
  static const std::vector<const DecodeRows*> all = FindAll();
  return all;
}

}  // namespace layerd::cpu
