#include "daemon/serve/request_memory.h"

#include <thread>
#include <vector>

#include "test/catch/catch.h"

namespace layerd {
namespace {

TEST_CASE("Requests share the bound, and one alone is always let in") {
  RequestMemory memory(100);
  CHECK(memory.TryTake(1000, true));
  CHECK(!memory.TryTake(1, true));
  memory.Return(1000);
  CHECK(memory.TryTake(60, true));
  CHECK(memory.TryTake(40, true));
  CHECK(!memory.TryTake(1, true));
  memory.Return(40);
  CHECK(!memory.TryTake(~uint64_t{0}, true));
  CHECK(memory.TryTake(40, true));
}

TEST_CASE("Nothing is lost between threads") {
  RequestMemory memory(1000);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&memory] {
      for (int i = 0; i < 10'000; ++i) {
        if (memory.TryTake(7, true)) memory.Return(7);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(memory.taken_bytes() == 0);
}

TEST_CASE("A quarter is kept for the most urgent") {
  RequestMemory memory(100);
  CHECK(memory.TryTake(60, false));
  CHECK_FALSE(memory.TryTake(16, false));
  CHECK(memory.TryTake(15, false));
  CHECK(memory.TryTake(25, true));
}

}  // namespace
}  // namespace layerd
