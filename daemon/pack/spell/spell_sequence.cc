// What goes along sequences: turned round within their lengths, and a
// convolution that carries its last places from one request to the next.

#include <string>
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

absl::StatusOr<int> LastPlaces(Speller& speller, int x, int64_t length,
                               int64_t count) {
  ASSIGN_OR_RETURN(const int begin, speller.KnownList({length - count}));
  ASSIGN_OR_RETURN(const int end, speller.KnownList({length}));
  ASSIGN_OR_RETURN(const int axes, speller.KnownList({2}));
  return speller.Add("Slice", {x, begin, end, axes});
}

absl::StatusOr<int> MaybeSwish(Speller& speller, int x) {
  ASSIGN_OR_RETURN(const std::string activation,
                   speller.StringOr("activation", "none"));
  if (activation == "none") return x;
  if (activation != "silu" && activation != "swish") {
    return speller.Unsupported("its activation is not supported");
  }
  return speller.Add("Mul", {x, speller.Add("Sigmoid", {x})});
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

// The places before are zeros, or what the request before has left.
absl::Status SpellCausalConvWithState(Speller& speller) {
  RETURN_IF_ERROR(speller.CheckAttributes({"activation"}));
  const Shape x = speller.shape(speller.input(0));
  const Shape w = speller.shape(speller.input(1));
  if (x.size() != 3 || w.size() != 3 || w[0] != x[1] || w[1] != 1) {
    return speller.Invalid("its weights do not fit its input");
  }
  const int64_t before = w[2] - 1;
  int past = speller.has_input(3) ? speller.input(3) : kAbsent;
  if (past == kAbsent) {
    ASSIGN_OR_RETURN(past, speller.Zeros(speller.dtype(speller.input(0)),
                                         {x[0], x[1], before}));
  } else if (speller.shape(past) != Shape{x[0], x[1], before}) {
    return speller.Invalid("its state does not fit its weights");
  }
  const int all =
      speller.Add("Concat", {past, speller.input(0)}, {{"axis", int64_t{2}}});
  std::vector<int> operands = {all, speller.input(1)};
  if (speller.has_input(2)) operands.push_back(speller.input(2));
  const int sums = speller.Add("Conv", std::move(operands), {{"group", x[1]}});
  ASSIGN_OR_RETURN(const int y, MaybeSwish(speller, sums));
  if (speller.has_output(0)) speller.FinishOutput(0, y);
  if (speller.has_output(1)) {
    ASSIGN_OR_RETURN(const int left,
                     LastPlaces(speller, all, x[2] + before, before));
    speller.FinishOutput(1, left);
  }
  return absl::OkStatus();
}

}  // namespace layerd
