// Attention and RotaryEmbedding as ONNX has them since opset 23.

#include <algorithm>
#include <cmath>
#include <utility>

#include "config/status_macros.h"
#include "daemon/pack/graph/element_type.h"
#include "daemon/pack/spell/attention.h"

namespace layerd {
namespace {

using Shape = Speller::Shape;

// Inputs of Attention.
enum : size_t { kMask = 3, kPastKeys, kPastValues, kLengths };

// Three dimensions become four.
absl::Status TakeHeads(Speller& speller, size_t input, const char* heads,
                       int& x, Shape& shape) {
  x = speller.input(input);
  shape = speller.shape(x);
  if (shape.size() == 4) return absl::OkStatus();
  ASSIGN_OR_RETURN(const int64_t count, speller.IntOr(heads, 0));
  ASSIGN_OR_RETURN(x, Headed(speller, x, count, shape));
  return absl::OkStatus();
}

absl::StatusOr<Attention> TakeInputs(Speller& speller) {
  Attention attention(speller.dtype(speller.input(0)));
  RETURN_IF_ERROR(
      TakeHeads(speller, 0, "q_num_heads", attention.q, attention.q_shape));
  RETURN_IF_ERROR(
      TakeHeads(speller, 1, "kv_num_heads", attention.k, attention.k_shape));
  RETURN_IF_ERROR(
      TakeHeads(speller, 2, "kv_num_heads", attention.v, attention.v_shape));
  ASSIGN_OR_RETURN(attention.scale, ScaleOf(speller, attention));
  ASSIGN_OR_RETURN(attention.softcap, speller.FloatOr("softcap", 0));
  RETURN_IF_ERROR(TakePast(speller, kPastKeys, kPastValues, attention));
  return attention;
}

// A mask may end before the keys do: those behind it are not seen.
absl::StatusOr<int> Lengthened(Speller& speller, int mask, Shape shape,
                               int64_t keys) {
  const int64_t missing = keys - shape.back();
  if (missing == 0) return mask;
  shape.back() = missing;
  const DataType dtype = speller.dtype(mask);
  ASSIGN_OR_RETURN(
      const int unseen,
      speller.KnownNumber(dtype, dtype == DataType::kBool ? 0 : -INFINITY));
  ASSIGN_OR_RETURN(const int to, speller.KnownList(shape));
  return speller.Add("Concat", {mask, speller.Add("Expand", {unseen, to})},
                     {{"axis", int64_t{-1}}});
}

absl::Status TakeMask(Speller& speller, Attention& attention) {
  if (!speller.has_input(kMask)) return absl::OkStatus();
  int mask = speller.input(kMask);
  const Shape shape = speller.shape(mask);
  if (shape.empty() || shape.size() > 4 || shape.back() > attention.keys() ||
      (speller.node().opset < 24 && shape.back() != attention.keys() &&
       shape.back() != 1)) {
    return speller.Invalid("its mask does not fit its keys");
  }
  if (shape.back() != 1) {
    ASSIGN_OR_RETURN(mask, Lengthened(speller, mask, shape, attention.keys()));
  }
  if (speller.dtype(speller.input(kMask)) == DataType::kBool) {
    attention.allowed = mask;
    attention.may_see_none = true;
  } else {
    attention.added = mask;
    attention.adds_infinite = true;
  }
  return absl::OkStatus();
}

struct Window {
  bool is_causal;
  int64_t left, right;  // Keys on each side; -1: all.
};

absl::StatusOr<Window> TakeWindow(const Speller& speller) {
  Window window{};
  ASSIGN_OR_RETURN(const int64_t is_causal, speller.IntOr("is_causal", 0));
  window.is_causal = is_causal != 0;
  ASSIGN_OR_RETURN(window.left, speller.IntOr("left_window_size", -1));
  ASSIGN_OR_RETURN(window.right, speller.IntOr("right_window_size", -1));
  if (std::min(window.left, window.right) < -1 ||
      std::max(window.left, window.right) > int64_t{1} << 40) {
    return speller.Invalid("a window is not -1 and no number of keys");
  }
  return window;
}

// Places of queries, [S, 1], or [N, 1, S, 1] where texts have lengths.
absl::StatusOr<int> PlacesOfQueries(Speller& speller,
                                    const Attention& attention) {
  const int64_t queries = attention.queries();
  if (!speller.has_input(kLengths)) {
    const int64_t before = speller.has_input(kPastKeys)
                               ? speller.shape(speller.input(kPastKeys))[2]
                               : 0;
    return QueryPlaces(speller, queries, before);
  }
  ASSIGN_OR_RETURN(const int places, QueryPlaces(speller, queries, -queries));
  ASSIGN_OR_RETURN(const int lengths,
                   speller.Reshaped(speller.input(kLengths),
                                    {attention.q_shape[0], 1, 1, 1}));
  return speller.Add("Add", {places, lengths});
}

// Keys behind which a query does not see: those of the window, of what was
// before it, and of the padding.
absl::Status TakePlaces(Speller& speller, Attention& attention) {
  ASSIGN_OR_RETURN(const Window window, TakeWindow(speller));
  ASSIGN_OR_RETURN(const int keys, KeyPlaces(speller, attention.keys()));
  int allowed = kAbsent;
  if (speller.has_input(kLengths)) {
    if (speller.shape(speller.input(kLengths)) != Shape{attention.q_shape[0]} ||
        speller.has_input(kPastKeys)) {
      return speller.Invalid("nonpad_kv_seqlen does not fit its texts");
    }
    ASSIGN_OR_RETURN(const int lengths,
                     speller.Reshaped(speller.input(kLengths),
                                      {attention.q_shape[0], 1, 1, 1}));
    allowed = speller.Add("Less", {keys, lengths});
  }
  if (window.is_causal || window.left >= 0 || window.right >= 0) {
    ASSIGN_OR_RETURN(const int places, PlacesOfQueries(speller, attention));
    const auto within = [&](const char* op_type, int64_t by) -> absl::Status {
      ASSIGN_OR_RETURN(const int reach, speller.Known({by}, {}));
      allowed = BothOf(
          speller, allowed,
          speller.Add(op_type, {keys, speller.Add("Add", {places, reach})}));
      return absl::OkStatus();
    };
    if (window.is_causal) {
      RETURN_IF_ERROR(within("LessOrEqual", 0));
    }
    if (window.left >= 0) {
      RETURN_IF_ERROR(within("GreaterOrEqual", -window.left));
    }
    if (window.right >= 0) {
      RETURN_IF_ERROR(within("LessOrEqual", window.right));
    }
    attention.may_see_none = attention.may_see_none || window.left >= 0 ||
                             window.right >= 0 || attention.adds_infinite;
  }
  attention.may_see_none =
      attention.may_see_none || speller.has_input(kLengths);
  attention.allowed = BothOf(speller, attention.allowed, allowed);
  return absl::OkStatus();
}

absl::Status FinishScores(Speller& speller, const Attention& attention,
                          const Attended& attended) {
  if (!speller.has_output(3)) return absl::OkStatus();
  ASSIGN_OR_RETURN(const int64_t mode,
                   speller.IntOr("qk_matmul_output_mode", 0));
  const bool is_masked =
      attention.added != kAbsent || attention.allowed != kAbsent;
  switch (mode) {
    case 0:
      speller.FinishOutput(3, attended.scores);
      return absl::OkStatus();
    case 2:
      if (is_masked) break;
      [[fallthrough]];
    case 1:
      speller.FinishOutput(3, attended.capped);
      return absl::OkStatus();
    case 3:
      speller.FinishOutput(3, attended.shares);
      return absl::OkStatus();
    default:
      break;
  }
  return speller.Unsupported(
      "qk_matmul_output_mode: masked scores are not supported");
}

}  // namespace

absl::Status SpellOnnxAttention(Speller& speller) {
  RETURN_IF_ERROR(speller.CheckAttributes(
      {"is_causal", "kv_num_heads", "left_window_size", "q_num_heads",
       "qk_matmul_output_mode", "right_window_size", "scale", "softcap",
       "softmax_precision"}));
  ASSIGN_OR_RETURN(Attention attention, TakeInputs(speller));
  RETURN_IF_ERROR(TakeMask(speller, attention));
  RETURN_IF_ERROR(TakePlaces(speller, attention));
  ASSIGN_OR_RETURN(const Attended attended, Attend(speller, attention));
  if (speller.shape(speller.input(0)).size() == 3) {
    RETURN_IF_ERROR(FinishAnswer(speller, attention, attended));
  } else if (speller.has_output(0)) {
    speller.FinishOutput(0, attended.y);
  }
  FinishPresent(speller, attention);
  return FinishScores(speller, attention, attended);
}

namespace {

// [N or 1, S]: given, or those that follow one another.
absl::StatusOr<int> TakePositions(Speller& speller, size_t input,
                                  int64_t length, int64_t* texts) {
  const int given = speller.input(input);
  const Shape shape = speller.shape(given);
  if (shape.size() == 2 && shape[1] == length) {
    *texts = shape[0];
    return given;
  }
  if (shape != Shape{1} && shape != Shape{}) {
    return speller.Invalid("its positions do not fit its input");
  }
  *texts = 1;
  RETURN_IF_ERROR(speller.CheckSize(length));
  ASSIGN_OR_RETURN(const int places, QueryPlaces(speller, length, 0));
  ASSIGN_OR_RETURN(const int row, speller.Reshaped(places, {1, length}));
  return speller.Add("Add", {row, speller.CastTo(given, DataType::kI64)});
}

// From tables by position, or as they are, [N, S, angles].
absl::StatusOr<Rotation> TakeAngles(Speller& speller, size_t cosines,
                                    size_t sines, size_t positions,
                                    int64_t length) {
  if (speller.has_input(positions)) {
    int64_t texts = 0;
    ASSIGN_OR_RETURN(const int places,
                     TakePositions(speller, positions, length, &texts));
    return AnglesAt(speller, speller.input(cosines), speller.input(sines),
                    places, texts, length);
  }
  Rotation rotation;
  rotation.cosines = speller.input(cosines);
  rotation.sines = speller.input(sines);
  rotation.shape = speller.shape(rotation.cosines);
  if (speller.shape(rotation.sines) == rotation.shape) return rotation;
  return speller.Invalid("its cosines and sines do not fit");
}

}  // namespace

// ONNX's own and ONNX Runtime's, which has its inputs in another order.
absl::Status SpellRotaryEmbedding(Speller& speller) {
  RETURN_IF_ERROR(
      speller.CheckAttributes({"interleaved", "is_packed_batching", "num_heads",
                               "rotary_embedding_dim", "scale"}));
  const bool is_onnx = speller.node().op_type == "RotaryEmbedding";
  const int x = speller.input(0);
  Shape shape = speller.shape(x);
  const bool is_flat = shape.size() == 3;
  ASSIGN_OR_RETURN(int64_t heads, speller.IntOr("num_heads", 0));
  ASSIGN_OR_RETURN(const int64_t turned,
                   speller.IntOr("rotary_embedding_dim", 0));
  ASSIGN_OR_RETURN(const float scale, speller.FloatOr("scale", 1));
  ASSIGN_OR_RETURN(const int64_t is_packed,
                   speller.IntOr("is_packed_batching", 0));
  if (scale != 1 || is_packed != 0) {
    return speller.Unsupported("scale and packed batches are not supported");
  }
  if (shape.size() < 3) return speller.Invalid("its input has no heads");
  const int64_t length = shape[shape.size() == 4 ? 2 : 1];
  ASSIGN_OR_RETURN(Rotation rotation,
                   is_onnx ? TakeAngles(speller, 1, 2, 3, length)
                           : TakeAngles(speller, 2, 3, 1, length));
  ASSIGN_OR_RETURN(const int64_t is_interleaved,
                   speller.IntOr("interleaved", 0));
  rotation.is_interleaved = is_interleaved != 0;
  if (rotation.shape.size() != 3 || rotation.shape[2] < 1) {
    return speller.Invalid("its cosines and sines do not fit");
  }
  if (turned != 0 && turned != 2 * rotation.shape[2]) {
    return speller.Invalid("rotary_embedding_dim does not fit its angles");
  }
  if (is_flat && heads == 0 && turned == 0) {
    heads = shape[2] / (2 * rotation.shape[2]);
  }
  int y = x;
  if (is_flat) {
    ASSIGN_OR_RETURN(y, Headed(speller, x, heads, shape));
  }
  ASSIGN_OR_RETURN(y, Rotated(speller, y, shape, rotation));
  if (is_flat) {
    ASSIGN_OR_RETURN(y, Unheaded(speller, y, shape));
  }
  speller.Finish(y);
  return absl::OkStatus();
}

}  // namespace layerd
