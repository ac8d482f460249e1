#include "kernels/operator.h"

#include <string>

#include "test/catch/catch.h"

namespace layerd {
namespace {

TEST_CASE("An operator knows its name") {
  CHECK(NameOf(Operator(Convolution{})) == std::string("Convolution"));
  CHECK(NameOf(Operator(Lrn{})) == std::string("Lrn"));
  CHECK(NameOf(Operator(Copy{})) == std::string("Copy"));
}

}  // namespace
}  // namespace layerd
