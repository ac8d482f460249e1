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

TEST_CASE("Without it the model is refused") {
  CHECK_FALSE(Reshaped().Import().ok());
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
