// Pad, Copy, Gather, Resize: elements that move.
#include <algorithm>
#include <array>
#include <cstring>

#include "absl/strings/str_format.h"
#include "kernels/cast.h"
#include "kernels/reference/loops.h"
#include "kernels/resize_taps.h"

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

int64_t IndexAt(DataType dtype, const std::byte* indices, int64_t place) {
  if (dtype == DataType::kI64) {
    return reinterpret_cast<const int64_t*>(indices)[place];
  }
  return reinterpret_cast<const int32_t*>(indices)[place];
}

absl::Status OutsideError(int64_t index, int64_t length) {
  return absl::InvalidArgumentError(absl::StrFormat(
      "index %d is not within %d to %d", index, -length, length - 1));
}

}  // namespace

absl::Status Run(const Pad& op, const Part& part, const PartMemory& memory) {
  const TensorType& x = part.spec.inputs[0];
  const TensorType& y = part.spec.outputs[0];
  const size_t size = SizeOf(y.dtype);
  std::array<std::byte, 8> padding;
  CastRowFor(DataType::kF32, y.dtype)(
      reinterpret_cast<const std::byte*>(&op.value), 1, padding.data(), 1, 1);
  ForEach(WholeOf(y.shape), [&](const Index& index) {
    Index source{};
    bool inside = true;
    for (size_t d = 0; d < x.shape.size(); ++d) {
      source[d] = SourceOf(op, x.shape[d], d, index[d]);
      inside = inside && source[d] >= 0;
    }
    const std::byte* from =
        inside ? memory.inputs[0] + PositionOf(x, source) * size
               : padding.data();
    std::memcpy(memory.outputs[0] + PositionOf(y, index) * size, from, size);
  });
  return absl::OkStatus();
}

absl::Status Run(const Copy&, const Part& part, const PartMemory& memory) {
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
  return absl::OkStatus();
}

absl::Status Run(const Gather& op, const Part& part, const PartMemory& memory) {
  const bool constant = part.spec.inputs.size() == 1;
  const TensorType& indices = part.spec.inputs.back();
  const TensorType& y = part.spec.outputs[0];
  const size_t axis = op.axis;
  const size_t looked_up = indices.shape.size();
  const size_t rank = y.shape.size() + 1 - looked_up;  // Of x.
  const int64_t length = constant ? part.spec.weights[0].layout.shape[axis]
                                  : part.spec.inputs[0].shape[axis];
  const size_t size = SizeOf(y.dtype);
  const DataType stored =
      constant ? part.spec.weights[0].layout.dtype : part.spec.inputs[0].dtype;
  const CastRow cast = CastRowFor(stored, y.dtype);
  const std::byte* from = constant
                              ? memory.weights + part.weights[0].offset_bytes
                              : memory.inputs[0];
  absl::Status status;
  ForEach(WholeOf(y.shape), [&](const Index& index) {
    int64_t place = 0;
    for (size_t d = 0; d < looked_up; ++d) {
      place += index[axis + d] * indices.strides[d];
    }
    int64_t row = IndexAt(indices.dtype, memory.inputs.back(), place);
    if (row < -length || row >= length) {
      status.Update(OutsideError(row, length));
      return;
    }
    if (row < 0) row += length;
    int64_t position = 0;
    for (size_t d = 0; d < rank; ++d) {
      const int64_t at = d < axis    ? index[d]
                         : d == axis ? row
                                     : index[d - 1 + looked_up];
      position += constant ? part.weights[0].positions[d][at]
                           : at * part.spec.inputs[0].strides[d];
    }
    cast(from + position * SizeOf(stored), 1,
         memory.outputs[0] + PositionOf(y, index) * size, 1, 1);
  });
  return status;
}

absl::Status Run(const Resize& op, const Part& part, const PartMemory& memory) {
  const TensorType& x = part.spec.inputs[0];
  const TensorType& y = part.spec.outputs[0];
  std::vector<ResizeTaps> taps;
  for (size_t d = 0; d < x.shape.size(); ++d) {
    taps.emplace_back(op, d, x.shape[d], y.shape[d]);
  }
  ForEach(WholeOf(y.shape), [&](const Index& index) {
    Box choices;  // One tap in each dimension.
    choices.rank = taps.size();
    bool inside = true;
    for (size_t d = 0; d < taps.size(); ++d) {
      choices.count[d] = taps[d].Of(index[d]).size();
      inside = inside && choices.count[d] > 0;
    }
    double sum = inside ? 0 : op.extrapolation_value;
    if (inside) {
      ForEach(choices, [&](const Index& choice) {
        double weight = 1;
        Index from{};
        for (size_t d = 0; d < taps.size(); ++d) {
          const ResizeTaps::Tap tap = taps[d].Of(index[d])[choice[d]];
          weight *= tap.weight;
          from[d] = tap.from;
        }
        sum += weight * Input(memory, 0)[PositionOf(x, from)];
      });
    }
    Output(memory)[PositionOf(y, index)] = sum;
  });
  return absl::OkStatus();
}

}  // namespace layerd::reference
