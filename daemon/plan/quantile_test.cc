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
