#include "daemon/serve/admin_service.h"

#include <utility>

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

void Describe(const Scheduler::Stats& stats, admin::Scheduling* out) {
  out->set_preemptions(stats.preemptions);
  out->set_deadline_misses(stats.deadline_misses);
  out->set_cancelled(stats.cancelled);
  out->set_overruns(stats.overruns);
  const auto broken = [&stats](Assumption by) {
    return stats.promises_broken[static_cast<size_t>(by)];
  };
  out->set_promises_broken_by_overrun(broken(Assumption::kCompute));
  out->set_promises_broken_by_processor(broken(Assumption::kProcessor));
  out->set_promises_broken_by_drive(broken(Assumption::kDrive));
  out->set_promises_broken_otherwise(broken(Assumption::kOther));
  out->set_too_often(stats.too_often);
  out->set_realtime_refused(stats.realtime_refused);
}

const char* NameOf(TraceKind kind) {
  switch (kind) {
    case TraceKind::kReceived:
      return "received";
    case TraceKind::kSent:
      return "sent";
    case TraceKind::kComputed:
      return "computed";
    case TraceKind::kTaken:
      return "taken";
    case TraceKind::kLate:
      return "late";
    case TraceKind::kRefused:
      return "refused";
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

constexpr double kMs = 1e3, kUs = 1e6;

void Describe(const Engine::PlanReport& report, size_t m,
              admin::PlannedModel* out) {
  const MemoryPlan::ModelMemory& memory = report.plan.models[m];
  const ModelOutlook& outlook = report.outlook[m];
  const Prediction& times = outlook.prediction;
  out->set_name(memory.name);
  out->set_level(static_cast<uint32_t>(memory.level));
  out->set_weight_bytes(memory.weight_bytes);
  out->set_head_bytes(memory.head.bytes);
  out->set_streamed_bytes(memory.streamed_bytes);
  out->set_costs_measured(report.measured[m]);
  out->set_resident_ms(kMs * times.resident_seconds);
  out->set_predicted_cold_ms(kMs * times.cold_seconds);
  out->set_predicted_warm_ms(kMs * times.warm_seconds);
  out->set_lower_bound_ms(kMs * times.lower_bound_seconds);
  out->set_blocking_us(kUs * times.blocking_seconds);
  out->set_one_more_mib_saves_ms(kMs * outlook.saved_by_one_mib_seconds);
}

void Describe(const Engine& engine, admin::PlanResponse* out) {
  const Engine::PlanReport report = engine.Plan();
  Describe(engine.memory(), out->mutable_memory());
  out->set_minimum_weight_budget_bytes(report.plan.minimum_weight_bytes);
  out->set_minimum_memory_budget_bytes(report.plan.minimum_weight_bytes +
                                       report.plan.beside_weights_bytes());
  out->set_base_bytes(report.base_bytes);
  for (const MemoryPlan::LevelMemory& level : report.plan.levels) {
    admin::PlannedLevel* const planned = out->add_levels();
    planned->set_level(static_cast<uint32_t>(level.level));
    planned->set_ring_bytes(level.ring.bytes);
    planned->set_arena_bytes(level.arena.bytes);
  }
  for (size_t m = 0; m < report.plan.models.size(); ++m) {
    Describe(report, m, out->add_models());
  }
}

void Describe(const Engine::TracedEvent& traced, admin::TraceEvent* event) {
  event->set_kind(NameOf(traced.event.kind));
  event->set_model(traced.model);
  event->set_version(traced.version);
  event->set_level(traced.event.level);
  event->set_job(traced.event.job);
  event->set_number(traced.event.number);
  event->set_begin_ns(traced.event.begin.count());
  event->set_duration_ns(traced.event.duration.count());
}

}  // namespace

void AdminService::Aside(grpc::CallbackServerContext* context, EndCall end,
                         std::function<absl::Status()> answer) {
  side_thread_.Do(
      [context] { return context->IsCancelled(); },
      [end = std::move(end), answer = std::move(answer)](
          const absl::Status& turn) { end(turn.ok() ? answer() : turn); });
}

grpc::ServerUnaryReactor* AdminService::Trace(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* received,
    grpc::ByteBuffer* reply) {
  return BeginSmall<admin::TraceRequest, admin::TraceResponse>(
      received, reply,
      [this, context](const auto&, auto* response, const EndCall& end) {
        Aside(context, end, [this, response] {
          for (const Engine::TracedEvent& traced : engine_->Trace()) {
            Describe(traced, response->add_events());
          }
          response->set_now_ns(
              std::chrono::steady_clock::now().time_since_epoch().count());
          return absl::OkStatus();
        });
      });
}

grpc::ServerUnaryReactor* AdminService::Plan(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* received,
    grpc::ByteBuffer* reply) {
  return BeginSmall<admin::PlanRequest, admin::PlanResponse>(
      received, reply,
      [this, context](const auto&, auto* response, const EndCall& end) {
        Aside(context, end, [this, response] {
          Describe(*engine_, response);
          return absl::OkStatus();
        });
      });
}

grpc::ServerUnaryReactor* AdminService::SetBudget(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* received,
    grpc::ByteBuffer* reply) {
  return BeginSmall<admin::SetBudgetRequest, admin::PlanResponse>(
      received, reply,
      [this, context](const auto& request, auto* response, const EndCall& end) {
        Aside(context, end, [this, &request, response] {
          const Engine::MemoryStats now = engine_->memory();
          const absl::Status status = engine_->SetBudgets(
              {.weight_bytes = request.has_weight_budget_bytes()
                                   ? request.weight_budget_bytes()
                                   : now.weight_budget_bytes,
               .memory_bytes = request.has_memory_budget_bytes()
                                   ? request.memory_budget_bytes()
                                   : now.memory_budget_bytes});
          if (status.ok()) Describe(*engine_, response);
          return status;
        });
      });
}

grpc::ServerUnaryReactor* AdminService::Measure(
    grpc::CallbackServerContext*, const grpc::ByteBuffer* received,
    grpc::ByteBuffer* reply) {
  return BeginSmall<admin::MeasureRequest, admin::MeasureResponse>(
      received, reply, [this](const auto& request, auto*, const EndCall& end) {
        repository_->MeasureAgain(request.model_name(), end);
      });
}

grpc::ServerUnaryReactor* AdminService::Status(grpc::CallbackServerContext*,
                                               const grpc::ByteBuffer* received,
                                               grpc::ByteBuffer* reply) {
  return AnswerSmall<admin::StatusRequest, admin::StatusResponse>(
      received, reply, [this](const auto&, auto* response) {
        response->set_ready(repository_->ready());
        response->set_version(kVersion);
        for (const layerd::ModelStatus& model : repository_->Index()) {
          Describe(model, response->add_models());
        }
        Describe(engine_->memory(), response->mutable_memory());
        Describe(engine_->loading(), response->mutable_loading());
        Describe(engine_->scheduling(), response->mutable_scheduling());
        for (const std::string& warning : engine_->warnings()) {
          response->add_warnings(warning);
        }
        return absl::OkStatus();
      });
}

}  // namespace layerd
