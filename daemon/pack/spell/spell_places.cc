// What gathers and scatters element by element, or by tuples of indices.

#include <algorithm>
#include <limits>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "config/status_macros.h"
#include "daemon/pack/graph/element_type.h"
#include "daemon/pack/operators/index_places.h"
#include "daemon/pack/spell/speller.h"

namespace layerd {
namespace {

using Shape = Speller::Shape;

std::vector<int64_t> Counted(int64_t count) {
  std::vector<int64_t> numbers(static_cast<size_t>(count));
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

// Numbers in [0, length) for indices that may be negative; the job fails for
// one that is outside.
absl::StatusOr<int> Within(Speller& speller, int indices, int64_t length) {
  RETURN_IF_ERROR(speller.CheckSize(length));
  ASSIGN_OR_RETURN(const int counted, speller.KnownList(Counted(length)));
  return speller.Add("Gather", {counted, indices}, {{"axis", int64_t{0}}});
}

absl::StatusOr<int> Scaled(Speller& speller, int x, int64_t factor) {
  if (factor == 1) return x;
  ASSIGN_OR_RETURN(const int known, speller.Known({factor}, {}));
  return speller.Add("Mul", {x, known});
}

// Of each index the element it means, all counted through.
absl::StatusOr<int> PlacesOfElements(Speller& speller) {
  const Shape shape = speller.shape(speller.input(0));
  const Shape indices_shape = speller.shape(speller.input(1));
  const auto axis = speller.attribute<int64_t>("axis");
  const int64_t count = CountOf(indices_shape);
  RETURN_IF_ERROR(speller.CheckSize(count));

  std::vector<int64_t> indices(static_cast<size_t>(count), 0);
  if (speller.is_known(speller.input(1))) {
    ASSIGN_OR_RETURN(indices, speller.Elements(speller.input(1)));
  }
  ASSIGN_OR_RETURN(const std::vector<int64_t> places,
                   ElementPlaces(indices, indices_shape, shape, axis));
  ASSIGN_OR_RETURN(int place, speller.Known(places, indices_shape));
  if (!speller.is_known(speller.input(1))) {
    const auto along = static_cast<size_t>(axis);
    ASSIGN_OR_RETURN(const int within,
                     Within(speller, speller.input(1), shape[along]));
    ASSIGN_OR_RETURN(
        const int moved,
        Scaled(speller, within, CountOf(std::span(shape).subspan(along + 1))));
    place = speller.Add("Add", {moved, place});
  }
  return place;
}

// The number of its batch for each tuple of indices that has so many batch
// dimensions; nothing where there is one batch.
absl::StatusOr<int> BatchOfTuples(Speller& speller, size_t batch_dims) {
  if (batch_dims == 0) return kAbsent;
  const Shape indices_shape = speller.shape(speller.input(1));
  Shape shape(indices_shape.size() - 1, 1);
  std::copy_n(indices_shape.begin(), batch_dims, shape.begin());
  RETURN_IF_ERROR(speller.CheckSize(CountOf(shape)));
  return speller.Known(Counted(CountOf(shape)), shape);
}

// Of each tuple the piece of the data it means.
absl::StatusOr<int> PlacesOfTuples(Speller& speller, size_t batch_dims = 0) {
  const Shape shape = speller.shape(speller.input(0));
  const Shape indices_shape = speller.shape(speller.input(1));
  const auto last = static_cast<int64_t>(indices_shape.size()) - 1;
  const auto length = static_cast<size_t>(indices_shape.back());
  ASSIGN_OR_RETURN(int place, BatchOfTuples(speller, batch_dims));
  for (size_t i = 0; i < length; ++i) {
    const int64_t size = shape[batch_dims + i];
    ASSIGN_OR_RETURN(const int which,
                     speller.Known({static_cast<int64_t>(i)}, {}));
    const int coordinate =
        speller.Add("Gather", {speller.input(1), which}, {{"axis", last}});
    ASSIGN_OR_RETURN(const int within, Within(speller, coordinate, size));
    if (place == kAbsent) {
      place = within;
      continue;
    }
    ASSIGN_OR_RETURN(const int before, Scaled(speller, place, size));
    place = speller.Add("Add", {before, within});
  }
  return place;
}

// The data in `rows` pieces, of which those at `places` are replaced.
absl::Status PutRows(Speller& speller, const std::vector<int64_t>& places,
                     int64_t rows) {
  if (places.empty()) {
    speller.Finish(speller.input(0));
    return absl::OkStatus();
  }
  const int data = speller.input(0);
  const int64_t piece = CountOf(speller.shape(data)) / rows;
  std::vector<int64_t> update_of(static_cast<size_t>(rows), 0);
  std::vector<int64_t> is_replaced(static_cast<size_t>(rows), 0);
  for (size_t i = 0; i < places.size(); ++i) {
    update_of[static_cast<size_t>(places[i])] = static_cast<int64_t>(i);
    is_replaced[static_cast<size_t>(places[i])] = 1;
  }
  ASSIGN_OR_RETURN(
      const int updates,
      speller.Reshaped(speller.input(2),
                       {static_cast<int64_t>(places.size()), piece}));
  ASSIGN_OR_RETURN(const int which, speller.KnownList(update_of));
  ASSIGN_OR_RETURN(const int mask, speller.KnownTruths(is_replaced, {rows, 1}));
  ASSIGN_OR_RETURN(const int old, speller.Reshaped(data, {rows, piece}));
  const int spread =
      speller.Add("Gather", {updates, which}, {{"axis", int64_t{0}}});
  const int put = speller.Add("Where", {mask, spread, old});
  ASSIGN_OR_RETURN(const int shaped,
                   speller.Reshaped(put, speller.shape(data)));
  speller.Finish(shaped);
  return absl::OkStatus();
}

bool Replaces(const Speller& speller) {
  return speller.attribute<std::string>("reduction") == "none";
}

// Updates for whole rows of the data.
struct Pieces {
  int64_t count, rows, piece;  // Of updates, of rows, elements of each.
};

struct Merging {
  const char *reduces, *joins;
  float nothing;  // What changes nothing; of integers as far as they go.
  bool has_axes_as_input = false;  // In the opset that is written.
};

Merging MergingOf(const std::string& reduction) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  if (reduction == "add") return {"ReduceSum", "Add", 0, true};
  if (reduction == "mul") return {"ReduceProd", "Mul", 1};
  if (reduction == "max") return {"ReduceMax", "Max", -kInfinity};
  return {"ReduceMin", "Min", kInfinity};
}

// In which updates become one: integers in one that has all their bits, and
// wraps as they do.
DataType MergedAs(DataType dtype) {
  if (dtype == DataType::kF64) return dtype;
  return IsFloating(dtype) ? DataType::kF32 : DataType::kI64;
}

// Rows as they were, `old`, with all updates that mean them, in one: `means`
// [count, rows] says which do, `updates` [count, piece] are they.
absl::StatusOr<int> Merged(Speller& speller, DataType dtype, int means, int old,
                           int updates, const Pieces& size) {
  const auto [count, rows, piece] = size;
  RETURN_IF_ERROR(speller.CheckSize(count * rows, piece));
  const Merging merging =
      MergingOf(speller.attribute<std::string>("reduction"));
  ASSIGN_OR_RETURN(const int nothing,
                   speller.KnownNumber(dtype, merging.nothing));
  ASSIGN_OR_RETURN(const int asked, speller.Reshaped(means, {count, rows, 1}));
  ASSIGN_OR_RETURN(const int each,
                   speller.Reshaped(updates, {count, 1, piece}));
  const int spread = speller.Add("Where", {asked, each, nothing});
  std::vector<int> reduced = {spread};
  Speller::Attributes attributes = {{"keepdims", int64_t{0}}};
  if (merging.has_axes_as_input) {
    ASSIGN_OR_RETURN(reduced.emplace_back(), speller.KnownList({0}));
  } else {
    attributes["axes"] = Shape{0};
  }
  const int all =
      speller.Add(merging.reduces, std::move(reduced), std::move(attributes));
  return speller.Add(merging.joins, {old, all});
}

// Rows `old` with `updates`, of which the last that means a row replaces it:
// `means` [count, rows] says which do.
absl::StatusOr<int> Replaced(Speller& speller, int means, int old, int updates,
                             const Pieces& size) {
  std::vector<int64_t> from_one = Counted(size.count);
  for (int64_t& number : from_one) ++number;
  ASSIGN_OR_RETURN(const int order, speller.Known(from_one, {size.count, 1}));
  ASSIGN_OR_RETURN(const int zero, speller.Known({0}, {}));
  ASSIGN_OR_RETURN(const int one, speller.Known({1}, {}));
  const int last =
      speller.Add("ReduceMax", {speller.Add("Where", {means, order, zero})},
                  {{"axes", Shape{0}}, {"keepdims", int64_t{0}}});
  ASSIGN_OR_RETURN(
      const int is_replaced,
      speller.Reshaped(speller.Add("Greater", {last, zero}), {size.rows, 1}));
  const int which = speller.Add("Max", {speller.Add("Sub", {last, one}), zero});
  const int spread =
      speller.Add("Gather", {updates, which}, {{"axis", int64_t{0}}});
  return speller.Add("Where", {is_replaced, spread, old});
}

// How often each is true among the updates of a row: `shares` [rows, count] of
// `truths` [count, piece].
int Tallied(Speller& speller, int shares, int truths) {
  return speller.Add("MatMul",
                     {shares, speller.CastTo(truths, DataType::kF32)});
}

// Sums of updates: `shares` [rows, count] of those that a row has. A product
// would make NaN of an infinite one in all rows that have none of it, so what
// is not finite is counted apart: NaN as infinities of both signs.
absl::StatusOr<int> Sums(Speller& speller, int shares, int updates) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  ASSIGN_OR_RETURN(const int zero, speller.KnownNumber(DataType::kF32, 0));
  ASSIGN_OR_RETURN(const int high,
                   speller.KnownNumber(DataType::kF32, kInfinity));
  ASSIGN_OR_RETURN(const int low,
                   speller.KnownNumber(DataType::kF32, -kInfinity));
  const int below = speller.Add("Less", {updates, high});
  const int above = speller.Add("Greater", {updates, low});
  const int is_finite = speller.Add("And", {below, above});
  const int finite = speller.Add("Where", {is_finite, updates, zero});
  const int up = Tallied(speller, shares, speller.Add("Not", {below}));
  const int down = Tallied(speller, shares, speller.Add("Not", {above}));
  const int rises =
      speller.Add("Where", {speller.Add("Greater", {up, zero}), high, zero});
  const int falls =
      speller.Add("Where", {speller.Add("Greater", {down, zero}), low, zero});
  const int sums = speller.Add("MatMul", {shares, finite});
  return speller.Add("Add", {sums, speller.Add("Add", {rises, falls})});
}

// Data [rows, piece] with the updates [count, piece] where `places` says. Only
// a request says which: each row asks all updates, and the last that means it
// counts, or all of them do.
absl::StatusOr<int> PutAt(Speller& speller, int places, int old, int updates,
                          const Pieces& size) {
  RETURN_IF_ERROR(speller.CheckSize(size.rows, size.count));
  ASSIGN_OR_RETURN(const int asked, speller.Reshaped(places, {size.count, 1}));
  ASSIGN_OR_RETURN(const int counted,
                   speller.Known(Counted(size.rows), {1, size.rows}));
  const int means = speller.Add("Equal", {asked, counted});
  if (Replaces(speller)) return Replaced(speller, means, old, updates, size);
  const DataType dtype = speller.dtype(speller.input(0));
  const DataType wide = MergedAs(dtype);
  const auto cast = [&](int value, DataType to) {
    return dtype == wide ? value : speller.CastTo(value, to);
  };
  old = cast(old, wide);
  updates = cast(updates, wide);
  if (speller.attribute<std::string>("reduction") == "add" &&
      wide == DataType::kF32) {
    const int shares = speller.Transposed(speller.CastTo(means, wide), {1, 0});
    ASSIGN_OR_RETURN(const int sums, Sums(speller, shares, updates));
    return cast(speller.Add("Add", {old, sums}), dtype);
  }
  ASSIGN_OR_RETURN(const int merged,
                   Merged(speller, wide, means, old, updates, size));
  return cast(merged, dtype);
}

absl::Status PutRowsOf(Speller& speller, int places, int64_t rows) {
  const Shape shape = speller.shape(speller.input(0));
  const int64_t piece = CountOf(shape) / rows;
  const int64_t count = CountOf(speller.shape(speller.input(2))) / piece;
  ASSIGN_OR_RETURN(const int old,
                   speller.Reshaped(speller.input(0), {rows, piece}));
  ASSIGN_OR_RETURN(const int updates,
                   speller.Reshaped(speller.input(2), {count, piece}));
  ASSIGN_OR_RETURN(const int put,
                   PutAt(speller, places, old, updates, {count, rows, piece}));
  ASSIGN_OR_RETURN(const int shaped, speller.Reshaped(put, shape));
  speller.Finish(shaped);
  return absl::OkStatus();
}

// Whether indices of that shape are `from` again and again: all beside `axis`.
bool IsSpreadFrom(const Shape& from, const Shape& shape, int64_t axis) {
  const size_t skipped = shape.size() - from.size();
  for (size_t d = 0; d < shape.size(); ++d) {
    const int64_t size = d < skipped ? 1 : from[d - skipped];
    if (size != (static_cast<int64_t>(d) == axis ? shape[d] : 1)) return false;
  }
  return true;
}

// Of known indices: the first along the axis, if all beside it are the same.
std::optional<std::vector<int64_t>> AlongAxis(
    const std::vector<int64_t>& indices, const Shape& shape, int64_t axis) {
  const auto inner = static_cast<size_t>(
      CountOf(std::span(shape).subspan(static_cast<size_t>(axis) + 1)));
  const auto length = static_cast<size_t>(shape[static_cast<size_t>(axis)]);
  std::vector<int64_t> along(length);
  for (size_t i = 0; i < length; ++i) along[i] = indices[i * inner];
  for (size_t i = 0; i < indices.size(); ++i) {
    if (indices[i] != along[i / inner % length]) return std::nullopt;
  }
  return along;
}

// The index of each row of updates, where whole rows along the axis are
// scattered: what torch makes of index_add and scatter_add, and graph networks
// of what nodes are told by their neighbours. kAbsent: elements go their ways.
absl::StatusOr<int> IndexOfRows(Speller& speller) {
  const int indices = speller.input(1);
  const Shape data_shape = speller.shape(speller.input(0));
  const Shape shape = speller.shape(indices);
  const auto axis = speller.attribute<int64_t>("axis");
  for (size_t d = 0; d < shape.size(); ++d) {
    if (static_cast<int64_t>(d) != axis && shape[d] != data_shape[d]) {
      return kAbsent;
    }
  }
  if (speller.is_known(indices)) {
    ASSIGN_OR_RETURN(const std::vector<int64_t> all, speller.Elements(indices));
    const auto along = AlongAxis(all, shape, axis);
    return along ? speller.KnownList(*along) : kAbsent;
  }
  const Node* writer = speller.WriterOf(indices);
  if (writer == nullptr || writer->op_type != "Expand" ||
      !IsSpreadFrom(speller.shape(writer->inputs[0]), shape, axis)) {
    return kAbsent;
  }
  return speller.Reshaped(writer->inputs[0],
                          {shape[static_cast<size_t>(axis)]});
}

// The axis first.
Shape Permutation(size_t rank, int64_t axis) {
  Shape permutation{axis};
  for (int64_t d = 0; d < static_cast<int64_t>(rank); ++d) {
    if (d != axis) permutation.push_back(d);
  }
  return permutation;
}

absl::Status PutWholeRows(Speller& speller, int index) {
  const auto axis = speller.attribute<int64_t>("axis");
  Shape shape = speller.shape(speller.input(0));
  const int64_t rows = shape[static_cast<size_t>(axis)];
  const int64_t count =
      speller.shape(speller.input(1))[static_cast<size_t>(axis)];
  const int64_t piece = CountOf(shape) / rows;
  const Shape order = Permutation(shape.size(), axis);
  const auto as_rows = [&](int value, int64_t number) {
    return speller.Reshaped(
        axis == 0 ? value : speller.Transposed(value, order), {number, piece});
  };
  ASSIGN_OR_RETURN(const int old, as_rows(speller.input(0), rows));
  ASSIGN_OR_RETURN(const int updates, as_rows(speller.input(2), count));
  ASSIGN_OR_RETURN(const int places, Within(speller, index, rows));
  ASSIGN_OR_RETURN(const int put,
                   PutAt(speller, places, old, updates, {count, rows, piece}));
  std::rotate(shape.begin(), shape.begin() + axis, shape.begin() + axis + 1);
  ASSIGN_OR_RETURN(const int shaped, speller.Reshaped(put, shape));
  Shape back(shape.size());
  for (size_t d = 0; d < order.size(); ++d) {
    back[static_cast<size_t>(order[d])] = static_cast<int64_t>(d);
  }
  speller.Finish(axis == 0 ? shaped : speller.Transposed(shaped, back));
  return absl::OkStatus();
}

}  // namespace

