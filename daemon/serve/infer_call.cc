#include "daemon/serve/infer_call.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"
#include "config/status_macros.h"
#include "daemon/serve/grpc_status.h"

namespace layerd {
namespace {

using std::chrono::steady_clock;
using std::chrono::system_clock;

// gRPC tells deadlines in wall-clock time; jobs count in monotonic time.
Instant DeadlineOf(const grpc::CallbackServerContext& context, Instant now) {
  const system_clock::time_point wall = context.deadline();
  if (wall == system_clock::time_point::max()) return Instant::max();
  const auto left = wall - system_clock::now();
  if (left > std::chrono::hours(24 * 365)) return Instant::max();
  return now + std::chrono::duration_cast<steady_clock::duration>(left);
}

uint64_t ReplyBytes(const Model& model, const std::vector<size_t>& outputs) {
  uint64_t bytes = 0;
  for (const size_t output : outputs) bytes += model.outputs()[output].bytes;
  return bytes;
}

void SetNumber(inference::ModelInferResponse* response, const char* key,
               int64_t number) {
  (*response->mutable_parameters())[key].set_int64_param(number);
}

void SetMicroseconds(inference::ModelInferResponse* response, const char* key,
                     std::chrono::nanoseconds time) {
  SetNumber(
      response, key,
      std::chrono::duration_cast<std::chrono::microseconds>(time).count());
}

}  // namespace

InferCall::InferCall(grpc::CallbackServerContext* context,
                     const inference::ModelInferRequest* request,
                     inference::ModelInferResponse* response,
                     RequestMemory* memory, RequestCounts* counts)
    : context_(context),
      request_(request),
      response_(response),
      memory_(memory),
      counts_(counts) {}

void InferCall::Start(Engine* engine,
                      absl::StatusOr<std::shared_ptr<Model>> model) {
  if (!model.ok()) return Refuse(model.status());
  if (absl::Status status = Submit(engine, *std::move(model)); !status.ok()) {
    Refuse(status);
  }
}

void InferCall::Refuse(const absl::Status& reason) {
  refused_ = reason.code();
  Finish(ToGrpc(reason));
}

void InferCall::OnDone() {
  if (engine_ != nullptr) {
    engine_->NoteSent({.model = model_.get(),
                       .level = level_,
                       .number = number_,
                       .refused = refused_,
                       .read_bytes = read_bytes_,
                       .arrival = arrival_});
  }
  if (taken_bytes_ > 0) memory_->Return(taken_bytes_);
  delete this;
}

absl::Status InferCall::Submit(Engine* engine, std::shared_ptr<Model> model) {
  ASSIGN_OR_RETURN(checked_, CheckHead(*request_));
  model_ = model;
  engine_ = engine;
  level_ = model->urgency().LevelFor(checked_.priority.value_or(0));
  std::unique_ptr<Job> job = MakeJob(model);
  RETURN_IF_ERROR(engine->Admit(*job));
  RETURN_IF_ERROR(
      CheckTensors(*request_, model->inputs(), model->outputs(), &checked_));
  RETURN_IF_ERROR(TakeMemory(*engine, *model));
  DescribeOutputs(*model);
  job->inputs = checked_.inputs;
  job->outputs.resize(model->outputs().size());
  for (size_t i = 0; i < checked_.outputs.size(); ++i) {
    std::string* raw = response_->mutable_raw_output_contents(i);
    job->outputs[checked_.outputs[i]] = std::as_writable_bytes(std::span(*raw));
  }
  submitted_ = std::chrono::steady_clock::now();
  return engine->Submit(std::move(job));
}

absl::Status InferCall::TakeMemory(const Engine& engine, const Model& model) {
  const uint64_t bytes =
      request_->ByteSizeLong() + ReplyBytes(model, checked_.outputs);
  if (!memory_->TryTake(bytes, engine.IsMostUrgent(level_))) {
    return absl::ResourceExhaustedError(absl::StrFormat(
        "%d bytes of requests are waiting and this one needs %d more; the "
        "bound (memory.requests) is %d: send it again later",
        memory_->taken_bytes(), bytes, memory_->bytes_max()));
  }
  taken_bytes_ = bytes;
  return absl::OkStatus();
}

void InferCall::DescribeOutputs(const Model& model) {
  response_->set_model_name(model.name());
  response_->set_model_version(model.version());
  response_->set_id(request_->id());
  for (const size_t index : checked_.outputs) {
    const Model::Port& port = model.outputs()[index];
    auto* output = response_->add_outputs();
    output->set_name(port.name);
    output->set_datatype(NameOf(port.dtype));
    output->mutable_shape()->Assign(port.shape.begin(), port.shape.end());
    response_->add_raw_output_contents()->resize(port.bytes);
  }
}

std::unique_ptr<Job> InferCall::MakeJob(std::shared_ptr<Model> model) {
  auto job = std::make_unique<Job>();
  const ModelUrgency& urgency = model->urgency();
  job->level = level_;
  job->arrival = arrival_;
  job->deadline = DeadlineOf(*context_, arrival_);
  if (checked_.timeout) {
    job->deadline = std::min(job->deadline, arrival_ + *checked_.timeout);
  }
  if (urgency.deadline.count() > 0) {
    job->deadline = std::min(job->deadline, arrival_ + urgency.deadline);
  }
  job->cancelled = cancelled_;
  job->model = std::move(model);
  job->done = [this](const absl::Status& status, const JobStats& stats) {
    Done(status, stats);
  };
  return job;
}

void InferCall::Done(const absl::Status& status, const JobStats& stats) {
  counts_->Note(model_->name(), model_->version(), status.ok(), stats,
                submitted_ - arrival_,
                std::chrono::steady_clock::now() - arrival_);
  if (status.ok()) {
    SetMicroseconds(response_, "layerd_queue_us", stats.queued);
    SetMicroseconds(response_, "layerd_compute_us", stats.computing);
    SetMicroseconds(response_, "layerd_load_us", stats.load_wait);
    SetNumber(response_, "layerd_read_bytes",
              static_cast<int64_t>(stats.read_bytes));
    SetNumber(response_, "layerd_preemptions", stats.preemptions);
  } else {
    response_->Clear();
  }
  number_ = stats.number;
  read_bytes_ = stats.read_bytes;
  Finish(ToGrpc(status));  // `this` may be gone from here on.
}

}  // namespace layerd
