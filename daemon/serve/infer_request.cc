#include "daemon/serve/infer_request.h"

#include <grpcpp/support/proto_buffer_reader.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"
#include "config/status_macros.h"
#include "daemon/serve/grpc_status.h"
#include "daemon/serve/request_parse.h"

namespace layerd {
namespace {

using std::chrono::steady_clock;

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

InferRequest::~InferRequest() {
  if (has_job_) {
    shared_.engine->NoteSent({.model = model_.get(),
                              .level = level_,
                              .number = stats_.number,
                              .refused = refused_,
                              .read_bytes = stats_.read_bytes,
                              .arrival = arrival_});
  }
  if (taken_bytes_ > 0) shared_.memory->Return(taken_bytes_);
}

void InferRequest::Start() {
  if (absl::Status status = Submit(); !status.ok()) Refuse(status);
}

void InferRequest::Refuse(const absl::Status& reason) {
  refused_ = reason.code();
  if (model_counts_ != nullptr) {
    model_counts_->NoteRefused(steady_clock::now() - arrival_);
  }
  NoteEnd(reason.code());
  // `this` may be gone from here on.
  asked_.by->Answered(reason);
}

void InferRequest::NoteEnd(absl::StatusCode code) {
  if (model_counts_ == nullptr) model_counts_ = shared_.counts->Of("", "");
  model_counts_->NoteEnd(level_, code);
}

absl::Status InferRequest::Submit() {
  if (shared_.draining->load()) return ShuttingDown();
  grpc::ProtoBufferReader bytes(asked_.received);
  ASSIGN_OR_RETURN(RequestHead head, ParseHead(&bytes));
  request_ = std::move(head.request);
  response_.set_id(request_.id());
  RETURN_IF_ERROR(FindModel());
  ASSIGN_OR_RETURN(checked_, CheckHead(request_));
  has_job_ = true;
  level_ = model_->urgency().LevelFor(checked_.priority.value_or(0));
  std::unique_ptr<Job> job = MakeJob(model_);
  RETURN_IF_ERROR(shared_.engine->Admit(*job));
  RETURN_IF_ERROR(CheckTypedBytes(head.typed_bytes, model_->inputs()));
  RETURN_IF_ERROR(TakeTensors(*model_));
  RETURN_IF_ERROR(TakeMemory(*model_));
  DescribeOutputs(*model_);
  job->inputs = checked_.inputs;
  job->outputs.resize(model_->outputs().size());
  for (size_t i = 0; i < checked_.outputs.size(); ++i) {
    std::string* raw = response_.mutable_raw_output_contents(i);
    job->outputs[checked_.outputs[i]] = std::as_writable_bytes(std::span(*raw));
  }
  submitted_ = std::chrono::steady_clock::now();
  return shared_.engine->Submit(std::move(job));
}

// One that cannot serve has failed this request; names that clients make up are
// not counted by.
absl::Status InferRequest::FindModel() {
  const std::string& name = request_.model_name();
  const std::string& asked = request_.model_version();
  auto model = shared_.repository->Find(name, asked);
  if (model.ok()) {
    model_ = *std::move(model);
    model_counts_ = shared_.counts->Of(model_->name(), model_->version());
    return absl::OkStatus();
  }
  const auto version = shared_.repository->VersionFor(name, asked);
  if (version) model_counts_ = shared_.counts->Of(name, *version);
  return model.status();
}

absl::Status InferRequest::TakeTensors(const Model& model) {
  {
    grpc::ProtoBufferReader bytes(asked_.received);
    ASSIGN_OR_RETURN(request_, ParseWhole(&bytes));
  }
  asked_.received->Clear();
  return CheckTensors(request_, model.inputs(), model.outputs(), &checked_);
}

absl::Status InferRequest::TakeMemory(const Model& model) {
  const uint64_t bytes =
      DropTyped(checked_, &request_) + ReplyBytes(model, checked_.outputs);
  if (!shared_.memory->TryTake(bytes, shared_.engine->IsMostUrgent(level_))) {
    return absl::ResourceExhaustedError(absl::StrFormat(
        "%d bytes of requests are waiting and this one needs %d more; the "
        "bound (memory.requests) is %d: send it again later",
        shared_.memory->taken_bytes(), bytes, shared_.memory->bytes_max()));
  }
  taken_bytes_ = bytes;
  return absl::OkStatus();
}

void InferRequest::DescribeOutputs(const Model& model) {
  response_.set_model_name(model.name());
  response_.set_model_version(model.version());
  for (const size_t index : checked_.outputs) {
    const Model::Port& port = model.outputs()[index];
    auto* output = response_.add_outputs();
    output->set_name(port.name);
    output->set_datatype(NameOf(port.dtype));
    output->mutable_shape()->Assign(port.shape.begin(), port.shape.end());
    response_.add_raw_output_contents()->resize(port.bytes);
  }
}

std::unique_ptr<Job> InferRequest::MakeJob(std::shared_ptr<Model> model) {
  auto job = std::make_unique<Job>();
  const ModelUrgency& urgency = model->urgency();
  job->level = level_;
  job->arrival = arrival_;
  job->deadline = asked_.deadline;
  if (checked_.timeout) {
    job->deadline = std::min(job->deadline, arrival_ + *checked_.timeout);
  }
  if (urgency.deadline.count() > 0) {
    job->deadline = std::min(job->deadline, arrival_ + urgency.deadline);
  }
  job->cancelled = asked_.cancelled;
  job->model = std::move(model);
  job->done = [this](const absl::Status& status, const JobStats& stats) {
    status_ = status;
    stats_ = stats;
    done_ = std::chrono::steady_clock::now();
    shared_.replies->Add(this);
  };
  return job;
}

void InferRequest::Send() {
  // A client may take its reply slowly, and the tensors are of no use
  // meanwhile.
  request_ = {};
  checked_ = {};
  model_counts_->Note(status_.ok(), stats_, submitted_ - arrival_,
                      done_ - arrival_);
  if (status_.ok()) {
    SetMicroseconds(&response_, "layerd_queue_us", stats_.queued);
    SetMicroseconds(&response_, "layerd_compute_us", stats_.computing);
    SetMicroseconds(&response_, "layerd_load_us", stats_.load_wait);
    SetNumber(&response_, "layerd_read_bytes",
              static_cast<int64_t>(stats_.read_bytes));
    SetNumber(&response_, "layerd_preemptions", stats_.preemptions);
  }
  NoteEnd(status_.code());
  // `this` may be gone from here on.
  asked_.by->Answered(status_);
}

}  // namespace layerd
