#ifndef LAYERD_DAEMON_PLAN_QUANTILE_H_
#define LAYERD_DAEMON_PLAN_QUANTILE_H_

#include <algorithm>
#include <cmath>
#include <cstddef>
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

}  // namespace layerd

#endif  // LAYERD_DAEMON_PLAN_QUANTILE_H_
