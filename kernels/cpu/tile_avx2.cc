#include "kernels/cpu/tile.h"
#include "kernels/cpu/tile_loops.h"

namespace layerd::cpu {

#if defined(__AVX2__) && defined(__FMA__)
namespace {

struct Avx2 {
  static constexpr int64_t kLanes = 8;
  using Vector = float __attribute__((vector_size(32)));
};

// 6 rows of two vectors, two of weights, one of x: 15 of 16 registers.
template <int kVectors>
constexpr TileFunction kTiles[] = {
    TileLoops<Avx2, 1, kVectors>::Run, TileLoops<Avx2, 2, kVectors>::Run,
    TileLoops<Avx2, 3, kVectors>::Run, TileLoops<Avx2, 4, kVectors>::Run,
    TileLoops<Avx2, 5, kVectors>::Run, TileLoops<Avx2, 6, kVectors>::Run};

constexpr TileSet kSet = {"tiles:avx2", 6, 2 * Avx2::kLanes, kTiles<2>,
                          kTiles<1>};

}  // namespace

const TileSet* Avx2Tiles() { return &kSet; }
#else
const TileSet* Avx2Tiles() { return nullptr; }
#endif

}  // namespace layerd::cpu
