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

absl::Status CheckFloats(const PartSpec& spec) {
  for (const auto* types : {&spec.inputs, &spec.outputs}) {
    for (const TensorType& type : *types) {
      if (type.dtype == DataType::kF32 || type.dtype == DataType::kF16)
        continue;
      return NotOnDevice(ToString(type));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckNotF64(const PartSpec& spec) {
  const TensorType& x = spec.inputs[0];
  return x.dtype == DataType::kF64 ? NotOnDevice(ToString(x))
                                   : absl::OkStatus();
}

// Those that take other datatypes are told by CheckPart() which. Numbers are
// f32 or f16 where libraries and kernels of our own multiply them.
template <typename Op>
absl::Status Check(const Op&, const PartSpec& spec) {
  return CheckFloats(spec);
}

absl::Status Check(const Copy&, const PartSpec&) { return absl::OkStatus(); }
absl::Status Check(const Pad&, const PartSpec&) { return absl::OkStatus(); }
absl::Status Check(const Unary&, const PartSpec& spec) {
  return CheckNotF64(spec);
}
absl::Status Check(const Binary&, const PartSpec& spec) {
  return CheckNotF64(spec);
}
absl::Status Check(const Reduce&, const PartSpec& spec) {
  return CheckNotF64(spec);
}
absl::Status Check(const Gather&, const PartSpec& spec) {
  const bool constant = !spec.weights.empty();
  if (!constant || spec.weights[0].layout.dtype == spec.outputs[0].dtype) {
    return absl::OkStatus();
  }
  return NotOnDevice("rows that are widened");
}
absl::Status Check(const Select&, const PartSpec&) { return absl::OkStatus(); }
absl::Status Check(const Recurrent&, const PartSpec&) {
  return NotOnDevice("a recurrence");
}
absl::Status Check(const TopK&, const PartSpec&) { return NotOnDevice("TopK"); }

}  // namespace

absl::Status CheckServed(const PartSpec& spec) {
  return std::visit([&](const auto& op) { return Check(op, spec); }, spec.op);
}

}  // namespace layerd::cuda
