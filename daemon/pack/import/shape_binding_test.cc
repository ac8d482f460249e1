#include "daemon/pack/import/onnx_test_model.h"
#include "test/catch/catch.h"

namespace layerd {
namespace {

using Shape = std::vector<int64_t>;

// image [batch, 3, height, width] and mask [batch, 1, height, ?].
TestModel Free() {
  TestModel model(13);
  auto* image = model.Input("image", {0, 3, 0, 0});
  auto* mask = model.Input("mask", {0, 1, 0, 0});
  const auto name = [](onnx::ValueInfoProto* input, int i, const char* called) {
    input->mutable_type()
        ->mutable_tensor_type()
        ->mutable_shape()
        ->mutable_dim(i)
        ->set_dim_param(called);
  };
  name(image, 0, "batch");
  name(image, 2, "height");
  name(image, 3, "width");
  name(mask, 0, "batch");
  name(mask, 2, "height");
  model.Add("Mul", {"image", "mask"}, {"y"});
  model.Output("y");
  return model;
}

TEST_CASE("A free batch is 1") {
  TestModel model(13);
  model.Input("x", {0, 4});
  model.Add("Relu", {"x"}, {"y"});
  model.Output("y");
  const auto graph = model.Import();
  REQUIRE(graph.ok());
  CHECK(ValueNamed(*graph, "y").shape == Shape{1, 4});
  const auto batched = model.Import({{"x", {8, 4}}});
  REQUIRE(batched.ok());
  CHECK(ValueNamed(*batched, "y").shape == Shape{8, 4});
}

TEST_CASE("Any other free dimension asks for a --shape line") {
  const auto graph = Free().Import();
  REQUIRE(absl::IsInvalidArgument(graph.status()));
  CHECK(graph.status().message() ==
        "input \"image\": its shape [<batch>, 3, <height>, <width>] is free "
        "beyond the batch; say --shape image=1,3,<height>,<width> with a "
        "number for <height>, <width>");
}

TEST_CASE("A bound dimension binds those of its name elsewhere") {
  const auto graph =
      Free().Import({{"image", {2, 3, 64, 48}}, {"mask", {2, 1, 64, 48}}});
  REQUIRE(graph.ok());
  const auto asks = Free().Import({{"image", {2, 3, 64, 48}}});
  CHECK_THAT(std::string(asks.status().message()),
             Catch::Contains("--shape mask=2,1,64,<dimension 3> with a number "
                             "for <dimension 3>"));

  TestModel model(13);
  for (const char* input : {"a", "b"}) {
    model.Input(input, {0, 0})
        ->mutable_type()
        ->mutable_tensor_type()
        ->mutable_shape()
        ->mutable_dim(1)
        ->set_dim_param("tokens");
  }
  model.Add("Add", {"a", "b"}, {"y"});
  model.Output("y");
  const auto tokens = model.Import({{"b", {1, 16}}});
  INFO(tokens.status());
  REQUIRE(tokens.ok());
  CHECK(ValueNamed(*tokens, "a").shape == Shape{1, 16});
}

TEST_CASE("A dimension that is called a sum of bound ones is it") {
  struct Row {
    const char* called;
    int64_t expected;  // 0: it is asked for.
  };
  const auto row = GENERATE(values<Row>({{"past + tokens", 11},
                                         {"past+1", 8},
                                         {"1 + tokens + past", 12},
                                         {"past + others", 0},
                                         {"past + -1", 0},
                                         {"past +", 0},
                                         {"two + 1", 0},
                                         {"+", 0},
                                         {"past - 1", 0}}));
  INFO(row.called);
  TestModel model(13);
  const auto input = [&](const char* name, std::vector<const char*> called) {
    auto* shape = model.Input(name, Shape(called.size(), 0))
                      ->mutable_type()
                      ->mutable_tensor_type()
                      ->mutable_shape();
    for (size_t i = 0; i < called.size(); ++i) {
      shape->mutable_dim(static_cast<int>(i))->set_dim_param(called[i]);
    }
    model.Add("Relu", {name}, {std::string(name) + ".y"});
    model.Output(std::string(name) + ".y");
  };
  input("mask", {"batch", row.called});
  input("x", {"batch", "tokens", "two"});
  input("keys", {"batch", "past", "two"});

  const auto graph = model.Import({{"x", {1, 4, 5}}, {"keys", {1, 7, 6}}});

  REQUIRE(graph.ok() == (row.expected != 0));
  if (graph.ok()) {
    CHECK(ValueNamed(*graph, "mask").shape == Shape{1, row.expected});
  } else {
    CHECK_THAT(std::string(graph.status().message()),
               Catch::Contains("say --shape mask=1,<"));
  }
}

TEST_CASE("A shape that cannot be is refused with what the model says") {
  struct Row {
    const char* name;
    ShapeBindings shapes;
    const char* message;
  };
  // clang-format off
  const auto row = GENERATE(values<Row>({
      {"contradicts", {{"image", {1, 4, 8, 8}}}, "input \"image\": the shape given, [1, 4, 8, 8], contradicts the model's [<batch>, 3, <height>, <width>]"},
      {"rank", {{"image", {1, 3, 8}}}, "contradicts"},
      {"negative", {{"image", {1, 3, -8, 8}}}, "a negative dimension"},
      {"huge", {{"image", {1, 3, INT64_MAX, 8}}}, "too large"},
      {"no input", {{"imag", {1, 3, 8, 8}}}, "\"imag\", which is no input of the model; its inputs: image, mask"},
  }));
  // clang-format on
  INFO(row.name);
  const auto graph = Free().Import(row.shapes);
  REQUIRE(absl::IsInvalidArgument(graph.status()));
  CHECK_THAT(std::string(graph.status().message()),
             Catch::Contains(row.message));
}

TEST_CASE("An input without a shape asks for all of it, \"=\" escaped") {
  TestModel model(13);
  model.Input("a=b", {})->mutable_type()->mutable_tensor_type()->clear_shape();
  model.Add("Relu", {"a=b"}, {"y"});
  model.Output("y");
  CHECK_THAT(std::string(model.Import().status().message()),
             Catch::Contains("--shape a\\=b=<dimension 0>"));
  const auto graph = model.Import({{"a=b", {2, 3}}});
  REQUIRE(graph.ok());
  CHECK(ValueNamed(*graph, "y").shape == Shape{2, 3});
}

TEST_CASE("A past of length 0 is known, and what follows it is all there is") {
  TestModel model(13);
  model.Input("past", {1, 2, 0, 4});
  model.Input("x", {1, 2, 3, 4});
  SetInt(model.Add("Concat", {"past", "x"}, {"present"}), "axis", 2);
  model.Output("present");
  model.Add("Relu", {"past"}, {"none"});
  model.Output("none");
  CHECK(!model.Import().ok());  // 0 is how exporters say that it is free.

  const auto graph = model.Import({{"past", {1, 2, 0, 4}}});

  INFO(graph.status());
  REQUIRE(graph.ok());
  CHECK(graph->inputs.size() == 2);
  CHECK(ValueNamed(*graph, "past").constant >= 0);
  CHECK(ValueNamed(*graph, "present").shape == Shape{1, 2, 3, 4});
  CHECK(ValueNamed(*graph, "none").shape == Shape{1, 2, 0, 4});
  REQUIRE(graph->nodes.size() == 1);
  CHECK(graph->nodes[0].op_type == "Identity");
}

}  // namespace
}  // namespace layerd
