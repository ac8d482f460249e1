// What ONNX Runtime's optimiser, its quantiser and its exporter of language
// models write where something attends.

#include <utility>

#include "absl/strings/str_cat.h"
#include "config/status_macros.h"
#include "daemon/pack/spell/attention.h"

namespace layerd {
namespace {

using Shape = Speller::Shape;

// UNIMPLEMENTED where an attribute says more than nothing.
absl::Status RefuseAttributes(const Speller& speller,
                              const std::vector<const char*>& names) {
  for (const char* name : names) {
    ASSIGN_OR_RETURN(const int64_t value, speller.IntOr(name, 0));
    if (value <= 0) continue;
    return speller.Unsupported(
        absl::StrCat("attribute ", name, " is not supported"));
  }
  return absl::OkStatus();
}

absl::Status RefuseInput(const Speller& speller, size_t i, const char* what) {
  if (!speller.has_input(i)) return absl::OkStatus();
  return speller.Unsupported(absl::StrCat(what, " is not supported"));
}

// [N, T], [N] with how many of T are there, or [N, S, T], as BOOL [N, 1, ...].
absl::StatusOr<int> Truths(Speller& speller, int mask, int64_t batch,
                           int64_t queries, int64_t keys) {
  const Shape shape = speller.shape(mask);
  if (shape == Shape{batch}) {
    ASSIGN_OR_RETURN(const int places, KeyPlaces(speller, keys));
    ASSIGN_OR_RETURN(const int lengths,
                     speller.Reshaped(speller.CastTo(mask, DataType::kI64),
                                      {batch, 1, 1, 1}));
    return speller.Add("Less", {places, lengths});
  }
  const int truths = speller.CastTo(mask, DataType::kBool);
  if (shape == Shape{batch, keys}) {
    return speller.Reshaped(truths, {batch, 1, 1, keys});
  }
  if (shape == Shape{batch, queries, keys}) {
    return speller.Reshaped(truths, {batch, 1, queries, keys});
  }
  return speller.Unsupported("a mask of this shape is not supported");
}

// Scores are lowered by mask_filter_value where a mask is 0.
absl::Status TakeMask(Speller& speller, size_t input, Attention& attention) {
  if (!speller.has_input(input)) return absl::OkStatus();
  ASSIGN_OR_RETURN(const float filter,
                   speller.FloatOr("mask_filter_value", -10000));
  ASSIGN_OR_RETURN(const int truths,
                   Truths(speller, speller.input(input), attention.q_shape[0],
                          attention.queries(), attention.keys()));
  ASSIGN_OR_RETURN(const int low, speller.KnownNumber(attention.dtype, filter));
  ASSIGN_OR_RETURN(const int zero, speller.KnownNumber(attention.dtype, 0));
  const int added = speller.Add("Where", {truths, zero, low});
  attention.added = attention.added == kAbsent
                        ? added
                        : speller.Add("Add", {attention.added, added});
  return absl::OkStatus();
}

void TakeBias(const Speller& speller, size_t input, Attention& attention) {
  if (!speller.has_input(input)) return;
  attention.added = speller.input(input);
}

// What unidirectional says.
absl::Status TakeDirection(Speller& speller, int64_t before,
                           Attention& attention) {
  ASSIGN_OR_RETURN(const int64_t looks_back,
                   speller.IntOr("unidirectional", 0));
  if (looks_back == 0) return absl::OkStatus();
  ASSIGN_OR_RETURN(
      attention.allowed,
      SeenBackwards(speller, attention.queries(), attention.keys(), before));
  return absl::OkStatus();
}

// Keys and values in one tensor, [2, N, heads, P, size].
absl::Status TakeJointPast(Speller& speller, size_t input,
                           Attention& attention) {
  if (!speller.has_input(input)) return absl::OkStatus();
  const Shape past = speller.shape(speller.input(input));
  if (past.size() != 5 || past[0] != 2) {
    return speller.Invalid("its past is not one of keys and values");
  }
  const Shape one(past.begin() + 1, past.end());
  struct Part {
    int* x;
    Shape* shape;
  };
  const Part parts[] = {{&attention.k, &attention.k_shape},
                        {&attention.v, &attention.v_shape}};
  for (int64_t i = 0; i < 2; ++i) {
    if (one[2] == 0) return absl::OkStatus();
    ASSIGN_OR_RETURN(const int which, speller.Known({i}, {}));
    const int past_of = speller.Add("Gather", {speller.input(input), which},
                                    {{"axis", int64_t{0}}});
    ASSIGN_OR_RETURN(*parts[i].x, Appended(speller, past_of, one, *parts[i].x,
                                           *parts[i].shape));
  }
  return absl::OkStatus();
}

absl::Status FinishJointPresent(Speller& speller, const Attention& attention) {
  if (!speller.has_output(1)) return absl::OkStatus();
  Shape shape = attention.k_shape;
  shape.insert(shape.begin(), 1);
  ASSIGN_OR_RETURN(const int k, speller.Reshaped(attention.k, shape));
  ASSIGN_OR_RETURN(const int v, speller.Reshaped(attention.v, shape));
  speller.FinishOutput(1,
                       speller.Add("Concat", {k, v}, {{"axis", int64_t{0}}}));
  return absl::OkStatus();
}

}  // namespace

namespace {

// One product for queries, keys and values.
struct Joint {
  int x, w;  // Inputs 0 and 1, or what they mean.
  DataType dtype;
  size_t mask, past, scores;  // Inputs; the bias of the product is input 2.
};

absl::Status CheckJointAttributes(Speller& speller) {
  RETURN_IF_ERROR(speller.CheckAttributes(
      {"do_rotary", "mask_filter_value", "num_heads",
       "past_present_share_buffer", "qkv_hidden_sizes", "rotary_embedding_dim",
       "scale", "unidirectional"}));
  return RefuseAttributes(speller, {"do_rotary", "past_present_share_buffer"});
}

absl::Status AttendJointly(Speller& speller, const Joint& joint) {
  const Shape x = speller.shape(speller.input(0));
  const Shape w = speller.shape(speller.input(1));
  if (x.size() != 3 || w.size() != 2) {
    return speller.Invalid("its inputs are of other shapes");
  }
  ASSIGN_OR_RETURN(const Shape sizes,
                   speller.ListOr<int64_t>("qkv_hidden_sizes",
                                           {w[1] / 3, w[1] / 3, w[1] / 3}));
  if (sizes.size() != 3 || sizes[0] < 1 || sizes[2] < 1 || sizes[0] > w[1] ||
      sizes[2] > w[1] || sizes[0] != sizes[1] ||
      sizes[0] + sizes[1] + sizes[2] != w[1]) {
    return speller.Invalid("qkv_hidden_sizes do not fit its weights");
  }
  int all = speller.Add("MatMul", {joint.x, joint.w});
  if (speller.has_input(2)) all = speller.Add("Add", {all, speller.input(2)});
  ASSIGN_OR_RETURN(const int64_t heads, speller.IntOr("num_heads", 0));
  Attention attention(joint.dtype);
  int* const parts[] = {&attention.q, &attention.k, &attention.v};
  Shape* const shapes[] = {&attention.q_shape, &attention.k_shape,
                           &attention.v_shape};
  int64_t first = 0;
  for (size_t i = 0; i < 3; ++i) {
    ASSIGN_OR_RETURN(*parts[i], Columns(speller, all, first, sizes[i]));
    *shapes[i] = {x[0], x[1], sizes[i]};
    ASSIGN_OR_RETURN(*parts[i], Headed(speller, *parts[i], heads, *shapes[i]));
    first += sizes[i];
  }
  RETURN_IF_ERROR(TakeJointPast(speller, joint.past, attention));
  ASSIGN_OR_RETURN(attention.scale, ScaleOf(speller, attention));
  TakeBias(speller, joint.scores, attention);
  RETURN_IF_ERROR(TakeMask(speller, joint.mask, attention));
  RETURN_IF_ERROR(TakeDirection(speller, attention.keys() - attention.queries(),
                                attention));
  ASSIGN_OR_RETURN(const Attended attended, Attend(speller, attention));
  RETURN_IF_ERROR(FinishAnswer(speller, attention, attended));
  return FinishJointPresent(speller, attention);
}

}  // namespace

absl::Status SpellAttention(Speller& speller) {
  RETURN_IF_ERROR(CheckJointAttributes(speller));
  RETURN_IF_ERROR(RefuseInput(speller, 6, "a past in a shared buffer"));
  const int x = speller.input(0);
  return AttendJointly(speller,
                       {x, speller.input(1), speller.dtype(x), 3, 4, 5});
}

absl::Status SpellQAttention(Speller& speller) {
  RETURN_IF_ERROR(CheckJointAttributes(speller));
  constexpr size_t kNone = 9;
  const int x = speller.Dequantised(0, 3, 6, -1);
  const int w = speller.Dequantised(1, 4, 7, -1);
  return AttendJointly(speller,
                       {x, w, speller.dtype(speller.input(3)), 5, 8, kNone});
}

namespace {

// Inputs of MultiHeadAttention.
enum : size_t { kQ, kK, kV, kBias, kPadding, kScores, kPastK, kPastV };

// One input [N, length, width], with its part of the bias, or [N, heads,
// length, size] already.
absl::Status TakeOne(Speller& speller, size_t input, int64_t heads,
                     int64_t& first, int& x, Shape& shape) {
  x = speller.input(input);
  shape = speller.shape(x);
  if (shape.size() == 4 && input != kQ) return absl::OkStatus();
  if (shape.size() != 3) {
    return speller.Unsupported("inputs that are packed are not supported");
  }
  if (speller.has_input(kBias)) {
    ASSIGN_OR_RETURN(const int bias,
                     Columns(speller, speller.input(kBias), first, shape[2]));
    x = speller.Add("Add", {x, bias});
    first += shape[2];
  }
  ASSIGN_OR_RETURN(x, Headed(speller, x, heads, shape));
  return absl::OkStatus();
}

}  // namespace

absl::Status SpellMultiHeadAttention(Speller& speller) {
  RETURN_IF_ERROR(speller.CheckAttributes(
      {"mask_filter_value", "num_heads", "scale", "unidirectional"}));
  for (const size_t i : {8, 9}) {
    RETURN_IF_ERROR(RefuseInput(speller, i, "a past in a shared buffer"));
  }
  if (speller.has_output(3)) {
    return speller.Unsupported("its output 3 is not supported");
  }
  if (!speller.has_input(kK) || !speller.has_input(kV)) {
    return speller.Unsupported("inputs that are packed are not supported");
  }
  ASSIGN_OR_RETURN(const int64_t heads, speller.IntOr("num_heads", 0));
  Attention attention(speller.dtype(speller.input(0)));
  int64_t first = 0;
  RETURN_IF_ERROR(
      TakeOne(speller, kQ, heads, first, attention.q, attention.q_shape));
  RETURN_IF_ERROR(
      TakeOne(speller, kK, heads, first, attention.k, attention.k_shape));
  RETURN_IF_ERROR(
      TakeOne(speller, kV, heads, first, attention.v, attention.v_shape));
  const int64_t new_keys = attention.keys();
  RETURN_IF_ERROR(TakePast(speller, kPastK, kPastV, attention));
  ASSIGN_OR_RETURN(attention.scale, ScaleOf(speller, attention));
  TakeBias(speller, kScores, attention);
  RETURN_IF_ERROR(TakeMask(speller, kPadding, attention));
  RETURN_IF_ERROR(
      TakeDirection(speller, attention.keys() - new_keys, attention));
  ASSIGN_OR_RETURN(const Attended attended, Attend(speller, attention));
  RETURN_IF_ERROR(FinishAnswer(speller, attention, attended));
  FinishPresent(speller, attention);
  return absl::OkStatus();
}

}  // namespace layerd
