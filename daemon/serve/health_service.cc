#include "daemon/serve/health_service.h"

#include <optional>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_format.h"

namespace layerd {
namespace {

using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;

constexpr char kServiceName[] = "inference.GRPCInferenceService";
constexpr size_t kQuotedCharactersMax = 128;

bool IsKnown(const std::string& name) {
  return name.empty() || name == kServiceName;
}

HealthCheckResponse::ServingStatus StatusIf(bool serves) {
  return serves ? HealthCheckResponse::SERVING
                : HealthCheckResponse::NOT_SERVING;
}

absl::Status Unknown(const std::string& name) {
  return absl::NotFoundError(absl::StrFormat(
      "the health of '%s' is not known: ask for %s, or for no name",
      absl::CHexEscape(name.substr(0, kQuotedCharactersMax)), kServiceName));
}

}  // namespace

// A call of Watch.
//
// Ownership: gRPC's, until OnDone(), where it ends itself: not before it has
//            ended the call.
// Threading: whoever claims it, under the service's mutex, does one thing to it
//            without: it writes, or ends the call.
class HealthService::Watcher final
    : public grpc::ServerWriteReactor<grpc::ByteBuffer> {
 public:
  // `asked`: OK, or why nothing can be told.
  Watcher(HealthService* health, bool is_known, const absl::Status& asked)
      : health_(health), is_known_(is_known), over_(asked) {
    {
      const std::lock_guard<std::mutex> lock(health_->mutex_);
      health_->watchers_.insert(this);
    }
    Attend();
  }
  ~Watcher() override {
    const std::lock_guard<std::mutex> lock(health_->mutex_);
    health_->watchers_.erase(this);
  }

  // True if there is something to do, and nobody does anything: then the caller
  // calls Act(), without the mutex.
  // REQUIRES: the mutex is held.
  bool Claim() {
    if (is_claimed_) return false;
    const Status status = is_known_ ? StatusIf(health_->serves_)
                                    : HealthCheckResponse::SERVICE_UNKNOWN;
    if (!over_.ok()) {
      end_ = over_;
    } else if (told_ != status) {
      told_ = status;
    } else if (health_->is_over_) {
      end_ = ShuttingDown();
    } else {
      return false;
    }
    is_claimed_ = true;
    return true;
  }
  void Act() {
    // It may be gone once it has ended.
    if (end_) return Finish(ToGrpc(*end_));
    HealthCheckResponse response;
    response.set_status(*told_);
    message_ = Serialized(response);
    StartWrite(&message_);
  }

 private:
  void Attend(const absl::Status& over = absl::OkStatus(),
              bool has_written = false) {
    {
      const std::lock_guard<std::mutex> lock(health_->mutex_);
      over_.Update(over);
      if (has_written) is_claimed_ = false;
      if (!Claim()) return;
    }
    Act();
  }

  void OnWriteDone(bool ok) override {
    Attend(ok ? absl::OkStatus() : absl::CancelledError(),
           /*has_written=*/true);
  }
  void OnCancel() override { Attend(absl::CancelledError()); }
  void OnDone() override { delete this; }

  HealthService* const health_;
  const bool is_known_;
  absl::Status over_;  // Why nothing more can be told; under the mutex, like:
  bool is_claimed_ = false;
  // Of whoever has claimed it:
  std::optional<Status> told_;
  std::optional<absl::Status> end_;
  grpc::ByteBuffer message_;
};

void HealthService::SetServing(bool serving) { Change(&serves_, serving); }
void HealthService::EndWatches() { Change(&is_over_, true); }

void HealthService::Change(bool* what, bool to) {
  std::vector<Watcher*> claimed;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    *what = to;
    for (Watcher* const watcher : watchers_) {
      if (watcher->Claim()) claimed.push_back(watcher);
    }
  }
  for (Watcher* const watcher : claimed) watcher->Act();
}

grpc::ServerUnaryReactor* HealthService::Check(grpc::CallbackServerContext*,
                                               const grpc::ByteBuffer* received,
                                               grpc::ByteBuffer* reply) {
  return AnswerSmall<HealthCheckRequest, HealthCheckResponse>(
      received, reply,
      [this](const auto& request, auto* response) -> absl::Status {
        if (!IsKnown(request.service())) return Unknown(request.service());
        const std::lock_guard<std::mutex> lock(mutex_);
        response->set_status(StatusIf(serves_));
        return absl::OkStatus();
      });
}

// Of a name that is not known nobody is refused: it might be, one day.
grpc::ServerWriteReactor<grpc::ByteBuffer>* HealthService::Watch(
    grpc::CallbackServerContext*, const grpc::ByteBuffer* received) {
  HealthCheckRequest request;
  const absl::Status parsed = ParseSmall(*received, &request);
  return new Watcher(this, IsKnown(request.service()), parsed);
}

}  // namespace layerd
