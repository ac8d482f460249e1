#ifndef LAYERD_DAEMON_SERVE_ANSWERING_STREAM_H_
#define LAYERD_DAEMON_SERVE_ANSWERING_STREAM_H_

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include <atomic>
#include <cstdint>
#include <mutex>
#include <set>
#include <utility>

namespace layerd {

class AnsweringStream;

// The streams that are open, so that a drain need not wait for clients that
// ask nothing.
//
// Ownership: outlives its streams.
// Threading: any thread.
class OpenStreams {
 public:
  // From now on each ends with UNAVAILABLE: at once if nothing was asked on it,
  // else behind the answer that is due. Likewise those that are still to come.
  void End();
  bool have_ended() const { return have_ended_.load(); }

 private:
  friend class AnsweringStream;

  std::mutex mutex_;
  std::set<AnsweringStream*> open_;  // Guarded by mutex_.
  std::atomic<bool> have_ended_{false};
};

// A stream on which each message has one answer, in their order. The next is
// read when the answer has gone, so a client that sends and never reads fills
// its own window and nothing of ours.
//
// Ownership: gRPC's, until OnDone(), where it ends itself.
// Threading: one operation is under way at a time: gRPC reads, we answer, or
//            gRPC writes. OnCancel() comes when it likes; so does the end of
//            all streams, which takes one from its reading and from nothing
//            else.
class AnsweringStream
    : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 protected:
  explicit AnsweringStream(OpenStreams* open);
  ~AnsweringStream() override;

  // Calls Reply() or End(), now or later. The message lives until Sent().
  virtual void Take(grpc::ByteBuffer* message) = 0;
  // The answer has gone, or never will.
  virtual void Sent() {}

  void Reply(grpc::ByteBuffer answer) {
    answer_ = std::move(answer);
    StartWrite(&answer_);
  }
  // Instead of a reply.
  void End(const grpc::Status& status) {
    Sent();
    Finish(status);
  }
  // Of whoever derives from it, once it can Take().
  void Begin();

 private:
  friend class OpenStreams;

  //   kBusy --Begin()--> kBegins --> kReads --TakeFromReading()--> kOver
  //     \<--------- a message ------------/
  //
  // It may also have a message before Begin() has returned, and be in its next
  // turn: so a state tells the turn, too.
  enum class Phase : uint32_t { kBusy, kBegins, kReads, kOver };
  struct alignas(8) State {
    Phase phase;
    uint32_t turn;
  };

  // Whoever is told true finishes the call.
  bool TakeFromReading();

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnDone() override { delete this; }

  OpenStreams* const open_;
  std::atomic<State> state_{State{Phase::kBusy, 0}};
  grpc::ByteBuffer message_, answer_;
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_SERVE_ANSWERING_STREAM_H_
