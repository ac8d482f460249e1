#include "daemon/ctl/accuracy.h"

#include <cmath>
#include <cstring>
#include <limits>

#include "test/catch/catch.h"

namespace layerd {
namespace {

Array ArrayOf(const std::vector<float>& numbers, int64_t rows) {
  Array array{DataType::kF32,
              {rows, static_cast<int64_t>(numbers.size()) / rows},
              std::string(numbers.size() * sizeof(float), '\0')};
  std::memcpy(array.bytes.data(), numbers.data(), array.bytes.size());
  return array;
}

TEST_CASE("Differences are summed over inputs, outputs each by themselves") {
  AccuracyOf sums({"logits", "box"});
  sums.Add({ArrayOf({1, 2, 9, 4}, 2), ArrayOf({7}, 1)},
           {ArrayOf({1, 2.5f, 9, 4}, 2), ArrayOf({7}, 1)});
  sums.Add({ArrayOf({-1, 0, 3, 4}, 2), ArrayOf({7}, 1)},
           {ArrayOf({-1, 0, 4.5f, 4}, 2), ArrayOf({6}, 1)});

  const Accuracy accuracy = sums.Finish(true);

  CHECK(accuracy.inputs == 2);
  REQUIRE(accuracy.outputs.size() == 2);
  const OutputAccuracy& logits = accuracy.outputs[0];
  CHECK(logits.name == "logits");
  CHECK(logits.largest_difference == 1.5);
  CHECK(logits.mean_difference == 2.0 / 8);
  CHECK(logits.spread == 10);
  CHECK(logits.rows == 4);
  CHECK(logits.rows_same_largest == 3);
  CHECK(accuracy.outputs[1].mean_difference == 0.5);
  CHECK(accuracy.outputs[1].spread == 0);
}

TEST_CASE("What is no number any more is a difference without bound") {
  const float nan = std::nanf("");
  AccuracyOf sums({"y"});
  sums.Add({ArrayOf({1, nan}, 1)}, {ArrayOf({nan, nan}, 1)});
  CHECK(std::isinf(sums.Finish(true).outputs[0].largest_difference));
  AccuracyOf same({"y"});
  const float infinity = std::numeric_limits<float>::infinity();
  same.Add({ArrayOf({infinity, nan}, 1)}, {ArrayOf({infinity, nan}, 1)});
  CHECK(same.Finish(true).outputs[0].largest_difference == 0);
}

TEST_CASE("The report says how much of the spread that is, and of what") {
  AccuracyOf sums({"logits"});
  sums.Add({ArrayOf({0, 50}, 1)}, {ArrayOf({1, 50}, 1)});
  const Accuracy accuracy = sums.Finish(false);
  JsonWriter json;
  json.BeginObject();
  AddAccuracy(accuracy, &json);
  json.EndObject();
  const std::string text = json.Finish();
  CHECK_THAT(text, Catch::Contains("\"largest_difference_pct\": 2") &&
                       Catch::Contains("\"mean_difference_pct\": 1") &&
                       Catch::Contains("\"seeded\": false"));
  CHECK_THAT(AccuracyText(accuracy, "i8"),
             Catch::Contains("i8 costs logits") && Catch::Contains("2 %") &&
                 Catch::Contains("1 given input\n"));
}

}  // namespace
}  // namespace layerd
