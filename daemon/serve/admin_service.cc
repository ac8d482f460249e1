#include "daemon/serve/admin_service.h"

#include "config/version.h"

namespace layerd {
namespace {

void Describe(const ModelStatus& model, admin::ModelStatus* out) {
  out->set_name(model.name);
  out->set_version(model.version);
  out->set_state(NameOf(model.state));
  out->set_reason(model.reason);
  out->set_level(static_cast<uint32_t>(model.level));
  out->set_weight_bytes(model.weight_bytes);
}

void Describe(const Engine::MemoryStats& memory, admin::Memory* out) {
  out->set_weight_budget_bytes(memory.weight_budget_bytes);
  out->set_memory_budget_bytes(memory.memory_budget_bytes);
  out->set_ring_bytes(memory.ring_bytes);
  out->set_head_bytes(memory.head_bytes);
  out->set_decode_bytes(memory.decode_bytes);
  out->set_table_bytes(memory.table_bytes);
  out->set_arena_bytes(memory.arena_bytes);
  out->set_weight_bytes(memory.weight_bytes);
}

void Describe(const Loader::Stats& loading, admin::Loading* out) {
  out->set_read_bytes(loading.read_bytes);
  out->set_reads(loading.reads);
  out->set_read_errors(loading.read_errors);
  out->set_checksum_errors(loading.checksum_errors);
  out->set_lookups(loading.lookups);
}

const char* NameOf(TraceKind kind) {
  switch (kind) {
    case TraceKind::kQueued:
      return "queued";
    case TraceKind::kJob:
      return "job";
    case TraceKind::kPart:
      return "part";
    case TraceKind::kWait:
      return "wait";
    case TraceKind::kPreempted:
      return "preempted";
    case TraceKind::kDeadline:
      return "deadline";
    case TraceKind::kRead:
      return "read";
  }
  return "?";
}

}  // namespace

grpc::ServerUnaryReactor* AdminService::Trace(
    grpc::CallbackServerContext* context, const admin::TraceRequest*,
    admin::TraceResponse* response) {
  for (const Engine::TracedEvent& traced : engine_->Trace()) {
    admin::TraceEvent* const event = response->add_events();
    event->set_kind(NameOf(traced.event.kind));
    event->set_model(traced.model);
    event->set_level(traced.event.level);
    event->set_job(traced.event.job);
    event->set_number(traced.event.number);
    event->set_begin_ns(traced.event.begin.count());
    event->set_duration_ns(traced.event.duration.count());
  }
  response->set_now_ns(
      std::chrono::steady_clock::now().time_since_epoch().count());
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

grpc::ServerUnaryReactor* AdminService::Status(
    grpc::CallbackServerContext* context, const admin::StatusRequest*,
    admin::StatusResponse* response) {
  response->set_ready(repository_->ready());
  response->set_version(kVersion);
  for (const layerd::ModelStatus& model : repository_->Index()) {
    Describe(model, response->add_models());
  }
  Describe(engine_->memory(), response->mutable_memory());
  Describe(engine_->loading(), response->mutable_loading());
  for (const std::string& warning : engine_->warnings()) {
    response->add_warnings(warning);
  }
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

}  // namespace layerd
