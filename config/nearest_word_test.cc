#include "config/nearest_word.h"

#include "test/catch/catch.h"

namespace layerd {
namespace {

TEST_CASE("The nearest word is a hint only if it is near") {
  const std::vector<std::string> words{"pack", "inspect", "status", "run"};

  CHECK(NearestWord("pakc", words) == "pack");
  CHECK(NearestWord("statsu", words) == "status");
  CHECK(NearestWord("rum", words) == "run");
  CHECK(NearestWord("serve", words).empty());
  CHECK(NearestWord("insp", words) == "inspect");
}

}  // namespace
}  // namespace layerd
