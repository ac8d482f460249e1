#ifndef LAYERD_DAEMON_SERVE_METRICS_H_
#define LAYERD_DAEMON_SERVE_METRICS_H_

#include <string>

#include "daemon/engine/engine.h"
#include "daemon/engine/repository.h"
#include "daemon/serve/request_counts.h"
#include "daemon/serve/request_memory.h"

namespace layerd {

// What /metrics tells of.
struct MetricsSources {
  const Engine* engine = nullptr;
  const Repository* repository = nullptr;
  const RequestCounts* counts = nullptr;
  const RequestMemory* request_memory = nullptr;
};

// All that the daemon counts, as Prometheus reads it; `layerd_` before every
// name, seconds and bytes as units. The counters that Triton's dashboards ask
// for are there under its names (`nv_inference_`), and the process under those
// of Prometheus's own clients (`process_`).
//
// Nothing is measured for it and nobody waits: what others count is read.
//
// Threading: any thread.
std::string MetricsText(const MetricsSources& sources, bool ready);

}  // namespace layerd

#endif  // LAYERD_DAEMON_SERVE_METRICS_H_
