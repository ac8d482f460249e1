#if defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)
#include <immintrin.h>
#endif

#include "kernels/cpu/tile.h"
#include "kernels/cpu/tile_loops.h"

namespace layerd::cpu {

#if defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)
namespace {

struct Avx2 {
  static constexpr int64_t kLanes = 8;
  static constexpr int kPanelVectors = 2;
  static constexpr bool kStreams = true;
  static constexpr bool kSlices = true;
  using Vector = float __attribute__((vector_size(32)));

  static void Stream(float* to, const Vector& value) {
    _mm256_stream_ps(to, value);
  }
  static void Settle() { _mm_sfence(); }

  static Vector Widen(const StoredHalf* from) {
    return _mm256_cvtph_ps(Eight(from));
  }
  static Vector Widen(const StoredBFloat16* from) {
    return _mm256_castsi256_ps(
        _mm256_slli_epi32(_mm256_cvtepu16_epi32(Eight(from)), 16));
  }
  static Vector Widen(const int8_t* from) {
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(
        _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from))));
  }
  static __m128i Eight(const void* from) {
    return _mm_loadu_si128(static_cast<const __m128i*>(from));
  }
};

// 6 rows of two vectors, two of weights, one of x: 15 of 16 registers.
constexpr TileSet kSet =
    TileSetOf<Avx2, 6>("tiles:avx2", {256 << 10, 12 << 20, 12 << 20});

}  // namespace

const TileSet* Avx2Tiles() { return &kSet; }
#else
const TileSet* Avx2Tiles() { return nullptr; }
#endif

}  // namespace layerd::cpu
