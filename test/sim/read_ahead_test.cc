// What executors read ahead, and how they give it up.

#include <cstdint>

#include "test/catch/catch.h"
#include "test/sim/placed_models.h"

namespace layerd {
namespace {

constexpr uint64_t kLowBytes = LoaderOptions{}.inflight_low_bytes;
constexpr size_t kFewLayers = 8;
constexpr size_t kManyLayers = 500;  // Of some MiB.

TEST_CASE(
    "An executor is free for others once what it reads ahead has landed") {
  PlacedModels f({3, 3}, kFewLayers, /*streams=*/true);
  Executor& executor = f.executor(3);
  PlacedModel &expected = f.placed(0), &other = f.placed(1);
  CHECK(executor.FreeFor(other));  // It expects nobody.
  f.drive.Hold();
  executor.Expect(&expected);
  f.AwaitReading();

  CHECK(executor.FreeFor(expected));
  CHECK_FALSE(executor.FreeFor(other));
  CHECK_FALSE(executor.FreeFor(expected));  // It has given way.
  CHECK_FALSE(executor.FreeFor(other));

  f.drive.LetGo();
  for (uint32_t rung = f.bell.rung(); !executor.FreeFor(other);
       rung = f.bell.rung()) {
    f.bell.WaitFor(rung, Bell::kForEver);
  }
  CHECK(f.drive.in_flight() == 0);
  CHECK(f.Run(1).message() == "");
  CHECK(f.Run(0).message() == "");
}

TEST_CASE("What has given way is read ahead for again") {
  PlacedModels f({3, 3}, kFewLayers, /*streams=*/true);
  Executor& executor = f.executor(3);
  PlacedModel &expected = f.placed(0), &other = f.placed(1);
  f.drive.Hold();
  executor.Expect(&expected);
  f.AwaitReading();
  CHECK_FALSE(executor.FreeFor(other));
  CHECK_FALSE(executor.Expect(&expected));  // Nobody waits for the drive.
  f.drive.LetGo();
  for (uint32_t rung = f.bell.rung(); !executor.Expect(&expected);
       rung = f.bell.rung()) {
    f.bell.WaitFor(rung, Bell::kForEver);
  }
  CHECK(executor.FreeFor(expected));
  CHECK(f.Run(0).message() == "");
}

TEST_CASE("Nobody waits to read ahead for another") {
  PlacedModels f({3, 3}, kFewLayers, /*streams=*/true);
  Executor& executor = f.executor(3);
  f.drive.Hold();
  CHECK(executor.Expect(&f.placed(0)));
  f.AwaitReading();
  CHECK_FALSE(executor.Expect(&f.placed(1)));
  CHECK_FALSE(executor.Expect(&f.placed(1)));
  f.drive.LetGo();
  for (uint32_t rung = f.bell.rung(); !executor.Expect(&f.placed(1));
       rung = f.bell.rung()) {
    f.bell.WaitFor(rung, Bell::kForEver);
  }
  CHECK(executor.FreeFor(f.placed(1)));
  CHECK(f.Run(1).message() == "");
}

TEST_CASE("A job in the middle may end once what it reads has landed") {
  PlacedModels f({3}, kManyLayers, /*streams=*/false);
  Executor& executor = f.executor(3);
  f.drive.Hold();
  executor.Begin(&f.placed(0), f.Inputs(0), {}, /*low=*/true);
  f.AwaitReading();
  CHECK_FALSE(executor.MayEnd());
  CHECK(f.drive.in_flight() > 0);
  f.drive.LetGo();
  for (uint32_t rung = f.bell.rung(); !executor.MayEnd();
       rung = f.bell.rung()) {
    f.bell.WaitFor(rung, Bell::kForEver);
  }
  CHECK(f.drive.in_flight() == 0);
  CHECK(executor.stats().read_bytes > 0);
  CHECK(executor.stats().read_bytes <= kLowBytes);  // It read no more.
  executor.End();
  CHECK(f.Run(0).message() == "");
}

// All that is read ahead for the first model, whose weights are resident.
uint64_t BytesInFlightFor(PlacedModels& f) {
  const int level = f.model(0)->level();
  uint64_t weight_bytes = 0;
  for (const Extent& extent : f.model(0)->program().extents) {
    weight_bytes += extent.stored_bytes;
  }
  REQUIRE(weight_bytes > 2 * kLowBytes);
  f.executor(level).Expect(&f.placed(0));
  while (f.read_bytes() < weight_bytes) std::this_thread::yield();
  return f.drive.bytes_in_flight_max();
}

TEST_CASE("For a model alone as much is in flight as the drive likes") {
  PlacedModels f({3}, kManyLayers, /*streams=*/false);
  CHECK(BytesInFlightFor(f) > kLowBytes);
}

// Its request may come any moment, and finds the drive busy for no longer.
TEST_CASE("Beside another model 512 KiB of what is read ahead are in flight") {
  const int other = GENERATE(1, 2, 3);
  INFO("the other at level " << other);
  PlacedModels f({2, other}, kManyLayers, /*streams=*/false);
  CHECK(BytesInFlightFor(f) <= kLowBytes);
}

TEST_CASE("A job that is low has 512 KiB in flight at whatever level") {
  const bool low = GENERATE(false, true);
  INFO("low: " << low);
  PlacedModels f({1}, kManyLayers, /*streams=*/false);
  f.executor(1).Begin(&f.placed(0), f.Inputs(0), {}, low);
  CHECK(f.RunParts(1).message() == "");
  CHECK((f.drive.bytes_in_flight_max() <= kLowBytes) == low);
}

TEST_CASE("A job that was expected reads on as one of its level") {
  const int other = GENERATE(1, 3);
  INFO("the other at level " << other);
  PlacedModels f({2, other}, kManyLayers, /*streams=*/false);
  f.drive.Hold();
  f.executor(2).Expect(&f.placed(0));
  f.AwaitReading();
  f.executor(2).Begin(&f.placed(0), f.Inputs(0));
  f.drive.LetGo();
  CHECK(f.RunParts(2).message() == "");
  CHECK((f.drive.bytes_in_flight_max() > kLowBytes) == (other > 2));
}

}  // namespace
}  // namespace layerd
