// What goes along sequences: turned round within their lengths, and a
// convolution that carries its last places from one request to the next; a
// cache that is written at a place of each text.

#include <algorithm>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "config/status_macros.h"
#include "daemon/pack/graph/element_type.h"
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

namespace {

// Where each text's update begins, [batch, 1]; the job fails for one that would
// begin before the first place, or after the last that it may: where it wraps,
// none is the last.
absl::StatusOr<int> Begins(Speller& speller, int64_t batch, int64_t places,
                           bool wraps) {
  RETURN_IF_ERROR(speller.CheckSize(places));
  std::vector<int64_t> counted(static_cast<size_t>(places));
  std::iota(counted.begin(), counted.end(), 0);
  ASSIGN_OR_RETURN(const int allowed, speller.KnownList(counted));
  ASSIGN_OR_RETURN(const int outside, speller.Known({places}, {}));
  ASSIGN_OR_RETURN(const int zero, speller.Known({0}, {}));
  const int given = speller.input(2);
  const int is_negative = speller.Add("Less", {given, zero});
  const int within = wraps ? speller.Add("Mod", {given, outside}) : given;
  const int asked = speller.Add("Where", {is_negative, outside, within});
  return speller.Reshaped(
      speller.Add("Gather", {allowed, asked}, {{"axis", int64_t{0}}}),
      {batch, 1});
}

// The axis behind the batch, or back from there.
Shape AxisSecond(size_t rank, size_t axis, bool is_back) {
  Shape order(rank);
  std::iota(order.begin(), order.end(), 0);
  const auto first = order.begin() + 1;
  const auto at = order.begin() + static_cast<int64_t>(axis);
  is_back ? std::rotate(first, first + 1, at + 1)
          : std::rotate(first, at, at + 1);
  return order;
}

// The update begins where `begins` [batch or 1, 1] says, and may go on at the
// first place.
absl::Status PutBehind(Speller& speller, int begins, size_t axis, int64_t count,
                       bool wraps) {
  const Shape cache = speller.shape(speller.input(0));
  const int64_t batch = cache[0], length = cache[axis];
  RETURN_IF_ERROR(speller.CheckSize(length));
  std::vector<int64_t> counted(static_cast<size_t>(length));
  std::iota(counted.begin(), counted.end(), 0);
  ASSIGN_OR_RETURN(const int places, speller.Known(counted, {1, length}));
  ASSIGN_OR_RETURN(const int zero, speller.Known({0}, {}));
  ASSIGN_OR_RETURN(const int last, speller.Known({count - 1}, {}));
  ASSIGN_OR_RETURN(const int size, speller.KnownList({batch, length}));
  int which = speller.Add("Sub", {places, begins});
  if (wraps) {
    ASSIGN_OR_RETURN(const int lap, speller.Known({length}, {}));
    which = speller.Add("Mod", {which, lap});
  }
  which = speller.Add("Expand", {which, size});
  const int within =
      speller.Add("Min", {speller.Add("Max", {which, zero}), last});
  Shape along(cache.size(), 1);
  along[0] = batch;
  along[1] = length;
  ASSIGN_OR_RETURN(
      const int is_new,
      speller.Reshaped(speller.Add("Equal", {which, within}), along));
  ASSIGN_OR_RETURN(const int tuples,
                   speller.Reshaped(within, {batch, length, 1}));
  const Shape order = AxisSecond(cache.size(), axis, false);
  const int fresh = speller.Add(
      "GatherND", {speller.Transposed(speller.input(1), order), tuples},
      {{"batch_dims", int64_t{1}}});
  const int put = speller.Add(
      "Where", {is_new, fresh, speller.Transposed(speller.input(0), order)});
  speller.Finish(speller.Transposed(put, AxisSecond(cache.size(), axis, true)));
  return absl::OkStatus();
}

}  // namespace

// Each place of the cache asks which of the update is for it.
absl::Status SpellTensorScatter(Speller& speller) {
  RETURN_IF_ERROR(speller.CheckAttributes({"axis", "mode"}));
  const Shape cache = speller.shape(speller.input(0));
  const auto rank = static_cast<int64_t>(cache.size());
  ASSIGN_OR_RETURN(int64_t axis, speller.IntOr("axis", -2));
  ASSIGN_OR_RETURN(const std::string mode, speller.StringOr("mode", "linear"));
  if (axis < 0) axis += rank;
  if (axis < 1 || axis >= rank) {
    return speller.Invalid("its axis is none behind the batch");
  }
  if (mode != "linear" && mode != "circular") {
    return speller.Invalid("its mode is neither linear nor circular");
  }
  const auto along = static_cast<size_t>(axis);
  Shape shape = speller.shape(speller.input(1));
  if (shape.size() != cache.size()) {
    return speller.Invalid("its update does not fit its cache");
  }
  const int64_t length = cache[along];
  const int64_t count = shape[along];
  shape[along] = length;
  if (shape != cache || count > length ||
      speller.dtype(speller.input(0)) != speller.dtype(speller.input(1))) {
    return speller.Invalid("its update does not fit its cache");
  }
  if (CountOf(cache) == 0 || count == 0) {
    speller.Finish(speller.input(0));
    return absl::OkStatus();
  }
  const bool wraps = mode == "circular";
  int begins = kAbsent;
  if (!speller.has_input(2)) {
    ASSIGN_OR_RETURN(begins, speller.Known({0}, {1, 1}));
  } else if (speller.shape(speller.input(2)) != Shape{cache[0]} ||
             speller.dtype(speller.input(2)) != DataType::kI64) {
    return speller.Invalid("its write_indices are not one for each of a batch");
  } else {
    ASSIGN_OR_RETURN(
        begins,
        Begins(speller, cache[0], wraps ? length : length - count + 1, wraps));
  }
  return PutBehind(speller, begins, along, count, wraps);
}

}  // namespace layerd