absl::Status SpellGatherElements(Speller& speller) {
  ASSIGN_OR_RETURN(const int place, PlacesOfElements(speller));
  const Shape shape = speller.shape(speller.input(0));
  ASSIGN_OR_RETURN(const int from,
                   speller.Reshaped(speller.input(0), {CountOf(shape)}));
  speller.Finish(speller.Add("Gather", {from, place}, {{"axis", int64_t{0}}}));
  return absl::OkStatus();
}

absl::Status SpellGatherNd(Speller& speller) {
  const auto batch_dims = speller.attribute<int64_t>("batch_dims");
  ASSIGN_OR_RETURN(const int place,
                   PlacesOfTuples(speller, static_cast<size_t>(batch_dims)));
  const Shape shape = speller.shape(speller.input(0));
  const int64_t length = speller.shape(speller.input(1)).back();
  Shape pieces(shape.begin() + batch_dims + length, shape.end());
  pieces.insert(pieces.begin(), CountOf(shape) / CountOf(pieces));
  ASSIGN_OR_RETURN(const int from, speller.Reshaped(speller.input(0), pieces));
  speller.Finish(speller.Add("Gather", {from, place}, {{"axis", int64_t{0}}}));
  return absl::OkStatus();
}

absl::Status SpellScatterElements(Speller& speller) {
  const Shape shape = speller.shape(speller.input(0));
  if (CountOf(speller.shape(speller.input(1))) == 0) {
    return PutRows(speller, {}, 1);
  }
  const bool is_asked =
      !speller.is_known(speller.input(1)) || !Replaces(speller);
  if (is_asked) {
    ASSIGN_OR_RETURN(const int index, IndexOfRows(speller));
    if (index != kAbsent) return PutWholeRows(speller, index);
  }
  RETURN_IF_ERROR(speller.CheckSize(CountOf(shape)));
  if (is_asked) {
    ASSIGN_OR_RETURN(const int places, PlacesOfElements(speller));
    return PutRowsOf(speller, places, CountOf(shape));
  }
  ASSIGN_OR_RETURN(const std::vector<int64_t> indices,
                   speller.Elements(speller.input(1)));
  ASSIGN_OR_RETURN(const std::vector<int64_t> places,
                   ElementPlaces(indices, speller.shape(speller.input(1)),
                                 shape, speller.attribute<int64_t>("axis")));
  return PutRows(speller, places, CountOf(shape));
}

absl::Status SpellScatterNd(Speller& speller) {
  const Shape shape = speller.shape(speller.input(0));
  const Shape indices_shape = speller.shape(speller.input(1));
  const auto length = static_cast<size_t>(indices_shape.back());
  const int64_t rows =
      CountOf(shape) / CountOf(std::span(shape).subspan(length));
  RETURN_IF_ERROR(speller.CheckSize(rows));
  if (CountOf(indices_shape) == 0) return PutRows(speller, {}, 1);
  if (!speller.is_known(speller.input(1)) || !Replaces(speller)) {
    ASSIGN_OR_RETURN(const int places, PlacesOfTuples(speller));
    return PutRowsOf(speller, places, rows);
  }
  ASSIGN_OR_RETURN(const std::vector<int64_t> indices,
                   speller.Elements(speller.input(1)));
  ASSIGN_OR_RETURN(const std::vector<int64_t> places,
                   TuplePlaces(indices, std::span(shape).first(length)));
  return PutRows(speller, places, rows);
}

}  // namespace layerd
