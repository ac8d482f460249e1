// What is quantised and dequantised at run time, in floating numbers: the same
// steps, and the same rounding.

#include <limits>

#include "config/status_macros.h"
#include "daemon/pack/spell/speller.h"

namespace layerd {
namespace {

using Shape = Speller::Shape;

struct Limits {
  float low, high;
};
Limits LimitsOf(DataType dtype) {
  switch (dtype) {
    case DataType::kU8:
      return {0, 255};
    case DataType::kI8:
      return {-128, 127};
    case DataType::kU16:
      return {0, 65535};
    default:
      return {-32768, 32767};
  }
}

// One number, or one for each element along the axis.
absl::StatusOr<int> Along(Speller& speller, int numbers) {
  const Shape x = speller.shape(speller.input(0));
  const Shape given = speller.shape(speller.input(1));
  Shape shape;
  if (!given.empty() && given[0] > 1) {
    const auto axis = static_cast<size_t>(speller.attribute<int64_t>("axis"));
    shape.assign(x.size() - axis, 1);
    shape[0] = given[0];
  }
  return speller.Reshaped(numbers, shape);
}

// As numbers that are computed with.
absl::StatusOr<int> ZeroPoints(Speller& speller) {
  return Along(speller, speller.CastTo(speller.input(2), DataType::kF32));
}

// As f32, whatever half they are.
int Wide(Speller& speller, int value) {
  return speller.dtype(value) == DataType::kF32
             ? value
             : speller.CastTo(value, DataType::kF32);
}

}  // namespace

absl::Status SpellQuantizeLinear(Speller& speller) {
  const DataType to = speller.dtype(speller.node().outputs[0]);
  ASSIGN_OR_RETURN(const int scales,
                   Along(speller, Wide(speller, speller.input(1))));
  int y = speller.Add("Div", {Wide(speller, speller.input(0)), scales});
  y = speller.Add("Round", {y});
  if (speller.has_input(2)) {
    ASSIGN_OR_RETURN(const int zeros, ZeroPoints(speller));
    y = speller.Add("Add", {y, zeros});
  }
  const Limits limits = LimitsOf(to);
  ASSIGN_OR_RETURN(const int low,
                   speller.KnownNumber(DataType::kF32, limits.low));
  ASSIGN_OR_RETURN(const int high,
                   speller.KnownNumber(DataType::kF32, limits.high));
  y = speller.Add("Clip", {y, low, high});
  speller.Finish(speller.CastTo(y, to));
  return absl::OkStatus();
}

absl::Status SpellDequantizeLinear(Speller& speller) {
  const DataType to = speller.dtype(speller.node().outputs[0]);
  int y = speller.CastTo(speller.input(0), DataType::kF32);
  if (speller.has_input(2)) {
    ASSIGN_OR_RETURN(const int zeros, ZeroPoints(speller));
    y = speller.Add("Sub", {y, zeros});
  }
  ASSIGN_OR_RETURN(const int scales,
                   Along(speller, Wide(speller, speller.input(1))));
  y = speller.Add("Mul", {y, scales});
  if (to != DataType::kF32) y = speller.CastTo(y, to);
  speller.Finish(y);
  return absl::OkStatus();
}

}  // namespace layerd
