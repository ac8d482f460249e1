#include "daemon/serve/infer_call.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "daemon/serve/grpc_status.h"
#include "daemon/serve/small_call.h"

namespace layerd {
namespace {

using std::chrono::steady_clock;
using std::chrono::system_clock;

// gRPC tells deadlines in wall-clock time; jobs count in monotonic time.
Instant DeadlineOf(const grpc::CallbackServerContext& context) {
  const system_clock::time_point wall = context.deadline();
  if (wall == system_clock::time_point::max()) return Instant::max();
  const auto left = wall - system_clock::now();
  if (left > std::chrono::hours(24 * 365)) return Instant::max();
  return steady_clock::now() +
         std::chrono::duration_cast<steady_clock::duration>(left);
}

bool WantsStatus(const grpc::CallbackServerContext& context) {
  const auto wanted = context.client_metadata().find("triton_grpc_error");
  return wanted != context.client_metadata().end() && wanted->second == "true";
}

}  // namespace

InferCall::InferCall(grpc::CallbackServerContext* context,
                     grpc::ByteBuffer* received, grpc::ByteBuffer* reply,
                     const InferRequest::Shared& shared)
    : reply_(reply),
      request_({this, received, DeadlineOf(*context), cancelled_}, shared) {
  request_.Start();
}

void InferCall::Answered(const absl::Status& status) {
  if (status.ok()) {
    // Not there twice until the client has taken it.
    inference::ModelInferResponse response;
    response.Swap(request_.response());
    *reply_ = Serialized(response);
  }
  // `this` may be gone from here on.
  Finish(ToGrpc(status));
}

InferStream::InferStream(grpc::CallbackServerContext* context,
                         const InferRequest::Shared& shared, OpenStreams* open)
    : AnsweringStream(open),
      context_(context),
      shared_(shared),
      error_ends_(WantsStatus(*context)) {
  Begin();
}

void InferStream::Take(grpc::ByteBuffer* message) {
  request_ = std::make_unique<InferRequest>(
      InferRequest::Asked{this, message, DeadlineOf(*context_), cancelled_},
      shared_);
  request_->Start();
}

void InferStream::Answered(const absl::Status& status) {
  if (!status.ok() && error_ends_) return End(ToGrpc(status));
  inference::ModelStreamInferResponse answer;
  inference::ModelInferResponse* const response =
      answer.mutable_infer_response();
  if (status.ok()) {
    response->Swap(request_->response());
    // For clients that count on a stream's answers being several.
    (*response->mutable_parameters())["triton_final_response"].set_bool_param(
        true);
  } else {
    answer.set_error_message(std::string(status.message()));
    response->set_id(request_->response()->id());
  }
  // `request_` may be gone from here on.
  Reply(Serialized(answer));
}

}  // namespace layerd
