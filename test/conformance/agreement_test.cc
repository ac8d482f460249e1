// The rule must say no as well as yes; compare_test.py asks its sister the
// same.

#include "test/conformance/agreement.h"

#include <cmath>
#include <cstring>
#include <limits>

#include "test/catch/catch.h"

namespace layerd {
namespace {

HeldTensor Floats(const std::vector<float>& numbers) {
  HeldTensor tensor;
  tensor.shape = {static_cast<int64_t>(numbers.size())};
  tensor.bytes.resize(numbers.size() * sizeof(float));
  std::memcpy(tensor.bytes.data(), numbers.data(), tensor.bytes.size());
  return tensor;
}

HeldTensor Integer(int64_t number) {
  HeldTensor tensor{DataType::kI64, {}, std::vector<std::byte>(8)};
  std::memcpy(tensor.bytes.data(), &number, sizeof(number));
  return tensor;
}

std::vector<float> Waves() {
  std::vector<float> numbers(100);
  for (size_t i = 0; i < numbers.size(); ++i) {
    numbers[i] = std::sin(static_cast<float>(i));
  }
  return numbers;
}

TEST_CASE("Equal tensors and roundings agree") {
  std::vector<float> rounded = Waves();
  for (float& number : rounded) number *= 1 + 1e-6f;
  CHECK(WhyDifferent(Floats(Waves()), Floats(Waves())).empty());
  CHECK(WhyDifferent(Floats(rounded), Floats(Waves())).empty());
  CHECK(WhyDifferent(Integer(7), Integer(7)).empty());
}

TEST_CASE("One wrong element is found") {
  std::vector<float> numbers = Waves();
  numbers[50] += 0.01f;
  CHECK_THAT(WhyDifferent(Floats(numbers), Floats(Waves())),
             Catch::Contains("element 50"));
  CHECK_FALSE(WhyDifferent(Integer(7), Integer(8)).empty());
}

TEST_CASE("A flat answer differs even within the bound of each element") {
  std::vector<float> want = Waves();
  for (float& number : want) number *= 9e-5f;
  CHECK_THAT(WhyDifferent(Floats(std::vector<float>(100)), Floats(want)),
             Catch::Contains("together"));
}

TEST_CASE("Datatype and shape must be equal, and numbers finite") {
  HeldTensor other = Floats(Waves());
  other.shape = {10, 10};
  CHECK_THAT(WhyDifferent(other, Floats(Waves())), Catch::Contains("shape"));
  CHECK_THAT(WhyDifferent(Integer(7), Floats(Waves())),
             Catch::Contains("datatype"));
  std::vector<float> wild = Waves();
  wild[3] = std::numeric_limits<float>::quiet_NaN();
  CHECK_THAT(WhyDifferent(Floats(wild), Floats(Waves())),
             Catch::Contains("element 3 is nan"));
  CHECK(WhyDifferent(Floats(wild), Floats(wild)).empty());
}

}  // namespace
}  // namespace layerd
