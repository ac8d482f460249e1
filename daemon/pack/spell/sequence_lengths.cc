#include "daemon/pack/spell/sequence_lengths.h"

#include <numeric>
#include <utility>
#include <vector>

#include "config/status_macros.h"

namespace layerd {
namespace {

std::vector<int64_t> Counted(int64_t count) {
  std::vector<int64_t> numbers(static_cast<size_t>(count));
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

}  // namespace

absl::StatusOr<SequenceLengths> SequenceLengths::Of(Speller* speller,
                                                    int lengths, int64_t steps,
                                                    int64_t batch) {
  RETURN_IF_ERROR(speller->CheckSize(steps + 1, batch));
  SequenceLengths made(speller, steps, batch);
  ASSIGN_OR_RETURN(const int all, speller->KnownList(Counted(steps + 1)));
  const int checked =
      speller->Add("Gather", {all, speller->CastTo(lengths, DataType::kI64)},
                   {{"axis", int64_t{0}}});
  ASSIGN_OR_RETURN(const int length, speller->Reshaped(checked, {1, batch}));
  ASSIGN_OR_RETURN(const int step, speller->Known(Counted(steps), {steps, 1}));
  ASSIGN_OR_RETURN(const int one, speller->Known({1}, {}));
  ASSIGN_OR_RETURN(const int zero, speller->Known({0}, {}));

  const int is_within = speller->Add("Less", {step, length});
  ASSIGN_OR_RETURN(made.within_,
                   speller->Reshaped(is_within, {steps, batch, 1}));
  const int end = speller->Add("Sub", {length, one});
  const int from_end = speller->Add("Sub", {end, step});
  ASSIGN_OR_RETURN(made.turned_, made.PlaceOf(speller->Add(
                                     "Where", {is_within, from_end, step})));
  const int has_any = speller->Add("Less", {zero, length});
  ASSIGN_OR_RETURN(made.has_any_, speller->Reshaped(has_any, {1, batch, 1}));
  ASSIGN_OR_RETURN(made.last_,
                   made.PlaceOf(speller->Add("Where", {has_any, end, zero})));
  return made;
}

absl::StatusOr<int> SequenceLengths::PlaceOf(int step) const {
  ASSIGN_OR_RETURN(const int width, speller_->Known({batch_}, {}));
  ASSIGN_OR_RETURN(const int column,
                   speller_->Known(Counted(batch_), {1, batch_}));
  return speller_->Add("Add", {speller_->Add("Mul", {step, width}), column});
}

absl::StatusOr<int> SequenceLengths::AtPlaces(int places, int x,
                                              int64_t width) const {
  ASSIGN_OR_RETURN(const int rows,
                   speller_->Reshaped(x, {steps_ * batch_, width}));
  return speller_->Add("Gather", {rows, places}, {{"axis", int64_t{0}}});
}

absl::StatusOr<int> SequenceLengths::ZeroUnless(int condition, int x) const {
  const DataType dtype = speller_->dtype(speller_->input(0));
  ASSIGN_OR_RETURN(const int zero, speller_->KnownNumber(dtype, 0));
  return speller_->Add("Where", {condition, x, zero});
}

absl::StatusOr<int> SequenceLengths::Turned(int x, int64_t width) const {
  return AtPlaces(turned_, x, width);
}

absl::StatusOr<int> SequenceLengths::Ended(int x) const {
  return ZeroUnless(within_, x);
}

absl::StatusOr<int> SequenceLengths::Last(int x, int64_t width) const {
  ASSIGN_OR_RETURN(const int last, AtPlaces(last_, x, width));
  return ZeroUnless(has_any_, last);
}

}  // namespace layerd
