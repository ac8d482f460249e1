// What computes element by element, in sums, or over whole dimensions.
#include <algorithm>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "config/status_macros.h"
#include "kernels/part_rules.h"

namespace layerd::part_rules {

using absl::InvalidArgumentError;
using absl::StrCat;
using absl::StrFormat;

namespace {

absl::Status CheckBiasAndResidual(const PartSpec& spec, bool has_bias,
                                  bool adds_residual) {
  if (has_bias) {
    RETURN_IF_ERROR(CheckShape("bias", spec.weights[1].layout.shape,
                               {spec.channels.count}));
  }
  if (adds_residual) {
    RETURN_IF_ERROR(
        CheckShape("residual", spec.inputs[1].shape, spec.outputs[0].shape));
  }
  return absl::OkStatus();
}

// The operands are alike; so is what arithmetic makes of them.
absl::Status CheckBinaryDtypes(const Binary& op, const PartSpec& spec) {
  const TensorType& first = spec.inputs[0];
  const bool constant = op.constant != Binary::Constant::kNone;
  const DataType second =
      constant ? spec.weights[0].layout.dtype : spec.inputs[1].dtype;
  if (second != (constant ? WeightBeside(first.dtype) : first.dtype)) {
    return absl::UnimplementedError(StrFormat(
        "operands of %s and %s", NameOf(first.dtype), NameOf(second)));
  }
  switch (op.kind) {
    case Binary::Kind::kEqual:
    case Binary::Kind::kLess:
    case Binary::Kind::kLessOrEqual:
      RETURN_IF_ERROR(
          CheckDtype(first, {DataType::kF32, DataType::kF16, DataType::kF64,
                             DataType::kI64, DataType::kBool}));
      return CheckDtype(spec.outputs[0], {DataType::kBool});
    case Binary::Kind::kAnd:
    case Binary::Kind::kOr:
    case Binary::Kind::kXor:
      return CheckOneDtype(spec, {DataType::kBool});
    case Binary::Kind::kPRelu:
      return CheckFloats(spec);
    default:
      return CheckOneDtype(spec, {DataType::kF32, DataType::kF16,
                                  DataType::kF64, DataType::kI64});
  }
}

}  // namespace

absl::Status Check(const FullyConnected& op, const PartSpec& spec) {
  RETURN_IF_ERROR(
      CheckKernelAndVectors(spec, op.adds_residual ? 2 : 1, op.has_bias));
  RETURN_IF_ERROR(CheckActivation(op.activation));
  RETURN_IF_ERROR(CheckRank(spec.inputs[0], 1, kRankMax));
  RETURN_IF_ERROR(CheckRank(spec.outputs[0], 1, kRankMax));
  const int64_t outputs = spec.outputs[0].shape.back();
  Sizes expected = spec.inputs[0].shape;
  const int64_t inputs = std::exchange(expected.back(), outputs);
  RETURN_IF_ERROR(CheckShape("output", spec.outputs[0].shape, expected));
  RETURN_IF_ERROR(CheckRange("channels", spec.channels, outputs));
  RETURN_IF_ERROR(
      CheckRange("rows", spec.rows, spec.outputs[0].element_count() / outputs));
  RETURN_IF_ERROR(CheckShape("weights", spec.weights[0].layout.shape,
                             {spec.channels.count, inputs}));
  return CheckBiasAndResidual(spec, op.has_bias, op.adds_residual);
}

absl::Status Check(const MatMul&, const PartSpec& spec) {
  RETURN_IF_ERROR(CheckCounts(spec, 2, 0));
  RETURN_IF_ERROR(CheckFloats(spec));
  Sizes a = spec.inputs[0].shape;
  Sizes b = spec.inputs[1].shape;
  if (a.size() < 2 || b.size() < 2 || a.back() != b[b.size() - 2]) {
    return InvalidArgumentError(
        StrCat("a is ", Text(a), " and b is ", Text(b)));
  }
  const int64_t m = a[a.size() - 2];
  const int64_t n = b.back();
  a.resize(a.size() - 2);
  b.resize(b.size() - 2);
  ASSIGN_OR_RETURN(Sizes expected, Broadcast(a, b));
  expected.insert(expected.end(), {m, n});
  return CheckShape("output", spec.outputs[0].shape, expected);
}

absl::Status Check(const Unary& op, const PartSpec& spec) {
  RETURN_IF_ERROR(CheckCounts(spec, 1, 0));
  RETURN_IF_ERROR(
      CheckOneDtype(spec, {DataType::kF32, DataType::kF16, DataType::kF64,
                           DataType::kI64, DataType::kBool}));
  RETURN_IF_ERROR(CheckSameShape(spec));
  const ActivationKind kind = op.activation.kind;
  switch (spec.outputs[0].dtype) {
    case DataType::kF64:
    case DataType::kI64:
      if (kind == ActivationKind::kNone || kind == ActivationKind::kRelu ||
          kind == ActivationKind::kAbs || kind == ActivationKind::kNegative ||
          kind == ActivationKind::kSign) {
        return absl::OkStatus();
      }
      break;
    case DataType::kBool:
      if (kind == ActivationKind::kNone || kind == ActivationKind::kNot) {
        return absl::OkStatus();
      }
      break;
    default:
      return CheckActivation(op.activation);
  }
  return InvalidArgumentError(StrFormat("activation %d is not one of %s",
                                        static_cast<int>(kind),
                                        NameOf(spec.outputs[0].dtype)));
}

absl::Status Check(const Binary& op, const PartSpec& spec) {
  if (op.kind > Binary::kLastKind || op.constant > Binary::Constant::kRight) {
    return InvalidArgumentError(StrFormat("kind %d with constant %d is unknown",
                                          static_cast<int>(op.kind),
                                          static_cast<int>(op.constant)));
  }
  const bool constant = op.constant != Binary::Constant::kNone;
  RETURN_IF_ERROR(CheckCounts(spec, constant ? 1 : 2, constant ? 1 : 0));
  RETURN_IF_ERROR(CheckBinaryDtypes(op, spec));
  RETURN_IF_ERROR(CheckActivation(op.activation));
  const DataType dtype = spec.outputs[0].dtype;
  if (dtype != DataType::kF32 && dtype != DataType::kF16 &&
      op.activation.kind != ActivationKind::kNone) {
    return InvalidArgumentError("an activation of what are no floats");
  }
  ASSIGN_OR_RETURN(
      const Sizes expected,
      Broadcast(spec.inputs[0].shape, constant ? spec.weights[0].layout.shape
                                               : spec.inputs[1].shape));
  return CheckShape("output", spec.outputs[0].shape, expected);
}

absl::Status Check(const ScaleShift& op, const PartSpec& spec) {
  RETURN_IF_ERROR(CheckCounts(spec, 1, 2));
  RETURN_IF_ERROR(CheckFloats(spec));
  RETURN_IF_ERROR(CheckActivation(op.activation));
  RETURN_IF_ERROR(CheckRank(spec.inputs[0], 2, kRankMax));
  const Sizes channels = {spec.inputs[0].shape[1]};
  RETURN_IF_ERROR(CheckShape("scale", spec.weights[0].layout.shape, channels));
  RETURN_IF_ERROR(CheckShape("shift", spec.weights[1].layout.shape, channels));
  return CheckSameShape(spec);
}

absl::Status Check(const Softmax& op, const PartSpec& spec) {
  RETURN_IF_ERROR(CheckCounts(spec, 1, 0));
  RETURN_IF_ERROR(CheckFloats(spec));
  RETURN_IF_ERROR(CheckRange("dimensions", {op.axis_first, op.axis_count},
                             spec.inputs[0].shape.size()));
  return CheckSameShape(spec);
}

absl::Status Check(const LayerNorm& op, const PartSpec& spec) {
  const size_t weights = (op.has_scale ? 1 : 0) + (op.has_bias ? 1 : 0);
  RETURN_IF_ERROR(CheckCounts(spec, 1, weights));
  RETURN_IF_ERROR(CheckFloats(spec));
  const Sizes& x = spec.inputs[0].shape;
  const auto rank = static_cast<int64_t>(x.size());
  if (op.axis_first < 0 || op.axis_first >= rank) {
    return InvalidArgumentError(StrFormat(
        "dimensions from %d are not within 0 to %d", op.axis_first, rank));
  }
  const Sizes row(x.begin() + op.axis_first, x.end());
  for (const WeightPiece& piece : spec.weights) {
    RETURN_IF_ERROR(CheckShape("scale or bias", piece.layout.shape, row));
  }
  return CheckSameShape(spec);
}

absl::Status Check(const Lrn& op, const PartSpec& spec) {
  RETURN_IF_ERROR(CheckCounts(spec, 1, 0));
  RETURN_IF_ERROR(CheckFloats(spec));
  RETURN_IF_ERROR(CheckRank(spec.inputs[0], 2, kRankMax));
  RETURN_IF_ERROR(CheckWindow("size", {op.size}, 1, 1));
  return CheckSameShape(spec);
}

absl::Status Check(const Reduce& op, const PartSpec& spec) {
  RETURN_IF_ERROR(CheckCounts(spec, 1, 0));
  const bool finds_place =
      op.kind == Reduce::Kind::kArgMax || op.kind == Reduce::Kind::kArgMin;
  if (op.kind > Reduce::kLastKind) {
    return InvalidArgumentError(
        StrFormat("kind %d is unknown", static_cast<int>(op.kind)));
  }
  RETURN_IF_ERROR(CheckDtype(spec.inputs[0], {DataType::kF32, DataType::kF16,
                                              DataType::kF64, DataType::kI64}));
  if (op.kind == Reduce::Kind::kMean) RETURN_IF_ERROR(CheckFloats(spec));
  RETURN_IF_ERROR(CheckDtype(
      spec.outputs[0], {finds_place ? DataType::kI64 : spec.inputs[0].dtype}));
  Sizes expected = spec.inputs[0].shape;
  int64_t before = -1;
  for (const int64_t d : op.dimensions) {
    if (d <= before || d >= static_cast<int64_t>(expected.size())) {
      return InvalidArgumentError(
          StrCat("dimensions ", Text(op.dimensions), " of ", Text(expected)));
    }
    before = d;
    expected[d] = 1;
  }
  if (op.dimensions.empty() || (finds_place && op.dimensions.size() != 1)) {
    return InvalidArgumentError(
        StrFormat("%d dimensions", op.dimensions.size()));
  }
  return CheckShape("output", spec.outputs[0].shape, expected);
}

absl::Status Check(const TopK& op, const PartSpec& spec) {
  RETURN_IF_ERROR(CheckCounts(spec, 1, 0));
  RETURN_IF_ERROR(CheckDtype(spec.inputs[0],
                             {DataType::kF32, DataType::kF64, DataType::kI64}));
  RETURN_IF_ERROR(CheckDtype(spec.outputs[0], {DataType::kI64}));
  Sizes expected = spec.inputs[0].shape;
  RETURN_IF_ERROR(CheckRange("dimensions", {op.axis, 1}, expected.size()));
  RETURN_IF_ERROR(CheckRank(spec.outputs[0], expected.size(), expected.size()));
  int64_t& along = expected[static_cast<size_t>(op.axis)];
  along = std::min(along, spec.outputs[0].shape[static_cast<size_t>(op.axis)]);
  return CheckShape("output", spec.outputs[0].shape, expected);
}

absl::Status Check(const Select&, const PartSpec& spec) {
  RETURN_IF_ERROR(CheckCounts(spec, 3, 0));
  RETURN_IF_ERROR(CheckDtype(spec.inputs[0], {DataType::kBool}));
  RETURN_IF_ERROR(CheckDtype(spec.inputs[1], {spec.outputs[0].dtype}));
  RETURN_IF_ERROR(CheckDtype(spec.inputs[2], {spec.outputs[0].dtype}));
  ASSIGN_OR_RETURN(const Sizes values,
                   Broadcast(spec.inputs[1].shape, spec.inputs[2].shape));
  ASSIGN_OR_RETURN(const Sizes expected,
                   Broadcast(spec.inputs[0].shape, values));
  return CheckShape("output", spec.outputs[0].shape, expected);
}

}  // namespace layerd::part_rules
