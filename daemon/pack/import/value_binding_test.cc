#include <cstring>

#include "daemon/pack/import/onnx_test_model.h"
#include "test/catch/catch.h"

namespace layerd {
namespace {

using Shape = std::vector<int64_t>;

// y = Reshape(x, to), where only who asks knows `to`.
TestModel Reshaped() {
  TestModel model(13);
  model.Input("x", {2, 6});
  model.Input("to", {2}, onnx::TensorProto::INT64);
  model.Add("Reshape", {"x", "to"}, {"y"});
  model.Output("y");
  return model;
}

Constant Integers(const std::vector<int64_t>& numbers) {
  Constant value;
  value.dtype = DataType::kI64;
  value.shape = {static_cast<int64_t>(numbers.size())};
  value.held.resize(numbers.size() * sizeof(int64_t));
  std::memcpy(value.held.data(), numbers.data(), value.held.size());
  return value;
}

TEST_CASE("A value makes an input known, and no input any more") {
  const auto graph = Reshaped().Import({}, {{"to", Integers({3, -1})}});
  REQUIRE(graph.ok());
  CHECK(ValueNamed(*graph, "y").shape == Shape{3, 4});
  REQUIRE(graph->inputs.size() == 1);
  CHECK(graph->values[graph->inputs[0]].name == "x");
}

TEST_CASE("Without it the model is refused, and which input decides is said") {
  TestModel sums(13);
  sums.Input("x", {2, 6});
  sums.Input("to", {2}, onnx::TensorProto::INT64);
  sums.Input("more", {2}, onnx::TensorProto::INT64);
  sums.Add("Add", {"to", "more"}, {"sum"});
  sums.Add("Reshape", {"x", "sum"}, {"y"});
  sums.Output("y");

  const absl::Status one = Reshaped().Import().status();
  const absl::Status two = sums.Import().status();

  CHECK_THAT(std::string(one.message()),
             Catch::Contains("follows from the model's input \"to\": bind it"));
  CHECK_THAT(std::string(two.message()),
             Catch::Contains("input \"to\" and \"more\": bind it"));
}

TEST_CASE("Nobody is told to bind what is data") {
  TestModel model(13);
  model.Input("x", {2, 36});
  model.Input("data", {128}, onnx::TensorProto::INT64);
  model.Add("ReduceMax", {"data"}, {"to"});
  model.Add("Reshape", {"x", "to"}, {"y"});
  model.Output("y");

  const absl::Status refused = model.Import().status();

  CHECK_THAT(std::string(refused.message()),
             Catch::Contains("must be known while packing") &&
                 !Catch::Contains("bind it"));
}

TEST_CASE("A value that is not the input's is refused and says why") {
  Constant floats = Integers({3, 4});
  floats.dtype = DataType::kF64;
  struct Row {
    std::string name;
    Constant value;
    const char* words;
  };
  const auto row = GENERATE_COPY(
      values<Row>({{"from", Integers({3, 4}), "\"from\", which is no input"},
                   {"y", Integers({3, 4}), "is no input of the model"},
                   {"to", floats, "\"to\", which is INT64, not FP64"},
                   {"to", Integers({3, 2, 2}), "cannot have the shape [3]"}}));
  const auto graph = Reshaped().Import({}, {{row.name, row.value}});
  REQUIRE(absl::IsInvalidArgument(graph.status()));
  CHECK_THAT(std::string(graph.status().message()), Catch::Contains(row.words));
}

}  // namespace
}  // namespace layerd
