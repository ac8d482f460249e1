// What chooses: TopK, whose kernel finds places and a Gather the values; masks.

#include <numeric>
#include <utility>

#include "config/status_macros.h"
#include "daemon/pack/spell/speller.h"

namespace layerd {

absl::Status SpellTopK(Speller& speller) {
  const int x = speller.input(0);
  const auto axis = speller.attribute<int64_t>("axis");
  const int places =
      speller.AddOwn("TopPlaces", {x},
                     {{"axis", axis},
                      {"is_largest", speller.attribute<int64_t>("is_largest")},
                      {"k", speller.attribute<int64_t>("k")}});
  if (speller.has_output(0)) {
    speller.FinishOutput(
        0, speller.Add("GatherElements", {x, places}, {{"axis", axis}}));
  }
  if (speller.has_output(1)) speller.FinishOutput(1, places);
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

namespace {

// How many numbers one becomes.
absl::StatusOr<int64_t> Depth(const Speller& speller) {
  const int depths = speller.input(1);
  if (!speller.is_known(depths)) {
    return speller.Unsupported("the depth must be known while packing");
  }
  for (const int64_t size : speller.shape(depths)) {
    if (size != 1) return speller.Invalid("the depth is not one number");
  }
  ASSIGN_OR_RETURN(const std::vector<float> depth,
                   speller.Numbers(depths, 0, 1));
  if (!(depth[0] >= 1) || !(depth[0] <= static_cast<float>(1 << 20))) {
    return speller.Unsupported("the depth is not within 1 to 2^20");
  }
  return static_cast<int64_t>(depth[0]);
}

// Where the places are, that count from the front or from the end.
absl::StatusOr<int> IsOn(Speller& speller, int64_t axis, int64_t depth) {
  Speller::Shape shape = speller.shape(speller.input(0));
  Speller::Shape along(shape.size() - static_cast<size_t>(axis) + 1, 1);
  along[0] = depth;
  std::vector<int64_t> places(static_cast<size_t>(depth));
  std::iota(places.begin(), places.end(), 0);
  ASSIGN_OR_RETURN(const int front, speller.Known(places, along));
  for (int64_t& place : places) place -= depth;
  ASSIGN_OR_RETURN(const int back, speller.Known(places, along));
  shape.insert(shape.begin() + axis, 1);
  const int indices = speller.CastTo(speller.input(0), DataType::kI64);
  ASSIGN_OR_RETURN(const int spread, speller.Reshaped(indices, shape));
  return speller.Add("Or", {speller.Add("Equal", {spread, front}),
                            speller.Add("Equal", {spread, back})});
}

}  // namespace

// Places outside are all off.
absl::Status SpellOneHot(Speller& speller) {
  RETURN_IF_ERROR(speller.CheckAttributes({"axis"}));
  ASSIGN_OR_RETURN(int64_t axis, speller.IntOr("axis", -1));
  const auto rank =
      static_cast<int64_t>(speller.shape(speller.input(0)).size());
  if (axis < 0) axis += rank + 1;
  if (axis < 0 || axis > rank || rank >= static_cast<int64_t>(kRankMax)) {
    return speller.Invalid("the axis is not one of the output's");
  }
  ASSIGN_OR_RETURN(const int64_t depth, Depth(speller));
  if (speller.shape(speller.input(2)) != Speller::Shape{2}) {
    return speller.Invalid("there are not two values");
  }
  ASSIGN_OR_RETURN(const int is_on, IsOn(speller, axis, depth));
  int values[2];
  for (int64_t i = 0; i < 2; ++i) {
    ASSIGN_OR_RETURN(const int which, speller.Known({i}, {}));
    values[i] = speller.Add("Gather", {speller.input(2), which},
                            {{"axis", int64_t{0}}});
  }
  speller.Finish(speller.Add("Where", {is_on, values[1], values[0]}));
  return absl::OkStatus();
}

// Limits that are attributes, as before opset 11: no activation is of doubles.
absl::Status SpellClipOfDoubles(Speller& speller) {
  ASSIGN_OR_RETURN(
      const int least,
      speller.KnownNumber(DataType::kF64, speller.attribute<float>("min")));
  ASSIGN_OR_RETURN(
      const int most,
      speller.KnownNumber(DataType::kF64, speller.attribute<float>("max")));
  speller.Finish(speller.Add("Clip", {speller.input(0), least, most}));
  return absl::OkStatus();
}

}  // namespace layerd
