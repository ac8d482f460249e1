#include "loader/loader.h"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <span>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "config/check.h"
#include "loader/read_turns.h"
#include "loader/stream_reader.h"

namespace layerd {
namespace {

//   kIdle --Start()--> kOn --AskToStop()--> kStopping --no read in flight-->
//   kLetGo --Stop()--> kIdle
//
// Run() leaves every slot kEnded.
enum SlotState : uint32_t { kIdle, kOn, kStopping, kLetGo, kEnded };

// One job of the loader. Who may touch it follows from the state: the loader
// when on or stopping, the executor else.
struct Slot {
  std::atomic<uint32_t> state{kIdle};
  // The executor may raise these while it is on.
  std::atomic<int> asked_level{0};
  std::atomic<bool> asked_low{false};
  StreamReader reader;
  uint64_t start_number = 0;
  uint64_t bytes_in_flight = 0;
  size_t open_runs = 0;
  int ordered_level = 0;  // What was asked, while the loader sorts; likewise:
  bool ordered_low = false;

  int level() const { return ordered_level; }
  bool low() const { return ordered_low; }
  uint64_t tile_bytes() const {
    return reader.request().file->tiles().tile_bytes();
  }
  bool lookup() const { return reader.request().lookup; }
};

struct OpenRun {
  Slot* slot = nullptr;
  TileRun run;
  uint64_t bytes_in_flight = 0;
};

}  // namespace

class Loader::Impl {
 public:
  Impl(IoEngine* engine, const LoaderOptions& options);
  ~Impl();

  void Run();
  void Shutdown();
  void Start(WeightStream* stream, const StreamRequest& request);
  void Raise(WeightStream* stream, int level, bool low);
  void Stop(WeightStream* stream);
  void AskToStop(WeightStream* stream);
  bool MayStop(const WeightStream& stream) const;
  bool reading() const { return reading_.load(); }
  Stats stats() const;

 private:
  // A run is open from SubmitRun() to FinishRun(), and in flight whenever the
  // kernel has a read of it.
  size_t open_runs() const { return runs_.size() - free_runs_.size(); }
  // Whether `slot` may have one more in flight.
  bool MaySubmit(const Slot& slot) const {
    if (free_runs_.empty()) return false;
    return slot.lookup() || stream_runs_in_flight_ < stream_runs_max_;
  }

  // And what those have in flight that were asked to stop.
  std::span<Slot*> SlotsThatRead(uint64_t* stopped_bytes);
  void SubmitAll();
  uint64_t SubmitNext(Slot* slot, uint64_t bytes_max);
  void SubmitRun(Slot* slot, const TileRun& run);
  void SubmitRequest(size_t index);
  void NoteArrived(const ReadCompletion& completion);
  void Complete(const ReadCompletion& completion);
  void FinishRun(size_t index);
  void LetGoOfStopped();
  void EndSlots();
  void PublishStats();

  IoEngine* const engine_;
  const LoaderOptions options_;
  std::atomic<bool> shutdown_{false};
  std::array<Slot, kJobsMax> slots_;
  uint64_t starts_ = 0;  // Executor.

  // Loader thread:
  std::array<Slot*, kJobsMax> ordered_{};
  std::vector<OpenRun> runs_;  // user_data is the index.
  std::vector<size_t> free_runs_;
  const size_t stream_runs_max_;
  size_t stream_runs_in_flight_ = 0;
  std::vector<ReadCompletion> completions_;
  ReaderStats reader_stats_;

