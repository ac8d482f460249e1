#include "daemon/sched/admission.h"

#include <string>

#include "test/catch/catch.h"

namespace layerd {
namespace {

using std::chrono::milliseconds;

constexpr Instant kNow{std::chrono::hours(1)};

absl::Status Admit(int deadline_ms, int ahead_ms, int own_ms) {
  return AdmitByPrediction(kNow, kNow + milliseconds(deadline_ms), 2,
                           milliseconds(ahead_ms), milliseconds(own_ms));
}

TEST_CASE("Who can be on time is let in, to the last moment") {
  CHECK(Admit(30, 0, 30).ok());
  CHECK(Admit(30, 20, 10).ok());
  CHECK(AdmitByPrediction(kNow, Instant::max(), 4, std::chrono::hours(9),
                          std::chrono::hours(9))
            .ok());
}

TEST_CASE("Who cannot be on time is refused with the arithmetic") {
  const absl::Status refused = Admit(30, 21, 10);
  REQUIRE(absl::IsResourceExhausted(refused));
  CHECK_THAT(std::string(refused.message()),
             Catch::Contains("31.000") && Catch::Contains("30.000") &&
                 Catch::Contains("10.000") && Catch::Contains("21.000 ms") &&
                 Catch::Contains("level 2"));
}

TEST_CASE("Who is late already is told so") {
  CHECK(absl::IsDeadlineExceeded(Admit(-1, 0, 0)));
}

}  // namespace
}  // namespace layerd
