// What goes along sequences, against what it is by definition.

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

}  // namespace
}  // namespace layerd
