#ifndef LAYERD_DAEMON_SERVE_PROMETHEUS_TEXT_H_
#define LAYERD_DAEMON_SERVE_PROMETHEUS_TEXT_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "daemon/serve/latency_histogram.h"

namespace layerd {

// Writes Prometheus's text format, version 0.0.4: families of samples, each
// family said once with what it is.
//
//   PrometheusText text;
//   text.Begin("layerd_reads_total", "counter", "Reads of weights.");
//   text.Add({}, 3);
class PrometheusText {
 public:
  static constexpr char kContentType[] =
      "text/plain; version=0.0.4; charset=utf-8";
  using Labels = std::vector<std::pair<std::string, std::string>>;

  // `type`: counter, gauge or histogram.
  void Begin(const std::string& family, const std::string& type,
             const std::string& help);
  // Of the family begun last.
  void Add(const Labels& labels, double value);
  void Add(const Labels& labels, uint64_t value);
  void Add(const Labels& labels, const LatencyHistogram& histogram);

  // A family of one sample.
  template <typename Number>
  void Tell(const std::string& family, const std::string& type,
            const std::string& help, Number value) {
    Begin(family, type, help);
    Add({}, value);
  }

  const std::string& text() const { return text_; }

 private:
  void Sample(const std::string& name, const Labels& labels,
              const std::string& value);

  std::string family_, text_;
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_SERVE_PROMETHEUS_TEXT_H_
