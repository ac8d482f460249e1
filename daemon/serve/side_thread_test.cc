#include "daemon/serve/side_thread.h"

#include <sys/resource.h>

#include <thread>
#include <vector>

#include "daemon/rt/prompt_thread.h"
#include "test/catch/catch.h"

namespace layerd {
namespace {

TEST_CASE("All that was given is done, in order, before the thread ends") {
  std::vector<int> done;
  {
    SideThread side;
    for (int i = 0; i < 100; ++i) {
      side.Do([&done, i] { done.push_back(i); });
    }
  }
  REQUIRE(done.size() == 100);
  for (int i = 0; i < 100; ++i) CHECK(done[i] == i);
}

TEST_CASE("It is as urgent as any thread, whoever started it") {
  int nice = -99;
  std::thread([&nice] {
    BecomePrompt();
    SideThread side;
    side.Do([&nice] { nice = getpriority(PRIO_PROCESS, 0); });
  }).join();
  CHECK(nice == 0);
}

}  // namespace
}  // namespace layerd
