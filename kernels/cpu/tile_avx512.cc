#include "kernels/cpu/tile.h"
#include "kernels/cpu/tile_loops.h"

namespace layerd::cpu {

#if defined(__AVX512F__)
namespace {

struct Avx512 {
  static constexpr int64_t kLanes = 16;
  using Vector = float __attribute__((vector_size(64)));
};

// 14 rows of two vectors, two of weights, one of x: 31 of 32 registers.
template <int kVectors>
constexpr TileFunction kTiles[] = {
    TileLoops<Avx512, 1, kVectors>::Run,  TileLoops<Avx512, 2, kVectors>::Run,
    TileLoops<Avx512, 3, kVectors>::Run,  TileLoops<Avx512, 4, kVectors>::Run,
    TileLoops<Avx512, 5, kVectors>::Run,  TileLoops<Avx512, 6, kVectors>::Run,
    TileLoops<Avx512, 7, kVectors>::Run,  TileLoops<Avx512, 8, kVectors>::Run,
    TileLoops<Avx512, 9, kVectors>::Run,  TileLoops<Avx512, 10, kVectors>::Run,
    TileLoops<Avx512, 11, kVectors>::Run, TileLoops<Avx512, 12, kVectors>::Run,
    TileLoops<Avx512, 13, kVectors>::Run, TileLoops<Avx512, 14, kVectors>::Run};

constexpr TileSet kSet = {"tiles:avx512", 14, 2 * Avx512::kLanes, kTiles<2>,
                          kTiles<1>};

}  // namespace

const TileSet* Avx512Tiles() { return &kSet; }
#else
const TileSet* Avx512Tiles() { return nullptr; }
#endif

}  // namespace layerd::cpu
