#ifndef LAYERD_DAEMON_PACK_SPELL_SEQUENCE_LENGTHS_H_
#define LAYERD_DAEMON_PACK_SPELL_SEQUENCE_LENGTHS_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "daemon/pack/spell/speller.h"

namespace layerd {

// Sequences of a batch that end before the last step, each where a request says
// so. A recurrence computes all steps anyway, and nobody looks at those behind
// the end; a reverse one goes forward over sequences that are turned round
// within their length, so that it begins at their ends:
//
//   length 3 of 5 steps:   a b c . .   ->   c b a . .
//
// A length beyond the last step fails the job.
//
// Ownership: the speller is a loan.
class SequenceLengths {
 public:
  // `lengths`: [batch], integers.
  static absl::StatusOr<SequenceLengths> Of(Speller* speller, int lengths,
                                            int64_t steps, int64_t batch);

  // Of [steps, batch, width]: each sequence turned round. Twice: as it was.
  absl::StatusOr<int> Turned(int x, int64_t width) const;
  // Zeros behind the ends.
  absl::StatusOr<int> Ended(int x) const;
  // [1, batch, width]: the last step of each, or zeros where there is none.
  absl::StatusOr<int> Last(int x, int64_t width) const;

 private:
  SequenceLengths(Speller* speller, int64_t steps, int64_t batch)
      : speller_(speller), steps_(steps), batch_(batch) {}

  // Steps and sequences counted through.
  absl::StatusOr<int> PlaceOf(int step) const;
  absl::StatusOr<int> AtPlaces(int places, int x, int64_t width) const;
  absl::StatusOr<int> ZeroUnless(int condition, int x) const;

  Speller* speller_;
  int64_t steps_, batch_;
  int within_ = -1;   // [steps, batch, 1]: whether it is before the end.
  int turned_ = -1;   // [steps, batch]: places.
  int has_any_ = -1;  // [1, batch, 1].
  int last_ = -1;     // [1, batch]: places.
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_PACK_SPELL_SEQUENCE_LENGTHS_H_
