#include "daemon/serve/prometheus_text.h"

#include <limits>

#include "test/catch/catch.h"

namespace layerd {
namespace {

TEST_CASE("Families are said once, and their samples after") {
  PrometheusText text;
  text.Begin("a_total", "counter", "What is counted.");
  text.Add({}, uint64_t{18446744073709551615u});
  text.Add({{"model", "m"}, {"code", "OK"}}, 0.25);
  text.Begin("b", "gauge", "What goes up and down.");
  text.Add({}, std::numeric_limits<double>::infinity());

  CHECK(text.text() ==
        "# HELP a_total What is counted.\n# TYPE a_total counter\n"
        "a_total 18446744073709551615\n"
        "a_total{model=\"m\",code=\"OK\"} 0.25\n"
        "# HELP b What goes up and down.\n# TYPE b gauge\n"
        "b +Inf\n");
}

TEST_CASE("What would end a label early is escaped") {
  PrometheusText text;
  text.Begin("a", "gauge", "x");
  text.Add({{"reason", "a \"b\" \\ c\nd"}}, uint64_t{1});

  CHECK_THAT(text.text(),
             Catch::EndsWith("a{reason=\"a \\\"b\\\" \\\\ c\\nd\"} 1\n"));
}

TEST_CASE("A histogram's buckets hold all that is not above their bound") {
  using std::chrono::microseconds;
  LatencyHistogram histogram;
  for (const int us : {500, 501, 2'000, 40'000'000}) {
    histogram.Add(microseconds(us));
  }
  PrometheusText text;
  text.Begin("t", "histogram", "x");
  text.Add({{"m", "1"}}, histogram);

  for (const char* line :
       {"t_bucket{m=\"1\",le=\"0.0005\"} 1\n",
        "t_bucket{m=\"1\",le=\"0.001\"} 2\n",
        "t_bucket{m=\"1\",le=\"0.0025\"} 3\n",
        "t_bucket{m=\"1\",le=\"30\"} 3\n", "t_bucket{m=\"1\",le=\"+Inf\"} 4\n",
        "t_sum{m=\"1\"} 40.003001\n", "t_count{m=\"1\"} 4\n"}) {
    CHECK_THAT(text.text(), Catch::Contains(line));
  }
}

}  // namespace
}  // namespace layerd
