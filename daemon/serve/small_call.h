#ifndef LAYERD_DAEMON_SERVE_SMALL_CALL_H_
#define LAYERD_DAEMON_SERVE_SMALL_CALL_H_

#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/proto_buffer_reader.h>
#include <grpcpp/support/server_callback.h>

#include <functional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "config/limits.h"
#include "daemon/serve/grpc_status.h"

namespace layerd {

// A generated service with methods that get the bytes as they came in: the
// mixins gRPC generates for them, one around the other.
template <typename Service, template <typename> class... Methods>
struct RawServiceOf {
  using Type = Service;
};
template <typename Service, template <typename> class First,
          template <typename> class... Rest>
struct RawServiceOf<Service, First, Rest...> {
  using Type = typename RawServiceOf<First<Service>, Rest...>::Type;
};
template <typename Service, template <typename> class... Methods>
using RawService = typename RawServiceOf<Service, Methods...>::Type;

// A message as gRPC sends it.
template <typename Message>
grpc::ByteBuffer Serialized(const Message& message) {
  grpc::ByteBuffer bytes;
  bool own_buffer = false;
  // Fails for messages of 2 GiB and more, and models have none.
  grpc::SerializationTraits<Message>::Serialize(message, &bytes, &own_buffer);
  return bytes;
}

// A request that has no tensors.
//
// Why not by gRPC: it parses whatever max_message_bytes lets in, and two bytes
// of a field that nobody knows become seventy in memory.
//
// Errors: RESOURCE_EXHAUSTED beyond kSmallRequestBytesMax, before it is parsed;
//         INVALID_ARGUMENT if the bytes are no such message.
template <typename Message>
absl::Status ParseSmall(const grpc::ByteBuffer& received, Message* message) {
  if (received.Length() > kSmallRequestBytesMax) {
    return absl::ResourceExhaustedError(absl::StrFormat(
        "the request has %d bytes; the most that this method takes is %d",
        received.Length(), kSmallRequestBytesMax));
  }
  // gRPC's own holder of it is not const, and nobody else looks at it.
  grpc::ProtoBufferReader bytes(const_cast<grpc::ByteBuffer*>(&received));
  if (!message->ParseFromZeroCopyStream(&bytes)) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "the message is no %s", Message::descriptor()->full_name()));
  }
  message->DiscardUnknownFields();
  return absl::OkStatus();
}

// A call of one small request and its reply: all but inferences.
//
// Ownership: gRPC's, until OnDone(), where it ends itself. The reply's bytes
//            are gRPC's and live as long.
// Threading: a gRPC thread begins it; End() once, from any.
template <typename Request, typename Response>
class SmallCall final : public grpc::ServerUnaryReactor {
 public:
  explicit SmallCall(grpc::ByteBuffer* reply) : reply_(reply) {}

  Request* request() { return &request_; }
  Response* response() { return &response_; }

  // It may be gone from there on.
  void End(const absl::Status& status) {
    if (status.ok()) *reply_ = Serialized(response_);
    Finish(ToGrpc(status));
  }

 private:
  void OnDone() override { delete this; }

  grpc::ByteBuffer* const reply_;
  Request request_;
  Response response_;
};

// Called once, from any thread: request and response may be gone from there on.
using EndCall = std::function<void(const absl::Status&)>;

// begin(request, response, end) answers now or later. Request and Response are
// named by the caller.
template <typename Request, typename Response, typename Begin>
grpc::ServerUnaryReactor* BeginSmall(const grpc::ByteBuffer* received,
                                     grpc::ByteBuffer* reply, Begin begin) {
  auto* const call = new SmallCall<Request, Response>(reply);
  const absl::Status parsed = ParseSmall(*received, call->request());
  if (parsed.ok()) {
    begin(std::as_const(*call->request()), call->response(),
          [call](const absl::Status& status) { call->End(status); });
  } else {
    call->End(parsed);
  }
  return call;
}

// status = answer(request, response), at once.
template <typename Request, typename Response, typename Answer>
grpc::ServerUnaryReactor* AnswerSmall(const grpc::ByteBuffer* received,
                                      grpc::ByteBuffer* reply, Answer answer) {
  return BeginSmall<Request, Response>(
      received, reply,
      [&answer](const Request& request, Response* response,
                const EndCall& end) { end(answer(request, response)); });
}

}  // namespace layerd

#endif  // LAYERD_DAEMON_SERVE_SMALL_CALL_H_
