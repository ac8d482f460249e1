#include <string>
#include <vector>

#include "daemon/pack/import/imported_graph.h"
#include "daemon/pack/import/onnx_importer.h"
#include "daemon/pack/import/onnx_test_model.h"
#include "daemon/pack/onnx/onnx_limits.h"
#include "test/catch/catch.h"

namespace layerd {
namespace {

// y is Relu(x) if `condition` is true, else Neg(x); both branches call it t.
TestModel Either() {
  TestModel model(16);
  model.Input("x", {1, 4});
  onnx::NodeProto* node = model.Add("If", {"condition"}, {"y"});
  SetBranch(node, "then_branch", "Relu", {"x"}, "t");
  SetBranch(node, "else_branch", "Neg", {"x"}, "t");
  model.Output("y");
  return model;
}

void AddCondition(TestModel& model, bool truth) {
  onnx::TensorProto* tensor = model.proto.mutable_graph()->add_initializer();
  tensor->set_name("condition");
  tensor->set_data_type(onnx::TensorProto::BOOL);
  tensor->set_raw_data(std::string(1, truth ? 1 : 0));
}

std::string SketchOf(const TestModel& model, const ValueBindings& values = {}) {
  return Sketch(Imported(model, values));
}

TEST_CASE("An If with a known condition is the branch that is taken") {
  TestModel model = Either();
  const bool truth = GENERATE(true, false);
  AddCondition(model, truth);

  CHECK(SketchOf(model) == (truth ? "Relu(x) -> y" : "Neg(x) -> y"));
}

TEST_CASE("A bound input decides an If") {
  TestModel model = Either();
  model.Input("rate", {1}, onnx::TensorProto::INT64);
  model.Ints("high", {1}, {16000});
  model.Add("Equal", {"rate", "high"}, {"condition"});
  Constant rate;
  rate.dtype = DataType::kI64;
  rate.shape = {1};
  rate.held = {std::byte{64}, std::byte{31}};  // 8000
  rate.held.resize(8);

  CHECK(SketchOf(model, {{"rate", rate}}) == "Neg(x) -> y");
}

TEST_CASE("An If that a request decides computes both branches") {
  TestModel model = Either();
  model.Input("condition", {1}, onnx::TensorProto::BOOL);

  CHECK(SketchOf(model) ==
        "Relu(x) -> t; Neg(x) -> t_3; Where(condition, t, t_3) -> y");
}

TEST_CASE("What a branch writes may have any name") {
  TestModel model(16);
  model.Input("x", {1, 4});
  AddCondition(model, true);
  const std::string name =
      GENERATE(std::string("t\n\"1\""), std::string(300, 't'));
  onnx::NodeProto* node = model.Add("If", {"condition"}, {"y"});
  SetBranch(node, "then_branch", "Relu", {"x"}, name);
  SetBranch(node, "else_branch", "Neg", {"x"}, name);
  model.Output("y");

  CHECK(SketchOf(model) == "Relu(x) -> y");
}

TEST_CASE("What a branch that is not taken cannot do is no matter") {
  TestModel model(16);
  model.Input("x", {1, 4});
  AddCondition(model, true);
  onnx::NodeProto* node = model.Add("If", {"condition"}, {"y"});
  SetBranch(node, "then_branch", "Relu", {"x"}, "t");
  const auto op_type =
      GENERATE(values<std::string>({"Squeeze", "Loop", "NonMaxSuppression"}));
  onnx::GraphProto* other =
      SetBranch(node, "else_branch", op_type, {"x", "two"}, "t");
  FillInts(other->add_initializer(), {1}, {1});
  other->mutable_initializer(0)->set_name("two");
  model.Output("y");

  CHECK(SketchOf(model) == "Relu(x) -> y");
}

TEST_CASE("A branch inside a branch sees what is around it") {
  TestModel model(16);
  model.Input("x", {1, 4});
  AddCondition(model, true);
  onnx::NodeProto* outer = model.Add("If", {"condition"}, {"y"});
  onnx::GraphProto* taken =
      SetBranch(outer, "then_branch", "Abs", {"x"}, "positive");
  SetBranch(outer, "else_branch", "Neg", {"x"}, "t");
  onnx::NodeProto* inner = taken->add_node();
  inner->set_op_type("If");
  inner->add_input("condition");
  inner->add_output("u");
  SetBranch(inner, "then_branch", "Sqrt", {"positive"}, "t");
  SetBranch(inner, "else_branch", "Neg", {"positive"}, "t");
  taken->mutable_output(0)->set_name("u");
  model.Output("y");

  CHECK(SketchOf(model) == "Abs(x) -> positive; Sqrt(positive) -> y");
}

// Ten minutes, if each node of the branch had it read.
TEST_CASE("A condition of many elements is refused without being read") {
  TestModel model = Either();
  model.Ints("condition", {1 << 20}, std::vector<int64_t>(1 << 20));
  onnx::GraphProto* taken = model.proto.mutable_graph()
                                ->mutable_node(0)
                                ->mutable_attribute(0)
                                ->mutable_g();
  for (int i = 0; i < 100'000; ++i) {
    const std::string name = "t" + std::to_string(i);
    AddTo(taken, "Neg", {taken->output(0).name()}, {name});
    taken->mutable_output(0)->set_name(name);
  }
  const auto graph = model.Import();
  REQUIRE(!graph.ok());
  CHECK_THAT(std::string(graph.status().message()),
             Catch::Contains("its condition is not one truth value"));
}

struct Row {
  const char* name;
  void (*spoil)(TestModel&);
  const char* message;
};

onnx::GraphProto* BranchOf(TestModel& model, int i) {
  return model.proto.mutable_graph()
      ->mutable_node(0)
      ->mutable_attribute(i)
      ->mutable_g();
}

// clang-format off
TEST_CASE("An If that is unsound or not supported is refused by name") {
  const auto row = GENERATE(values<Row>({
      {"one branch", [](TestModel& m) { AddCondition(m, true); m.proto.mutable_graph()->mutable_node(0)->mutable_attribute()->RemoveLast(); }, "node \"y\" (If, opset 16): it has no condition or no two branches"},
      {"no condition", [](TestModel& m) { m.proto.mutable_graph()->mutable_node(0)->clear_input(); }, "it has no condition"},
      {"a branch twice", [](TestModel& m) { m.proto.mutable_graph()->mutable_node(0)->mutable_attribute(1)->set_name("then_branch"); }, "\"then_branch\" is no graph, or there twice"},
      {"a branch of numbers", [](TestModel& m) { auto* a = m.proto.mutable_graph()->mutable_node(0)->mutable_attribute(1); a->clear_g(); a->set_type(onnx::AttributeProto::INT); a->set_i(0); }, "\"else_branch\" is no graph"},
      {"a branch with inputs", [](TestModel& m) { AddCondition(m, true); BranchOf(m, 0)->add_input()->set_name("a"); }, "a branch that has inputs"},
      {"too few outputs", [](TestModel& m) { AddCondition(m, true); BranchOf(m, 1)->clear_output(); }, "a branch has 0 outputs, the node has 1"},
      {"an output of nobody", [](TestModel& m) { AddCondition(m, true); BranchOf(m, 1)->mutable_output(0)->set_name("u"); }, "its input \"u\" is no output"},
      {"the other branch's value", [](TestModel& m) { AddCondition(m, true); BranchOf(m, 0)->mutable_node(0)->set_output(0, "u"); BranchOf(m, 0)->mutable_output(0)->set_name("u"); BranchOf(m, 1)->mutable_output(0)->set_name("u"); }, "its input \"u\" is no output"},
      {"its own output", [](TestModel& m) { m.proto.mutable_graph()->mutable_node(0)->set_input(0, "y"); }, "cycle"},
      {"a condition of numbers", [](TestModel& m) { m.Weights("condition", {}, {1}); }, "its condition is not one truth value"},
      {"many conditions", [](TestModel& m) { m.Input("condition", {2}, onnx::TensorProto::BOOL); }, "its condition is not one truth value"},
      {"other shapes", [](TestModel& m) { m.Input("condition", {1}, onnx::TensorProto::BOOL); BranchOf(m, 0)->mutable_node(0)->set_op_type("Shape"); }, "its branches write different shapes or types"},
      {"an error that a request decides", [](TestModel& m) { m.Input("condition", {1}, onnx::TensorProto::BOOL); BranchOf(m, 0)->mutable_node(0)->set_op_type("Nonsense"); }, "in a branch of an If that depends on \"condition\", which is not known"},
  }));
  INFO(row.name);
  TestModel model = Either();
  row.spoil(model);
  const auto graph = model.Import();
  INFO(graph.status());
  REQUIRE(!graph.ok());
  CHECK_THAT(std::string(graph.status().message()),
             Catch::Contains(row.message));
}
// clang-format on

TEST_CASE("Branches lie only so deep") {
  TestModel model(16);
  model.Input("x", {1, 4});
  AddCondition(model, true);
  onnx::NodeProto* node = model.Add("If", {"condition"}, {"y"});
  const int depth = GENERATE(range(0, 2)) + kBranchDepthMax;
  for (int i = 0; i < depth; ++i) {
    onnx::GraphProto* branch =
        SetBranch(node, "then_branch", "Relu", {"x"}, "t");
    SetBranch(node, "else_branch", "Neg", {"x"}, "t");
    if (i + 1 == depth) break;
    node = branch->mutable_node(0);
    node->set_op_type("If");
    node->set_input(0, "condition");
  }
  model.Output("y");

  const auto graph = model.Import();
  INFO(graph.status());
  CHECK(graph.ok() == (depth == kBranchDepthMax));
}

}  // namespace
}  // namespace layerd
