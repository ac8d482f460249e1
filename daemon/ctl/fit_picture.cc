#include "daemon/ctl/fit_picture.h"

#include <algorithm>

namespace layerd {
namespace {

// Source pixels that a pixel of the result has: num / den.
struct Step {
  int64_t num, den;
};

// The pixels `first`, `first` + 1, ... of the source, and the share of each.
struct Taps {
  int64_t first = 0;
  std::vector<double> shares;

  int64_t end() const { return first + static_cast<int64_t>(shares.size()); }
};

// The larger step would not cover the other side.
Step StepOf(const Picture& picture, int64_t height, int64_t width) {
  const Step by_height{picture.height, height}, by_width{picture.width, width};
  return by_height.num * by_width.den <= by_width.num * by_height.den
             ? by_height
             : by_width;
}

// Of a stretch of the source that is one step long, in 1 / den of a pixel.
Taps MeanOver(int64_t begin, const Step& step) {
  const int64_t end = begin + step.num;
  Taps taps{.first = begin / step.den, .shares = {}};
  for (int64_t pixel = taps.first; pixel * step.den < end; ++pixel) {
    const int64_t covered = std::min(end, (pixel + 1) * step.den) -
                            std::max(begin, pixel * step.den);
    taps.shares.push_back(static_cast<double>(covered) /
                          static_cast<double>(step.num));
  }
  return taps;
}

// Between the two pixels whose centres are around that of the stretch.
Taps Between(int64_t begin, const Step& step, int64_t source_size) {
  // In 1 / (2 den) of a pixel, from the centre of the first pixel.
  const int64_t centre = 2 * begin + step.num - step.den;
  if (centre <= 0) return {0, {1}};
  const int64_t low = centre / (2 * step.den);
  if (low + 1 >= source_size) return {source_size - 1, {1}};
  const double high_share = static_cast<double>(centre % (2 * step.den)) /
                            static_cast<double>(2 * step.den);
  return {low, {1 - high_share, high_share}};
}

std::vector<Taps> TapsOf(int64_t source_size, int64_t size, const Step& step) {
  const int64_t cut_off =
      (source_size * step.den - size * step.num) / (2 * step.num);
  std::vector<Taps> taps;
  for (int64_t i = 0; i < size; ++i) {
    const int64_t begin = (cut_off + i) * step.num;
    taps.push_back(step.num >= step.den ? MeanOver(begin, step)
                                        : Between(begin, step, source_size));
  }
  return taps;
}

// One row of the result before its columns are made: the samples from column
// `begin` on that are in `sums`.
void MixRows(const Picture& picture, const Taps& rows, int64_t begin,
             std::vector<double>* sums) {
  std::fill(sums->begin(), sums->end(), 0);
  for (size_t tap = 0; tap < rows.shares.size(); ++tap) {
    const int64_t row = rows.first + static_cast<int64_t>(tap);
    const uint8_t* samples =
        &picture.samples[(row * picture.width + begin) * picture.channels];
    for (size_t i = 0; i < sums->size(); ++i) {
      (*sums)[i] += rows.shares[tap] * samples[i];
    }
  }
}

double MixColumns(const std::vector<double>& row, const Taps& columns,
                  int64_t begin, int64_t channel, int64_t channels) {
  double sum = 0;
  for (size_t tap = 0; tap < columns.shares.size(); ++tap) {
    const int64_t column = columns.first - begin + static_cast<int64_t>(tap);
    sum += columns.shares[tap] * row[column * channels + channel];
  }
  return sum;
}

}  // namespace

std::vector<float> FitPicture(const Picture& picture, int64_t height,
                              int64_t width) {
  const Step step = StepOf(picture, height, width);
  const std::vector<Taps> columns = TapsOf(picture.width, width, step);
  const int64_t begin = columns.front().first;
  // Only what is left after the cut: a picture may be very wide.
  std::vector<double> row((columns.back().end() - begin) * picture.channels);
  std::vector<float> fitted;
  fitted.reserve(height * width * picture.channels);
  for (const Taps& rows : TapsOf(picture.height, height, step)) {
    MixRows(picture, rows, begin, &row);
    for (const Taps& taps : columns) {
      for (int64_t c = 0; c < picture.channels; ++c) {
        fitted.push_back(static_cast<float>(
            MixColumns(row, taps, begin, c, picture.channels)));
      }
    }
  }
  return fitted;
}

}  // namespace layerd
