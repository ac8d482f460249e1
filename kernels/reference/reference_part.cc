#include "kernels/reference/reference_part.h"

#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"

namespace layerd {
namespace reference {

PlacedWeights PlacesOf(const WeightPiece& piece) {
  const WeightLayout& layout = piece.layout;
  PlacedWeights places{piece.offset_bytes, {}};
  for (size_t d = 0; d < layout.shape.size(); ++d) {
    places.positions.push_back({layout.shape[d], layout.strides[d]});
  }
  int64_t stride = 1;
  for (size_t b = layout.blocks.size(); b-- > 0;) {
    const auto& [dimension, size] = layout.blocks[b];
    places.positions[dimension].blocks.push_back({size, stride});
    stride *= size;
  }
  return places;
}

std::vector<Positions> PositionsIn(const TensorType& type) {
  std::vector<Positions> positions;
  for (size_t d = 0; d < type.shape.size(); ++d) {
    positions.push_back({type.shape[d], type.strides[d]});
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
    part_.weights.push_back(reference::PlacesOf(piece));
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
