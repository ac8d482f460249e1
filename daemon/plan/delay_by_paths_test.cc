#include "daemon/plan/delay_by_paths.h"

#include "test/catch/catch.h"

namespace layerd {
namespace {

JobPaths Job(std::vector<double> paths, CrossedCost crossed) {
  JobPaths job{.paths = std::move(paths), .crossed = std::move(crossed)};
  for (const double path : job.paths) {
    job.alone_seconds = std::max(job.alone_seconds, path);
  }
  return job;
}

JobPaths Job(double seconds) { return Job({seconds}, {seconds, {}, {}}); }

TEST_CASE("Jobs without a drive have the response times of fixed priorities") {
  const JobPaths a = Job(3), b = Job(3), c = Job(5);
  CHECK(ResponseByPaths({{&a}}, 0, {}, 7) == 3);
  CHECK(ResponseByPaths({{&b}}, 0, {{&a, 1, 7}}, 12) == 6);
  CHECK(ResponseByPaths({{&c}}, 0, {{&a, 1, 7}, {&b, 2, 12}}, 20) ==
        5 + 3 * 3 + 2 * 3);  // As often as they come within 20.
}

TEST_CASE("A job pays for more than the larger resource once a crossing") {
  const JobPaths urgent = Job({10}, {6, {3, 0}, {1, 0}});
  const JobPaths one = Job(10);
  // Three jobs of it, of which the one that is on at the arrival takes what it
  // takes alone.
  CHECK(ResponseByPaths({{&one}}, 0, {{&urgent, 1, 12}}, 1000) ==
        Approx(10 + 3 * 6 + 1 + 3));
  // With a turn one of three meets a change to the drive, two one back.
  const JobPaths turning = Job({0, 10}, {10, {}, {}});
  CHECK(ResponseByPaths({{&turning}}, 0, {{&urgent, 1, 12}}, 1000) ==
        Approx(10 + 3 * 6 + 3 + 2 * 1));
}

TEST_CASE("One job of a level is on where a path changes sides") {
  const JobPaths dear = Job({10}, {6, {4, 0}, {0, 0}});
  const JobPaths cheap = Job({8}, {6, {2, 0}, {0, 0}});
  const JobPaths one = Job(10);
  CHECK(ResponseByPaths({{&one}}, 0, {{&dear, 1, 99}, {&cheap, 1, 99}}, 1000) ==
        Approx(10 + 6 + 6 + 4));
  CHECK(ResponseByPaths({{&one}}, 0, {{&dear, 1, 99}, {&cheap, 2, 99}}, 1000) ==
        Approx(10 + 6 + 6 + 4 + 2));
}

TEST_CASE("What has been crossed often costs a little each time") {
  const JobPaths urgent = Job({9}, {6, {2, 0.5}, {1, 0.25}});
  const JobPaths turning = Job({0, 0, 0, 10}, {10, {}, {}});
  // Three changes to the drive and four back, of which the first of each of two
  // jobs are dear.
  CHECK(ResponseByPaths({{&turning}}, 0, {{&urgent, 1, 20}}, 1000) ==
        Approx(10 + 2 * 6 + (2 * 2 + 0.5) + (2 * 1 + 2 * 0.25)));
}

TEST_CASE("The job that is on at the arrival was blocked by itself") {
  const JobPaths urgent = Job({12}, {6, {3, 0}, {1, 0}});
  const JobPaths one = Job(10);
  CHECK(ResponseByPaths({{&one}}, 0, {{&urgent, 1, 99}}, 1000) ==
        Approx(10 + 12));
}

TEST_CASE("In a level, one job of each goes first") {
  const JobPaths a = Job({4, 9}, {4, {}, {}}), b = Job({1, 2}, {1, {}, {}});
  CHECK(ResponseByPaths({{&a, &b}}, 0, {}, 1000) == 11);
  CHECK(ResponseByPaths({{&a, &b}}, 0.5, {}, 1000) == 10.5);
}

TEST_CASE("The first of a level begins after a part of anybody") {
  const JobPaths one = Job(10);
  JobPaths urgent = Job(4);
  urgent.longest_part_seconds = 2;
  CHECK(ResponseByPaths({{&one}}, 0.5, {{&urgent, 1, 99}}, 1000) ==
        10 + 4 + (2 - 0.5));
  // A lower part may be longer, and is in its own path.
  CHECK(ResponseByPaths({{&one}}, 3, {{&urgent, 1, 99}}, 1000) == 10 + 4);
  // Or after all that a device was given.
  CHECK(ResponseByPaths({{&one}}, 3, {{&urgent, 1, 99}}, 1000, 5) ==
        10 + 4 + 2);
}

TEST_CASE("By deadline, others of the level come again, and one had begun") {
  const JobPaths a = Job(3), b = Job(2), c = Job(4);
  const LevelJobs level{{&a, &b, &b, &c}, {&b, &c}};
  CHECK(ResponseByPaths(level, 0, {}, 1000) == 3 + 4 + 2 * 2 + 4);
  // With a more urgent task whose turn comes twice in that time.
  const JobPaths urgent = Job(1);
  CHECK(ResponseByPaths(level, 0, {{&urgent, 1, 10}}, 1000) ==
        3 + 4 + 2 * 2 + 4 + 2 * 1);
}

TEST_CASE("What had begun may be another job for each number of turns") {
  const JobPaths own = Job(1);
  const JobPaths straight = Job(5);
  const JobPaths turning = Job({2, 4}, {4, {}, {}});
  const JobPaths urgent = Job({10}, {6, {3, 0}, {1, 0}});
  // The worst is that `straight` had begun and `turning` makes its turn.
  CHECK(ResponseByPaths({{&own, &straight, &turning}, {&straight, &turning}}, 0,
                        {{&urgent, 1, 99}},
                        1000) == Approx(1 + 5 + 5 + 4 + 6 + 3 + 1));
}

TEST_CASE("What is late stops the search") {
  const JobPaths a = Job(5), b = Job(6);
  CHECK(ResponseByPaths({{&b}}, 0, {{&a, 1, 6}}, 30) > 30);
}

}  // namespace
}  // namespace layerd
