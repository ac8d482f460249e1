#include "daemon/sched/broken_promise.h"

#include "test/catch/catch.h"

namespace layerd {
namespace {

using std::chrono::milliseconds;

TEST_CASE("A late answer names what did not hold") {
  struct Row {
    const char* name;
    LateAnswer answer;
    Assumption broken;
  };
  const auto row = GENERATE(values<Row>({
      {"it computed longer than planned",
       {.late = milliseconds(3), .over_plan = milliseconds(3)},
       Assumption::kCompute},
      {"because somebody else had its processor",
       {.late = milliseconds(3),
        .over_plan = milliseconds(3),
        .taken = milliseconds(4)},
       Assumption::kProcessor},
      {"it computed less than planned and did not have its processor",
       {.late = milliseconds(3),
        .over_plan = milliseconds(-1),
        .taken = milliseconds(3)},
       Assumption::kProcessor},
      {"a little taken explains no long overrun",
       {.late = milliseconds(9),
        .over_plan = milliseconds(9),
        .taken = milliseconds(1)},
       Assumption::kCompute},
      {"others computed longer, whatever it waited for",
       {.late = milliseconds(3),
        .waited = milliseconds(5),
        .others_overran = true},
       Assumption::kCompute},
      {"the drive kept it",
       {.late = milliseconds(3), .waited = milliseconds(5)},
       Assumption::kDrive},
      {"not for long enough",
       {.late = milliseconds(3), .waited = milliseconds(2)},
       Assumption::kOther},
  }));
  INFO(row.name);
  CHECK(BrokenBy(row.answer) == row.broken);
}

}  // namespace
}  // namespace layerd
