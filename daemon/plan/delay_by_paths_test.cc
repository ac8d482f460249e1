#include "daemon/plan/delay_by_paths.h"

#include "test/catch/catch.h"

namespace layerd {
namespace {

JobPaths Job(std::vector<double> paths, double base, double across) {
  JobPaths job{.paths = std::move(paths),
               .base_seconds = base,
               .across_seconds = across};
  for (const double path : job.paths) {
    job.alone_seconds = std::max(job.alone_seconds, path);
  }
  return job;
}

TEST_CASE("Jobs without a drive have the textbook's response times") {
  // Burns and Wellings, Real-Time Systems and Programming Languages, task set
  // D of response time analysis: 3, 6, 20.
  const JobPaths a = Job({3}, 3, 0), b = Job({3}, 3, 0), c = Job({5}, 5, 0);
  CHECK(ResponseByPaths({&a}, 0, {}, 7) == 3);
  CHECK(ResponseByPaths({&b}, 0, {{&a, 7}}, 12) == 6);
  CHECK(ResponseByPaths({&c}, 0, {{&a, 7}, {&b, 12}}, 20) == 20);
}

TEST_CASE("A job pays for more than the larger resource once a crossing") {
  const JobPaths urgent = Job({10}, 6, 1);
  const JobPaths one = Job({10}, 10, 0);
  // Three jobs of it: one in full, one across, one with its base.
  CHECK(ResponseByPaths({&one}, 0, {{&urgent, 12}}, 1000) ==
        Approx(10 + 3 * 6 + 4 + 1));
  // With a turn, of four two in full and two across.
  const JobPaths turning = Job({0, 10}, 10, 0);
  CHECK(ResponseByPaths({&turning}, 0, {{&urgent, 12}}, 1000) ==
        Approx(10 + 4 * 6 + 2 * 4 + 2));
}

TEST_CASE("In a level, one job of each goes first") {
  const JobPaths a = Job({4, 9}, 4, 0), b = Job({1, 2}, 1, 0);
  CHECK(ResponseByPaths({&a, &b}, 0, {}, 1000) == 11);
  CHECK(ResponseByPaths({&a, &b}, 0.5, {}, 1000) == 10.5);
}

TEST_CASE("What is late stops the search") {
  const JobPaths a = Job({5}, 5, 0), b = Job({6}, 6, 0);
  CHECK(ResponseByPaths({&b}, 0, {{&a, 6}}, 30) > 30);
}

}  // namespace
}  // namespace layerd
