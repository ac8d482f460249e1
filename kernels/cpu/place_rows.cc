#include <algorithm>

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
template <typename Beats, typename Wins>
LAYERD_INLINE int64_t PlaceOf(Beats beats, Wins wins_place, const float* x,
                              int64_t count) {
  Lanes best = Lanes{} + x[0];
  IntegerLanes place = {};
  IntegerLanes at = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes, at += static_cast<int32_t>(kLanes)) {
    const Lanes value = Load(x + i);
    const IntegerLanes better = beats(value, best);
    best = better ? value : best;
    place = better ? at : place;
  }
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
