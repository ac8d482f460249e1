#include "config/byte_size.h"

#include "test/catch/catch.h"

namespace layerd {
namespace {

TEST_CASE("Sizes are read in the units people write") {
  struct Row {
    const char* text;
    uint64_t bytes;
  };
  const auto row = GENERATE(values<Row>({{"0", 0},
                                         {"4096", 4096},
                                         {"12B", 12},
                                         {"64KiB", 65536},
                                         {"1.5MiB", 1572864},
                                         {"2GiB", 2147483648},
                                         {"all", kAllBytes}}));
  INFO(row.text);
  REQUIRE(ParseByteSize(row.text).ok());
  CHECK(*ParseByteSize(row.text) == row.bytes);
}

TEST_CASE("What is no size is refused with examples") {
  const char* text = GENERATE("", "MiB", "-1", "1.5", "4 potatoes", "1e30GiB",
                              "nan", "64MB", "0x10");
  INFO(text);
  const auto size = ParseByteSize(text);
  REQUIRE(!size.ok());
  CHECK_THAT(std::string(size.status().message()), Catch::Contains("64KiB"));
}

TEST_CASE("Sizes are shown short") {
  CHECK(FormatByteSize(0) == "0 B");
  CHECK(FormatByteSize(1536) == "1.5 KiB");
  CHECK(FormatByteSize(64 << 20) == "64 MiB");
  CHECK(FormatByteSize(kAllBytes) == "all");
}

}  // namespace
}  // namespace layerd
