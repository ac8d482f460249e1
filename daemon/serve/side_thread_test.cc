#include "daemon/serve/side_thread.h"

#include <sys/resource.h>

#include <atomic>
#include <future>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "daemon/rt/prompt_thread.h"
#include "test/catch/catch.h"

namespace layerd {
namespace {

constexpr int kMost = static_cast<int>(SideThread::kWaitingMax);

bool Wanted() { return false; }

// Begins work that lasts until `end` is set; returns once it is being done.
void Occupy(SideThread* side, const std::shared_future<void>& end) {
  std::promise<void> begun;
  side->Do(Wanted, [&begun, end](const absl::Status&) {
    begun.set_value();
    end.wait();
  });
  begun.get_future().wait();
}

int Nice() { return getpriority(PRIO_PROCESS, 0); }

TEST_CASE("All that was given is done, in order, before the thread ends") {
  std::vector<int> done;
  {
    SideThread side;
    std::promise<void> end;
    Occupy(&side, end.get_future().share());
    for (int i = 0; i < kMost; ++i) {
      side.Do(Wanted, [&done, i](const absl::Status& turn) {
        if (turn.ok()) done.push_back(i);
      });
    }
    end.set_value();
  }
  REQUIRE(done.size() == SideThread::kWaitingMax);
  for (int i = 0; i < kMost; ++i) CHECK(done[i] == i);
}

TEST_CASE(
    "One more than may wait is refused at once, and there is room later") {
  std::promise<void> end;
  absl::Status refused, later;
  std::atomic<int> done{0};
  SideThread side;
  Occupy(&side, end.get_future().share());
  std::promise<void> all;
  for (int i = 0; i < kMost; ++i) {
    side.Do(Wanted, [&](const absl::Status& turn) {
      if (turn.ok() && ++done == kMost) all.set_value();
    });
  }
  side.Do(Wanted, [&refused](const absl::Status& turn) { refused = turn; });
  CHECK(absl::IsResourceExhausted(refused));
  CHECK(refused.message() ==
        "16 calls for traces and budgets wait already, as many as may: try "
        "again later");
  CHECK(done == 0);

  end.set_value();
  all.get_future().wait();
  std::promise<void> answered;
  later = absl::UnknownError("not asked yet");
  side.Do(Wanted, [&](const absl::Status& turn) {
    later = turn;
    answered.set_value();
  });
  answered.get_future().wait();
  CHECK(later.ok());
}

TEST_CASE("Whether work is wanted is asked when its turn comes") {
  bool is_cancelled = false;
  absl::Status cancelled, wanted = absl::UnknownError("not asked yet");
  {
    SideThread side;
    std::promise<void> end;
    Occupy(&side, end.get_future().share());
    side.Do([&is_cancelled] { return is_cancelled; },
            [&cancelled](const absl::Status& turn) { cancelled = turn; });
    side.Do(Wanted, [&wanted](const absl::Status& turn) { wanted = turn; });
    is_cancelled = true;
    end.set_value();
  }
  CHECK(absl::IsCancelled(cancelled));
  CHECK(wanted.ok());
}

TEST_CASE("It is as urgent as any thread, whoever started it") {
  int before = 0, prompt = 0, side_nice = -99;
  std::thread([&] {
    before = Nice();
    BecomePrompt();
    prompt = Nice();
    SideThread side;
    side.Do(Wanted, [&](const absl::Status&) { side_nice = Nice(); });
  }).join();
  if (prompt >= before) {
    WARN(
        "no thread may become more urgent here (CAP_SYS_NICE, or a limit of "
        "nice): nothing is proved");
    return;
  }
  CHECK(side_nice == 0);
}

}  // namespace
}  // namespace layerd
