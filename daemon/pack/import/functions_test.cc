#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "daemon/pack/import/imported_graph.h"
#include "daemon/pack/import/onnx_importer.h"
#include "daemon/pack/import/onnx_test_model.h"
#include "daemon/pack/onnx/onnx_limits.h"
#include "test/catch/catch.h"

namespace layerd {
namespace {

using Names = std::vector<std::string>;

onnx::FunctionProto* AddFunction(TestModel& model, const std::string& name,
                                 const Names& inputs, const Names& outputs) {
  onnx::FunctionProto* function = model.proto.add_functions();
  function->set_domain("own");
  function->set_name(name);
  for (const std::string& input : inputs) function->add_input(input);
  for (const std::string& output : outputs) function->add_output(output);
  return function;
}

onnx::NodeProto* AddTo(onnx::FunctionProto* function,
                       const std::string& op_type, const Names& inputs,
                       const Names& outputs) {
  onnx::NodeProto* node = function->add_node();
  node->set_op_type(op_type);
  node->set_name(outputs.front());
  for (const std::string& input : inputs) node->add_input(input);
  for (const std::string& output : outputs) node->add_output(output);
  return node;
}

onnx::NodeProto* Own(onnx::NodeProto* call) {
  call->set_domain("own");
  return call;
}

void Refer(onnx::NodeProto* node, const std::string& name,
           const std::string& to) {
  onnx::AttributeProto* attribute = node->add_attribute();
  attribute->set_name(name);
  attribute->set_ref_attr_name(to);
}

// x [1, 4], and y if the test writes it.
TestModel Small() {
  TestModel model(16);
  model.Input("x", {1, 4});
  model.Output("y");
  return model;
}

std::string Why(const TestModel& model) {
  const auto graph = model.Import();
  REQUIRE(!graph.ok());
  return std::string(graph.status().message());
}

TEST_CASE("A call becomes the nodes of its function") {
  TestModel model = Small();
  onnx::FunctionProto* twice = AddFunction(model, "Twice", {"in"}, {"out"});
  AddTo(twice, "Relu", {"in"}, {"h"});
  AddTo(twice, "Neg", {"h"}, {"out"});
  Own(model.Add("Twice", {"x"}, {"first"}));
  Own(model.Add("Twice", {"first"}, {"y"}));

  const Graph graph = Imported(model);
  CHECK(Sketch(graph) ==
        "Relu(x) -> first/h; Neg(first/h) -> first; "
        "Relu(first) -> y/h; Neg(y/h) -> y");
  CHECK(graph.nodes[1].name == "first/out");
}

TEST_CASE("A function calls others, wherever they stand in the file") {
  TestModel model = Small();
  onnx::FunctionProto* outer = AddFunction(model, "Outer", {"a"}, {"b"});
  Own(AddTo(outer, "Inner", {"a"}, {"c"}));
  AddTo(outer, "Neg", {"c"}, {"b"});
  AddTo(AddFunction(model, "Inner", {"a"}, {"b"}), "Relu", {"a"}, {"b"});
  Own(model.Add("Outer", {"x"}, {"y"}));

  CHECK(Sketch(Imported(model)) == "Relu(x) -> y/c; Neg(y/c) -> y");
}

TEST_CASE("Attributes of a call reach the nodes that refer to them") {
  TestModel model = Small();
  onnx::FunctionProto* leaky = AddFunction(model, "Leaky", {"in"}, {"out"});
  leaky->add_attribute("slope");
  onnx::NodeProto* node = AddTo(leaky, "LeakyRelu", {"in"}, {"out"});
  Refer(node, "alpha", "slope");
  onnx::NodeProto* call = Own(model.Add("Leaky", {"x"}, {"y"}));
  const auto alpha = [&] {
    const Graph graph = Imported(model);
    REQUIRE(graph.nodes.size() == 1);
    return std::get<float>(graph.nodes[0].attributes.at("alpha"));
  };

  CHECK(alpha() == 0.01f);  // The operator's own.
  onnx::AttributeProto* usual = leaky->add_attribute_proto();
  usual->set_name("slope");
  usual->set_type(onnx::AttributeProto::FLOAT);
  usual->set_f(0.25f);
  CHECK(alpha() == 0.25f);  // The function's default.
  SetFloat(call, "slope", 0.5f);
  CHECK(alpha() == 0.5f);
}

TEST_CASE("An attribute goes through a function to one that it calls") {
  TestModel model = Small();
  onnx::FunctionProto* outer = AddFunction(model, "Outer", {"a"}, {"b"});
  Refer(Own(AddTo(outer, "Inner", {"a"}, {"b"})), "deep", "far");
  onnx::FunctionProto* inner = AddFunction(model, "Inner", {"a"}, {"b"});
  Refer(AddTo(inner, "LeakyRelu", {"a"}, {"b"}), "alpha", "deep");
  SetFloat(Own(model.Add("Outer", {"x"}, {"y"})), "far", 0.75f);

  const Graph graph = Imported(model);
  CHECK(std::get<float>(graph.nodes[0].attributes.at("alpha")) == 0.75f);
}

TEST_CASE("Inputs and outputs that a call leaves out are left out") {
  TestModel model = Small();
  onnx::FunctionProto* clip =
      AddFunction(model, "Bound", {"in", "low", "high"}, {"out", "other"});
  AddTo(clip, "Clip", {"in", "low", "high"}, {"out"});
  AddTo(clip, "Neg", {"in"}, {"other"});
  model.Weights("top", {}, {6.0f});
  Own(model.Add("Bound", {"x", "", "top"}, {"y"}));

  const Graph graph = Imported(model);
  CHECK(Sketch(graph) == "Clip(x) -> y");
  CHECK(std::get<float>(graph.nodes[0].attributes.at("max")) == 6.0f);
  CHECK(std::get<float>(graph.nodes[0].attributes.at("min")) ==
        -std::numeric_limits<float>::infinity());
}

TEST_CASE("An output of a function may be its input, or named twice") {
  TestModel model = Small();
  onnx::FunctionProto* both =
      AddFunction(model, "Both", {"in"}, {"in", "out", "out"});
  AddTo(both, "Relu", {"in"}, {"out"});
  Own(model.Add("Both", {"x"}, {"a", "b", "c"}));
  model.Add("Sum", {"a", "b", "c"}, {"y"});

  CHECK(Sketch(Imported(model)) == "Relu(x) -> b; Sum(x, b, b) -> y");
}

TEST_CASE("A function keeps its own opset") {
  TestModel model = Small();
  onnx::FunctionProto* old = AddFunction(model, "Old", {"in"}, {"out"});
  old->add_opset_import()->set_version(11);
  SetInts(AddTo(old, "Squeeze", {"in"}, {"out"}), "axes", {0});
  Own(model.Add("Old", {"x"}, {"h"}));
  model.Ints("axes", {1}, {0});
  model.Add("Unsqueeze", {"h", "axes"}, {"y"});

  Imported(model);  // Of opset 16 the first, and of 11 the last, is refused.
  old->mutable_opset_import(0)->set_version(99);
  CHECK_THAT(Why(model), Catch::Contains("function \"Old\": opset 99"));
}

TEST_CASE("An If of a function chooses in each call") {
  TestModel model = Small();
  onnx::FunctionProto* either =
      AddFunction(model, "Either", {"in", "which"}, {"out"});
  onnx::NodeProto* node = AddTo(either, "If", {"which"}, {"out"});
  SetBranch(node, "then_branch", "Relu", {"in"}, "t");
  SetBranch(node, "else_branch", "Neg", {"in"}, "t");
  for (const char* truth : {"no", "yes"}) {
    onnx::TensorProto* tensor = model.proto.mutable_graph()->add_initializer();
    tensor->set_name(truth);
    tensor->set_data_type(onnx::TensorProto::BOOL);
    tensor->set_raw_data(std::string(1, *truth == 'y' ? 1 : 0));
  }
  Own(model.Add("Either", {"x", "yes"}, {"h"}));
  Own(model.Add("Either", {"h", "no"}, {"y"}));

  CHECK(Sketch(Imported(model)) == "Relu(x) -> h/t; Neg(h/t) -> y");
}

TEST_CASE("Overloads are functions of their own") {
  TestModel model = Small();
  AddTo(AddFunction(model, "F", {"a"}, {"b"}), "Relu", {"a"}, {"b"});
  onnx::FunctionProto* other = AddFunction(model, "F", {"a"}, {"b"});
  other->set_overload("negative");
  AddTo(other, "Neg", {"a"}, {"b"});
  Own(model.Add("F", {"x"}, {"h"}))->set_overload("negative");
  Own(model.Add("F", {"h"}, {"y"}));

  CHECK(Sketch(Imported(model)) == "Neg(x) -> h; Relu(h) -> y");
}

TEST_CASE("Names of a function never meet those of the graph") {
  TestModel model = Small();
  onnx::FunctionProto* twice = AddFunction(model, "Twice", {"x"}, {"y"});
  AddTo(twice, "Relu", {"x"}, {"h"});
  AddTo(twice, "Neg", {"h"}, {"y"});
  model.Add("Abs", {"x"}, {"call/h"});
  Own(model.Add("Twice", {"call/h"}, {"a"}))->set_name("call");
  Own(model.Add("Twice", {"a"}, {"y"}))->set_name("call");

  CHECK(Sketch(Imported(model)) ==
        "Abs(x) -> call/h; Relu(call/h) -> call/h_1; Neg(call/h_1) -> a; "
        "Relu(a) -> call/h_2; Neg(call/h_2) -> y");
}

struct Row {
  const char* name;
  std::function<void(TestModel&, onnx::FunctionProto*)> spoil;
  const char* message;
};

// clang-format off
TEST_CASE("Functions that cannot be written out are refused by name") {
  const auto row = GENERATE(values<Row>({
      {"calls itself", [](TestModel&, onnx::FunctionProto* f) { Own(AddTo(f, "F", {"a"}, {"h"})); }, "node \"y/h/h/h"},
      {"there twice", [](TestModel& m, onnx::FunctionProto*) { AddFunction(m, "F", {}, {}); }, "function \"F\" of domain \"own\" is there twice"},
      {"inputs", [](TestModel& m, onnx::FunctionProto*) { m.proto.mutable_graph()->mutable_node(0)->add_input("x"); }, "node \"y\" (F, a function of the model): the function has 1 inputs and 1 outputs, the node has 2 and 1"},
      {"input twice", [](TestModel&, onnx::FunctionProto* f) { f->add_input("a"); }, "the function names \"a\" twice"},
      {"reads the graph", [](TestModel&, onnx::FunctionProto* f) { AddTo(f, "Add", {"a", "x"}, {"h"}); f->set_output(0, "h"); }, "input \"y/x\" is no output"},
      {"unknown operator", [](TestModel&, onnx::FunctionProto* f) { f->mutable_node(0)->set_op_type("What"); }, "node \"y/b\" (What, opset 16)"},
  }));
  INFO(row.name);
  TestModel model = Small();
  onnx::FunctionProto* function = AddFunction(model, "F", {"a"}, {"b"});
  AddTo(function, "Relu", {"a"}, {"b"});
  Own(model.Add("F", {"x"}, {"y"}));
  row.spoil(model, function);

  CHECK_THAT(Why(model), Catch::Contains(row.message));
}
// clang-format on

TEST_CASE("Functions that double from one to the next end") {
  TestModel model = Small();
  constexpr int kFunctions = 40;
  for (int i = 0; i < kFunctions; ++i) {
    onnx::FunctionProto* function =
        AddFunction(model, "F" + std::to_string(i), {"a"}, {"b"});
    if (i == 0) continue;
    const std::string callee = "F" + std::to_string(i - 1);
    Own(AddTo(function, callee, {"a"}, {"h"}));
    Own(AddTo(function, callee, {"h"}, {"b"}));
  }
  Own(model.Add("F" + std::to_string(kFunctions - 1), {"x"}, {"y"}));

  CHECK(model.Import().status().code() == absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace layerd
