#include "daemon/rt/named_thread.h"

#include <pthread.h>

#include <future>
#include <string>

#include "test/catch/catch.h"

namespace layerd {
namespace {

TEST_CASE("A thread carries its name and is joined") {
  std::promise<void> named;
  std::string seen;
  {
    NamedThread thread("layerd-test", [&] {
      named.get_future().wait();
      char name[16] = {};
      pthread_getname_np(pthread_self(), name, sizeof(name));
      seen = name;
    });
    named.set_value();  // The constructor has given the name by now.
  }
  CHECK(seen == "layerd-test");
}

}  // namespace
}  // namespace layerd
