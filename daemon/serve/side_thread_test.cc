#include "daemon/serve/side_thread.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <future>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "daemon/rt/prompt_thread.h"
#include "test/catch/catch.h"

namespace layerd {
namespace {

constexpr int kMost = static_cast<int>(SideThread::kWaitingMax);

bool NotCancelled() { return false; }

// Begins work that lasts until `end` is set; returns once it is being done.
void Occupy(SideThread* side, const std::shared_future<void>& end) {
  std::promise<void> begun;
  side->Do(NotCancelled, [&begun, end](const absl::Status&) {
    begun.set_value();
    end.wait();
  });
  begun.get_future().wait();
}

// What makes the calling thread urgent. Linux tells the slice since 6.12, and 0
// before.
struct Urgency {
  int nice = getpriority(PRIO_PROCESS, 0);
  uint64_t slice_ns = SliceNs();

  static uint64_t SliceNs() {
    uint64_t attributes[6] = {};  // The fourth is that of sched_runtime.
    syscall(SYS_sched_getattr, 0, attributes, sizeof(attributes), 0);
    return attributes[3];
  }
};

TEST_CASE("All that was given is done, in order, before the thread ends") {
  std::vector<int> done;
  {
    SideThread side;
    std::promise<void> end;
    Occupy(&side, end.get_future().share());
    for (int i = 0; i < kMost; ++i) {
      side.Do(NotCancelled, [&done, i](const absl::Status& turn) {
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
    side.Do(NotCancelled, [&](const absl::Status& turn) {
      if (turn.ok() && ++done == kMost) all.set_value();
    });
  }
  side.Do(NotCancelled,
          [&refused](const absl::Status& turn) { refused = turn; });
  CHECK(absl::IsResourceExhausted(refused));
  CHECK(refused.message() ==
        "16 calls for traces and budgets wait already, as many as may: try "
        "again later");
  CHECK(done == 0);

  end.set_value();
  all.get_future().wait();
  std::promise<void> answered;
  later = absl::UnknownError("not asked yet");
  side.Do(NotCancelled, [&](const absl::Status& turn) {
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
    side.Do(NotCancelled,
            [&wanted](const absl::Status& turn) { wanted = turn; });
    is_cancelled = true;
    end.set_value();
  }
  CHECK(absl::IsCancelled(cancelled));
  CHECK(wanted.ok());
}

TEST_CASE("It is as urgent as any thread, whoever started it") {
  Urgency before, prompt, ordinary;
  std::thread([&] {
    before = Urgency();
    BecomePrompt();
    prompt = Urgency();
    SideThread side;
    side.Do(NotCancelled, [&](const absl::Status&) { ordinary = Urgency(); });
  }).join();
  const bool is_nicer = prompt.nice < before.nice;
  const bool is_shorter = prompt.slice_ns < before.slice_ns;
  if (!is_nicer && !is_shorter) {
    WARN("SKIPPED: no thread may become more urgent here");
    return;
  }
  if (is_nicer) CHECK(ordinary.nice == 0);
  if (is_shorter) CHECK(ordinary.slice_ns > prompt.slice_ns);
}

}  // namespace
}  // namespace layerd
