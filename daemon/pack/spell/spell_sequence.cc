// What goes along sequences: turned round within their lengths.

#include <utility>
#include <vector>

#include "config/status_macros.h"
#include "daemon/pack/spell/sequence_lengths.h"
#include "daemon/pack/spell/speller.h"

namespace layerd {
namespace {

using Shape = Speller::Shape;

// Steps first, sequences second, and back.
Shape FirstTwoSwapped(size_t rank) {
  Shape order(rank);
  for (size_t d = 0; d < rank; ++d) order[d] = static_cast<int64_t>(d);
  std::swap(order[0], order[1]);
  return order;
}

}  // namespace

absl::Status SpellReverseSequence(Speller& speller) {
  RETURN_IF_ERROR(speller.CheckAttributes({"batch_axis", "time_axis"}));
  ASSIGN_OR_RETURN(const int64_t batch_axis, speller.IntOr("batch_axis", 1));
  ASSIGN_OR_RETURN(const int64_t time_axis, speller.IntOr("time_axis", 0));
  const Shape given = speller.shape(speller.input(0));
  if (given.size() < 2 || batch_axis + time_axis != 1 ||
      (batch_axis != 0 && batch_axis != 1)) {
    return speller.Invalid("its axes are not the first two");
  }
  const int64_t steps = given[static_cast<size_t>(time_axis)];
  const int64_t batch = given[static_cast<size_t>(batch_axis)];
  if (speller.shape(speller.input(1)) != Shape{batch}) {
    return speller.Invalid("it has not one length for each sequence");
  }
  const Shape swapped = FirstTwoSwapped(given.size());
  int x = speller.input(0);
  Shape shape = given;
  if (time_axis == 1) {
    x = speller.Transposed(x, swapped);
    std::swap(shape[0], shape[1]);
  }
  ASSIGN_OR_RETURN(
      const SequenceLengths lengths,
      SequenceLengths::Of(&speller, speller.input(1), steps, batch));
  int64_t width = 1;
  for (size_t d = 2; d < shape.size(); ++d) width *= shape[d];
  ASSIGN_OR_RETURN(const int turned, lengths.Turned(x, width));
  ASSIGN_OR_RETURN(int y, speller.Reshaped(turned, shape));
  if (time_axis == 1) y = speller.Transposed(y, swapped);
  speller.Finish(y);
  return absl::OkStatus();
}

}  // namespace layerd
