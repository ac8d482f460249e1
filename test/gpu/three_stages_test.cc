#include "test/gpu/three_stages.h"

#include "test/catch/catch.h"
#include "test/gpu/twin/twin.h"

namespace layerd {
namespace {

// Copies of 2, parts of 3.
const std::vector<CudaPartTimes> kAlone = {
    {0, 2, 2, 5}, {5, 7, 7, 10}, {10, 12, 12, 15}};
const std::vector<CudaPartTimes> kQueued = {
    {0, 2, 2, 5}, {2, 4, 5, 8}, {5, 7, 8, 11}};

TEST_CASE("Copies are counted that go on while a part computes") {
  const StageTimes alone = StageTimesOf(kAlone);
  CHECK(alone.wall_seconds == 15);
  CHECK(alone.copying_seconds == 6);
  CHECK(alone.computing_seconds == 9);
  CHECK(alone.beside_seconds == 0);
  CHECK(StageTimesOf(kQueued).beside_seconds == 4);
  CHECK(StageTimesOf({}).wall_seconds == 0);
}

TEST_CASE("The recurrence has a copy stage, and two parts that are queued") {
  CHECK(RecurrenceSeconds(kAlone) == Approx(11));
  CHECK(RecurrenceSeconds({}) == 0);
}

TEST_CASE("What does not overlap is wrong, and so is what takes longer") {
  const double recurrence = RecurrenceSeconds(kAlone);
  CHECK(WrongOf({StageTimesOf(kQueued), recurrence}) == "");
  CHECK_THAT(WrongOf({StageTimesOf(kAlone), recurrence}),
             Catch::Contains("no copy"));
  CHECK_THAT(WrongOf({StageTimesOf(kQueued), recurrence / 2}),
             Catch::Contains("more than 1.05"));
  CHECK_THAT(WrongOf({StageTimesOf(kQueued), recurrence, StageTimesOf(kAlone)}),
             Catch::Contains("brought"));
}

TEST_CASE("On a twin that keeps time, copies go on beside computing") {
  twin::Reset({.seed = 3, .timed = true});
  const auto measured = MeasureThreeStages();
  REQUIRE(measured.ok());
  CHECK(WrongOf(*measured) == "");
  CHECK(measured->brought.copying_seconds == 0);
  CHECK(measured->brought.computing_seconds ==
        Approx(measured->stages.computing_seconds));
  CHECK(twin::FirstAlarm() == "");
}

TEST_CASE("A copy on the stream of kernels is seen") {
  twin::Reset({.seed = 3, .timed = true});
  twin::SetHook([](twin::Call& call) {
    if (call.name == "cudaMemcpyAsync" || call.name == "cudaEventRecord") {
      call.stream = reinterpret_cast<cudaStream_t>(1);
    }
  });
  const auto measured = MeasureThreeStages();
  twin::SetHook(nullptr);
  REQUIRE(measured.ok());
  CHECK_THAT(WrongOf(*measured), Catch::Contains("no copy"));
}

}  // namespace
}  // namespace layerd
