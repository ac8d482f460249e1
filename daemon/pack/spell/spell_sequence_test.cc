// What goes along sequences, against what it is by definition.

#include <cmath>
#include <string>
#include <vector>

#include "daemon/pack/import/onnx_test_model.h"
#include "kernels/reference/reference_backend.h"
#include "test/catch/catch.h"
#include "test/sim/imported_answers.h"

namespace layerd {
namespace {

using Floats = std::vector<float>;

std::vector<Floats> Answers(TestModel& model,
                            const std::vector<Floats>& inputs) {
  return ImportedAnswers(model, inputs, *MakeReferenceBackend());
}

Floats Counted(int64_t count) {
  Floats numbers;
  for (int64_t i = 0; i < count; ++i) {
    numbers.push_back(static_cast<float>(i * 7 % 11) / 4 - 1);
  }
  return numbers;
}

// The lengths are the request's; the model makes whole numbers of them.
TEST_CASE("A sequence is turned round within its length") {
  TestModel model(13);
  model.Input("x", {5, 3});
  model.Input("lengths", {3});
  SetInt(model.Add("Cast", {"lengths"}, {"whole"}), "to",
         onnx::TensorProto::INT64);
  model.Add("ReverseSequence", {"x", "whole"}, {"y"});
  model.Output("y");

  // Of each the sequence and the step.
  const Floats y = Answers(model, {{10, 20, 30,  //
                                    11, 21, 31,  //
                                    12, 22, 32,  //
                                    13, 23, 33,  //
                                    14, 24, 34},
                                   {1, 5, 3}})[0];

  CHECK(y == Floats{10, 24, 32,  //
                    11, 23, 31,  //
                    12, 22, 30,  //
                    13, 21, 33,  //
                    14, 20, 34});
}

TEST_CASE("Batches before steps are turned round as well") {
  TestModel model(13);
  model.Input("x", {2, 3, 2});
  model.Ints("lengths", {2}, {3, 2});
  SetInt(SetInt(model.Add("ReverseSequence", {"x", "lengths"}, {"y"}),
                "batch_axis", 0),
         "time_axis", 1);
  model.Output("y");

  CHECK(Answers(model, {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}})[0] ==
        Floats{4, 5, 2, 3, 0, 1, 8, 9, 6, 7, 10, 11});
}

TEST_CASE("A causal convolution in pieces answers as one over all") {
  constexpr int64_t kChannels = 2, kSteps = 6, kHalf = kSteps / 2, kTaps = 3;
  const auto model_of = [&](int64_t steps, bool has_past) {
    TestModel model(27);
    model.Input("x", {1, kChannels, steps});
    model.Weights("w", {kChannels, 1, kTaps}, Counted(kChannels * kTaps));
    model.Weights("b", {kChannels}, {0.5f, -0.25f});
    std::vector<std::string> inputs = {"x", "w", "b"};
    if (has_past) {
      model.Input("past", {1, kChannels, kTaps - 1});
      inputs.push_back("past");
    }
    SetString(model.Add("CausalConvWithState", inputs, {"y", "state"}),
              "activation", "silu");
    model.Output("y");
    model.Output("state");
    return model;
  };
  const Floats x = Counted(kChannels * kSteps);
  const auto piece = [](const Floats& all, int64_t first) {
    Floats part;
    for (int64_t c = 0; c < kChannels; ++c) {
      const auto begin = all.begin() + c * kSteps + first;
      part.insert(part.end(), begin, begin + kHalf);
    }
    return part;
  };
  TestModel whole = model_of(kSteps, false);
  TestModel first = model_of(kHalf, false), second = model_of(kHalf, true);

  const auto all = Answers(whole, {x});
  const auto begun = Answers(first, {piece(x, 0)});
  const auto ended = Answers(second, {piece(x, kHalf), begun[1]});

  CHECK(begun[0] == piece(all[0], 0));
  CHECK(ended[0] == piece(all[0], kHalf));
  CHECK(ended[1] == all[1]);
  // y[0] of the first channel has seen x[0] only, through the last tap.
  const double sum = x[0] * Counted(kTaps)[kTaps - 1] + 0.5;
  CHECK(all[0][0] == Approx(sum / (1 + std::exp(-sum))));
}

// Two texts of four places, two heads or columns each, and two places written:
// at `begins`, which come as floats.
Floats Written(const char* mode, int64_t axis, const Floats& begins) {
  TestModel model(24);
  const bool is_inner = axis == 1 || axis == -2;
  model.Input("x", {2, is_inner ? 4 : 2, is_inner ? 2 : 4});
  model.Input("u", {2, 2, 2});
  std::vector<std::string> inputs = {"x", "u"};
  std::vector<Floats> given = {{}, {10, 11, 12, 13, 20, 21, 22, 23}};
  for (int i = 0; i < 16; ++i) given[0].push_back(static_cast<float>(i % 8));
  if (!begins.empty()) {
    model.Input("begins", {2});
    SetInt(model.Add("Cast", {"begins"}, {"w"}), "to",
           onnx::TensorProto::INT64);
    inputs.push_back("w");
    given.push_back(begins);
  }
  onnx::NodeProto* node = model.Add("TensorScatter", inputs, {"y"});
  SetString(SetInt(node, "axis", axis), "mode", mode);
  model.Output("y");
  return ImportedAnswers(model, given, *MakeReferenceBackend())[0];
}

TEST_CASE("A cache is written where each text is, or at its first places") {
  CHECK(Written("linear", -2, {}) == Floats{10, 11, 12, 13, 4, 5, 6, 7,  //
                                            20, 21, 22, 23, 4, 5, 6, 7});
  CHECK(Written("linear", 1, {2, 1}) == Floats{0, 1, 2, 3, 10, 11, 12, 13,  //
                                               0, 1, 20, 21, 22, 23, 6, 7});
  CHECK(Written("circular", -2, {3, 0}) ==
        Floats{12, 13, 2, 3, 4, 5, 10, 11, 20, 21, 22, 23, 4, 5, 6, 7});
  CHECK(Written("circular", -1, {3, 1}) ==
        Floats{11, 1, 2, 10, 13, 5, 6, 12, 0, 20, 21, 3, 4, 22, 23, 7});
  // Who counts on is in the next lap.
  CHECK(Written("circular", -2, {7, 4}) == Written("circular", -2, {3, 0}));
}

}  // namespace
}  // namespace layerd
