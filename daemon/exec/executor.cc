#include "daemon/exec/executor.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"
#include "config/check.h"
#include "config/status_macros.h"

namespace layerd {

Executor::Executor(const Options& options, Backend* backend, Loader* loader,
                   const Clock* clock, Bell* bell)
    : level_(options.level),
      low_(options.low),
      expected_is_low_(options.expected_is_low),
      backend_(backend),
      loader_(loader),
      clock_(clock),
      bell_(bell),
      stream_(options.reads_max),
      table_lookup_({.level = options.level,
                     .bell = bell,
                     .row_tiles_max = options.row_tiles_max},
                    backend, loader, clock) {
  if (!options.ring.empty()) ring_.emplace(options.ring);
}

Executor::~Executor() { ExpectNothing(); }

bool Executor::Expect(PlacedModel* model) {
  LAYERD_CHECK(idle());
  if (model == expected_ && !gives_way_) return true;
  if (!FreeFor(*model)) return false;
  ExpectNothing();
  expected_ = model;
  loader_->Start(&stream_,
                 RequestOf(*model, kLevels + level_, expected_is_low_));
  return true;
}

void Executor::ExpectNothing() {
  if (expected_ == nullptr) return;
  const size_t arrived = stream_.arrived_count();
  loader_->Stop(&stream_);
  for (size_t i = 0; i < arrived; ++i) expected_->NoteArrived(i);
  expected_->KeepArrived();
  expected_ = nullptr;
  gives_way_ = false;
}

bool Executor::ReadsAheadFor(const PlacedModel& model) const {
  return expected_ == &model && !gives_way_ && !stream_.failed();
}

bool Executor::FreeFor(const PlacedModel& model) {
  LAYERD_CHECK(idle());
  if (expected_ == nullptr || ReadsAheadFor(model)) return true;
  if (!gives_way_) loader_->AskToStop(&stream_);
  gives_way_ = true;
  return loader_->MayStop(stream_);
}

void Executor::Begin(PlacedModel* model,
                     std::span<const std::span<const std::byte>> inputs,
                     std::span<std::chrono::nanoseconds> part_times, bool low) {
  LAYERD_CHECK(idle());
  LAYERD_CHECK(part_times.empty() || part_times.size() == model->part_count());
  model_ = model;
  model_is_low_ = low_ || low;
  part_times_ = part_times;
  if (!part_times_.empty()) timed_until_ = clock_->now();
  LAYERD_CHECK(inputs.size() == model->model().inputs().size());
  inputs_ = inputs;
  waiting_since_.reset();
  next_part_ = 0;
  open_count_ = 0;
  stats_ = {};
  lookups_before_ = table_lookup_.stats();
  if (ReadsAheadFor(*model)) {
    expected_ = nullptr;
    loader_->Raise(&stream_, level_, model_is_low_);
  } else {
    ExpectNothing();
    loader_->Start(&stream_, RequestOf(*model, level_, model_is_low_));
  }
}

absl::StatusOr<bool> Executor::Ready() {
  LAYERD_CHECK(!idle());
  if (finished()) return true;
  if (model_->looks_up(next_part_)) return AdvanceLookup();
  const auto read = model_->model().program().parts[next_part_].read;
  if (!read || stream_.Arrived(*read)) return true;
  // What is enqueued may hold the room that the read needs.
  RETURN_IF_ERROR(CompleteAll());
  if (!waiting_since_) waiting_since_ = clock_->now();
  return stream_.Await(*read);
}

absl::Status Executor::RunPart() {
  LAYERD_CHECK(!idle() && !finished());
  RETURN_IF_ERROR(CopyInputs());
  const size_t part = next_part_;
  if (model_->looks_up(part)) return LookUp();
  if (open_count_ == kTicketsOpenMax) RETURN_IF_ERROR(CompleteOldest());
  const std::byte* weights = nullptr;
  if (const auto read = model_->model().program().parts[part].read) {
    ASSIGN_OR_RETURN(weights, WaitForWeights(part, *read));
  }
  const auto ticket = Enqueue(part, weights);
  if (!ticket.ok()) return InLayer(part, ticket.status());
  open_[open_count_++] = {*ticket, part};
  ++next_part_;
  // On a CPU it is complete already, and its room must not wait for the next.
  while (open_count_ > 0 && backend_->Completed(open_[0].ticket)) {
    RETURN_IF_ERROR(CompleteOldest());
  }
  return absl::OkStatus();
}

absl::Status Executor::Finish(std::span<const std::span<std::byte>> outputs) {
  LAYERD_CHECK(!idle() && finished());
  RETURN_IF_ERROR(CopyInputs());  // Of a program without parts.
  RETURN_IF_ERROR(CompleteAll());
  LAYERD_CHECK(outputs.size() == model_->model().outputs().size());
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i].empty()) continue;
    const std::span<const std::byte> from = model_->output(i);
    LAYERD_CHECK(outputs[i].size() == from.size());
    RETURN_IF_ERROR(backend_->CopyOut(outputs[i], from.data()));
  }
  return absl::OkStatus();
}

absl::Status Executor::CopyInputs() {
  for (size_t i = 0; i < inputs_.size(); ++i) {
    const std::span<std::byte> into = model_->input(i);
    LAYERD_CHECK(inputs_[i].size() == into.size());
    RETURN_IF_ERROR(backend_->CopyIn(into.data(), inputs_[i]));
  }
  inputs_ = {};
  return absl::OkStatus();
}

