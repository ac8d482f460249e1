#ifndef LAYERD_DAEMON_EXEC_TABLE_LOOKUP_H_
#define LAYERD_DAEMON_EXEC_TABLE_LOOKUP_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/exec/placed_model.h"
#include "daemon/rt/clock.h"
#include "loader/loader.h"
#include "loader/weight_stream.h"

namespace layerd {

// Runs the parts that look rows up in a table, which no backend could: the rows
// are not in memory. Which ones a part wants is known once its indices are
// computed; then the tiles they lie in come from the table's cache, or from the
// drive through a stream of their own, checked like all others.
//
//     indices --> rows --> tiles --cache, or loader--> rows --> output
//
// Indices come from the device and rows go there through the memory that the
// host has of both.
//
// More rows than the cache holds come in turns. So a budget changes how often a
// tile is read, and never a bit of what comes out.
//
//   RETURN_IF_ERROR(lookup.Begin(model, part, low));
//   ASSIGN_OR_RETURN(const bool done, lookup.Advance());  // Again until done,
//   lookup.WaitForTurn();                                 // or wait meanwhile.
//   RETURN_IF_ERROR(lookup.Publish());
//   lookup.End();
//
// Cost:      nothing is allocated after construction while all goes well.
// Threading: executor thread.
class TableLookup {
 public:
  struct Options {
    int level = 3;  // As StreamRequest has these.
    Bell* bell = nullptr;
    // Of the row that lies in the most tiles, of all tables there are.
    size_t row_tiles_max = 0;
  };
  // All three outlive it.
  TableLookup(const Options& options, Backend* backend, Loader* loader,
              const Clock* clock);

  bool idle() const { return lookup_ == nullptr; }

  // Errors: INVALID_ARGUMENT naming the index that is in no row: the request's
  //         fault.
  // REQUIRES: idle(); the part looks up; all parts before it have completed.
  // `low` as StreamRequest has it.
  absl::Status Begin(PlacedModel* model, size_t part, bool low);

  // Goes as far as it can without waiting; true when all rows are here.
  // Errors: what the loader says: the model's end.
  // REQUIRES: not idle(), and no error came before.
  absl::StatusOr<bool> Advance();
  // Until Advance() can go on.
  void WaitForTurn();

  // Gives the rows to where the next part reads them.
  // Errors: the device's: the request's end alone.
  // REQUIRES: Advance() was true.
  absl::Status Publish();

  // After the last Advance(), after an error, or in the middle.
  void End();
  // As Executor has it, also while idle().
  bool MayEnd();

  struct Stats {  // Of all lookups so far.
    std::chrono::nanoseconds load_wait{0};
    uint64_t read_bytes = 0;
    uint64_t tiles_read = 0;
  };
  const Stats& stats() const { return stats_; }

 private:
  // Asks for the tiles of as many rows as fit.
  void BeginTurn();
  bool Ask(int64_t row);
  bool TurnHasArrived() const;
  uint64_t OutputRowBytes() const;
  // Copies the rows of this turn.
  absl::Status EndTurn();
  void StopReading();
  int64_t RowAt(int64_t i) const;

  const Options options_;
  Backend* const backend_;
  Loader* const loader_;
  const Clock* const clock_;
  const size_t reads_max_;  // Of one turn, which is a row at least.
  WeightStream stream_;
  std::vector<StreamRead> reads_;  // Of one turn; never more than reserved.
  bool reading_ = false;           // They are at the loader.
  Instant asked_{};                // When they were given to it.
  Stats stats_;

  // Of the part that is on.
  const PlacedLookup* lookup_ = nullptr;
  const LayerFileReader* file_ = nullptr;
  bool low_ = false;
  PartMemory memory_;
  int64_t count_ = 0;     // Of indices.
  int64_t done_ = 0;      // Rows that are in the output.
  int64_t turn_end_ = 0;  // Rows that this turn asked for, from done_ on.
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_EXEC_TABLE_LOOKUP_H_
