#ifndef LAYERD_KERNELS_CPU_LANES_H_
#define LAYERD_KERNELS_CPU_LANES_H_

#include <cstdint>

// Sixteen floats side by side, whatever the vectors of a processor: one of
// them, or two, or four. Sums and extremes over a row run in as many lanes, so
// that their bits are the same everywhere.
//
// Included by the loops only: always inlined, into each instruction set.
namespace layerd::cpu {

#define LAYERD_INLINE inline __attribute__((always_inline))

inline constexpr int64_t kLanes = 16;

using Lanes = float __attribute__((vector_size(4 * kLanes)));
using IntegerLanes = int32_t __attribute__((vector_size(4 * kLanes)));

struct UnalignedLanes {
  Lanes value;
} __attribute__((packed, may_alias));

LAYERD_INLINE Lanes Load(const float* from) {
  return reinterpret_cast<const UnalignedLanes*>(from)->value;
}
LAYERD_INLINE void Put(float* to, const Lanes& value) {
  reinterpret_cast<UnalignedLanes*>(to)->value = value;
}

// Of two that are not both numbers, the second.
LAYERD_INLINE Lanes LargerOf(const Lanes& a, const Lanes& b) {
  return a > b ? a : b;
}

// Halves are joined until one lane is left.
template <typename Join>
LAYERD_INLINE float Joined(Join join, Lanes all) {
  all = join(all, __builtin_shufflevector(all, all, 8, 9, 10, 11, 12, 13, 14,
                                          15, 0, 1, 2, 3, 4, 5, 6, 7));
  all = join(all, __builtin_shufflevector(all, all, 4, 5, 6, 7, 0, 1, 2, 3, 12,
                                          13, 14, 15, 8, 9, 10, 11));
  all = join(all, __builtin_shufflevector(all, all, 2, 3, 0, 1, 6, 7, 4, 5, 10,
                                          11, 8, 9, 14, 15, 12, 13));
  all = join(all, __builtin_shufflevector(all, all, 1, 0, 3, 2, 5, 4, 7, 6, 9,
                                          8, 11, 10, 13, 12, 15, 14));
  return all[0];
}
LAYERD_INLINE float SumOf(const Lanes& all) {
  return Joined([](const Lanes& a, const Lanes& b) { return a + b; }, all);
}
LAYERD_INLINE float MostOf(const Lanes& all) {
  return Joined([](const Lanes& a, const Lanes& b) { return LargerOf(a, b); },
                all);
}

}  // namespace layerd::cpu

#endif  // LAYERD_KERNELS_CPU_LANES_H_
