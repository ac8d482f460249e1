#include "daemon/rt/loader_hurry.h"

#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <future>
#include <thread>

#include "daemon/rt/realtime.h"
#include "test/catch/catch.h"
#include "test/scratch/no_rights.h"

namespace layerd {
namespace {

constexpr int kAsNiceAsCanBe = 19;  // Everybody may be, wherever he begins.

// A loader that only waits, and how the kernel schedules it.
class Loader {
 public:
  explicit Loader(bool realtime) {
    std::promise<pid_t> begun;
    thread_ = std::thread([&, this, end = end_.get_future()]() mutable {
      if (realtime) {
        BecomeRealtime(RealtimeRole::kLoader);
      } else {
        setpriority(PRIO_PROCESS, gettid(), kAsNiceAsCanBe);
      }
      hurry.Begin();
      begun.set_value(gettid());
      end.wait();
      hurry.End();
    });
    id_ = begun.get_future().get();
  }
  ~Loader() {
    end_.set_value();
    thread_.join();
  }
  int policy() const { return sched_getscheduler(id_); }
  int nice() const { return getpriority(PRIO_PROCESS, id_); }

  LoaderHurry hurry;

 private:
  std::promise<void> end_;
  std::thread thread_;
  pid_t id_ = 0;
};

// What anybody who has no rights may have of it, in this process.
rlim_t RealtimePriorityMax() {
  rlimit limit{};
  getrlimit(RLIMIT_RTPRIO, &limit);
  return limit.rlim_cur;
}

TEST_CASE("A loader takes its turn among others, or goes before them") {
  Loader loader(/*realtime=*/true);
  if (loader.policy() != SCHED_FIFO) {
    WARN("SKIPPED: this user may have no real-time priority");
    return;
  }

  loader.hurry.Set(false);
  CHECK(loader.policy() == SCHED_OTHER);
  CHECK(loader.nice() == 0);
  loader.hurry.Set(true);
  CHECK(loader.policy() == SCHED_FIFO);
  CHECK(loader.hurry.refused() == 0);
}

TEST_CASE(
    "That a loader may not hurry again is counted, and it may try again") {
  Loader loader(/*realtime=*/true);
  if (loader.policy() != SCHED_FIFO || RealtimePriorityMax() > 0) {
    WARN("SKIPPED: this user may have no real-time priority, or always");
    return;
  }

  loader.hurry.Set(false);
  bool has_none = false;
  std::thread([&] {
    has_none = GiveUpAllRights();
    for (int i = 0; i < 2; ++i) loader.hurry.Set(true);
  }).join();
  REQUIRE(has_none);
  CHECK(loader.hurry.refused() == 2);
  CHECK(loader.policy() == SCHED_OTHER);

  loader.hurry.Set(true);
  CHECK(loader.policy() == SCHED_FIFO);
  CHECK(loader.hurry.refused() == 2);
}

TEST_CASE("A loader that is no real-time one stays as it is") {
  Loader loader(/*realtime=*/false);
  const int before = loader.nice();
  for (const bool hurries : {false, true}) {
    loader.hurry.Set(hurries);
    CHECK(loader.policy() == SCHED_OTHER);
    CHECK(loader.nice() == before);
  }
  CHECK(loader.hurry.refused() == 0);
}

}  // namespace
}  // namespace layerd
