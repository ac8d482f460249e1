// GroupQueryAttention, as exporters of language models write it: queries in
// groups that share keys, rotation inside, keys and values handed on.

#include <cstdint>
#include <vector>

#include "config/status_macros.h"
#include "daemon/pack/graph/element_type.h"
#include "daemon/pack/spell/attention.h"

namespace layerd {
namespace {

using Shape = Speller::Shape;

enum : size_t {
  kQ,
  kK,
  kV,
  kPastK,
  kPastV,
  kLengths,  // Of all keys of each text, less one.
  kLength,   // The longest.
  kCosines,
  kSines,
  kPositions,
  kBias,
  kSink
};

absl::Status CheckTaken(const Speller& speller) {
  RETURN_IF_ERROR(
      speller.CheckAttributes({"do_rotary", "kv_num_heads", "local_window_size",
                               "num_heads", "qk_output", "rotary_interleaved",
                               "scale", "smooth_softmax", "softcap"}));
  ASSIGN_OR_RETURN(const int64_t scores, speller.IntOr("qk_output", 0));
  if (scores > 0 || speller.has_output(3)) {
    return speller.Unsupported("qk_output is not supported");
  }
  for (size_t i = kSink + 1; i < speller.node().inputs.size(); ++i) {
    if (!speller.has_input(i)) continue;
    return speller.Unsupported("quantised pasts are not supported");
  }
  return absl::OkStatus();
}

// Queries, keys and values in one input, or each in its own.
absl::Status TakeInputs(Speller& speller, Attention& attention) {
  ASSIGN_OR_RETURN(const int64_t heads, speller.IntOr("num_heads", 0));
  ASSIGN_OR_RETURN(const int64_t key_heads, speller.IntOr("kv_num_heads", 0));
  const int64_t counts[] = {heads, key_heads, key_heads};
  int* const parts[] = {&attention.q, &attention.k, &attention.v};
  Shape* const shapes[] = {&attention.q_shape, &attention.k_shape,
                           &attention.v_shape};
  const Shape all = speller.shape(speller.input(kQ));
  const bool is_packed = !speller.has_input(kK);
  if (all.size() != 3 || heads < 1 || key_heads < 1 || heads > 1 << 20 ||
      key_heads > 1 << 20 || is_packed == speller.has_input(kV)) {
    return speller.Invalid("its inputs are of other shapes");
  }
  const int64_t size = all[2] / (heads + 2 * key_heads);
  if (is_packed && size * (heads + 2 * key_heads) != all[2]) {
    return speller.Invalid("its heads do not fit its inputs");
  }
  int64_t first = 0;
  for (size_t i = 0; i < 3; ++i) {
    if (is_packed) {
      ASSIGN_OR_RETURN(*parts[i], Columns(speller, speller.input(kQ), first,
                                          counts[i] * size));
      *shapes[i] = {all[0], all[1], counts[i] * size};
      first += counts[i] * size;
    } else {
      *parts[i] = speller.input(i);
      *shapes[i] = speller.shape(*parts[i]);
    }
    ASSIGN_OR_RETURN(*parts[i],
                     Headed(speller, *parts[i], counts[i], *shapes[i]));
  }
  return absl::OkStatus();
}

// What says how much of a past counts has to say all of it.
absl::Status CheckIsWhole(const Speller& speller, size_t i, int64_t length) {
  if (!speller.has_input(i) || CountOf(speller.shape(speller.input(i))) != 1) {
    return speller.Invalid("it has not one length");
  }
  if (!speller.is_known(speller.input(i))) {
    return speller.Unsupported(
        "how much of its past counts is not known when packing; bind what that "
        "comes from, a mask of ones, with --value");
  }
  ASSIGN_OR_RETURN(const std::vector<int64_t> said,
                   speller.Elements(speller.input(i)));
  if (said == std::vector{length}) return absl::OkStatus();
  return speller.Unsupported("a past of which only a piece counts");
}

// How many keys were there before.
absl::StatusOr<int64_t> KeysBefore(const Speller& speller, int64_t queries) {
  if (!speller.has_input(kPastK)) return 0;
  const Shape past = speller.shape(speller.input(kPastK));
  if (past.size() != 4) return speller.Invalid("its past has no heads");
  if (past[2] == 0) return 0;
  if (past[0] != 1) {
    return speller.Unsupported(
        "several texts, whose pasts may differ in length, are not supported; "
        "bind a batch of 1");
  }
  RETURN_IF_ERROR(CheckIsWhole(speller, kLengths, past[2] + queries - 1));
  RETURN_IF_ERROR(CheckIsWhole(speller, kLength, past[2] + queries));
  return past[2];
}

absl::Status Rotate(Speller& speller, int64_t before, Attention& attention) {
  ASSIGN_OR_RETURN(const int64_t rotates, speller.IntOr("do_rotary", 0));
  if (rotates == 0) return absl::OkStatus();
  if (!speller.has_input(kCosines) || !speller.has_input(kSines)) {
    return speller.Invalid("it has nothing to rotate by");
  }
  const int64_t length = attention.queries();
  int64_t texts = 1;
  int positions = kAbsent;
  if (speller.has_input(kPositions)) {
    positions = speller.input(kPositions);
    texts = attention.q_shape[0];
    if (speller.shape(positions) != Shape{texts, length}) {
      return speller.Invalid("its positions do not fit its input");
    }
  } else {
    ASSIGN_OR_RETURN(const int places, QueryPlaces(speller, length, before));
    ASSIGN_OR_RETURN(positions, speller.Reshaped(places, {1, length}));
  }
  ASSIGN_OR_RETURN(Rotation rotation,
                   AnglesAt(speller, speller.input(kCosines),
                            speller.input(kSines), positions, texts, length));
  ASSIGN_OR_RETURN(const int64_t is_interleaved,
                   speller.IntOr("rotary_interleaved", 0));
  rotation.is_interleaved = is_interleaved != 0;
  ASSIGN_OR_RETURN(attention.q,
                   Rotated(speller, attention.q, attention.q_shape, rotation));
  ASSIGN_OR_RETURN(attention.k,
                   Rotated(speller, attention.k, attention.k_shape, rotation));
  return absl::OkStatus();
}

// A query sees itself and what is before it, or so many of them together.
absl::Status LookBack(Speller& speller, int64_t before, Attention& attention) {
  ASSIGN_OR_RETURN(
      attention.allowed,
      SeenBackwards(speller, attention.queries(), attention.keys(), before));
  ASSIGN_OR_RETURN(const int64_t window,
                   speller.IntOr("local_window_size", -1));
  if (window < 1 || window >= attention.keys()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const int places, QueryPlaces(speller, attention.queries(),
                                                 before - window + 1));
  ASSIGN_OR_RETURN(const int keys, KeyPlaces(speller, attention.keys()));
  attention.allowed = BothOf(speller, attention.allowed,
                             speller.Add("GreaterOrEqual", {keys, places}));
  return absl::OkStatus();
}

// Each head has a score that takes a share away; that of smooth_softmax is 0.
absl::Status TakeSink(Speller& speller, Attention& attention) {
  const int64_t heads = attention.q_shape[1];
  if (speller.has_input(kSink)) {
    if (speller.shape(speller.input(kSink)) != Shape{heads}) {
      return speller.Invalid("its sinks do not fit its heads");
    }
    ASSIGN_OR_RETURN(attention.sink,
                     speller.Reshaped(speller.input(kSink), {1, heads, 1, 1}));
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const int64_t is_smooth, speller.IntOr("smooth_softmax", 0));
  if (is_smooth <= 0) return absl::OkStatus();
  ASSIGN_OR_RETURN(attention.sink, speller.KnownNumber(attention.dtype, 0));
  return absl::OkStatus();
}

}  // namespace

absl::Status SpellGroupQueryAttention(Speller& speller) {
  RETURN_IF_ERROR(CheckTaken(speller));
  Attention attention(speller.dtype(speller.input(0)));
  RETURN_IF_ERROR(TakeInputs(speller, attention));
  ASSIGN_OR_RETURN(const int64_t before,
                   KeysBefore(speller, attention.queries()));
  RETURN_IF_ERROR(Rotate(speller, before, attention));
  RETURN_IF_ERROR(TakePast(speller, kPastK, kPastV, attention));
  RETURN_IF_ERROR(LookBack(speller, before, attention));
  ASSIGN_OR_RETURN(attention.scale, ScaleOf(speller, attention));
  ASSIGN_OR_RETURN(attention.softcap, speller.FloatOr("softcap", 0));
  if (speller.has_input(kBias)) attention.added = speller.input(kBias);
  RETURN_IF_ERROR(TakeSink(speller, attention));
  ASSIGN_OR_RETURN(const Attended attended, Attend(speller, attention));
  RETURN_IF_ERROR(FinishAnswer(speller, attention, attended));
  FinishPresent(speller, attention);
  return absl::OkStatus();
}

}  // namespace layerd
