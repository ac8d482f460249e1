#include "daemon/ctl/output.h"

#include "test/catch/catch.h"

namespace layerd {
namespace {

TEST_CASE("Columns are aligned, numbers to the right") {
  CHECK(FormatTable({{"layer", "bytes", "operator"},
                     {"conv1", "12", "Convolution"},
                     {"a", "3,456", ""}}) ==
        "layer  bytes  operator\n"
        "conv1     12  Convolution\n"
        "a      3,456\n");
}

TEST_CASE("Counts have a comma at every thousand") {
  CHECK(FormatCount(0) == "0");
  CHECK(FormatCount(999) == "999");
  CHECK(FormatCount(1000) == "1,000");
  CHECK(FormatCount(102440608) == "102,440,608");
}

TEST_CASE("A shape is written as the protocol's clients write it") {
  CHECK(FormatShape({}) == "[]");
  CHECK(FormatShape({1, 3, 224, 224}) == "[1, 3, 224, 224]");
}

}  // namespace
}  // namespace layerd
