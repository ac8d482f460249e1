// What is quantised and dequantised at run time, in floating numbers: the same
// steps, and the same rounding.

#include <cstdint>

#include "config/status_macros.h"
#include "daemon/pack/graph/element_type.h"
#include "daemon/pack/graph/table_size.h"
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

// One for all rows of a table, or one for each.
bool HasScalesOfRows(const Constant& table) {
  const auto count = static_cast<int64_t>(table.scales.size());
  return !table.blocks &&
         (count == 1 || (count > 1 && count == table.shape[0] &&
                         count * table.run_elements == table.element_count()));
}

// Of `numbers`, those of the rows that are looked up.
absl::StatusOr<int> OfRows(Speller& speller,
                           const std::vector<float>& numbers) {
  if (numbers.size() == 1) {
    return speller.KnownNumber(DataType::kF32, numbers[0]);
  }
  ASSIGN_OR_RETURN(const int all,
                   speller.KnownNumbers(DataType::kF32, numbers));
  Shape shape = speller.shape(speller.input(1));
  shape.resize(shape.size() + speller.shape(speller.input(0)).size() - 1, 1);
  return speller.Reshaped(
      speller.Add("Gather", {all, speller.input(1)}, {{"axis", int64_t{0}}}),
      shape);
}

}  // namespace

// Whether few rows of a large constant are gathered that is in bytes with a
// scale for all or for each.
bool LooksUpBytes(const Node& node, const Graph& graph) {
  const Value& table = graph.values[static_cast<size_t>(node.inputs[0])];
  const Value& rows = graph.values[static_cast<size_t>(node.inputs[1])];
  if (table.constant < 0 || table.dtype != DataType::kF32) return false;
  const Constant& constant =
      graph.constants[static_cast<size_t>(table.constant)];
  const bool is_bytes =
      constant.dtype == DataType::kI8 || constant.dtype == DataType::kU8;
  return is_bytes && constant.per_byte == 1 &&
         constant.bytes() > kTableBytesMin && HasScalesOfRows(constant) &&
         std::get<int64_t>(node.attributes.at("axis")) == 0 &&
         CountOf(*rows.shape) <= (*table.shape)[0] / 2;
}

// The rows in bytes, and then what they mean: the same numbers, of a table that
// is a quarter as large.
absl::Status SpellGatherOfBytes(Speller& speller) {
  ASSIGN_OR_RETURN(const Speller::Stored table,
                   speller.AsStored(speller.input(0)));
  const int rows = speller.Add("Gather", {table.value, speller.input(1)},
                               {{"axis", int64_t{0}}});
  int y = speller.CastTo(rows, DataType::kF32);
  if (!table.zero_points.empty()) {
    ASSIGN_OR_RETURN(const int zeros, OfRows(speller, table.zero_points));
    y = speller.Add("Sub", {y, zeros});
  }
  ASSIGN_OR_RETURN(const int scales, OfRows(speller, table.scales));
  speller.Finish(speller.Add("Mul", {y, scales}));
  return absl::OkStatus();
}

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
