#if defined(__AVX512F__)
#include <immintrin.h>
#endif

#include "kernels/cpu/tile.h"
#include "kernels/cpu/tile_loops.h"

namespace layerd::cpu {

#if defined(__AVX512F__)
namespace {

// GCC's own header leaves undefined on purpose what it then overwrites.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"

struct Avx512 {
  static constexpr int64_t kLanes = 16;
  static constexpr int kPanelVectors = 2;
  static constexpr bool kStreams = true;
  static constexpr bool kSlices = false;
  using Vector = float __attribute__((vector_size(64)));

  static void Stream(float* to, const Vector& value) {
    _mm512_stream_ps(to, value);
  }
  static void Settle() { _mm_sfence(); }

  static Vector Widen(const StoredHalf* from) {
    return _mm512_cvtph_ps(Sixteen(from));
  }
  static Vector Widen(const StoredBFloat16* from) {
    return _mm512_castsi512_ps(
        _mm512_slli_epi32(_mm512_cvtepu16_epi32(Sixteen(from)), 16));
  }
  static Vector Widen(const int8_t* from) {
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(
        _mm_loadu_si128(reinterpret_cast<const __m128i*>(from))));
  }
  static __m256i Sixteen(const void* from) {
    return _mm256_loadu_si256(static_cast<const __m256i*>(from));
  }
};

// 14 rows of two vectors, two of weights, one of x: 31 of 32 registers.
constexpr TileSet kSet =
    TileSetOf<Avx512, 14>("tiles:avx512", {640 << 10, 5 << 20, 3 << 20});

#pragma GCC diagnostic pop
}  // namespace

const TileSet* Avx512Tiles() { return &kSet; }
#else
const TileSet* Avx512Tiles() { return nullptr; }
#endif

}  // namespace layerd::cpu
