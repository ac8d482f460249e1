#include "config/read_text.h"

#include <string>

#include "test/catch/catch.h"

namespace layerd {
namespace {

// A regular file, and reading it is answered as by a drive that is dying.
TEST_CASE("A file that is there and cannot be read is an error") {
  const auto text = ReadTextFile("/proc/self/mem");
  REQUIRE(!text.ok());
  CHECK_THAT(std::string(text.status().message()),
             Catch::Contains("/proc/self/mem"));
}

}  // namespace
}  // namespace layerd
