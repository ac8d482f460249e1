#include "daemon/rt/named_thread.h"

#include <pthread.h>

#include <string>

#include "test/catch/catch.h"

namespace layerd {
namespace {

TEST_CASE("A thread carries its name and is joined") {
  std::string seen;
  {
    NamedThread thread;
    thread.Start("layerd-test", [&seen] {
      char name[16] = {};
      pthread_getname_np(pthread_self(), name, sizeof(name));
      seen = name;
    });
  }
  CHECK(seen == "layerd-test");
}

}  // namespace
}  // namespace layerd
