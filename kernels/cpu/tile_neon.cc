#if defined(__aarch64__)
#include <arm_neon.h>
#endif

#include "kernels/cpu/tile.h"
#include "kernels/cpu/tile_loops.h"

namespace layerd::cpu {

#if defined(__aarch64__)
namespace {

struct Neon {
  static constexpr int64_t kLanes = 4;
  static constexpr int kPanelVectors = 4;
  static constexpr bool kStreams = false;
  static constexpr bool kSlices = false;
  using Vector = float __attribute__((vector_size(16)));

  static void Stream(float* to, const Vector& value) {
    __builtin_memcpy(to, &value, sizeof(value));
  }
  static void Settle() {}

  static Vector Widen(const StoredHalf* from) {
    return vcvt_f32_f16(vreinterpret_f16_u16(Four(from)));
  }
  static Vector Widen(const StoredBFloat16* from) {
    return vreinterpretq_f32_u32(vshll_n_u16(Four(from), 16));
  }
  static Vector Widen(const int8_t* from) {
    const int32_t four = reinterpret_cast<const UnalignedInt*>(from)->value;
    const int8x8_t bytes = vreinterpret_s8_s32(vdup_n_s32(four));
    return vcvtq_f32_s32(vmovl_s16(vget_low_s16(vmovl_s8(bytes))));
  }

 private:
  struct UnalignedInt {
    int32_t value;
  } __attribute__((packed, may_alias));

  template <typename Stored>
  static uint16x4_t Four(const Stored* from) {
    return vld1_u16(reinterpret_cast<const uint16_t*>(from));
  }
};

// 6 rows of four vectors, four of weights, one of x: 29 of 32 registers, and
// ten loads for 24 products and sums.
constexpr TileSet kSet =
    TileSetOf<Neon, 6>("tiles:neon", {640 << 10, 5 << 20, 3 << 20});

}  // namespace

const TileSet* NeonTiles() { return &kSet; }
#else
const TileSet* NeonTiles() { return nullptr; }
#endif

}  // namespace layerd::cpu
