// TopK, whose kernel finds places and a Gather the values; Trilu, a mask.

#include "config/status_macros.h"
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

}  // namespace layerd
