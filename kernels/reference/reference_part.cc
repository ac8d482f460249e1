#include "kernels/reference/reference_part.h"

#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"

namespace layerd {
namespace reference {

WeightTable TableOf(const WeightPiece& piece) {
  const WeightLayout& layout = piece.layout;
  WeightTable table{piece.offset_bytes, {}};
  std::vector<int64_t> index(layout.shape.size(), 0);
  for (size_t d = 0; d < layout.shape.size(); ++d) {
    std::vector<int64_t>& positions = table.positions.emplace_back();
    positions.reserve(layout.shape[d]);
    for (; index[d] < layout.shape[d]; ++index[d]) {
      positions.push_back(layout.PositionOf(index));
    }
    index[d] = 0;
  }
  return table;
}

// By dimension, as those of a WeightTable.
std::vector<std::vector<int64_t>> PositionsIn(const TensorType& type) {
  std::vector<std::vector<int64_t>> positions(type.shape.size());
  for (size_t d = 0; d < type.shape.size(); ++d) {
    for (int64_t i = 0; i < type.shape[d]; ++i) {
      positions[d].push_back(i * type.strides[d]);
    }
  }
  return positions;
}

bool KernelIsInput(const Operator& op) {
  const auto* conv = std::get_if<Convolution>(&op);
  if (conv != nullptr) return conv->kernel_is_input;
  const auto* transposed = std::get_if<ConvTranspose>(&op);
  return transposed != nullptr && transposed->kernel_is_input;
}

}  // namespace reference

ReferencePart::ReferencePart(PartSpec spec) {
  for (const WeightPiece& piece : spec.weights) {
    part_.weights.push_back(reference::TableOf(piece));
  }
  if (reference::KernelIsInput(spec.op)) {
    part_.kernel_input = reference::PositionsIn(spec.inputs[1]);
  }
  scratch_bytes_ = reference::ScratchBytesOf(spec);
  part_.spec = std::move(spec);
}

absl::Status ReferencePart::Run(const PartMemory& memory) const {
  const absl::Status status = std::visit(
      [&](const auto& op) { return reference::Run(op, part_, memory); },
      part_.spec.op);
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat(NameOf(part_.spec.op), ": ",
                                                  status.message()));
}

}  // namespace layerd
