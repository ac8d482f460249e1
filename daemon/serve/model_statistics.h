#ifndef LAYERD_DAEMON_SERVE_MODEL_STATISTICS_H_
#define LAYERD_DAEMON_SERVE_MODEL_STATISTICS_H_

#include "daemon/serve/request_counts.h"
#include "open_inference.pb.h"

namespace layerd {

// What Triton's statistics extension tells of a model, but for its name. All of
// one success have the same count, also while requests are answered: Triton's
// perf_analyzer ends where the counts of what it computes with differ.
void Describe(const ModelCounts& counts, inference::ModelStatistics* message);

}  // namespace layerd

#endif  // LAYERD_DAEMON_SERVE_MODEL_STATISTICS_H_
