#include "loader/bell.h"

#include <thread>

#include "test/catch/catch.h"

namespace layerd {
namespace {

TEST_CASE("A ring before the wait is not lost") {
  Bell bell;
  const uint32_t rung = bell.rung();
  bell.Ring();
  bell.WaitFor(rung, Bell::kForEver);
  CHECK(bell.rung() == rung + 1);
}

TEST_CASE("Patience ends") {
  Bell bell;
  bell.WaitFor(bell.rung(), std::chrono::microseconds(10));
  bell.WaitFor(bell.rung(), std::chrono::nanoseconds(-1));
  CHECK(bell.rung() == 0);
}

TEST_CASE("Two that ring for each other never miss a turn") {
  Bell to_left, to_right;
  constexpr uint32_t kTurns = 20'000;
  const auto answer = [](Bell* mine, Bell* other) {
    for (uint32_t turn = 0; turn < kTurns; ++turn) {
      while (mine->rung() == turn) mine->WaitFor(turn, Bell::kForEver);
      other->Ring();
    }
  };
  std::thread right(answer, &to_right, &to_left);
  to_right.Ring();
  std::thread left(answer, &to_left, &to_right);
  left.join();
  right.join();
  CHECK(to_left.rung() == kTurns);
}

}  // namespace
}  // namespace layerd
