#include "daemon/serve/server.h"

#include <grpcpp/grpcpp.h>
#include <grpcpp/resource_quota.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "config/status_macros.h"
#include "daemon/serve/admin_service.h"
#include "daemon/serve/answering_stream.h"
#include "daemon/serve/health_service.h"
#include "daemon/serve/http_front.h"
#include "daemon/serve/inference_service.h"
#include "daemon/serve/listen_check.h"
#include "daemon/serve/live_page.h"
#include "daemon/serve/metrics.h"
#include "daemon/serve/prometheus_text.h"
#include "daemon/serve/reflection_service.h"
#include "daemon/serve/unknown_methods.h"

namespace layerd {
namespace {

constexpr char kUnixPrefix[] = "unix:";
constexpr mode_t kSocketMode = 0660;
constexpr int kWindowBytes = 1 << 20;  // That a client may send unasked.
constexpr uint64_t kIncomingBytesLeast = 64 << 20;
constexpr uint64_t kRequestBytesMost = uint64_t{1} << 40;  // Of "all".
constexpr int kStreamsMax = 256;  // Of a connection; more wait at the client.
// What a client must still be told after the last job is done.
constexpr std::chrono::seconds kGoodbye(2);

// Of requests while they come in, which memory.requests counts once they are
// whole: one of the largest, and of others more than will be let in. Beyond it
// gRPC refuses connections, and ends requests with RESOURCE_EXHAUSTED, or with
// CANCELLED where it had begun to wait for the rest; so there is room for fifty
// clients with pictures, whatever the configuration.
uint64_t IncomingBytesMax(const ServerOptions& options) {
  return std::max(options.max_message_bytes, kIncomingBytesLeast) +
         8 * std::min(options.request_bytes_max, kRequestBytesMost);
}

std::string WithPort(const std::string& address, int port) {
  if (address.starts_with(kUnixPrefix)) return address;
  return absl::StrCat(address.substr(0, address.find_last_of(':')), ":", port);
}

void SetLimits(const ServerOptions& options, grpc::ServerBuilder* builder) {
  builder->SetMaxReceiveMessageSize(
      static_cast<int>(std::min<uint64_t>(options.max_message_bytes, INT_MAX)));
  builder->SetMaxSendMessageSize(-1);  // Replies are as large as models say.
  // A window that is wide from the start, and stays so: gRPC would begin with
  // 64 KiB and probe for more, and a picture of 600 KiB would wait for the
  // update of a window every few frames.
  builder->AddChannelArgument(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES,
                              kWindowBytes);
  builder->AddChannelArgument(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  builder->AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kStreamsMax);
  builder->SetResourceQuota(
      grpc::ResourceQuota("layerd").Resize(IncomingBytesMax(options)));
}

// Where gRPC listens, and with which port once it does.
struct Bound {
  std::string address;
  std::unique_ptr<int> port;
};

// Those that are not required and cannot be bound become a warning.
absl::StatusOr<std::vector<Bound>> AddListeners(
    const std::vector<Listener>& listeners, grpc::ServerBuilder* builder,
    std::vector<std::string>* warnings) {
  // Two daemons on one port would share its clients unnoticed.
  builder->AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  std::vector<Bound> bound;
  for (const Listener& listener : listeners) {
    if (absl::Status status = CheckListenable(listener.address); !status.ok()) {
      if (listener.required) return status;
      warnings->emplace_back(status.message());
      continue;
    }
    bound.push_back({listener.address, std::make_unique<int>(0)});
    builder->AddListeningPort(listener.address,
                              grpc::InsecureServerCredentials(),
                              bound.back().port.get());
  }
  if (!bound.empty()) return bound;
  return absl::UnavailableError(absl::StrCat(
      "no address is left to listen on: ", absl::StrJoin(*warnings, "; ")));
}

// Someone came between, or gRPC itself refused: it logs why.
absl::Status WhyNotStarted(const std::vector<Bound>& bound) {
  for (const Bound& listener : bound) {
    RETURN_IF_ERROR(CheckListenable(listener.address));
  }
  return absl::UnavailableError(absl::StrCat(
      "cannot listen on ", bound.front().address, ": gRPC refused it"));
}

}  // namespace

struct Server::Impl {
  Impl(const ServerOptions& options, Engine* engine, Repository* repository)
      : engine(engine),
        inference(engine, repository, options.request_bytes_max, &streams),
        admin(engine, repository),
        reflection(&streams) {}

