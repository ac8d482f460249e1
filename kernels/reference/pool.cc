#include <algorithm>
#include <array>
#include <limits>

#include "kernels/reference/loops.h"

namespace layerd::reference {
namespace {

// Where one window stands in one dimension: its elements inside the picture,
// and how many of them count in an average.
struct Span {
  int64_t first = 0;  // Of the input.
  int64_t step = 1;
  int64_t count = 1;
  int64_t divisor = 1;
  int64_t stride = 0;  // Of the input's memory.
};

Span SpanOf(const Pool& op, const TensorType& x, size_t d, int64_t output) {
  const int64_t size = x.shape[2 + d];
  const int64_t begin = output * op.strides[d] - op.pads_begin[d];
  Span span;
  span.step = op.dilations[d];
  span.stride = x.strides[2 + d];
  span.first = begin;
  span.count = 0;
  span.divisor = 0;
  for (int64_t k = 0; k < op.kernel[d]; ++k) {
    const int64_t at = begin + k * op.dilations[d];
    // What hangs over the padding itself (ceil mode) never counts.
    if (op.count_include_pad && at < size + op.pads_end[d]) ++span.divisor;
    if (at < 0) span.first = at + op.dilations[d];
    if (at >= 0 && at < size) ++span.count;
  }
  if (!op.count_include_pad) span.divisor = span.count;
  return span;
}

template <typename Visit>
void ForEachElement(const std::array<Span, 3>& spans, const float* x,
                    Visit visit) {
  for (int64_t a = 0; a < spans[0].count; ++a) {
    for (int64_t b = 0; b < spans[1].count; ++b) {
      for (int64_t c = 0; c < spans[2].count; ++c) {
        visit(x[(spans[0].first + a * spans[0].step) * spans[0].stride +
                (spans[1].first + b * spans[1].step) * spans[1].stride +
                (spans[2].first + c * spans[2].step) * spans[2].stride]);
      }
    }
  }
}

}  // namespace

absl::Status Run(const Pool& op, const Part& part, const PartMemory& memory) {
  const TensorType& x = part.spec.inputs[0];
  const TensorType& y = part.spec.outputs[0];
  const size_t spatial = op.kernel.size();
  ForEach(WholeOf(y.shape), [&](const Index& index) {
    std::array<Span, 3> spans;
    int64_t divisor = 1;
    for (size_t d = 0; d < spatial; ++d) {
      spans[d] = SpanOf(op, x, d, index[2 + d]);
      divisor *= spans[d].divisor;
    }
    const float* in =
        Input(memory, 0) + index[0] * x.strides[0] + index[1] * x.strides[1];
    float& out = Output(memory)[PositionOf(y, index)];
    if (op.kind == Pool::Kind::kMax) {
      out = std::numeric_limits<float>::lowest();
      ForEachElement(spans, in, [&](float v) { out = v < out ? out : v; });
    } else {
      double sum = 0;
      ForEachElement(spans, in, [&](float v) { sum += v; });
      out = divisor == 0 ? 0 : sum / divisor;
    }
  });
  return absl::OkStatus();
}

}  // namespace layerd::reference
