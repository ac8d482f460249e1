#ifndef LAYERD_DAEMON_SERVE_ANSWERING_STREAM_H_
#define LAYERD_DAEMON_SERVE_ANSWERING_STREAM_H_

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include <utility>

namespace layerd {

// A stream on which each message has one answer, in their order. The next is
// read when the answer has gone, so a client that sends and never reads fills
// its own window and nothing of ours.
//
// Ownership: gRPC's, until OnDone(), where it ends itself.
// Threading: one operation is under way at a time: gRPC reads, we answer, or
//            gRPC writes. Only OnCancel() comes when it likes.
class AnsweringStream
    : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 protected:
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
  void Begin() { StartRead(&message_); }

 private:
  void OnReadDone(bool ok) override {
    if (ok) {
      Take(&message_);
    } else {
      Finish(grpc::Status::OK);  // Or it was cancelled, and nobody hears that.
    }
  }
  void OnWriteDone(bool ok) override {
    Sent();
    message_.Clear();
    answer_.Clear();
    if (ok) {
      Begin();
    } else {
      Finish(grpc::Status::CANCELLED);
    }
  }
  void OnDone() override { delete this; }

  grpc::ByteBuffer message_, answer_;
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_SERVE_ANSWERING_STREAM_H_
