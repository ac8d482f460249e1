#ifndef LAYERD_DAEMON_PLAN_QUANTILE_H_
#define LAYERD_DAEMON_PLAN_QUANTILE_H_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <vector>

#include "config/check.h"

namespace layerd {

// The smallest of `values` that at least a share `q` of them does not exceed:
// always one that was measured. The greatest, where there are too few.
// REQUIRES: values is not empty, 0 <= q <= 1.
inline double Quantile(std::vector<double> values, double q) {
  LAYERD_CHECK(!values.empty() && q >= 0 && q <= 1);
  const double rank = std::ceil(q * static_cast<double>(values.size()));
  const auto index = static_cast<ptrdiff_t>(std::max(rank, 1.0)) - 1;
  std::nth_element(values.begin(), values.begin() + index, values.end());
  return values[static_cast<size_t>(index)];
}

// The middle one, or the mean of the two in the middle.
inline double Median(const std::vector<double>& values) {
  std::vector<double> negated;
  for (const double value : values) negated.push_back(-value);
  return (Quantile(values, 0.5) - Quantile(negated, 0.5)) / 2;
}

// The k-th smallest and the k-th greatest of some measured values.
struct MedianInterval {
  double low = 0;
  double high = 0;
};

// Between which two of `values` the median of what they were drawn from lies,
// wrong at most once in twenty times whatever the distribution: each value is
// above it or below as a coin falls (the sign test; Conover, Practical
// Nonparametric Statistics, section 3.2). Nothing for fewer than six.
inline std::optional<MedianInterval> MedianIntervalOf(
    std::vector<double> values) {
  const auto count = static_cast<double>(values.size());
  // Of just `below` values below it: from 1075 values on, no double but 0 is as
  // small as the first.
  double log_probability = -count * std::log(2.0);
  double outside = 0;  // The probability that fewer are.
  size_t below = 0;
  for (; below < values.size(); ++below) {
    const double probability = std::exp(log_probability);
    if (2 * (outside + probability) > 0.05) break;
    outside += probability;
    const auto already = static_cast<double>(below);
    log_probability += std::log((count - already) / (already + 1));
  }
  if (below == 0) return std::nullopt;
  std::sort(values.begin(), values.end());
  return MedianInterval{.low = values[below - 1],
                        .high = values[values.size() - below]};
}

// What each part of a run takes, of several runs: medians by part, one factor
// on all of them so that they add up to the median of whole runs. The medians
// alone add up to less, for every run is late at some parts.
// REQUIRES: each part was seen as often, at least once.
inline std::vector<double> TypicalParts(
    const std::vector<std::vector<double>>& runs_of_part) {
  std::vector<double> parts, whole_runs;
  double sum = 0;
  for (const std::vector<double>& runs : runs_of_part) {
    whole_runs.resize(runs.size());
    for (size_t run = 0; run < runs.size(); ++run) whole_runs[run] += runs[run];
    parts.push_back(Median(runs));
    sum += parts.back();
  }
  if (sum > 0) {
    const double factor = Median(whole_runs) / sum;
    for (double& part : parts) part *= factor;
  }
  return parts;
}

}  // namespace layerd

#endif  // LAYERD_DAEMON_PLAN_QUANTILE_H_
