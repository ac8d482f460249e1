#include "daemon/plan/cost_profile.h"

#include "daemon/plan/program_sketch.h"
#include "test/catch/catch.h"

namespace layerd {
namespace {

TEST_CASE("A profile is read back for its file and machine only") {
  const CostProfile measured{
      "f00d", "beef", {1e-3, 2.5e-4, 0}, {2e9, 1e-4, 1.5e9, 2e-4, 8e-5}, 2e-3};
  const std::string json = measured.ToJson();
  const auto read = CostProfile::Parse(json, "f00d", "beef", 3);
  REQUIRE(read.ok());
  CHECK(read->part_seconds == measured.part_seconds);
  CHECK(read->drive.bytes_per_s == 2e9);
  CHECK(read->drive.slow_bytes_per_s == 1.5e9);
  CHECK(read->drive.slow_first_read_seconds == Approx(2e-4));
  CHECK(read->drive.turn_seconds == Approx(8e-5));
  CHECK(read->resident_seconds == 2e-3);
  CHECK(!CostProfile::Parse(json, "f00e", "beef", 3).ok());
  CHECK(!CostProfile::Parse(json, "f00d", "bee0", 3).ok());
  CHECK(!CostProfile::Parse(json, "f00d", "beef", 4).ok());
  CHECK(!CostProfile::Parse(json.substr(0, 9), "f00d", "beef", 3).ok());
}

TEST_CASE("What was seen of parts is read back, within bounds") {
  CostProfile profile{"f", "m", {1e-3}, {}, 0, {16, {0, 7, 4'000'000'000, 1}}};
  const auto read = CostProfile::Parse(profile.ToJson(), "f", "m", 1);
  REQUIRE(read.ok());
  CHECK(read->seen == profile.seen);
  profile.seen.counts.resize(SeenParts::kStepsMax + 1, 1);
  CHECK(!CostProfile::Parse(profile.ToJson(), "f", "m", 1).ok());
  profile.seen = {};
  const auto without = CostProfile::Parse(profile.ToJson(), "f", "m", 1);
  REQUIRE(without.ok());
  CHECK(without->seen.counts.empty());
}

TEST_CASE("A part that takes no time that there is makes no profile") {
  const double seconds = GENERATE(-1.0, 1e9);
  const CostProfile wrong{"f", "m", {seconds}, {}, 0};
  CHECK(!CostProfile::Parse(wrong.ToJson(), "f", "m", 1).ok());
  const CostProfile wrong_whole{"f", "m", {1e-3}, {}, -1};
  CHECK(!CostProfile::Parse(wrong_whole.ToJson(), "f", "m", 1).ok());
}

TEST_CASE("Counted work takes the time of its arithmetic or of its bytes") {
  Program program = Sketch({1 << 20, 4096});
  program.parts[1].work_flops = 1'000'000'000;
  Machine machine = Machine::OfClass("avx2", 4);
  machine.flops_per_s = 100e9;
  machine.memory_bytes_per_s = 1e9;
  const std::vector<double> one = CountedPartSeconds(program, machine, 1);
  REQUIRE(one.size() == 2);
  CHECK(one[0] == Approx((1 << 20) / 1e9).epsilon(0.02));
  CHECK(one[1] == Approx(1e9 / 100e9).epsilon(0.02));
  CHECK(CountedPartSeconds(program, machine, 2)[1] ==
        Approx(1e9 / 200e9).epsilon(0.02));
  // There are no more cores than there are.
  CHECK(CountedPartSeconds(program, machine, 64)[1] ==
        CountedPartSeconds(program, machine, 4)[1]);
}

}  // namespace
}  // namespace layerd
