#include "daemon/serve/answering_stream.h"

#include <vector>

#include "daemon/serve/grpc_status.h"

namespace layerd {

void OpenStreams::End() {
  std::vector<AnsweringStream*> idle;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    have_ended_.store(true);
    for (AnsweringStream* const stream : open_) {
      if (stream->TakeFromReading()) idle.push_back(stream);
    }
  }
  // Without the lock: a call may be over, and want out of the set, before its
  // Finish() has returned. It is there until then.
  for (AnsweringStream* const stream : idle) {
    stream->Finish(ToGrpc(ShuttingDown()));
  }
}

AnsweringStream::AnsweringStream(OpenStreams* open) : open_(open) {
  const std::lock_guard<std::mutex> lock(open_->mutex_);
  open_->open_.insert(this);
}

AnsweringStream::~AnsweringStream() {
  const std::lock_guard<std::mutex> lock(open_->mutex_);
  open_->open_.erase(this);
}

void AnsweringStream::Begin() {
  if (open_->have_ended()) return Finish(ToGrpc(ShuttingDown()));
  // Nobody else begins meanwhile.
  State begins{Phase::kBegins, state_.load().turn + 1};
  state_.store(begins);
  StartRead(&message_);
  const State reads{Phase::kReads, begins.turn};
  if (!state_.compare_exchange_strong(begins, reads)) return;
  // Whoever ended all has not seen it read, or we see that.
  if (open_->have_ended() && TakeFromReading()) Finish(ToGrpc(ShuttingDown()));
}

bool AnsweringStream::TakeFromReading() {
  State reads = state_.load();
  return reads.phase == Phase::kReads &&
         state_.compare_exchange_strong(reads, State{Phase::kOver, reads.turn});
}

void AnsweringStream::OnReadDone(bool ok) {
  State is = state_.load();
  while (!state_.compare_exchange_weak(is, State{Phase::kBusy, is.turn})) {
  }
  if (is.phase == Phase::kOver) return;
  if (ok) {
    Take(&message_);
  } else {
    Finish(grpc::Status::OK);  // Or it was cancelled, and nobody hears that.
  }
}

void AnsweringStream::OnWriteDone(bool ok) {
  Sent();
  message_.Clear();
  answer_.Clear();
  if (ok) {
    Begin();
  } else {
    Finish(grpc::Status::CANCELLED);
  }
}

}  // namespace layerd
