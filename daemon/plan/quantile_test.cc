#include "daemon/plan/quantile.h"

#include "test/catch/catch.h"

namespace layerd {
namespace {

TEST_CASE("A quantile is a value that was measured") {
  const std::vector<double> values = {5, 1, 4, 2, 3};
  CHECK(Quantile(values, 0) == 1);
  CHECK(Quantile(values, 0.5) == 3);
  CHECK(Quantile(values, 0.8) == 4);
  CHECK(Quantile(values, 0.99) == 5);
  CHECK(Quantile({7}, 0.999) == 7);
}

TEST_CASE("The median of an even number lies between the two in the middle") {
  CHECK(Median({4, 1, 3, 2}) == 2.5);
  CHECK(Median({4, 1, 3}) == 3);
  CHECK(Median({6}) == 6);
}

// The ranks of published tables of the sign test.
TEST_CASE(
    "Between which values the median lies depends on how many there are") {
  const auto ranks = [](int count) {
    std::vector<double> values;
    for (int i = count; i > 0; --i) values.push_back(i);
    const auto interval = MedianIntervalOf(values);
    return interval ? std::vector<double>{interval->low, interval->high}
                    : std::vector<double>{};
  };
  CHECK(ranks(0).empty());
  CHECK(ranks(5).empty());
  CHECK(ranks(6) == std::vector<double>{1, 6});
  CHECK(ranks(9) == std::vector<double>{2, 8});
  CHECK(ranks(15) == std::vector<double>{4, 12});
  CHECK(ranks(20) == std::vector<double>{6, 15});
  CHECK(ranks(30) == std::vector<double>{10, 21});
  CHECK(ranks(2000) == std::vector<double>{956, 1045});  // By exact sums.
}

TEST_CASE("Typical parts add up to a typical run") {
  // Each run is late at another part.
  const auto parts = TypicalParts({{1, 1, 4}, {2, 5, 2}, {6, 3, 3}});
  CHECK(parts[0] + parts[1] + parts[2] == Approx(9));
  CHECK(parts[1] / parts[0] == Approx(2));
  CHECK(TypicalParts({{0}, {0}}) == std::vector<double>{0, 0});
  CHECK(TypicalParts({}).empty());
}

}  // namespace
}  // namespace layerd
