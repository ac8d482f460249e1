#include "absl/strings/str_format.h"
#include "config/status_macros.h"
#include "kernels/decoded_part.h"
#include "kernels/part_rules.h"

namespace layerd::part_rules {
namespace {

using absl::InvalidArgumentError;
using absl::StrFormat;

size_t WeightCount(const Recurrent& op) {
  if (op.kind == Recurrent::Kind::kGru) return op.resets_product ? 3 : 2;
  return op.has_peepholes ? 2 : 1;
}

absl::Status CheckKind(const Recurrent& op) {
  if (op.kind > Recurrent::kLastKind) {
    return InvalidArgumentError(
        StrFormat("kind %d is unknown", static_cast<int>(op.kind)));
  }
  if ((op.resets_product && op.kind != Recurrent::Kind::kGru) ||
      (op.has_peepholes && op.kind != Recurrent::Kind::kLstm)) {
    return InvalidArgumentError("a GRU alone resets, an LSTM alone peeps");
  }
  if (!(op.clip > 0)) {
    return InvalidArgumentError(StrFormat("clip is %g", op.clip));
  }
  RETURN_IF_ERROR(CheckActivation(op.f));
  RETURN_IF_ERROR(CheckActivation(op.g));
  return CheckActivation(op.h);
}

absl::Status CheckWeights(const Recurrent& op, const PartSpec& spec,
                          int64_t size) {
  const auto check = [&](size_t i, const Sizes& expected) {
    return CheckShape("weights", spec.weights[i].layout.shape, expected);
  };
  if (op.kind != Recurrent::Kind::kGru) {
    RETURN_IF_ERROR(check(0, {op.gates() * size, size}));
    return op.has_peepholes ? check(1, {3, size}) : absl::OkStatus();
  }
  RETURN_IF_ERROR(check(0, {2 * size, size}));
  RETURN_IF_ERROR(check(1, {size, size}));
  return op.resets_product ? check(2, {size}) : absl::OkStatus();
}

// Kernels may all be halves of one type; the rest is F32.
absl::Status CheckDtypes(const Recurrent& op, const PartSpec& spec) {
  PartSpec wide = spec;
  const DataType stored = spec.weights[0].layout.dtype;
  if (stored == DataType::kF16 || stored == DataType::kBF16) {
    for (size_t w = 0; w < KernelsOf(op); ++w) {
      WeightLayout& kernel = wide.weights[w].layout;
      if (kernel.dtype != stored) {
        return InvalidArgumentError("kernels are of several types");
      }
      kernel = Decoded(kernel);
    }
  }
  return CheckOneDtype(wide, {DataType::kF32});
}

}  // namespace

absl::Status Check(const Recurrent& op, const PartSpec& spec) {
  RETURN_IF_ERROR(CheckKind(op));
  const bool has_start = spec.inputs.size() == 2;
  RETURN_IF_ERROR(CheckCounts(spec, has_start ? 2 : 1, WeightCount(op)));
  RETURN_IF_ERROR(CheckDtypes(op, spec));
  RETURN_IF_ERROR(CheckRank(spec.inputs[0], 3, 3));
  const Sizes& x = spec.inputs[0].shape;
  const int64_t size = x[2] / op.gates();
  RETURN_IF_ERROR(CheckShape("input", x, {x[0], x[1], size * op.gates()}));
  const Sizes state = {x[1], size * op.states()};
  RETURN_IF_ERROR(
      CheckShape("output", spec.outputs[0].shape, {x[0], state[0], state[1]}));
  if (has_start) {
    RETURN_IF_ERROR(CheckShape("first state", spec.inputs[1].shape, state));
  }
  RETURN_IF_ERROR(CheckRange("steps", spec.rows, x[0]));
  if (spec.channels != Range{0, 1}) {
    return InvalidArgumentError("channels of a recurrence are not cut");
  }
  return CheckWeights(op, spec, size);
}

}  // namespace layerd::part_rules
