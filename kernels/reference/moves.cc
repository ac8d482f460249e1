// Pad and Copy: elements that move and, at most, change their datatype.
#include <algorithm>

#include "kernels/cast.h"
#include "kernels/reference/loops.h"

namespace layerd::reference {
namespace {

// The element of the input that stands at `at` of the output, or -1 for none.
int64_t SourceOf(const Pad& op, int64_t size, size_t d, int64_t at) {
  const int64_t first = std::max<int64_t>(-op.begin[d], 0);
  const int64_t last = size - 1 - std::max<int64_t>(-op.end[d], 0);
  const int64_t source = at - op.begin[d];
  switch (op.mode) {
    case Pad::Mode::kConstant:
      return source < first || source > last ? -1 : source;
    case Pad::Mode::kReflect:
      if (source < first) return 2 * first - source;
      return source > last ? 2 * last - source : source;
    case Pad::Mode::kEdge:
      return std::clamp(source, first, last);
  }
  return -1;
}

}  // namespace

void Run(const Pad& op, const Part& part, const PartMemory& memory) {
  const TensorType& x = part.spec.inputs[0];
  const TensorType& y = part.spec.outputs[0];
  ForEach(WholeOf(y.shape), [&](const Index& index) {
    float value = op.value;
    Index source{};
    bool inside = true;
    for (size_t d = 0; d < x.shape.size(); ++d) {
      source[d] = SourceOf(op, x.shape[d], d, index[d]);
      inside = inside && source[d] >= 0;
    }
    if (inside) value = Input(memory, 0)[PositionOf(x, source)];
    Output(memory)[PositionOf(y, index)] = value;
  });
}

void Run(const Copy&, const Part& part, const PartMemory& memory) {
  const TensorType& y = part.spec.outputs[0];
  const bool constant = part.spec.inputs.empty();
  const DataType from =
      constant ? part.spec.weights[0].layout.dtype : part.spec.inputs[0].dtype;
  const CastRow cast = CastRowFor(from, y.dtype);
  const std::byte* source = constant
                                ? memory.weights + part.weights[0].offset_bytes
                                : memory.inputs[0];
  ForEach(WholeOf(y.shape), [&](const Index& index) {
    int64_t position = 0;
    if (!constant) position = PositionOf(part.spec.inputs[0], index);
    for (size_t d = 0; constant && d < y.shape.size(); ++d) {
      position += part.weights[0].positions[d][index[d]];
    }
    cast(source + position * SizeOf(from), 1,
         memory.outputs[0] + PositionOf(y, index) * SizeOf(y.dtype), 1, 1);
  });
}

}  // namespace layerd::reference
