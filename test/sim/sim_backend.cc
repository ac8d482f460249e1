#include "test/sim/sim_backend.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_format.h"
#include "config/check.h"
#include "config/status_macros.h"
#include "test/kernels/wrapped_kernel.h"

namespace layerd {
namespace {

constexpr std::byte kRubbish{0xff};  // A NaN in every floating type.

class SimKernel : public WrappedKernel {
 public:
  using WrappedKernel::WrappedKernel;

  // Calls visit(offset in bytes) for each element that this part writes.
  template <typename Visit>
  void ForEachWritten(Visit visit) const;

 private:
  bool Writes(const std::vector<int64_t>& index) const;
};

bool IsWithin(int64_t at, const Range& range) {
  return at >= range.first && at < range.first + range.count;
}

bool SimKernel::Writes(const std::vector<int64_t>& index) const {
  if (std::holds_alternative<Convolution>(spec().op)) {
    return IsWithin(index[1], spec().channels) &&
           IsWithin(index[2], spec().rows);
  }
  if (const auto* op = std::get_if<Recurrent>(&spec().op)) {
    const int64_t last = spec().outputs[0].shape[0] - 1;
    return IsWithin(op->is_reverse ? last - index[0] : index[0], spec().rows);
  }
  if (!std::holds_alternative<FullyConnected>(spec().op)) return true;
  int64_t row = 0;
  for (size_t d = 0; d + 1 < index.size(); ++d) {
    row = row * spec().outputs[0].shape[d] + index[d];
  }
  return IsWithin(index.back(), spec().channels) && IsWithin(row, spec().rows);
}

template <typename Visit>
void SimKernel::ForEachWritten(Visit visit) const {
  const TensorType& type = spec().outputs[0];
  const int64_t size = SizeOf(type.dtype);
  std::vector<int64_t> index(type.shape.size(), 0);
  for (int64_t left = type.element_count(); left > 0; --left) {
    int64_t position = 0;
    for (size_t d = 0; d < index.size(); ++d) {
      position += index[d] * type.strides[d];
    }
    if (Writes(index)) visit(position * size);
    for (size_t d = index.size(); d-- > 0;) {
      if (++index[d] < type.shape[d]) break;
      index[d] = 0;
    }
  }
}

}  // namespace

struct SimBackend::Job {
  uint64_t ticket;
  SimKernel* kernel;
  std::vector<const std::byte*> inputs;
  std::vector<std::byte*> outputs;
  const std::byte* weights;
  std::byte* scratch;
  std::byte* decoded;
  std::vector<std::byte> weights_then;  // At Enqueue().
  std::vector<std::byte> output_then;   // When the job's turn came.
};

SimBackend::SimBackend(std::unique_ptr<Backend> inner, uint32_t seed)
    : inner_(std::move(inner)), random_(seed) {}

SimBackend::~SimBackend() {
  LAYERD_CHECK(jobs_.empty(), "tickets that nobody waited for");
}

absl::StatusOr<std::unique_ptr<Kernel>> SimBackend::Prepare(
    const PartSpec& spec) {
  ASSIGN_OR_RETURN(std::unique_ptr<Kernel> inner, inner_->Prepare(spec));
  return std::make_unique<SimKernel>(std::move(inner), spec);
}

absl::StatusOr<Ticket> SimBackend::Enqueue(Kernel& kernel,
                                           const PartMemory& memory) {
  auto* ours = dynamic_cast<SimKernel*>(&kernel);
  LAYERD_CHECK(ours != nullptr, "a kernel of another backend");
  auto job = std::make_unique<Job>();
  job->ticket = ++last_ticket_;
  job->kernel = ours;
  job->inputs.assign(memory.inputs.begin(), memory.inputs.end());
  job->outputs.assign(memory.outputs.begin(), memory.outputs.end());
  job->weights = memory.weights;
  job->scratch = memory.scratch;
  job->decoded = memory.decoded;
  job->weights_then.assign(memory.weights,
                           memory.weights + ours->weight_bytes());
  jobs_.push_back(std::move(job));
  tickets_open_most_ = std::max(tickets_open_most_, jobs_.size());
  // The rest has its turn when those before it have completed: its output may
  // be the memory of their inputs.
  if (jobs_.size() == 1) Begin(*jobs_.front());
  return Ticket{last_ticket_};
}

bool SimBackend::Completed(Ticket ticket) {
  for (uint32_t count = random_() % 3; count > 0 && !jobs_.empty(); --count) {
    CompleteOldest();
  }
  return jobs_.empty() || jobs_.front()->ticket > ticket.value;
}

absl::Status SimBackend::Wait(Ticket ticket) {
  while (!jobs_.empty() && jobs_.front()->ticket <= ticket.value) {
    CompleteOldest();
  }
  return std::exchange(first_error_, absl::OkStatus());
}

void SimBackend::FailTicket(uint64_t count, absl::Status status) {
  failing_ticket_ = last_ticket_ + count;
  failure_ = std::move(status);
}

// An input may be the output's memory, so what was there is kept.
void SimBackend::Begin(Job& job) {
  const size_t size = SizeOf(job.kernel->spec().outputs[0].dtype);
  std::byte* output = job.outputs[0];
  job.kernel->ForEachWritten([&](int64_t offset) {
    job.output_then.insert(job.output_then.end(), output + offset,
                           output + offset + size);
    std::fill(output + offset, output + offset + size, kRubbish);
  });
}

void SimBackend::CompleteOldest() {
  const std::unique_ptr<Job> job = std::move(jobs_.front());
  jobs_.pop_front();
  absl::Status status = Compute(*job);
  if (job->ticket == failing_ticket_) status = failure_;
  if (first_error_.ok()) first_error_ = status;
  if (!jobs_.empty()) Begin(*jobs_.front());
}

absl::Status SimBackend::Compute(Job& job) {
  if (!std::equal(job.weights_then.begin(), job.weights_then.end(),
                  job.weights)) {
    ++misuses_;
    return absl::InternalError(absl::StrFormat(
        "weights of ticket %d changed before it completed", job.ticket));
  }
  const size_t size = SizeOf(job.kernel->spec().outputs[0].dtype);
  std::byte* output = job.outputs[0];
  const std::byte* then = job.output_then.data();
  bool was_written = false;
  job.kernel->ForEachWritten([&](int64_t offset) {
    for (size_t i = 0; i < size; ++i) {
      was_written = was_written || output[offset + i] != kRubbish;
      output[offset + i] = *then++;
    }
  });
  if (was_written) {
    ++misuses_;
    return absl::InternalError(absl::StrFormat(
        "the output of ticket %d was written before it completed", job.ticket));
  }
  ASSIGN_OR_RETURN(const Ticket ticket,
                   inner_->Enqueue(job.kernel->inner(),
                                   {job.inputs, job.weights, job.outputs,
                                    job.scratch, job.decoded}));
  return inner_->Wait(ticket);
}

}  // namespace layerd
