#ifndef LAYERD_KERNELS_RESIZE_TAPS_H_
#define LAYERD_KERNELS_RESIZE_TAPS_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/operator.h"

namespace layerd {

// Of which elements of x each element of y is made, in one dimension of a
// Resize, and with what weights. Made once when a part is prepared: what is
// left at run time are weighted sums, whatever modes and coordinates ONNX has.
//
// Positions are computed in f32, as runtimes of ONNX do: at ties that decides
// which element is the nearest.
class ResizeTaps {
 public:
  struct Tap {
    int64_t from = 0;  // Element of x; always inside.
    float weight = 0;
    friend bool operator==(const Tap&, const Tap&) = default;
  };

  // Of dimension `d`, `from_size` elements to `to_size`.
  // REQUIRES: the part passed CheckPart().
  ResizeTaps(const Resize& op, size_t d, int64_t from_size, int64_t to_size);

  // Sum to 1, each element at most once; none: the extrapolation value.
  std::span<const Tap> Of(int64_t to) const {
    return {taps_.data() + first_[to], taps_.data() + first_[to + 1]};
  }
  // Every element of y is the same element of x.
  bool is_identity() const;
  size_t taps_max() const;

  // No element of dimension `d` has more of them: known from the sizes alone.
  // REQUIRES: as the constructor.
  static int64_t MostOf(const Resize& op, size_t d, int64_t from_size);

 private:
  std::vector<size_t> first_;  // Tap of each element of y, and the end.
  std::vector<Tap> taps_;
};

}  // namespace layerd

#endif  // LAYERD_KERNELS_RESIZE_TAPS_H_
