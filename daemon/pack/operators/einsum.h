#ifndef LAYERD_DAEMON_PACK_OPERATORS_EINSUM_H_
#define LAYERD_DAEMON_PACK_OPERATORS_EINSUM_H_

#include <cstdint>
#include <map>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace layerd {

// An equation such as "bhqd,bhkd->bhqk", with the lengths that its operands
// give to its labels. A letter is its own label; the dimensions that an
// ellipsis stands for are labelled kEllipsis, kEllipsis + 1, ..., counted from
// their end.
struct Einsum {
  static constexpr int kEllipsis = 1000;

  // An operand's dimensions of size 1 that are longer elsewhere are left out:
  // they broadcast. A label that an operand has twice means its diagonal.
  std::vector<std::vector<int>> operands;
  std::vector<int> output;
  std::map<int, int64_t> lengths;

  std::vector<int64_t> ShapeOf(const std::vector<int>& labels) const;
  std::vector<int64_t> OutputShape() const { return ShapeOf(output); }
};

// Errors: INVALID_ARGUMENT for a wrong equation or shapes that it does not fit.
absl::StatusOr<Einsum> ParseEinsum(
    std::string_view equation, const std::vector<std::vector<int64_t>>& shapes);

}  // namespace layerd

#endif  // LAYERD_DAEMON_PACK_OPERATORS_EINSUM_H_
