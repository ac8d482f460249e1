#include "kernels/resize_taps.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace layerd {
namespace {

using Coordinate = Resize::Coordinate;
using Tap = ResizeTaps::Tap;

struct Dimension {
  float scale;
  int64_t from, to;  // Sizes.
  float roi_begin = 0, roi_end = 1;
};

// Where element `to` of y stands in x.
float PositionOf(Coordinate coordinate, const Dimension& d, int64_t to) {
  const auto at = static_cast<float>(to);
  const auto from = static_cast<float>(d.from);
  const auto length = static_cast<float>(d.to);
  switch (coordinate) {
    case Coordinate::kHalfPixel:
      return (at + 0.5f) / d.scale - 0.5f;
    case Coordinate::kHalfPixelSymmetric: {
      const float adjustment = length / (d.scale * from);
      const float offset = from / 2 * (1 - adjustment);
      return offset + (at + 0.5f) / d.scale - 0.5f;
    }
    case Coordinate::kPytorchHalfPixel:
      return d.to > 1 ? (at + 0.5f) / d.scale - 0.5f : 0.0f;
    case Coordinate::kAlignCorners:
      return d.to > 1 ? at * (from - 1) / (length - 1) : 0.0f;
    case Coordinate::kAsymmetric:
      return at / d.scale;
    case Coordinate::kHalfPixelForNearest:
      return (at + 0.5f) / d.scale;
    case Coordinate::kCropAndResize: {
      if (d.to == 1) return 0.5f * (d.roi_begin + d.roi_end) * (from - 1);
      const float step = (d.roi_end - d.roi_begin) * (from - 1) / (length - 1);
      return d.roi_begin * (from - 1) + at * step;
    }
  }
  return 0;
}

float Nearest(Resize::Nearest rounding, bool shrinks, float at) {
  switch (rounding) {
    case Resize::Nearest::kRoundPreferFloor:
      return std::ceil(at - 0.5f);
    case Resize::Nearest::kRoundPreferCeil:
      return std::round(at);
    case Resize::Nearest::kFloor:
      return std::floor(at);
    case Resize::Nearest::kCeil:
      return std::ceil(at);
    case Resize::Nearest::kSimple:
      return shrinks ? std::ceil(at) : std::floor(at);
  }
  return at;
}

double LinearWeight(double distance) {
  return std::max(0.0, 1 - std::abs(distance));
}

// Keys' convolution kernel.
double CubicWeight(double a, double distance) {
  const double x = std::abs(distance);
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
  return 0;
}

// How far an element of y sees, in elements of x.
double ReachOf(const Resize& op, float scale) {
  const double reach = op.mode == Resize::Mode::kLinear ? 1 : 2;
  return op.antialiases ? reach / std::min(1.0f, scale) : reach;
}

// The taps of one element, in order. Positions outside become the nearest
// inside, or go; equal ones join at once: where the scale is next to nothing,
// millions of them lie outside of a few elements.
class Confined {
 public:
  Confined(int64_t from_size, bool drops_outside)
      : from_size_(from_size), drops_outside_(drops_outside) {}

  void Add(int64_t position, float weight) {
    const int64_t from = std::clamp<int64_t>(position, 0, from_size_ - 1);
    if (drops_outside_ && from != position) return;
    sum_ += weight;
    if (!taps_.empty() && taps_.back().from == from) {
      taps_.back().weight += weight;
    } else {
      taps_.push_back({from, weight});
    }
  }

  std::vector<Tap> Take(bool normalises) {
    if (normalises && sum_ != 0) {
      for (Tap& tap : taps_) {
        tap.weight = static_cast<float>(tap.weight / sum_);
      }
    }
    return std::move(taps_);
  }