  // For any thread, written by the loader's.
  std::atomic<bool> reading_{false};
  std::atomic<uint64_t> reads_{0};
  std::atomic<uint64_t> read_bytes_{0};
  std::atomic<uint64_t> read_errors_{0};
  std::atomic<uint64_t> checksum_errors_{0};
  std::atomic<uint64_t> retries_{0};
  std::atomic<uint64_t> lookups_{0};
};

Loader::Impl::Impl(IoEngine* engine, const LoaderOptions& options)
    : engine_(engine),
      options_(options),
      runs_(std::min(options.reads_in_flight + options.lookups_in_flight,
                     engine->depth())),
      stream_runs_max_(std::min(options.reads_in_flight, engine->depth())),
      completions_(runs_.size()) {
  LAYERD_CHECK(stream_runs_max_ > 0);
  for (size_t i = runs_.size(); i > 0; --i) free_runs_.push_back(i - 1);
}

Loader::Impl::~Impl() {
  LAYERD_CHECK(open_runs() == 0, "the kernel may still write");
  for (const Slot& slot : slots_) {
    LAYERD_CHECK(slot.state.load() == kIdle || slot.state.load() == kEnded);
  }
}

void Loader::Impl::Run() {
  for (;;) {
    LetGoOfStopped();
    if (!shutdown_.load()) {
      SubmitAll();
    } else if (open_runs() == 0) {
      break;
    }
    reading_.store(open_runs() > 0);
    const size_t count = engine_->Reap(completions_, /*wait=*/true);
    const auto arrived = std::span(completions_).first(count);
    for (const ReadCompletion& completion : arrived) NoteArrived(completion);
    // The drive has work again while we look at what came.
    if (count > 0 && !shutdown_.load()) {
      SubmitAll();
      engine_->Reap({}, /*wait=*/false);
    }
    for (const ReadCompletion& completion : arrived) Complete(completion);
    PublishStats();
  }
  EndSlots();
}

void Loader::Impl::Shutdown() {
  shutdown_.store(true);
  engine_->Wake();
}

// --- Executor ----------------------------------------------------------------

void Loader::Impl::Start(WeightStream* stream, const StreamRequest& request) {
  stream->Begin(request, engine_);
  stream->slot_ = kJobsMax;
  if (stream->all_present()) return;
  LAYERD_CHECK(request.ring == nullptr || request.ring->empty());
  for (size_t i = 0; i < kJobsMax; ++i) {
    Slot& slot = slots_[i];
    const uint32_t state = slot.state.load();
    if (state == kEnded) break;
    if (state != kIdle) continue;
    slot.reader.Begin(stream);
    slot.asked_level.store(request.level);
    slot.asked_low.store(request.low);
    slot.start_number = ++starts_;
    uint32_t expected = kIdle;
    if (!slot.state.compare_exchange_strong(expected, kOn)) break;  // Ended.
    stream->slot_ = i;
    engine_->Wake();
    return;
  }
  LAYERD_CHECK(slots_[0].state.load() == kEnded, "too many jobs are on");
  stream->Fail(absl::UnavailableError("the loader has shut down"));
}

void Loader::Impl::Raise(WeightStream* stream, int level, bool low) {
  LAYERD_CHECK(!stream->idle());
  if (stream->slot_ == kJobsMax) return;  // All of it was there.
  slots_[stream->slot_].asked_low.store(low);
  slots_[stream->slot_].asked_level.store(level);
  // Behind a job that is on, whose ring is full, nothing was read for it, and
  // the loader sleeps.
  if (stream->MayBeHeldBack()) engine_->Wake();
}

void Loader::Impl::Stop(WeightStream* stream) {
  AskToStop(stream);
  if (stream->slot_ < kJobsMax) {
    std::atomic<uint32_t>& state = slots_[stream->slot_].state;
    state.wait(kStopping);
    uint32_t let_go = kLetGo;
    state.compare_exchange_strong(let_go, kIdle);  // Else ended.
  }
  stream->End();
}

void Loader::Impl::AskToStop(WeightStream* stream) {
  LAYERD_CHECK(!stream->idle());
  if (stream->slot_ == kJobsMax) return;  // All of it was there.
  uint32_t on = kOn;
  if (slots_[stream->slot_].state.compare_exchange_strong(on, kStopping)) {
    engine_->Wake();
  }
}

bool Loader::Impl::MayStop(const WeightStream& stream) const {
  LAYERD_CHECK(!stream.idle());
  if (stream.slot_ == kJobsMax) return true;
  return slots_[stream.slot_].state.load() != kStopping;
}

Loader::Stats Loader::Impl::stats() const {
  return {.read_bytes = read_bytes_.load(),
          .reads = reads_.load(),
          .read_errors = read_errors_.load(),
          .checksum_errors = checksum_errors_.load(),
          .retries = retries_.load(),
          .lookups = lookups_.load()};
}

// --- Loader thread -----------------------------------------------------------

// In the order of urgency.
std::span<Slot*> Loader::Impl::SlotsThatRead(uint64_t* stopped_bytes) {
  size_t count = 0;
  for (Slot& slot : slots_) {
    const uint32_t state = slot.state.load();
    if (state == kStopping) *stopped_bytes += slot.bytes_in_flight;
    if (state != kOn) continue;
    if (slot.reader.exhausted() && slot.open_runs == 0) continue;
    slot.ordered_level = slot.asked_level.load();
    slot.ordered_low = slot.asked_low.load();
    ordered_[count++] = &slot;
  }
  const std::span<Slot*> slots(ordered_.data(), count);
  std::sort(slots.begin(), slots.end(),
            [](const Slot* a, const Slot* b) { return ReadsBefore(*a, *b); });
  return slots;
}

void Loader::Impl::SubmitAll() {
  uint64_t stopped_bytes = 0;
  const std::span<Slot*> slots = SlotsThatRead(&stopped_bytes);
  if (slots.empty()) return;
  GiveReadTurns(
      std::span<Slot* const>(slots), options_.inflight_low_bytes,
      options_.read_bytes_max,
      [this](Slot* slot, uint64_t bytes_max) {
        return SubmitNext(slot, bytes_max);
      },
      [](Slot* slot) { return slot->reader.HasRoomForNext(); }, stopped_bytes);
}

uint64_t Loader::Impl::SubmitNext(Slot* slot, uint64_t bytes_max) {
  if (!MaySubmit(*slot)) return 0;
  const uint64_t most =
      std::max(slot->reader.in_flight_bytes_max(), slot->tile_bytes());
  const uint64_t in_flight = slot->bytes_in_flight;
  // What is left of `most` is no read of its own if it is little.
  if (in_flight > 0 && in_flight + most / 8 > most) return 0;
  const auto run = slot->reader.NextRun(std::min(bytes_max, most - in_flight));
  if (!run) return 0;
  SubmitRun(slot, *run);
  return run->bytes;
}

void Loader::Impl::SubmitRun(Slot* slot, const TileRun& run) {
  const size_t index = free_runs_.back();
  free_runs_.pop_back();
  runs_[index] = {slot, run};
  ++slot->open_runs;
  SubmitRequest(index);
}

void Loader::Impl::SubmitRequest(size_t index) {
  auto& [slot, run, bytes] = runs_[index];
  ReadRequest request = slot->reader.NextRequest(run);
  request.user_data = index;
  bytes = request.into.size();
  slot->bytes_in_flight += bytes;
  if (!slot->lookup()) ++stream_runs_in_flight_;
  engine_->Submit(request);
  reads_.fetch_add(1);
  if (slot->lookup()) lookups_.fetch_add(1);
}

void Loader::Impl::NoteArrived(const ReadCompletion& completion) {
  const size_t index = completion.user_data;
  LAYERD_CHECK(index < runs_.size() && runs_[index].slot != nullptr);
  auto& [slot, run, bytes] = runs_[index];
  slot->bytes_in_flight -= std::exchange(bytes, 0);
  if (!slot->lookup()) --stream_runs_in_flight_;
}

void Loader::Impl::Complete(const ReadCompletion& completion) {
  const size_t index = completion.user_data;
  auto& [slot, run, bytes] = runs_[index];
  const bool finished = slot->reader.Complete(
      &run, completion.result, options_.retries_max, &reader_stats_);
  if (finished || slot->state.load() != kOn || shutdown_.load()) {
    FinishRun(index);
  } else {
    SubmitRequest(index);
  }
}

void Loader::Impl::FinishRun(size_t index) {
  auto& [slot, run, bytes] = runs_[index];
  const LayerFileReader& file = *slot->reader.request().file;
  if (!file.direct()) {
    posix_fadvise(file.fd(), static_cast<off_t>(run.offset_bytes),
                  static_cast<off_t>(run.bytes), POSIX_FADV_DONTNEED);
  }
  --slot->open_runs;
  runs_[index].slot = nullptr;
  free_runs_.push_back(index);
}

void Loader::Impl::LetGoOfStopped() {
  for (Slot& slot : slots_) {
    if (slot.state.load() != kStopping || slot.open_runs > 0) continue;
    Bell* const bell = slot.reader.request().bell;
    slot.state.store(kLetGo);
    slot.state.notify_all();
    if (bell != nullptr) bell->Ring();
  }
}

void Loader::Impl::EndSlots() {
  for (Slot& slot : slots_) {
    // Start() and Stop() may come between the look and the change.
    uint32_t state = slot.state.load();
    do {
      if (state == kOn) {
        slot.reader.Abort(absl::UnavailableError("the loader has shut down"));
      }
    } while (!slot.state.compare_exchange_strong(state, kEnded));
    slot.state.notify_all();
  }
}

void Loader::Impl::PublishStats() {
  read_bytes_.store(reader_stats_.read_bytes);
  read_errors_.store(reader_stats_.read_errors);
  checksum_errors_.store(reader_stats_.checksum_errors);
  retries_.store(reader_stats_.retries);
}

// --- The door ----------------------------------------------------------------

Loader::Loader(IoEngine* engine, const LoaderOptions& options)
    : impl_(std::make_unique<Impl>(engine, options)) {}
Loader::~Loader() = default;

void Loader::Run() { impl_->Run(); }
void Loader::Shutdown() { impl_->Shutdown(); }
void Loader::Start(WeightStream* stream, const StreamRequest& request) {
  impl_->Start(stream, request);
}
void Loader::Raise(WeightStream* stream, int level, bool low) {
  impl_->Raise(stream, level, low);
}
void Loader::Stop(WeightStream* stream) { impl_->Stop(stream); }
void Loader::AskToStop(WeightStream* stream) { impl_->AskToStop(stream); }
bool Loader::MayStop(const WeightStream& stream) const {
  return impl_->MayStop(stream);
}
bool Loader::reading() const { return impl_->reading(); }
Loader::Stats Loader::stats() const { return impl_->stats(); }

Loader::Stats operator+(const Loader::Stats& a, const Loader::Stats& b) {
  return {.read_bytes = a.read_bytes + b.read_bytes,
          .reads = a.reads + b.reads,
          .read_errors = a.read_errors + b.read_errors,
          .checksum_errors = a.checksum_errors + b.checksum_errors,
          .retries = a.retries + b.retries,
          .lookups = a.lookups + b.lookups};
}

}  // namespace layerd
