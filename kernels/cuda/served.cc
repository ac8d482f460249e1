#include "kernels/cuda/served.h"

#include <variant>

#include "absl/strings/str_cat.h"
#include "config/status_macros.h"

namespace layerd::cuda {
namespace {

absl::Status NotOnDevice(const std::string& what) {
  return absl::UnimplementedError(
      absl::StrCat(what, " is not computed on the device"));
}

absl::Status CheckAllF32(const PartSpec& spec) {
  for (const auto* types : {&spec.inputs, &spec.outputs}) {
    for (const TensorType& type : *types) {
      if (type.dtype != DataType::kF32) return NotOnDevice(ToString(type));
    }
  }
  return absl::OkStatus();
}

// Of operators that only move elements, every datatype.
absl::Status Check(const Copy&, const PartSpec&) { return absl::OkStatus(); }

absl::Status Check(const Binary& op, const PartSpec& spec) {
  if (op.kind > Binary::Kind::kPRelu) return NotOnDevice("this kind");
  return CheckAllF32(spec);
}

absl::Status Check(const Convolution& op, const PartSpec& spec) {
  if (op.kernel_is_input) return NotOnDevice("a kernel that is an input");
  return CheckAllF32(spec);
}

template <typename Op>
absl::Status CheckPlain(const Op&, const PartSpec& spec) {
  return CheckAllF32(spec);
}

absl::Status Check(const FullyConnected& op, const PartSpec& spec) {
  return CheckPlain(op, spec);
}
absl::Status Check(const MatMul& op, const PartSpec& spec) {
  return CheckPlain(op, spec);
}
absl::Status Check(const Pool& op, const PartSpec& spec) {
  return CheckPlain(op, spec);
}
absl::Status Check(const Unary& op, const PartSpec& spec) {
  return CheckPlain(op, spec);
}
absl::Status Check(const ScaleShift& op, const PartSpec& spec) {
  return CheckPlain(op, spec);
}
absl::Status Check(const Softmax& op, const PartSpec& spec) {
  return CheckPlain(op, spec);
}
absl::Status Check(const Lrn& op, const PartSpec& spec) {
  return CheckPlain(op, spec);
}
absl::Status Check(const Pad& op, const PartSpec& spec) {
  return CheckPlain(op, spec);
}
absl::Status Check(const LayerNorm& op, const PartSpec& spec) {
  return CheckPlain(op, spec);
}

// What has no kernel yet.
template <typename Op>
absl::Status Check(const Op&, const PartSpec&) {
  return NotOnDevice("this operator");
}

}  // namespace

absl::Status CheckServed(const PartSpec& spec) {
  return std::visit([&](const auto& op) { return Check(op, spec); }, spec.op);
}

}  // namespace layerd::cuda