 private:
  int64_t from_size_;
  bool drops_outside_;
  std::vector<Tap> taps_;
  double sum_ = 0;
};

// Of one element that stands at `at`.
void SpreadTaps(const Resize& op, const Dimension& d, float at, Confined* to) {
  const bool linear = op.mode == Resize::Mode::kLinear;
  const double squeeze = op.antialiases ? std::min(1.0f, d.scale) : 1;
  const double reach = ReachOf(op, d.scale);
  const auto first = static_cast<int64_t>(std::floor(at - reach));
  const auto last = static_cast<int64_t>(std::ceil(at + reach));
  for (int64_t from = first; from <= last; ++from) {
    const double distance = (static_cast<double>(from) - at) * squeeze;
    const double weight =
        linear ? LinearWeight(distance) : CubicWeight(op.cubic_a, distance);
    if (weight != 0) to->Add(from, static_cast<float>(weight));
  }
}

std::vector<Tap> TapsAt(const Resize& op, const Dimension& d, int64_t to) {
  float at = PositionOf(op.coordinate, d, to);
  const auto end = static_cast<float>(d.from - 1);
  const bool crops = op.coordinate == Coordinate::kCropAndResize;
  if (crops && !(at >= 0 && at <= end)) return {};
  // Farther out all is the same, and may not fit an integer.
  at = std::clamp(at, -4.0f, end + 4);
  if (op.mode == Resize::Mode::kNearest) {
    const float nearest = Nearest(op.nearest, d.scale < 1, at);
    const auto from = static_cast<int64_t>(std::clamp(nearest, 0.0f, end));
    // From 2^24 on the last element may round to the place behind it.
    return {{std::min(from, d.from - 1), 1}};
  }
  if (op.mode == Resize::Mode::kLinear && !op.antialiases) {
    at = std::clamp(at, 0.0f, end);
  }
  Confined taps(d.from, op.excludes_outside);
  SpreadTaps(op, d, at, &taps);
  return taps.Take(op.excludes_outside || op.antialiases);
}

}  // namespace

ResizeTaps::ResizeTaps(const Resize& op, size_t d, int64_t from_size,
                       int64_t to_size) {
  Dimension dimension{op.scales[d], from_size, to_size};
  if (op.coordinate == Coordinate::kCropAndResize) {
    dimension.roi_begin = op.roi_begin[d];
    dimension.roi_end = op.roi_end[d];
  }
  // Runtimes leave alone what keeps its length.
  const bool rests = op.scales[d] == 1 && from_size == to_size &&
                     op.coordinate != Coordinate::kCropAndResize;
  first_.reserve(to_size + 1);
  taps_.reserve(to_size * (rests ? 1 : MostOf(op, d, from_size)));
  first_.push_back(0);
  for (int64_t to = 0; to < to_size; ++to) {
    if (rests) {
      taps_.push_back({to, 1});
    } else {
      const std::vector<Tap> taps = TapsAt(op, dimension, to);
      taps_.insert(taps_.end(), taps.begin(), taps.end());
    }
    first_.push_back(taps_.size());
  }
}

int64_t ResizeTaps::MostOf(const Resize& op, size_t d, int64_t from_size) {
  if (op.mode == Resize::Mode::kNearest) return 1;
  // Inside of an open interval; one more where its ends are rounded.
  const auto most =
      static_cast<int64_t>(std::ceil(2 * ReachOf(op, op.scales[d])));
  return std::min(op.antialiases ? most + 1 : most, from_size);
}

bool ResizeTaps::is_identity() const {
  for (size_t to = 0; to + 1 < first_.size(); ++to) {
    const std::span<const Tap> taps = Of(static_cast<int64_t>(to));
    if (taps.size() != 1 || taps[0] != Tap{static_cast<int64_t>(to), 1}) {
      return false;
    }
  }
  return true;
}

size_t ResizeTaps::taps_max() const {
  size_t most = 0;
  for (size_t to = 0; to + 1 < first_.size(); ++to) {
    most = std::max(most, first_[to + 1] - first_[to]);
  }
  return most;
}

}  // namespace layerd
