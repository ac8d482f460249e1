// What chooses: TopK, whose kernel finds places and a Gather the values; masks.

#include <limits>
#include <numeric>
#include <utility>

#include "config/status_macros.h"
#include "daemon/pack/onnx_scan.h"
#include "daemon/pack/spell_out.h"

namespace layerd {

absl::Status SpellTopK(Speller& speller) {
  const std::vector<int>& outputs = speller.node().outputs;
  const int x = speller.input(0);
  const auto axis = speller.attribute<int64_t>("axis");
  const int places =
      speller.AddOwn("TopPlaces", {x},
                     {{"axis", axis},
                      {"is_largest", speller.attribute<int64_t>("is_largest")},
                      {"k", speller.attribute<int64_t>("k")}});
  if (outputs[0] != kAbsent) {
    speller.FinishOutput(
        0, speller.Add("GatherElements", {x, places}, {{"axis", axis}}));
  }
  if (outputs.size() > 1 && outputs[1] != kAbsent) {
    speller.FinishOutput(1, places);
  }
  return absl::OkStatus();
}

absl::Status SpellTrilu(Speller& speller) {
  const Speller::Shape shape = speller.shape(speller.input(0));
  const int64_t rows = shape[shape.size() - 2];
  const int64_t columns = shape.back();
  const auto k = speller.attribute<int64_t>("k");
  const bool is_upper = speller.attribute<int64_t>("upper") != 0;
  RETURN_IF_ERROR(speller.CheckSize(rows, columns));
  std::vector<int64_t> stays(static_cast<size_t>(rows * columns));
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t column = 0; column < columns; ++column) {
      stays[static_cast<size_t>(row * columns + column)] =
          is_upper ? column - row >= k : column - row <= k;
    }
  }
  ASSIGN_OR_RETURN(const int mask, speller.KnownTruths(stays, {rows, columns}));
  ASSIGN_OR_RETURN(const int zero,
                   speller.Zeros(speller.dtype(speller.input(0)), {}));
  speller.Finish(speller.Add("Where", {mask, speller.input(0), zero}));
  return absl::OkStatus();
}

// The places that count from the front or from the end; others are all off.
absl::Status SpellOneHot(Speller& speller) {
  RETURN_IF_ERROR(speller.CheckAttributes({"axis"}));
  ASSIGN_OR_RETURN(int64_t axis, speller.IntOr("axis", -1));
  Speller::Shape shape = speller.shape(speller.input(0));
  const auto rank = static_cast<int64_t>(shape.size());
  if (axis < 0) axis += rank + 1;
  if (axis < 0 || axis > rank || rank >= static_cast<int64_t>(kRankMax)) {
    return speller.Invalid("the axis is not one of the output's");
  }
  const int depths = speller.input(1);
  if (!speller.is_known(depths)) {
    return speller.Unsupported("the depth must be known while packing");
  }
  int64_t count = 1;
  for (const int64_t size : speller.shape(depths)) count *= size;
  if (count != 1) return speller.Invalid("the depth is not one number");
  ASSIGN_OR_RETURN(const std::vector<float> depth,
                   speller.Numbers(depths, 0, 1));
  if (!(depth[0] >= 1) || !(depth[0] <= static_cast<float>(1 << 20))) {
    return speller.Unsupported("the depth is not within 1 to 2^20");
  }
  if (speller.shape(speller.input(2)) != Speller::Shape{2}) {
    return speller.Invalid("there are not two values");
  }
  std::vector<int64_t> places(static_cast<size_t>(depth[0]));
  std::iota(places.begin(), places.end(), 0);
  Speller::Shape along(static_cast<size_t>(rank - axis) + 1, 1);
  along[0] = static_cast<int64_t>(places.size());
  ASSIGN_OR_RETURN(const int front, speller.Known(places, along));
  for (int64_t& place : places) place -= along[0];
  ASSIGN_OR_RETURN(const int back, speller.Known(places, along));
  shape.insert(shape.begin() + axis, 1);
  const int indices = speller.Add("Cast", {speller.input(0)},
                                  {{"to", OnnxOfType(DataType::kI64)}});
  ASSIGN_OR_RETURN(const int spread, speller.Reshaped(indices, shape));
  const int is_on = speller.Add("Or", {speller.Add("Equal", {spread, front}),
                                       speller.Add("Equal", {spread, back})});
  int values[2];
  for (int64_t i = 0; i < 2; ++i) {
    ASSIGN_OR_RETURN(const int which, speller.Known({i}, {}));
    values[i] = speller.Add("Gather", {speller.input(2), which},
                            {{"axis", int64_t{0}}});
  }
  speller.Finish(speller.Add("Where", {is_on, values[1], values[0]}));
  return absl::OkStatus();
}

// Half of all numbers away, U64 are I64 in the same order.
absl::Status SpellUnsignedExtreme(Speller& speller) {
  ASSIGN_OR_RETURN(const int half,
                   speller.Known({std::numeric_limits<int64_t>::min()}, {}));
  std::vector<int> moved;
  for (const int input : speller.node().inputs) {
    const int bits =
        speller.Add("Cast", {input}, {{"to", OnnxOfType(DataType::kI64)}});
    moved.push_back(speller.Add("Add", {bits, half}));
  }
  const int extreme =
      speller.Add(speller.node().op_type.c_str(), std::move(moved));
  const int back = speller.Add("Add", {extreme, half});
  speller.Finish(
      speller.Add("Cast", {back}, {{"to", OnnxOfType(DataType::kU64)}}));
  return absl::OkStatus();
}

}  // namespace layerd
