#include "test/e2e/wire_client.h"

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <utility>
#include <vector>

#include "config/check.h"

namespace layerd {
namespace {

grpc::ByteBuffer BufferOf(const std::string& bytes) {
  const grpc::Slice slice(bytes);
  return grpc::ByteBuffer(&slice, 1);
}

std::string BytesOf(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string bytes;
  if (!buffer.Dump(&slices).ok()) return bytes;
  for (const grpc::Slice& slice : slices) {
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return bytes;
}

grpc::ChannelArguments Manners() {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);
  arguments.SetMaxSendMessageSize(-1);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 20);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  // Who does not receive takes no more than its window, 64 KiB.
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  return arguments;
}

class GenericCall final : public WireClient::Call {
 public:
  GenericCall(grpc::GenericStub* stub, const std::string& method,
              const std::string& request, std::chrono::milliseconds timeout,
              bool wait_for_server) {
    context_.set_deadline(std::chrono::system_clock::now() + timeout);
    context_.set_wait_for_ready(wait_for_server);
    call_ =
        stub->PrepareUnaryCall(&context_, method, BufferOf(request), &queue_);
    call_->StartCall();
    call_->Finish(&reply_, &status_, this);
  }

  ~GenericCall() override {
    if (!over_) {
      Cancel();
      Answer().IgnoreError();
    }
    queue_.Shutdown();
  }

  void Cancel() override { context_.TryCancel(); }

  absl::StatusOr<std::string> Answer() override {
    void* tag = nullptr;
    bool ok = false;
    LAYERD_CHECK(!over_ && queue_.Next(&tag, &ok) && tag == this);
    over_ = true;
    if (status_.ok()) return BytesOf(reply_);
    return absl::Status(static_cast<absl::StatusCode>(status_.error_code()),
                        status_.error_message());
  }

 private:
  grpc::ClientContext context_;
  grpc::CompletionQueue queue_;
  grpc::ByteBuffer reply_;
  grpc::Status status_;
  std::unique_ptr<grpc::GenericClientAsyncResponseReader> call_;
  bool over_ = false;
};

class GenericStream final : public WireClient::Stream {
 public:
  GenericStream(grpc::GenericStub* stub, const std::string& method,
                std::chrono::milliseconds timeout) {
    context_.set_deadline(std::chrono::system_clock::now() + timeout);
    call_ = stub->PrepareCall(&context_, method, &queue_);
    call_->StartCall(this);
    Await();
  }

  ~GenericStream() override {
    context_.TryCancel();
    while (Receive().ok()) {
    }
    queue_.Shutdown();
  }

  bool Send(const std::string& message) override {
    call_->Write(BufferOf(message), this);
    return Await();
  }

  absl::StatusOr<std::string> Receive() override {
    if (!end_.ok()) return end_;
    grpc::ByteBuffer message;
    call_->Read(&message, this);
    if (Await()) return BytesOf(message);
    grpc::Status status;
    call_->Finish(&status, this);
    Await();
    end_ = status.ok() ? absl::OutOfRangeError("the stream is over")
                       : absl::Status(
                             static_cast<absl::StatusCode>(status.error_code()),
                             status.error_message());
    return end_;
  }

 private:
  // Whether the one operation that is under way has done what it should.
  bool Await() {
    void* tag = nullptr;
    bool ok = false;
    LAYERD_CHECK(queue_.Next(&tag, &ok) && tag == this);
    return ok;
  }

  grpc::ClientContext context_;
  grpc::CompletionQueue queue_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> call_;
  absl::Status end_;
};

}  // namespace

struct WireClient::Impl {
  explicit Impl(const std::string& address)
      : stub(grpc::CreateCustomChannel(
            address, grpc::InsecureChannelCredentials(), Manners())) {}
  grpc::GenericStub stub;
};

WireClient::WireClient(const std::string& address)
    : impl_(std::make_unique<Impl>(address)) {}

WireClient::~WireClient() = default;

std::unique_ptr<WireClient::Call> WireClient::Begin(
    const std::string& method, const std::string& request,
    std::chrono::milliseconds timeout, bool wait_for_server) {
  return std::make_unique<GenericCall>(&impl_->stub, method, request, timeout,
                                       wait_for_server);
}

std::unique_ptr<WireClient::Stream> WireClient::OpenStream(
    const std::string& method, std::chrono::milliseconds timeout) {
  return std::make_unique<GenericStream>(&impl_->stub, method, timeout);
}

}  // namespace layerd
