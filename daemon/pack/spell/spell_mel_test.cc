// MelWeightMatrix, against what it is by definition, and what it refuses.

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "daemon/pack/import/onnx_test_model.h"
#include "kernels/reference/reference_backend.h"
#include "test/catch/catch.h"
#include "test/sim/imported_answers.h"

namespace layerd {
namespace {

using Floats = std::vector<float>;

struct Bank {
  int64_t filters = 3, length = 32, rate = 8000;
  float low = 0, high = 4000;
};

// A network that applies the bank to a spectrum.
struct Applied {
  explicit Applied(const Bank& bank) {
    model.Input("x", {1, bank.length / 2 + 1});
    model.Ints("filters", {}, {bank.filters});
    model.Ints("length", {1}, {bank.length});
    model.Ints("rate", {}, {bank.rate});
    model.Weights("low", {}, {bank.low});
    model.Weights("high", {}, {bank.high});
    node = model.Add("MelWeightMatrix",
                     {"filters", "length", "rate", "low", "high"}, {"bank"});
    model.Add("MatMul", {"x", "bank"}, {"y"});
    model.Output("y");
  }

  TestModel model{17};
  onnx::NodeProto* node;
};

// What it makes of a spectrum with one frequency at a time.
std::vector<Floats> FiltersOf(const Bank& bank) {
  std::vector<Floats> answers;
  for (int64_t at = 0; at < bank.length / 2 + 1; ++at) {
    Applied applied(bank);
    Floats x(static_cast<size_t>(bank.length / 2 + 1));
    x[static_cast<size_t>(at)] = 1;
    answers.push_back(
        ImportedAnswers(applied.model, {x}, *MakeReferenceBackend())[0]);
  }
  return answers;
}

void CheckNear(const Floats& answer, const std::vector<double>& expected) {
  REQUIRE(answer.size() == expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    INFO("filter " << i);
    CHECK(answer[i] == Approx(expected[i]).epsilon(1e-5).margin(2e-6));
  }
}

TEST_CASE("A bank of filters has triangles as an ear hears them") {
  // The corners are
  // floor(33 * 700 * (10^(mel / 2595) - 1) / 8000) of 0, 429.2, 858.4, ... mel.
  const std::vector<Floats> answers = FiltersOf({3, 32, 8000, 0, 4000});
  const int64_t corners[] = {0, 1, 3, 6, 10};
  for (int64_t at = 0; at < 17; ++at) {
    INFO("frequency " << at);
    std::vector<double> expected;
    for (size_t i = 0; i < 3; ++i) {
      const auto begin = static_cast<double>(corners[i]);
      const auto peak = static_cast<double>(corners[i + 1]);
      const auto end = static_cast<double>(corners[i + 2]);
      const auto place = static_cast<double>(at);
      expected.push_back(
          std::max(0.0, std::min((place - begin) / (peak - begin),
                                 (end - place) / (end - peak))));
    }
    CheckNear(answers[static_cast<size_t>(at)], expected);
  }
}

TEST_CASE("A filter without a width has its peak") {
  // All corners in frequency 0 but for the last ones.
  const std::vector<Floats> answers = FiltersOf({3, 4, 8000, 0, 100});
  CHECK(answers[0] == Floats{1, 1, 1});
  CHECK(answers[1] == Floats{0, 0, 0});
}

TEST_CASE("A bank that is not sound is refused with the reason") {
  static constexpr char kBetween[] =
      "node \"bank\" (MelWeightMatrix, opset 17): its filters do not lie "
      "between 0 and half the sample rate";
  struct Row {
    const char* name;
    Bank bank;
    const char* message;
  };
  constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
  constexpr int64_t kMany = int64_t{1} << 40;
  const auto row = GENERATE_COPY(values<Row>({
      {"no filter", {.filters = 0}, kBetween},
      {"less than none", {.filters = -1}, kBetween},
      {"no length", {.length = 0}, kBetween},
      {"no rate", {.rate = 0}, kBetween},
      {"below 0", {.low = -1}, kBetween},
      {"from high to low", {.low = 300, .high = 200}, kBetween},
      {"above half the rate", {.high = 4001}, kBetween},
      {"from no number", {.low = kNaN}, kBetween},
      {"to no number", {.high = kNaN}, kBetween},
      {"filters without end", {.filters = kMany}, "elements to say it"},
      {"frequencies without end", {.length = 1 << 30}, "elements to say it"},
  }));
  INFO(row.name);
  CHECK(Applied({}).model.Import().ok());
  const auto graph = Applied(row.bank).model.Import();
  INFO(graph.status());
  REQUIRE_FALSE(graph.ok());
  CHECK_THAT(std::string(graph.status().message()),
             Catch::Contains(row.message));
}

TEST_CASE("A bank of other inputs is refused with what is expected") {
  static constexpr char kExpected[] =
      "its inputs are not three integers and two floating numbers";
  struct Row {
    const char* name;
    void (*spoil)(Applied&);
    const char* message;
  };
  const auto row = GENERATE_COPY(values<Row>({
      {"of a request",
       [](Applied& a) {
         a.model.Input("n", {}, onnx::TensorProto::INT64);
         a.node->set_input(0, "n");
       },
       "only supported where all its inputs are known"},
      {"a floating count", [](Applied& a) { a.node->set_input(0, "low"); },
       kExpected},
      {"whole hertz", [](Applied& a) { a.node->set_input(3, "rate"); },
       kExpected},
      {"two lengths",
       [](Applied& a) {
         a.model.Ints("two", {2}, {32, 32});
         a.node->set_input(1, "two");
       },
       kExpected},
      {"a matrix of doubles",
       [](Applied& a) {
         SetInt(a.node, "output_datatype", onnx::TensorProto::DOUBLE);
       },
       "only FP32 matrices are supported"},
      {"an attribute of nobody", [](Applied& a) { SetInt(a.node, "mel", 1); },
       "mel"},
  }));
  INFO(row.name);
  Applied applied({});
  row.spoil(applied);
  const auto graph = applied.model.Import();
  INFO(graph.status());
  REQUIRE_FALSE(graph.ok());
  CHECK_THAT(std::string(graph.status().message()),
             Catch::Contains(row.message));
}

}  // namespace
}  // namespace layerd