void Executor::End() {
  LAYERD_CHECK(!idle());
  // After an error, or in the middle: parts may still compute in the ring.
  for (size_t i = 0; i < open_count_; ++i) {
    if (!backend_->Wait(open_[i].ticket).ok()) model_->ForgetEnqueued();
  }
  open_count_ = 0;
  loader_->Stop(&stream_);
  table_lookup_.End();
  looked_up_ = false;
  NoteRead();
  stats_.load_wait +=
      table_lookup_.stats().load_wait - lookups_before_.load_wait;
  model_->KeepArrived();
  model_ = nullptr;
}

bool Executor::MayEnd() {
  LAYERD_CHECK(!idle());
  loader_->AskToStop(&stream_);
  const bool rows_landed = table_lookup_.MayEnd();
  NoteRead();
  return loader_->MayStop(stream_) && rows_landed;
}

void Executor::NoteRead() {
  const TableLookup::Stats& looked_up = table_lookup_.stats();
  stats_.read_bytes =
      stream_.read_bytes() + looked_up.read_bytes - lookups_before_.read_bytes;
  stats_.table_tiles_read = looked_up.tiles_read - lookups_before_.tiles_read;
}

StreamRequest Executor::RequestOf(const PlacedModel& model, int level,
                                  bool low) {
  return {.file = &model.model().file(),
          .reads = model.reads(),
          .ring = ring_ ? &*ring_ : nullptr,
          .level = level,
          .low = low,
          .bell = bell_};
}

// Its indices are there once everything before it has completed.
absl::StatusOr<bool> Executor::AdvanceLookup() {
  if (looked_up_) return true;
  if (table_lookup_.idle()) {
    RETURN_IF_ERROR(CompleteAll());
    RETURN_IF_ERROR(CopyInputs());
    const absl::Status begun =
        table_lookup_.Begin(model_, next_part_, model_is_low_);
    if (!begun.ok()) return InLayer(next_part_, begun);
  }
  const Instant begun = clock_->now();
  const auto done = table_lookup_.Advance();
  if (!done.ok()) {
    const absl::Status status = InLayer(next_part_, done.status());
    NoteFailure(status);
    return status;
  }
  if (!*done) return false;
  const absl::Status published = table_lookup_.Publish();
  if (!published.ok()) return InLayer(next_part_, published);
  if (!part_times_.empty()) {
    timed_until_ = clock_->now();
    part_times_[next_part_] = timed_until_ - begun;
  }
  looked_up_ = true;
  return true;
}

absl::Status Executor::LookUp() {
  for (;;) {
    ASSIGN_OR_RETURN(const bool done, AdvanceLookup());
    if (done) break;
    table_lookup_.WaitForTurn();
  }
  table_lookup_.End();
  looked_up_ = false;
  ++next_part_;
  return absl::OkStatus();
}

// Copies are a stage of their own where parts are predicted, so they are in no
// part's time.
absl::Status Executor::BringWeights(Kernel& kernel, PartMemory* memory) {
  if (backend_->shares_memory() || memory->weights == nullptr) {
    return absl::OkStatus();
  }
  const Instant begun = clock_->now();
  RETURN_IF_ERROR(backend_->BringWeights(kernel, *memory));
  memory->weights_are_new = false;
  timed_until_ += clock_->now() - begun;
  return absl::OkStatus();
}

absl::StatusOr<Ticket> Executor::Enqueue(size_t part,
                                         const std::byte* weights) {
  model_->Announce(part + 1);
  Kernel& kernel = model_->model().kernel(part);
  PartMemory memory = model_->MemoryOf(part, weights);
  if (!part_times_.empty()) RETURN_IF_ERROR(BringWeights(kernel, &memory));
  const auto ticket = backend_->Enqueue(kernel, memory);
  if (ticket.ok()) model_->NoteEnqueued(part);
  if (ticket.ok() && !part_times_.empty()) {
    // A device would go on computing: what is timed is not overlapped.
    RETURN_IF_ERROR(backend_->Wait(*ticket));
    const Instant now = clock_->now();
    part_times_[part] = now - std::exchange(timed_until_, now);
  }
  return ticket;
}

// What a measurement finds, the next request finds as well, and hears of.
void Executor::NoteFailure(const absl::Status& status) {
  if (part_times_.empty()) model_->model().Fail(status);
}

absl::StatusOr<const std::byte*> Executor::WaitForWeights(size_t part,
                                                          size_t read) {
  RETURN_IF_ERROR(Ready().status());
  const auto bytes = stream_.Wait(read);
  if (waiting_since_) {
    timed_until_ = clock_->now();
    stats_.load_wait += timed_until_ - *waiting_since_;
    waiting_since_.reset();
  }
  if (!bytes.ok()) {
    const absl::Status status = InLayer(part, bytes.status());
    NoteFailure(status);
    return status;
  }
  model_->NoteArrived(read);
  return bytes->data();
}

absl::Status Executor::CompleteOldest() {
  const Open oldest = open_[0];
  const absl::Status status = backend_->Wait(oldest.ticket);
  std::copy(open_.begin() + 1, open_.begin() + open_count_, open_.begin());
  --open_count_;
  if (!status.ok()) {
    model_->ForgetEnqueued();
    return InLayer(oldest.part, status);
  }
  for (uint32_t read : model_->ReadsDoneAfter(oldest.part)) {
    stream_.Release(read);
  }
  return absl::OkStatus();
}

absl::Status Executor::CompleteAll() {
  while (open_count_ > 0) RETURN_IF_ERROR(CompleteOldest());
  return absl::OkStatus();
}

absl::Status Executor::InLayer(size_t part, const absl::Status& status) const {
  const Program& program = model_->model().program();
  return absl::Status(
      status.code(),
      absl::StrFormat("layer \"%s\": %s",
                      program.layers[program.parts[part].layer].name,
                      std::string(status.message())));
}

}  // namespace layerd
