#ifndef LAYERD_DAEMON_PACK_SPELL_ATTENTION_H_
#define LAYERD_DAEMON_PACK_SPELL_ATTENTION_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/pack/graph/graph.h"
#include "daemon/pack/spell/speller.h"

namespace layerd {

// What operators that attend have in common, spelled out (spell_out.h): who
// attends to whom is all they differ in.
//
// Units: N texts, S queries, T keys; `heads` of queries are those of keys or a
//        multiple, and neighbours share one.

// Scores of queries for keys, and what they make of values.
struct Attention {
  explicit Attention(DataType dtype) : dtype(dtype) {}

  DataType dtype;   // Of all that follow, as far as they are numbers.
  int q = kAbsent;  // [N, heads, S, size]
  int k = kAbsent;  // [N, heads of keys, T, size]
  int v = kAbsent;  // [N, heads of keys, T, size of values]
  Speller::Shape q_shape, k_shape, v_shape;
  float scale = 1;
  float softcap = 0;  // None: 0.
  // To the scores [N, heads, S, T], broadcast.
  int added = kAbsent;
  // What is added may be infinite, and a query may see no key: it answers 0.
  bool adds_infinite = false;
  // BOOL, broadcast likewise: which keys a query sees.
  int allowed = kAbsent;
  bool may_see_none = false;
  // The score of one more key, which has no value: broadcast to [N, heads, S,
  // 1].
  int sink = kAbsent;

  int64_t queries() const { return q_shape[2]; }
  int64_t keys() const { return k_shape[2]; }
};

struct Attended {
  int scores, capped, shares;  // [N, heads, S, T]
  int y;                       // [N, heads, S, size of values]
};

absl::StatusOr<Attended> Attend(Speller& speller, Attention attention);

// BOOL [S, T]: key t is seen by query s if it is not after place s + `before`;
// nothing where all are.
absl::StatusOr<int> SeenBackwards(Speller& speller, int64_t queries,
                                  int64_t keys, int64_t before);
// I64: the places of queries, [S, 1], and of keys, [1, T].
absl::StatusOr<int> QueryPlaces(Speller& speller, int64_t queries,
                                int64_t before);
absl::StatusOr<int> KeyPlaces(Speller& speller, int64_t keys);
// Both of those that are there.
int BothOf(Speller& speller, int one, int other);

// `past` [N, heads, P, size] before `x`, whose shape grows.
absl::StatusOr<int> Appended(Speller& speller, int past,
                             const Speller::Shape& past_shape, int x,
                             Speller::Shape& shape);

// The inputs of earlier keys and values, if there are any.
absl::Status TakePast(Speller& speller, size_t keys, size_t values,
                      Attention& attention);

// [N, S, heads * size] as [N, heads, S, size], and back. `shape` becomes that
// of what is returned.
absl::StatusOr<int> Headed(Speller& speller, int x, int64_t heads,
                           Speller::Shape& shape);
absl::StatusOr<int> Unheaded(Speller& speller, int x,
                             const Speller::Shape& shape);

// Output 0 is the answer, as [N, S, heads * size].
absl::Status FinishAnswer(Speller& speller, const Attention& attention,
                          const Attended& attended);

// Outputs 1 and 2 are the keys and values of now and before, if they are asked
// for.
void FinishPresent(Speller& speller, const Attention& attention);

// The attribute, or what is usual.
absl::StatusOr<float> ScaleOf(const Speller& speller,
                              const Attention& attention);

// Columns [first, first + count) of the last axis.
absl::StatusOr<int> Columns(Speller& speller, int x, int64_t first,
                            int64_t count);

// Where each place has an angle for each pair of numbers.
struct Rotation {
  int cosines = kAbsent, sines = kAbsent;  // [N or 1, S, size / 2]
  Speller::Shape shape;                    // Of both.
  bool is_interleaved = false;             // Pairs are neighbours.
};

// From tables [places, angles] by position [texts, length].
absl::StatusOr<Rotation> AnglesAt(Speller& speller, int cosines, int sines,
                                  int positions, int64_t texts, int64_t length);

// The first 2 * angles of each head of `x` [N, heads, S, size], turned.
absl::StatusOr<int> Rotated(Speller& speller, int x,
                            const Speller::Shape& shape,
                            const Rotation& rotation);

}  // namespace layerd

#endif  // LAYERD_DAEMON_PACK_SPELL_ATTENTION_H_
