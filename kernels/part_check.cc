#include "kernels/part_check.h"

#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "config/status_macros.h"
#include "kernels/part_rules.h"
#include "kernels/type_check.h"

namespace layerd {
namespace {

absl::Status CheckTypes(const PartSpec& spec) {
  for (const TensorType& type : spec.inputs) {
    RETURN_IF_ERROR(CheckTensorType(type));
  }
  for (const WeightPiece& piece : spec.weights) {
    RETURN_IF_ERROR(CheckWeightLayout(piece.layout));
  }
  for (const TensorType& type : spec.outputs) {
    RETURN_IF_ERROR(CheckOutputType(type));
  }
  return absl::OkStatus();
}

absl::Status Named(const PartSpec& spec, const absl::Status& status) {
  if (status.ok()) return status;
  return absl::Status(status.code(),
                      absl::StrCat(NameOf(spec.op), ": ", status.message()));
}

}  // namespace

absl::Status CheckPart(const PartSpec& spec) {
  RETURN_IF_ERROR(Named(spec, CheckTypes(spec)));
  return Named(
      spec,
      std::visit([&](const auto& op) { return part_rules::Check(op, spec); },
                 spec.op));
}

absl::Status CheckPlacedPart(const PartSpec& spec) {
  for (const WeightPiece& piece : spec.weights) {
    if (piece.offset_bytes % kWeightAlignment == 0 &&
        piece.offset_bytes <= kSpanBytesMax) {
      continue;
    }
    return Named(spec, absl::InvalidArgumentError(absl::StrFormat(
                           "weights at offset %d, not a multiple of %d",
                           piece.offset_bytes, kWeightAlignment)));
  }
  return CheckPart(spec);
}

absl::Status CheckComputesF32(const PartSpec& spec) {
  if (std::holds_alternative<Copy>(spec.op) ||
      std::holds_alternative<Pad>(spec.op) ||
      std::holds_alternative<Gather>(spec.op) ||
      std::holds_alternative<Select>(spec.op)) {
    return absl::OkStatus();
  }
  for (const auto* types : {&spec.inputs, &spec.outputs}) {
    for (const TensorType& type : *types) {
      if (type.dtype != DataType::kF16) continue;
      return Named(spec, absl::UnimplementedError(
                             "computes with f16, which only the backend cuda "
                             "does; pack the model with compute: f32"));
    }
  }
  return absl::OkStatus();
}

}  // namespace layerd
