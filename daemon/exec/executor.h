#ifndef LAYERD_DAEMON_EXEC_EXECUTOR_H_
#define LAYERD_DAEMON_EXEC_EXECUTOR_H_

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/exec/placed_model.h"
#include "daemon/exec/table_lookup.h"
#include "daemon/rt/clock.h"
#include "kernels/backend.h"
#include "loader/bell.h"
#include "loader/loader.h"
#include "loader/memory/weight_ring.h"
#include "loader/weight_stream.h"

namespace layerd {

// Runs one inference of one level after another, part by part:
//
//   executor.Begin(model, inputs);
//   while (!executor.finished()) RETURN_IF_ERROR(executor.RunPart());
//   RETURN_IF_ERROR(executor.Finish(outputs));
//   executor.End();
//
// While idle it may be told which model to expect: its weights are read ahead,
// behind those of every job that is on, as far as the ring allows. If that
// model's job comes, it finds them there; if another's comes, they are taken
// back, the newest first, once what is in flight has landed (FreeFor()).
//
// Between two parts its caller may do what it likes, also run a part of another
// level: ring, arena and stream are this level's own. Ready() tells whether the
// next part would wait for the drive; the bell rings when that may have
// changed.
//
// At most two parts are enqueued and not yet completed. The room of an extent
// goes back when the last part that needs it has completed, and before we wait
// for the drive everything that is enqueued completes: so no part waits for
// room that an enqueued one holds.
//
// Errors: a part of a layer in the status. What the drive or its bytes did
//         wrong fails the model as well (Model::Fail), unless the job only
//         measures; what the backend did wrong, and an index that is in no row,
//         fail the job only.
// Cost:   nothing is allocated from Begin() to End() while all goes well.
// Threading: executor thread.
class Executor {
 public:
  static constexpr size_t kTicketsOpenMax = 2;

  struct Stats {  // Of the job that is on, or was the last.
    std::chrono::nanoseconds load_wait{0};
    uint64_t read_bytes = 0;
    uint64_t table_tiles_read = 0;  // Of the bytes, on demand.
  };

  struct Options {
    int level = 3;
    // As StreamRequest has it: of jobs, and of those that are only expected.
    bool low = false, expected_is_low = false;
    // Of the longest program of the level.
    size_t reads_max = 0;
    size_t row_tiles_max = 0;  // As TableLookup has it.
    // Empty if all models of the level are resident.
    std::span<std::byte> ring;
  };

  // All pointers outlive the executor; `bell` may be null.
  Executor(const Options& options, Backend* backend, Loader* loader,
           const Clock* clock, Bell* bell);
  // REQUIRES: idle().
  ~Executor();

  // Reads ahead for the next job, which will most likely be of that model.
  // Costs nothing if it is expected already. False if what is read ahead for
  // another has to land first: that is given up, and the bell rings then.
  // REQUIRES: idle().
  bool Expect(PlacedModel* model);
  // Gives up reading ahead; what is resident and has come, stays.
  void ExpectNothing();

  // True if Begin() for that model would not wait. Before a false what is read
  // ahead for another is given up, and the bell rings when it has landed.
  // REQUIRES: idle().
  bool FreeFor(const PlacedModel& model);

  // Begins to read, after a wait unless FreeFor(); as low work, if `low` or its
  // level is. The inputs are copied into the arena with the first part, and
  // stay until then. If `part_times` is not empty, the time of each part is
  // written there, from the end of the one before or from when its weights were
  // where it computes: that is its computing, and what goes with it.
  // REQUIRES: idle(); inputs fit the model; `part_times` has an element for
  // each part, or none.
  void Begin(PlacedModel* model,
             std::span<const std::span<const std::byte>> inputs,
             std::span<std::chrono::nanoseconds> part_times = {},
             bool low = false);
  bool idle() const { return model_ == nullptr; }

  // True if nothing is left to do before Finish() or the next part's weights
  // have arrived (or will not: RunPart() says why). Before a false everything
  // that is enqueued completes, and the error of that is returned.
  // REQUIRES, as for RunPart(): a job is on, and no error came before.
  absl::StatusOr<bool> Ready();
  // Waits for the drive unless Ready().
  // REQUIRES: not finished().
  absl::Status RunPart();
  // Every part is enqueued.
  bool finished() const { return next_part_ == model_->part_count(); }
  size_t next_part() const { return next_part_; }

  // Waits for what is enqueued and copies the outputs; an empty one is not
  // wanted.
  absl::Status Finish(std::span<const std::span<std::byte>> outputs);

  // After Finish(), after an error, or in the middle: ends the job.
  void End();
  // True if End() need not wait for the drive. Nothing more is read for the
  // job, and after a false the bell rings when what is in flight has landed.
  // REQUIRES: a job is on; it and End() alone are called after it, and what
  //           tells.
  bool MayEnd();

  const Stats& stats() const { return stats_; }

 private:
  struct Open {
    Ticket ticket;
    size_t part = 0;
  };

  // Nor has that failed: what did while nobody asked is tried again.
  bool ReadsAheadFor(const PlacedModel& model) const;
  StreamRequest RequestOf(const PlacedModel& model, int level, bool low);
  void NoteRead();
  absl::StatusOr<bool> AdvanceLookup();
  absl::Status LookUp();
  absl::Status CopyInputs();
  absl::StatusOr<const std::byte*> WaitForWeights(size_t part, size_t read);
  absl::Status BringWeights(Kernel& kernel, PartMemory* memory);
  absl::StatusOr<Ticket> Enqueue(size_t part, const std::byte* weights);
  absl::Status CompleteOldest();
  absl::Status CompleteAll();
  void NoteFailure(const absl::Status& status);
  absl::Status InLayer(size_t part, const absl::Status& status) const;

  const int level_;
  const bool low_, expected_is_low_;
  Backend* const backend_;
  Loader* const loader_;
  const Clock* const clock_;
  Bell* const bell_;
  std::optional<WeightRing> ring_;
  WeightStream stream_;
  TableLookup table_lookup_;

  PlacedModel* expected_ = nullptr;  // The stream reads ahead for it,
  bool gives_way_ = false;           // or did, and was asked to stop.
  PlacedModel* model_ = nullptr;
  bool model_is_low_ = false;
  // Until they are copied.
  std::span<const std::span<const std::byte>> inputs_;
  std::optional<Instant> waiting_since_;  // For the drive.
  std::span<std::chrono::nanoseconds> part_times_;
  Instant timed_until_{};  // What part_times_ has to account for begins here.
  size_t next_part_ = 0;
  std::array<Open, kTicketsOpenMax> open_;  // Oldest first.
  size_t open_count_ = 0;
  Stats stats_;
  bool looked_up_ = false;  // The part is done, and RunPart() need only count.
  TableLookup::Stats lookups_before_;  // The job.
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_EXEC_EXECUTOR_H_
