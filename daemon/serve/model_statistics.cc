#include "daemon/serve/model_statistics.h"

namespace layerd {
namespace {

void Describe(uint64_t count, const ModelCounts::Duration& duration,
              inference::StatisticDuration* message) {
  message->set_count(count);
  message->set_ns(static_cast<uint64_t>(duration.sum().count()));
}

}  // namespace

void Describe(const ModelCounts& counts, inference::ModelStatistics* message) {
  const uint64_t succeeded = counts.succeeded();
  message->set_last_inference(static_cast<uint64_t>(counts.last_ms.load()));
  message->set_inference_count(succeeded);
  message->set_execution_count(succeeded);
  inference::InferStatistics* const all = message->mutable_inference_stats();
  Describe(succeeded, counts.success, all->mutable_success());
  Describe(counts.fail.count(), counts.fail, all->mutable_fail());
  Describe(succeeded, counts.queue, all->mutable_queue());
  Describe(succeeded, counts.input, all->mutable_compute_input());
  Describe(succeeded, counts.infer, all->mutable_compute_infer());
  Describe(succeeded, counts.output, all->mutable_compute_output());
  if (succeeded == 0) return;
  inference::InferBatchStatistics* const batch = message->add_batch_stats();
  batch->set_batch_size(1);
  Describe(succeeded, counts.input, batch->mutable_compute_input());
  Describe(succeeded, counts.infer, batch->mutable_compute_infer());
  Describe(succeeded, counts.output, batch->mutable_compute_output());
}

}  // namespace layerd
