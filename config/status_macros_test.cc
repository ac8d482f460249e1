#include "config/status_macros.h"

#include <memory>

#include "absl/status/statusor.h"
#include "test/catch/catch.h"

namespace layerd {
namespace {

using Number = std::unique_ptr<int>;  // Move-only, as most of our values are.

absl::StatusOr<Number> Half(int of) {
  if (of % 2 != 0) return absl::InvalidArgumentError("odd");
  return std::make_unique<int>(of / 2);
}

absl::StatusOr<int> Quarter(int of) {
  ASSIGN_OR_RETURN(const Number half, Half(of));
  Number quarter;
  ASSIGN_OR_RETURN(quarter, Half(*half));
  return *quarter;
}

absl::Status Count(const absl::Status& first, int* calls) {
  RETURN_IF_ERROR((++*calls, first));
  ++*calls;
  return absl::OkStatus();
}

TEST_CASE("RETURN_IF_ERROR goes on after OK and leaves with anything else") {
  int calls = 0;

  CHECK(Count(absl::OkStatus(), &calls).ok());
  CHECK(calls == 2);
  CHECK(Count(absl::DataLossError("tile 17"), &calls) ==
        absl::DataLossError("tile 17"));
  CHECK(calls == 3);
}

TEST_CASE("ASSIGN_OR_RETURN moves the value out, or leaves with the status") {
  REQUIRE(Quarter(12).ok());
  CHECK(*Quarter(12) == 3);
  CHECK(Quarter(7).status() == absl::InvalidArgumentError("odd"));
  CHECK(Quarter(6).status() == absl::InvalidArgumentError("odd"));
}

}  // namespace
}  // namespace layerd