  void RegisterAt(grpc::ServerBuilder* builder, bool with_reflection) {
    builder->RegisterService(&inference);
    builder->RegisterService(&admin);
    builder->RegisterService(&health);
    if (with_reflection) builder->RegisterService(&reflection);
    builder->RegisterCallbackGenericService(&unknown);
  }

  Engine* const engine;
  OpenStreams streams;
  InferenceService inference;
  AdminService admin;
  HealthService health;
  ReflectionService reflection;
  UnknownMethods unknown;
  std::unique_ptr<grpc::Server> server;
  std::unique_ptr<HttpFront> http;  // Asks all of the others.
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Server::~Server() {
  if (impl_->server) impl_->server->Shutdown(std::chrono::system_clock::now());
}

absl::StatusOr<std::unique_ptr<Server>> Server::Start(
    const ServerOptions& options, Engine* engine, Repository* repository) {
  std::unique_ptr<Server> self(
      new Server(std::make_unique<Impl>(options, engine, repository)));
  RETURN_IF_ERROR(self->StartGrpc(options));
  RETURN_IF_ERROR(self->StartMetrics(options.metrics, engine, repository));
  return self;
}

absl::Status Server::StartGrpc(const ServerOptions& options) {
  grpc::ServerBuilder builder;
  SetLimits(options, &builder);
  impl_->RegisterAt(&builder, options.reflection);
  ASSIGN_OR_RETURN(const std::vector<Bound> bound,
                   AddListeners(options.listeners, &builder, &warnings_));
  impl_->server = builder.BuildAndStart();
  if (!impl_->server) return WhyNotStarted(bound);
  for (const auto& [address, port] : bound) {
    addresses_.push_back(WithPort(address, *port));
    if (address.starts_with(kUnixPrefix)) {
      chmod(address.c_str() + sizeof(kUnixPrefix) - 1, kSocketMode);
    }
  }
  return absl::OkStatus();
}

absl::Status Server::StartMetrics(const Listener& listener, Engine* engine,
                                  Repository* repository) {
  if (listener.address.empty()) return absl::OkStatus();
  const InferenceService& inference = impl_->inference;
  const MetricsSources sources{.engine = engine,
                               .repository = repository,
                               .counts = &inference.counts(),
                               .request_memory = &inference.request_memory()};
  auto http = HttpFront::Start(
      listener.address,
      {{"/", "text/html; charset=utf-8", [] { return std::string(kLivePage); }},
       {"/metrics", PrometheusText::kContentType, [sources, &inference] {
          return MetricsText(sources, inference.ready());
        }}});
  if (!http.ok()) {
    if (listener.required) return http.status();
    warnings_.push_back(absl::StrCat(
        "no metrics: ", std::string(http.status().message()),
        " (metrics: HOST:PORT of the configuration, or --metrics, names "
        "another address; off says no to them)"));
    return absl::OkStatus();
  }
  impl_->http = std::move(*http);
  metrics_url_ = absl::StrCat("http://", impl_->http->address(), "/");
  return absl::OkStatus();
}

void Server::MarkReady() {
  impl_->health.SetServing(true);
  // Refused meanwhile: whoever comes second says so.
  if (!impl_->inference.ready()) impl_->health.SetServing(false);
}

void Server::Refuse() {
  impl_->inference.BeginDrain();
  impl_->health.SetServing(false);
  impl_->streams.End();
}

void Server::Drain(Instant deadline) {
  Refuse();
  impl_->engine->Drain(deadline);
  impl_->health.EndWatches();
  impl_->server->Shutdown(std::chrono::system_clock::now() + kGoodbye);
  impl_->server.reset();
}

}  // namespace layerd
