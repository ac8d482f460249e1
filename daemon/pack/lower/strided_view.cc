#include "daemon/pack/lower/strided_view.h"

#include <cstddef>

namespace layerd {
namespace {

// A run of elements that lie `stride` apart.
struct Run {
  int64_t size;
  int64_t stride;
};

// Dimensions that follow each other in memory, joined; outermost first.
std::vector<Run> JoinedRuns(const TensorType& type) {
  std::vector<Run> runs;
  for (size_t d = 0; d < type.shape.size(); ++d) {
    const Run run = {type.shape[d], type.strides[d]};
    if (run.size == 1) continue;
    if (!runs.empty() && runs.back().stride == run.size * run.stride) {
      runs.back() = {runs.back().size * run.size, run.stride};
    } else {
      runs.push_back(run);
    }
  }
  return runs;
}

}  // namespace

bool SameOrder(const std::vector<int64_t>& shape, const std::vector<int64_t>& a,
               const std::vector<int64_t>& b) {
  for (size_t d = 0; d < shape.size(); ++d) {
    if (shape[d] != 1 && a[d] != b[d]) return false;
  }
  return true;
}

std::optional<std::vector<int64_t>> ReshapedStrides(
    const TensorType& type, const std::vector<int64_t>& shape) {
  std::vector<Run> runs = JoinedRuns(type);
  std::vector<int64_t> strides(shape.size());
  int64_t inner = 1;  // Stride for dimensions of one element.
  for (size_t d = shape.size(); d-- > 0;) {
    if (shape[d] == 1) {
      strides[d] = inner;
      continue;
    }
    if (runs.empty() || runs.back().size % shape[d] != 0) return std::nullopt;
    strides[d] = runs.back().stride;
    inner = shape[d] * strides[d];
    runs.back() = {runs.back().size / shape[d], inner};
    if (runs.back().size == 1) runs.pop_back();
  }
  return strides;
}

}  // namespace layerd
