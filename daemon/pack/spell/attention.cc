#include "daemon/pack/spell/attention.h"

#include <cmath>
#include <utility>

#include "config/status_macros.h"

namespace layerd {
namespace {

using Shape = Speller::Shape;

// Below every score, and twice it is still finite.
float LowOf(DataType dtype) {
  return dtype == DataType::kF16 ? -32000.0f : -1.5e38f;
}

absl::StatusOr<int> Times(Speller& speller, int x, DataType dtype,
                          float factor) {
  if (factor == 1) return x;
  ASSIGN_OR_RETURN(const int known, speller.KnownNumber(dtype, factor));
  return speller.Add("Mul", {x, known});
}

absl::StatusOr<int> Capped(Speller& speller, int scores, DataType dtype,
                           float cap) {
  if (cap == 0) return scores;
  ASSIGN_OR_RETURN(const int known, speller.KnownNumber(dtype, cap));
  const int bent = speller.Add("Tanh", {speller.Add("Div", {scores, known})});
  return speller.Add("Mul", {bent, known});
}

// Queries of heads that share keys become one longer list of them.
absl::StatusOr<int> Grouped(Speller& speller, int x, const Attention& attention,
                            int64_t columns) {
  const Shape& q = attention.q_shape;
  const int64_t heads = attention.k_shape[1];
  if (heads == q[1]) return x;
  return speller.Reshaped(x, {q[0], heads, q[1] / heads * q[2], columns});
}

absl::StatusOr<int> Ungrouped(Speller& speller, int x,
                              const Attention& attention, int64_t columns) {
  const Shape& q = attention.q_shape;
  if (attention.k_shape[1] == q[1]) return x;
  return speller.Reshaped(x, {q[0], q[1], q[2], columns});
}

// BOOL [..., S, 1]: which queries see a key; nothing where all do.
absl::StatusOr<int> SeeingQueries(Speller& speller, const Attention& attention,
                                  DataType dtype) {
  if (!attention.adds_infinite && !attention.may_see_none) return kAbsent;
  int seen = attention.allowed;
  if (attention.adds_infinite) {
    ASSIGN_OR_RETURN(const int low, speller.KnownNumber(dtype, LowOf(dtype)));
    seen =
        BothOf(speller, seen, speller.Add("Greater", {attention.added, low}));
  }
  const int any =
      speller.Add("ReduceMax", {speller.CastTo(seen, DataType::kF32)},
                  {{"axes", Shape{-1}}, {"keepdims", int64_t{1}}});
  return speller.CastTo(any, DataType::kBool);
}

// What is added to scores: finite, so that no row is all infinite.
absl::StatusOr<int> Biased(Speller& speller, int scores,
                           const Attention& attention, DataType dtype) {
  ASSIGN_OR_RETURN(const int low, speller.KnownNumber(dtype, LowOf(dtype)));
  if (attention.added != kAbsent) {
    const int added = attention.adds_infinite
                          ? speller.Add("Max", {attention.added, low})
                          : attention.added;
    scores = speller.Add("Add", {scores, added});
  }
  if (attention.allowed == kAbsent) return scores;
  ASSIGN_OR_RETURN(const int zero, speller.KnownNumber(dtype, 0));
  return speller.Add(
      "Add", {scores, speller.Add("Where", {attention.allowed, zero, low})});
}

// What each key gets, with that of the sink left out.
absl::StatusOr<int> Shares(Speller& speller, int scores,
                           const Attention& attention) {
  const Speller::Attributes along = {{"axis", int64_t{-1}}};
  if (attention.sink == kAbsent) return speller.Add("Softmax", {scores}, along);
  Shape shape = attention.q_shape;
  shape.back() = 1;
  ASSIGN_OR_RETURN(const int to, speller.KnownList(shape));
  const int sink = speller.Add("Expand", {attention.sink, to});
  const int all = speller.Add(
      "Softmax", {speller.Add("Concat", {scores, sink}, along)}, along);
  return Columns(speller, all, 0, attention.keys());
}

absl::StatusOr<int> Counted(Speller& speller, int64_t first, Shape shape) {
  const int64_t count = shape[0] * shape[1];
  RETURN_IF_ERROR(speller.CheckSize(count));
  Shape places;
  for (int64_t i = 0; i < count; ++i) places.push_back(first + i);
  return speller.Known(places, std::move(shape));
}

absl::StatusOr<int> Sliced(Speller& speller, int x, int64_t axis, int64_t first,
                           int64_t count) {
  ASSIGN_OR_RETURN(const int begin, speller.KnownList({first}));
  ASSIGN_OR_RETURN(const int end, speller.KnownList({first + count}));
  ASSIGN_OR_RETURN(const int axes, speller.KnownList({axis}));
  return speller.Add("Slice", {x, begin, end, axes});
}

absl::Status CheckFits(const Speller& speller, const Attention& attention) {
  const Shape& q = attention.q_shape;
  const Shape& k = attention.k_shape;
  const Shape& v = attention.v_shape;
  if (q.size() == 4 && k.size() == 4 && v.size() == 4 && k[1] > 0 &&
      q[1] % k[1] == 0 && k[3] == q[3] && v[0] == k[0] && v[1] == k[1] &&
      v[2] == k[2] && k[0] == q[0]) {
    return absl::OkStatus();
  }
  return speller.Invalid("its queries, keys and values do not fit");
}

}  // namespace

absl::StatusOr<Attended> Attend(Speller& speller, Attention attention) {
  const Shape& q = attention.q_shape;
  const Shape& v = attention.v_shape;
  RETURN_IF_ERROR(CheckFits(speller, attention));
  const DataType dtype = attention.dtype;
  Attended attended;
  ASSIGN_OR_RETURN(const int queries,
                   Grouped(speller, attention.q, attention, q[3]));
  int scores = speller.Add(
      "MatMul", {queries, speller.Transposed(attention.k, {0, 1, 3, 2})});
  ASSIGN_OR_RETURN(scores,
                   Ungrouped(speller, scores, attention, attention.keys()));
  ASSIGN_OR_RETURN(attended.scores,
                   Times(speller, scores, dtype, attention.scale));
  ASSIGN_OR_RETURN(attended.capped,
                   Capped(speller, attended.scores, dtype, attention.softcap));
  ASSIGN_OR_RETURN(const int biased,
                   Biased(speller, attended.capped, attention, dtype));
  ASSIGN_OR_RETURN(attended.shares, Shares(speller, biased, attention));
  ASSIGN_OR_RETURN(const int see, SeeingQueries(speller, attention, dtype));
  if (see != kAbsent) {
    ASSIGN_OR_RETURN(const int zero, speller.KnownNumber(dtype, 0));
    attended.shares = speller.Add("Where", {see, attended.shares, zero});
  }
  ASSIGN_OR_RETURN(const int shares, Grouped(speller, attended.shares,
                                             attention, attention.keys()));
  ASSIGN_OR_RETURN(
      attended.y,
      Ungrouped(speller, speller.Add("MatMul", {shares, attention.v}),
                attention, v[3]));
  return attended;
}

absl::StatusOr<int> QueryPlaces(Speller& speller, int64_t queries,
                                int64_t before) {
  return Counted(speller, before, {queries, 1});
}

absl::StatusOr<int> KeyPlaces(Speller& speller, int64_t keys) {
  return Counted(speller, 0, {1, keys});
}

absl::StatusOr<int> SeenBackwards(Speller& speller, int64_t queries,
                                  int64_t keys, int64_t before) {
  if (before >= keys - 1) return kAbsent;
  ASSIGN_OR_RETURN(const int rows, QueryPlaces(speller, queries, before));
  ASSIGN_OR_RETURN(const int columns, KeyPlaces(speller, keys));
  return speller.Add("LessOrEqual", {columns, rows});
}

int BothOf(Speller& speller, int one, int other) {
  if (one == kAbsent) return other;
  if (other == kAbsent) return one;
  return speller.Add("And", {one, other});
}

absl::StatusOr<int> Appended(Speller& speller, int past,
                             const Shape& past_shape, int x, Shape& shape) {
  if (past_shape.size() != 4 || shape.size() != 4 ||
      past_shape[0] != shape[0] || past_shape[1] != shape[1] ||
      past_shape[3] != shape[3]) {
    return speller.Invalid("its past does not fit its keys and values");
  }
  if (past_shape[2] == 0) return x;
  shape[2] += past_shape[2];
  return speller.Add("Concat", {past, x}, {{"axis", int64_t{2}}});
}

absl::Status TakePast(Speller& speller, size_t keys, size_t values,
                      Attention& attention) {
  if (speller.has_input(keys) != speller.has_input(values)) {
    return speller.Invalid("it has a past of keys or of values alone");
  }
  if (!speller.has_input(keys)) return absl::OkStatus();
  const int k = speller.input(keys), v = speller.input(values);
  ASSIGN_OR_RETURN(attention.k, Appended(speller, k, speller.shape(k),
                                         attention.k, attention.k_shape));
  ASSIGN_OR_RETURN(attention.v, Appended(speller, v, speller.shape(v),
                                         attention.v, attention.v_shape));
  return absl::OkStatus();
}

absl::StatusOr<int> Headed(Speller& speller, int x, int64_t heads,
                           Shape& shape) {
  if (shape.size() != 3 || heads < 1 || shape[2] % heads != 0) {
    return speller.Invalid("its heads do not fit its inputs");
  }
  shape = {shape[0], shape[1], heads, shape[2] / heads};
  ASSIGN_OR_RETURN(const int split, speller.Reshaped(x, shape));
  std::swap(shape[1], shape[2]);
  return speller.Transposed(split, {0, 2, 1, 3});
}

absl::StatusOr<int> Unheaded(Speller& speller, int x, const Shape& shape) {
  return speller.Reshaped(speller.Transposed(x, {0, 2, 1, 3}),
                          {shape[0], shape[2], shape[1] * shape[3]});
}

absl::Status FinishAnswer(Speller& speller, const Attention& attention,
                          const Attended& attended) {
  if (!speller.has_output(0)) return absl::OkStatus();
  Shape shape = attention.q_shape;
  shape[3] = attention.v_shape[3];
  ASSIGN_OR_RETURN(const int y, Unheaded(speller, attended.y, shape));
  speller.FinishOutput(0, y);
  return absl::OkStatus();
}

void FinishPresent(Speller& speller, const Attention& attention) {
  if (speller.has_output(1)) speller.FinishOutput(1, attention.k);
  if (speller.has_output(2)) speller.FinishOutput(2, attention.v);
}

absl::StatusOr<float> ScaleOf(const Speller& speller,
                              const Attention& attention) {
  ASSIGN_OR_RETURN(const float scale, speller.FloatOr("scale", 0));
  const auto size = static_cast<float>(attention.q_shape[3]);
  return scale != 0 ? scale : 1 / std::sqrt(size);
}

absl::StatusOr<int> Columns(Speller& speller, int x, int64_t first,
                            int64_t count) {
  return Sliced(speller, x, -1, first, count);
}

absl::StatusOr<Rotation> AnglesAt(Speller& speller, int cosines, int sines,
                                  int positions, int64_t texts,
                                  int64_t length) {
  const Shape table = speller.shape(cosines);
  if (table.size() != 2 || speller.shape(sines) != table) {
    return speller.Invalid("its cosines and sines do not fit");
  }
  const Speller::Attributes rows = {{"axis", int64_t{0}}};
  Rotation rotation;
  rotation.cosines = speller.Add("Gather", {cosines, positions}, rows);
  rotation.sines = speller.Add("Gather", {sines, positions}, rows);
  rotation.shape = {texts, length, table[1]};
  return rotation;
}

absl::StatusOr<int> Rotated(Speller& speller, int x, const Shape& shape,
                            const Rotation& rotation) {
  const Shape& angles = rotation.shape;
  if (shape.size() != 4 || angles.size() != 3 || angles[1] != shape[2] ||
      (angles[0] != 1 && angles[0] != shape[0]) || angles[2] < 1 ||
      2 * angles[2] > shape[3]) {
    return speller.Invalid("its angles do not fit its heads");
  }
  const int64_t turned = 2 * angles[2];
  ASSIGN_OR_RETURN(const int first, turned == shape[3]
                                        ? absl::StatusOr<int>(x)
                                        : Columns(speller, x, 0, turned));
  const int64_t axis = rotation.is_interleaved ? 4 : 3;
  Shape paired = {shape[0], shape[1], shape[2], angles[2], angles[2]};
  paired[static_cast<size_t>(axis)] = 2;
  Shape along = {angles[0], 1, angles[1], angles[2], angles[2]};
  along[static_cast<size_t>(axis)] = 1;
  ASSIGN_OR_RETURN(const int pairs, speller.Reshaped(first, paired));
  ASSIGN_OR_RETURN(const int a, Sliced(speller, pairs, axis, 0, 1));
  ASSIGN_OR_RETURN(const int b, Sliced(speller, pairs, axis, 1, 1));
  ASSIGN_OR_RETURN(const int cosines,
                   speller.Reshaped(rotation.cosines, along));
  ASSIGN_OR_RETURN(const int sines, speller.Reshaped(rotation.sines, along));
  const int real = speller.Add("Sub", {speller.Add("Mul", {a, cosines}),
                                       speller.Add("Mul", {b, sines})});
  const int imaginary = speller.Add("Add", {speller.Add("Mul", {a, sines}),
                                            speller.Add("Mul", {b, cosines})});
  const int both = speller.Add("Concat", {real, imaginary}, {{"axis", axis}});
  ASSIGN_OR_RETURN(const int y, speller.Reshaped(both, {shape[0], shape[1],
                                                        shape[2], turned}));
  if (turned == shape[3]) return y;
  ASSIGN_OR_RETURN(const int rest,
                   Columns(speller, x, turned, shape[3] - turned));
  return speller.Add("Concat", {y, rest}, {{"axis", int64_t{3}}});
}

}  // namespace layerd
