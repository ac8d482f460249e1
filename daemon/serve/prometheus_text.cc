#include "daemon/serve/prometheus_text.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"

namespace layerd {
namespace {

std::string Number(double value) {
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  return absl::StrFormat("%.12g", value);
}

std::string Quoted(const std::string& value) {
  return absl::StrCat(
      "\"",
      absl::StrReplaceAll(value,
                          {{"\\", "\\\\"}, {"\"", "\\\""}, {"\n", "\\n"}}),
      "\"");
}

}  // namespace

void PrometheusText::Begin(const std::string& family, const std::string& type,
                           const std::string& help) {
  family_ = family;
  absl::StrAppend(&text_, "# HELP ", family, " ", help, "\n# TYPE ", family,
                  " ", type, "\n");
}

void PrometheusText::Add(const Labels& labels, double value) {
  Sample(family_, labels, Number(value));
}

void PrometheusText::Add(const Labels& labels, uint64_t value) {
  Sample(family_, labels, absl::StrCat(value));
}

void PrometheusText::Add(const Labels& labels,
                         const LatencyHistogram& histogram) {
  Labels bounded = labels;
  bounded.emplace_back("le", "");
  uint64_t count = 0;
  for (size_t i = 0; i <= LatencyHistogram::kBoundsSeconds.size(); ++i) {
    count += histogram.count(i);
    const bool last = i == LatencyHistogram::kBoundsSeconds.size();
    bounded.back().second =
        last ? "+Inf" : Number(LatencyHistogram::kBoundsSeconds[i]);
    Sample(family_ + "_bucket", bounded, absl::StrCat(count));
  }
  Sample(family_ + "_sum", labels,
         Number(std::chrono::duration<double>(histogram.sum()).count()));
  Sample(family_ + "_count", labels, absl::StrCat(count));
}

void PrometheusText::Sample(const std::string& name, const Labels& labels,
                            const std::string& value) {
  absl::StrAppend(&text_, name);
  const char* separator = "{";
  for (const auto& [key, label] : labels) {
    absl::StrAppend(&text_, separator, key, "=", Quoted(label));
    separator = ",";
  }
  absl::StrAppend(&text_, labels.empty() ? " " : "} ", value, "\n");
}

}  // namespace layerd
