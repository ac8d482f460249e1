#ifndef LAYERD_KERNELS_CPU_LANES_H_
#define LAYERD_KERNELS_CPU_LANES_H_

#include <cstdint>

// Sums and extremes over a row run in sixteen lanes, whatever the vectors of a
// processor: one of them, or two, or four. So their bits are the same
// everywhere.
//
// Included by the loops only: always inlined, into each instruction set.
namespace layerd::cpu {

#define LAYERD_INLINE inline __attribute__((always_inline))

inline constexpr int64_t kLanes = 16;

// One vector of a processor. GCC computes what is longer number by number, and
// keeps it in memory.
template <int64_t kFloats>
struct VectorOf {
  // In `using` GCC takes no size that depends on a template's argument.
  typedef float Floats __attribute__((vector_size(4 * kFloats)));
  typedef int32_t Integers __attribute__((vector_size(4 * kFloats)));
  static constexpr int64_t kCount = kFloats;

  LAYERD_INLINE static Floats Load(const float* from) {
    return reinterpret_cast<const Unaligned*>(from)->value;
  }
  LAYERD_INLINE static void Put(float* to, const Floats& value) {
    static_assert(sizeof(Floats) == kFloats * sizeof(float));
    reinterpret_cast<Unaligned*>(to)->value = value;
  }

 private:
  struct Unaligned {
    Floats value;
  } __attribute__((packed, may_alias));
};
template <>
struct VectorOf<1> {
  using Floats = float;
  static constexpr int64_t kCount = 1;

  LAYERD_INLINE static float Load(const float* from) { return *from; }
  LAYERD_INLINE static void Put(float* to, float value) { *to = value; }
};

// The vectors that make up the lanes.
template <typename Vector>
inline constexpr int64_t kPieces = kLanes / Vector::kCount;

// A loop is compiled for both, in each instruction set, and chooses when it
// begins.
#if defined(__x86_64__)
using LongVector = VectorOf<16>;
using ShortVector = VectorOf<8>;

inline bool HasLongVectors() {
  static const bool has = __builtin_cpu_supports("avx512f");
  return has;
}
#else
using LongVector = VectorOf<4>;
using ShortVector = VectorOf<4>;

constexpr bool HasLongVectors() { return true; }
#endif

}  // namespace layerd::cpu

#endif  // LAYERD_KERNELS_CPU_LANES_H_
