#ifndef LAYERD_TEST_CONFORMANCE_AGREEMENT_H_
#define LAYERD_TEST_CONFORMANCE_AGREEMENT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "kernels/tensor.h"

namespace layerd {

// A whole tensor in memory: row-major, little-endian, without gaps.
struct HeldTensor {
  DataType dtype = DataType::kF32;
  std::vector<int64_t> shape;
  std::vector<std::byte> bytes;
};

// Why `got` does not agree with `want`, or nothing: the rule at the top of
// test/tools/compare.py, with its default bounds, for half precision rtol and
// atol 1e-2; but infinities and NaN agree with themselves.
std::string WhyDifferent(const HeldTensor& got, const HeldTensor& want);

}  // namespace layerd

#endif  // LAYERD_TEST_CONFORMANCE_AGREEMENT_H_
