#include <algorithm>
#include <cstring>

#include "kernels/cpu/lanes.h"
#include "kernels/cpu/multiversion.h"
#include "kernels/cpu/rows.h"

namespace layerd::cpu {
namespace {

// One of two is better than the other; what is not a number never is.
struct IsMore {
  template <typename T>
  LAYERD_INLINE auto operator()(const T& a, const T& b) const {
    return a > b;
  }
};
struct IsLess {
  template <typename T>
  LAYERD_INLINE auto operator()(const T& a, const T& b) const {
    return a < b;
  }
};
struct IsNotLess {
  template <typename T>
  LAYERD_INLINE auto operator()(const T& a, const T& b) const {
    return a >= b;
  }
};
struct IsNotMore {
  template <typename T>
  LAYERD_INLINE auto operator()(const T& a, const T& b) const {
    return a <= b;
  }
};

// The best of each lane starts as the first element, then lanes are compared:
// of equal ones the place says which.
template <typename Vector, typename Beats, typename Wins>
LAYERD_INLINE int64_t PlaceBy(Beats beats, Wins wins_place, const float* x,
                              int64_t count) {
  using Floats = typename Vector::Floats;
  using Integers = typename Vector::Integers;
  Floats bests[kPieces<Vector>];
  Integers places[kPieces<Vector>] = {}, at[kPieces<Vector>];
  for (int64_t p = 0; p < kPieces<Vector>; ++p) {
    bests[p] = Floats{} + x[0];
    for (int64_t j = 0; j < Vector::kCount; ++j) {
      at[p][j] = static_cast<int32_t>(p * Vector::kCount + j);
    }
  }
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (int64_t p = 0; p < kPieces<Vector>; ++p) {
      const Floats value = Vector::Load(x + i + p * Vector::kCount);
      const Integers better = beats(value, bests[p]);
      bests[p] = better ? value : bests[p];
      places[p] = better ? at[p] : places[p];
      at[p] += static_cast<int32_t>(kLanes);
    }
  }
  float best[kLanes];
  int32_t place[kLanes];
  std::memcpy(best, bests, sizeof(best));
  std::memcpy(place, places, sizeof(place));
  float extreme = best[0];
  int64_t found = place[0];
  for (int64_t j = 1; j < kLanes; ++j) {
    const float value = best[j];
    const bool is_same = value == extreme;
    if (is_same ? wins_place(static_cast<int64_t>(place[j]), found)
                : beats(value, extreme)) {
      extreme = value;
      found = place[j];
    }
  }
  for (; i < count; ++i) {
    if (beats(x[i], extreme)) extreme = x[i], found = i;
  }
  return found;
}

template <typename Beats, typename Wins>
LAYERD_INLINE int64_t PlaceOf(Beats beats, Wins wins_place, const float* x,
                              int64_t count) {
  return HasLongVectors() ? PlaceBy<LongVector>(beats, wins_place, x, count)
                          : PlaceBy<ShortVector>(beats, wins_place, x, count);
}

template <typename Beats>
LAYERD_INLINE void Onto(Beats beats, const float* x, int32_t at, float* best,
                        int32_t* place, int64_t count) {
  LAYERD_SAME_OR_APART
  for (int64_t i = 0; i < count; ++i) {
    const bool better = beats(x[i], best[i]);
    best[i] = better ? x[i] : best[i];
    place[i] = better ? at : place[i];
  }
}

}  // namespace

LAYERD_MULTIVERSION
int64_t PlaceInRow(bool wants_most, bool wants_last, const float* x,
                   int64_t count) {
  if (wants_last) {
    return wants_most ? PlaceOf(IsNotLess{}, IsMore{}, x, count)
                      : PlaceOf(IsNotMore{}, IsMore{}, x, count);
  }
  return wants_most ? PlaceOf(IsMore{}, IsLess{}, x, count)
                    : PlaceOf(IsLess{}, IsLess{}, x, count);
}

LAYERD_MULTIVERSION
void PlacesOfRows(bool wants_most, bool wants_last, const float* x, int32_t at,
                  float* best, int32_t* place, int64_t count) {
  if (wants_last) {
    return wants_most ? Onto(IsNotLess{}, x, at, best, place, count)
                      : Onto(IsNotMore{}, x, at, best, place, count);
  }
  return wants_most ? Onto(IsMore{}, x, at, best, place, count)
                    : Onto(IsLess{}, x, at, best, place, count);
}

}  // namespace layerd::cpu
