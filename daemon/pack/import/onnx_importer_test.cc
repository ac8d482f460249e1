#include "daemon/pack/import/onnx_importer.h"

#include <functional>

#include "daemon/pack/import/onnx_test_model.h"
#include "test/catch/catch.h"

namespace layerd {
namespace {

using Adds = std::function<void(TestModel&)>;
using onnx::TensorProto;

// x [1, 4] -> Relu -> y, which rows spoil.
TestModel Small(int64_t opset = 13) {
  TestModel model(opset);
  model.Input("x", {1, 4});
  model.Add("Relu", {"x"}, {"y"});
  model.Output("y");
  return model;
}

struct Row {
  const char* name;
  Adds spoil;
  absl::StatusCode code;
  const char* message;
};

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr auto kUnsupported = absl::StatusCode::kUnimplemented;

void CheckRefused(const Row& row) {
  INFO(row.name);
  TestModel model = Small();
  row.spoil(model);
  const auto graph = model.Import();
  INFO(graph.status());
  REQUIRE(graph.status().code() == row.code);
  CHECK_THAT(std::string(graph.status().message()),
             Catch::Contains(row.message));
}

// clang-format off
TEST_CASE("A model of another time or dialect is refused by name") {
  CheckRefused(GENERATE(values<Row>({
      {"IR 2", [](TestModel& m) { m.proto.set_ir_version(2); }, kUnsupported, "IR version 2; versions 3 to"},
      {"IR 99", [](TestModel& m) { m.proto.set_ir_version(99); }, kUnsupported, "IR version 99"},
      {"no IR", [](TestModel& m) { m.proto.clear_ir_version(); }, kInvalid, "not an ONNX file: it has no ir_version"},
      {"no graph", [](TestModel& m) { m.proto.clear_graph(); }, kInvalid, "it has no graph"},
      {"opset 0", [](TestModel& m) { m.proto.mutable_opset_import(0)->set_version(0); }, kUnsupported, "opset 0; opsets 1 to 28"},
      {"opset 29", [](TestModel& m) { m.proto.mutable_opset_import(0)->set_version(29); }, kUnsupported, "opset 29"},
      {"no opset", [](TestModel& m) { m.proto.mutable_opset_import(0)->set_domain("ai.onnx.ml"); }, kInvalid, "no opset"},
      {"two opsets", [](TestModel& m) { auto* o = m.proto.add_opset_import(); o->set_domain("ai.onnx"); o->set_version(12); }, kInvalid, "opset 13 and opset 12"},
      {"domain", [](TestModel& m) { m.proto.mutable_graph()->mutable_node(0)->set_domain("com.microsoft"); }, kUnsupported, "node \"y\" (com.microsoft.Relu, opset 13): the operator is of domain \"com.microsoft\""},
      {"experts", [](TestModel& m) { m.proto.mutable_graph()->mutable_node(0)->set_op_type("QMoE"); m.proto.mutable_graph()->mutable_node(0)->set_domain("com.microsoft"); }, kUnsupported, "export them as the matrix products"},
      {"a search", [](TestModel& m) { m.proto.mutable_graph()->mutable_node(0)->set_op_type("BeamSearch"); m.proto.mutable_graph()->mutable_node(0)->set_domain("com.microsoft"); }, kUnsupported, "search in the client"},
      {"subgraph", [](TestModel& m) { auto* a = m.proto.mutable_graph()->mutable_node(0)->add_attribute(); a->set_name("then_branch"); a->set_type(onnx::AttributeProto::GRAPH); a->mutable_g()->set_name("g"); }, kUnsupported, "node \"y\" (Relu, opset 13): attribute \"then_branch\" is a graph"},
      {"sparse attribute", [](TestModel& m) { auto* a = m.proto.mutable_graph()->mutable_node(0)->add_attribute(); a->set_name("v"); a->mutable_sparse_tensor(); }, kUnsupported, "\"v\" is a sparse tensor"},
      {"function's attribute", [](TestModel& m) { m.proto.mutable_graph()->mutable_node(0)->add_attribute()->set_ref_attr_name("a"); }, kInvalid, "refers to a function's"},
      {"sparse weights", [](TestModel& m) { m.proto.mutable_graph()->add_sparse_initializer()->mutable_values()->set_name("w"); }, kUnsupported, "sparse initializer \"w\""},
      {"no operator", [](TestModel& m) { m.proto.mutable_graph()->mutable_node(0)->clear_op_type(); }, kInvalid, "no operator"},
  })));
}

TEST_CASE("A graph that does not hang together is refused by name") {
  CheckRefused(GENERATE(values<Row>({
      {"no outputs", [](TestModel& m) { m.proto.mutable_graph()->clear_output(); }, kInvalid, "no outputs"},
      {"missing output", [](TestModel& m) { m.Output("z"); }, kInvalid, "output \"z\" is written by no node"},
      {"missing input", [](TestModel& m) { m.Add("Relu", {"q"}, {"z"}); }, kInvalid, "node \"z\" (Relu, opset 13): its input \"q\""},
      {"written twice", [](TestModel& m) { m.Add("Relu", {"x"}, {"y"}); }, kInvalid, "\"y\" is written twice"},
      {"writes an input", [](TestModel& m) { m.Add("Relu", {"y"}, {"x"}); }, kInvalid, "\"x\" is written twice"},
      {"initializers alike", [](TestModel& m) { m.Weights("w", {1}, {1}); m.Weights("w", {1}, {1}); }, kInvalid, "\"w\" is written twice, the second time as initializer"},
      {"inputs alike", [](TestModel& m) { m.Input("x", {1, 4}); }, kInvalid, "\"x\" is written twice, the second time as input"},
      {"nameless weights", [](TestModel& m) { m.Weights("", {1}, {1}); }, kInvalid, "no name"},
      {"cycle", [](TestModel& m) { m.Add("Relu", {"b"}, {"a"}); m.Add("Relu", {"a"}, {"b"}); m.Output("b"); }, kInvalid, "cycle"},
      {"attribute twice", [](TestModel& m) { auto* n = m.Add("Flatten", {"x"}, {"z"}); SetInt(SetInt(n, "axis", 1), "axis", 1); }, kInvalid, "\"axis\" is there twice"},
      {"input of text", [](TestModel& m) { m.Input("t", {1}, TensorProto::STRING); }, kUnsupported, "input \"t\": elements of ONNX type 8 (strings)"},
      {"input of no type", [](TestModel& m) { m.Input("t", {1})->clear_type(); }, kInvalid, "input \"t\" has no element type"},
      {"rank 9", [](TestModel& m) { m.Input("t", {1, 1, 1, 1, 1, 1, 1, 1, 1}); }, kUnsupported, "more than 8 dimensions"},
  })));
}

TEST_CASE("A tensor that lies about itself is refused by name") {
  CheckRefused(GENERATE(values<Row>({
      {"negative", [](TestModel& m) { m.Weights("w", {2, -1}, {1, 2}); }, kInvalid, "tensor \"w\": the shape [2, -1]"},
      {"overflow", [](TestModel& m) { m.Weights("w", {INT64_MAX, INT64_MAX}, {1}); }, kInvalid, "too many elements"},
      {"rank 9", [](TestModel& m) { m.Weights("w", {1, 1, 1, 1, 1, 1, 1, 1, 1}, {1}); }, kUnsupported, "more than 8 dimensions"},
      {"too few bytes", [](TestModel& m) { m.Weights("w", {2, 3}, {1}); }, kInvalid, "raw_data has 4 bytes, FP32 [2, 3] needs 24"},
      {"too many bytes", [](TestModel& m) { m.Weights("w", {1}, {1, 2}); }, kInvalid, "raw_data has 8 bytes"},
      {"no bytes", [](TestModel& m) { m.Weights("w", {1}, {})->clear_raw_data(); }, kInvalid, "has 0 bytes"},
      {"two places", [](TestModel& m) { m.Weights("w", {1}, {1})->add_float_data(1); }, kInvalid, "in two places"},
      {"wrong field", [](TestModel& m) { auto* w = m.Weights("w", {1}, {}); w->clear_raw_data(); w->add_int64_data(1); }, kInvalid, "not in field 7"},
      {"too few floats", [](TestModel& m) { auto* w = m.Weights("w", {3}, {}); w->clear_raw_data(); w->add_float_data(1); }, kInvalid, "has 4 bytes"},
      {"too few integers", [](TestModel& m) { auto* w = m.Ints("w", {3}, {}); w->clear_raw_data(); w->add_int64_data(1); }, kInvalid, "has 8 bytes"},
      {"claims more than there is", [](TestModel& m) { auto* w = m.Ints("w", {1 << 30}, {}); w->clear_raw_data(); w->add_int64_data(1); }, kInvalid, "more elements than the file has bytes"},
      {"text", [](TestModel& m) { auto* w = m.Weights("w", {1}, {}); w->clear_raw_data(); w->set_data_type(TensorProto::STRING); w->add_string_data("a"); }, kUnsupported, "strings"},
      {"complex", [](TestModel& m) { m.Weights("w", {1}, {1})->set_data_type(static_cast<TensorProto::DataType>(0)); }, kUnsupported, "ONNX type 0"},
      {"segment", [](TestModel& m) { m.Weights("w", {1}, {1})->mutable_segment(); }, kUnsupported, "segments"},
  })));
}

// Every way in which a TensorProto may hold 1, 2, 3.
TEST_CASE("Elements are found in whatever field they are") {
  struct Place {
    const char* name;
    TensorProto::DataType type;
    std::function<void(TensorProto*)> fill;
  };
  const auto place = GENERATE(values<Place>({
      {"float_data", TensorProto::FLOAT, [](TensorProto* t) { for (float i : {1, 2, 3}) t->add_float_data(i); }},
      {"double_data", TensorProto::DOUBLE, [](TensorProto* t) { for (double i : {1, 2, 3}) t->add_double_data(i); }},
      {"int64_data", TensorProto::INT64, [](TensorProto* t) { for (int i : {1, 2, 3}) t->add_int64_data(i); }},
      {"uint64_data", TensorProto::UINT32, [](TensorProto* t) { for (unsigned i : {1, 2, 3}) t->add_uint64_data(i); }},
      {"int32_data", TensorProto::INT32, [](TensorProto* t) { for (int i : {1, 2, 3}) t->add_int32_data(i); }},
      {"int32_data of bytes", TensorProto::UINT8, [](TensorProto* t) { for (int i : {1, 2, 3}) t->add_int32_data(i); }},
      {"int32_data of halves", TensorProto::FLOAT16, [](TensorProto* t) { for (int i : {0x3c00, 0x4000, 0x4200}) t->add_int32_data(i); }},
      {"raw_data", TensorProto::INT16, [](TensorProto* t) { t->set_raw_data(std::string("\1\0\2\0\3\0", 6)); }},
      {"raw halves", TensorProto::BFLOAT16, [](TensorProto* t) { t->set_raw_data("\x80\x3f" "\x00\x40" "\x40\x40", 6); }},
  }));
  // clang-format on
  INFO(place.name);
  TestModel model = Small();
  TensorProto* tensor = model.proto.mutable_graph()->add_initializer();
  tensor->set_name("w");
  tensor->set_data_type(place.type);
  tensor->add_dims(3);
  place.fill(tensor);
  model.Output("w");

  const auto graph = model.Import();

  INFO(graph.status());
  REQUIRE(graph.ok());
  const Value& value =
      graph->values[static_cast<size_t>(graph->nodes.back().inputs[0])];
  std::vector<float> elements(3);
  REQUIRE(graph
              ->ReadF32(graph->constants[static_cast<size_t>(value.constant)],
                        0, elements)
              .ok());
  CHECK(elements == std::vector<float>{1, 2, 3});
}

TEST_CASE("Floats in the file stay in the file, packed or raw") {
  const bool is_raw = GENERATE(true, false);
  TestModel model(13);
  model.Input("x", {1, 1000});
  onnx::TensorProto* w =
      model.Weights("w", {1000, 1}, std::vector<float>(1000, 7));
  if (!is_raw) {
    w->clear_raw_data();
    for (int i = 0; i < 1000; ++i) w->add_float_data(7);
  }
  model.Add("MatMul", {"x", "w"}, {"y"});
  model.Output("y");

  const auto graph = model.Import();

  REQUIRE(graph.ok());
  REQUIRE(graph->constants.size() == 1);
  CHECK(graph->constants[0].file == 0);
  CHECK(graph->constants[0].held.empty());
  float element = 0;
  REQUIRE(
      graph->ReadF32(graph->constants[0], 999, std::span(&element, 1)).ok());
  CHECK(element == 7);
}

TEST_CASE("Weights are counted as f32, once, and scalars are not") {
  TestModel model = Small();
  model.Weights("w", {10, 10}, std::vector<float>(100));
  model.Weights("half", {4}, {})->set_data_type(TensorProto::FLOAT16);
  model.proto.mutable_graph()->mutable_initializer(1)->set_raw_data("12345678");
  model.Ints("shape", {2}, {1, 2});
  model.Weights("scalar", {}, {1});
  FillWeights(SetTensor(model.Add("Constant", {}, {"c"}), "value"), {5},
              std::vector<float>(5));
  const auto graph = model.Import();
  INFO(graph.status());
  REQUIRE(graph.ok());
  CHECK(graph->weight_bytes == 400 + 16 + 16 + 20);
}

TEST_CASE("Weights that mean floating numbers are counted as f32") {
  const std::string reader =
      GENERATE("DequantizeLinear", "MatMulInteger", "Cast");
  TestModel model = Small();
  TensorProto* w = model.Weights("w", {10, 10}, {});
  w->set_data_type(TensorProto::INT8);
  w->set_raw_data(std::string(100, '\1'));
  if (reader == "MatMulInteger") {
    model.Input("bytes", {1, 10}, TensorProto::INT8);
    model.Add(reader, {"bytes", "w"}, {"numbers"});
  } else if (reader == "Cast") {
    SetInt(model.Add(reader, {"w"}, {"numbers"}), "to", TensorProto::FLOAT);
  } else {
    model.Weights("scale", {}, {1});
    model.Add(reader, {"w", "scale"}, {"numbers"});
  }
  model.Output("numbers");
  const auto graph = model.Import();
  INFO(graph.status());
  REQUIRE(graph.ok());
  CHECK(graph->weight_bytes == 400);
}

TEST_CASE("Nodes come out in order, however the file has them") {
  TestModel model(13);
  model.Input("x", {1, 4});
  model.Add("Add", {"b", "a"}, {"y"});
  model.Add("Sigmoid", {"a"}, {"b"});
  model.Add("Tanh", {"x"}, {"dead"});
  model.Add("Relu", {"x"}, {"a"});
  model.Output("y");
  const auto graph = model.Import();
  REQUIRE(graph.ok());
  CHECK(Sketch(*graph) == "Relu(x) -> a; Sigmoid(a) -> b; Add(b, a) -> y");
}

TEST_CASE("Nodes that do nothing go, and outputs keep their names") {
  TestModel model(13);
  model.Input("x", {1, 4});
  model.Add("Identity", {"x"}, {"i"});
  model.Add("Relu", {"i"}, {"r"});
  model.Add("Dropout", {"r"}, {"d"});
  model.Add("Identity", {"d"}, {"y"});
  model.Add("Identity", {"r"}, {"z"});
  model.Add("Identity", {"x"}, {"x_too"});
  for (const char* output : {"y", "z", "x_too"}) model.Output(output);

  const auto graph = model.Import();

  REQUIRE(graph.ok());
  CHECK(Sketch(*graph) ==
        "Relu(x) -> y; Identity(y) -> z; Identity(x) -> x_too");
  CHECK(graph->values[static_cast<size_t>(graph->outputs[0])].name == "y");
  CHECK(graph->values[static_cast<size_t>(graph->outputs[1])].name == "z");
}

TEST_CASE("An output that is an input or a constant is copied") {
  TestModel model(13);
  model.Input("x", {1, 4});
  model.Weights("w", {2}, {1, 2});
  model.Output("x");
  model.Output("w");
  const auto graph = model.Import();
  REQUIRE(graph.ok());
  CHECK(Sketch(*graph) == "Identity(x) -> x; Identity(w) -> w");
  CHECK(graph->outputs[0] != graph->inputs[0]);
}

TEST_CASE("What has no elements is known, and joins nothing") {
  TestModel model(13);
  model.Input("x", {2, 4});
  model.Ints("end", {1}, {9});
  model.Ints("axis", {1}, {1});
  model.Add("Slice", {"x", "end", "end", "axis"}, {"nothing"});
  model.Add("Relu", {"nothing"}, {"still nothing"});
  model.Add("Relu", {"x"}, {"r"});
  model.Add("Neg", {"x"}, {"n"});
  SetInt(model.Add("Concat", {"still nothing", "r", "nothing", "n"}, {"y"}),
         "axis", 1);
  model.Output("y");

  const auto graph = model.Import();

  INFO(graph.status());
  REQUIRE(graph.ok());
  CHECK(Sketch(*graph) == "Relu(x) -> r; Neg(x) -> n; Concat(r, n) -> y");
}

TEST_CASE("A hundred outputs that are constants are copied, each by its name") {
  TestModel model(13);
  for (int i = 0; i < 100; ++i) {
    const std::string name =
        "a name too long to be held in place " + std::to_string(i);
    model.Weights(name, {1}, {1});
    model.Output(name);
  }
  const auto graph = model.Import();
  REQUIRE(graph.ok());
  REQUIRE(graph->nodes.size() == 100);
  CHECK(graph->nodes[99].name ==
        "Identity_a name too long to be held in place 99");
}

TEST_CASE("An output that is listed twice is one") {
  TestModel model(13);
  model.Input("x", {1, 4});
  model.Add("Relu", {"x"}, {"y"});
  model.Output("y");
  model.Output("y");
  const auto graph = model.Import();
  REQUIRE(graph.ok());
  CHECK(graph->outputs.size() == 1);
}

TEST_CASE("Nameless nodes get names, equal names become unique") {
  TestModel model(13);
  model.Input("x", {1, 4});
  model.Add("Relu", {"x"}, {"a"})->set_name("same");
  model.Add("Relu", {"a"}, {"b"})->set_name("same");
  model.Add("Relu", {"b"}, {"c"})->clear_name();
  model.Output("c");
  const auto graph = model.Import();
  REQUIRE(graph.ok());
  CHECK(graph->nodes[0].name == "same");
  CHECK(graph->nodes[1].name == "same_1");
  CHECK(graph->nodes[2].name == "Relu_2");
}

TEST_CASE("Old files list weights among the inputs: they are none") {
  TestModel model(7);
  model.proto.set_ir_version(3);
  model.Input("x", {1, 4});
  model.Input("w", {4});
  model.Weights("w", {4}, {1, 2, 3, 4});
  model.Add("Add", {"x", "w"}, {"y"});
  model.Output("y");
  const auto graph = model.Import();
  REQUIRE(graph.ok());
  REQUIRE(graph->inputs.size() == 1);
  CHECK(graph->values[static_cast<size_t>(graph->inputs[0])].name == "x");
}

TEST_CASE("A file that is no model is refused, a missing one not found") {
  CHECK(absl::IsNotFound(ImportOnnx("/nonexistent/model.onnx", {}).status()));
  const auto device = ImportOnnx("/dev/zero", {});
  CHECK(absl::IsInvalidArgument(device.status()));
  const auto folder = ImportOnnx("/", {});
  CHECK(absl::IsInvalidArgument(folder.status()));
  const auto text = ImportOnnx("/proc/self/exe", {});
  CHECK(absl::IsInvalidArgument(text.status()));
  CHECK_THAT(std::string(text.status().message()),
             Catch::Contains("not an ONNX file"));
}

TEST_CASE("Opsets before 7 are taken where opset 7 changed nothing") {
  TestModel oldest(1);
  oldest.Input("x", {1, 4, 2, 2});
  oldest.Add("GlobalAveragePool", {"x"}, {"y"});
  oldest.Output("y");
  CHECK(oldest.Import().ok());

  TestModel same(6);
  same.Input("x", {1, 4});
  same.Add("Relu", {"x"}, {"y"});
  same.Output("y");
  CHECK(same.Import().ok());

  TestModel changed(6);
  changed.Input("x", {1, 4});
  changed.Add("Add", {"x", "x"}, {"y"});
  changed.Output("y");
  const auto graph = changed.Import();
  REQUIRE(absl::IsUnimplemented(graph.status()));
  CHECK_THAT(std::string(graph.status().message()),
             Catch::Contains("before opset 7"));
}

}  // namespace
}  // namespace layerd
