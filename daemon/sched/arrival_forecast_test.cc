#include "daemon/sched/arrival_forecast.h"

#include "test/catch/catch.h"

namespace layerd {
namespace {

using std::chrono::milliseconds;

// Nobody looks behind these addresses.
const Model* Name(uintptr_t number) {
  return reinterpret_cast<const Model*>(number);
}
const Model* const kCamera = Name(8);
const Model* const kRadar = Name(16);
const Model* const kNobody = Name(24);

Instant At(int ms) { return Instant(std::chrono::hours(1) + milliseconds(ms)); }

TEST_CASE("Without a rhythm the most recent is expected") {
  ArrivalForecast forecast;
  forecast.Note(kCamera, At(0));
  forecast.Note(kRadar, At(5));
  CHECK(forecast.Sooner(kRadar, kCamera, At(6)));
  CHECK_FALSE(forecast.Sooner(kCamera, kRadar, At(6)));
  CHECK(forecast.Sooner(kCamera, kNobody, At(6)));
  CHECK_FALSE(forecast.Sooner(kNobody, kCamera, At(6)));
}

TEST_CASE("Of two that come at the same time the later one is expected") {
  ArrivalForecast forecast;
  forecast.Note(kCamera, At(0));
  forecast.Note(kRadar, At(0));
  CHECK(forecast.Sooner(kRadar, kCamera, At(0)));
}

TEST_CASE("Periodic tasks go by phase, not by who was last") {
  ArrivalForecast forecast;
  // A camera each 30 ms; a radar each 100 ms, at 95, 195, ...
  for (int ms = 0; ms <= 180; ms += 30) forecast.Note(kCamera, At(ms));
  forecast.Note(kRadar, At(-5));
  forecast.Note(kRadar, At(95));

  CHECK(forecast.Wait(kCamera, At(182)) == milliseconds(28));
  CHECK(forecast.Wait(kRadar, At(182)) == milliseconds(13));
  CHECK(forecast.Sooner(kRadar, kCamera, At(182)));
  forecast.Note(kRadar, At(195));
  CHECK(forecast.Sooner(kCamera, kRadar, At(196)));
}

TEST_CASE("Who has missed its beat is expected as late as it is away") {
  ArrivalForecast forecast;
  forecast.Note(kCamera, At(0));
  forecast.Note(kCamera, At(30));
  forecast.Note(kRadar, At(500));
  CHECK(forecast.Wait(kCamera, At(70)) == milliseconds(0));
  CHECK(forecast.Wait(kCamera, At(530)) == milliseconds(500));
  CHECK(forecast.Sooner(kRadar, kCamera, At(530)));
}

}  // namespace
}  // namespace layerd
