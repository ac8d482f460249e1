// Loop, Scan and lists of tensors: written out while packing.

#include <string>
#include <vector>

#include "daemon/pack/import/import_bombs.h"
#include "daemon/pack/import/onnx_importer.h"
#include "daemon/pack/import/onnx_test_model.h"
#include "kernels/reference/reference_backend.h"
#include "test/catch/catch.h"
#include "test/sim/imported_answers.h"

namespace layerd {
namespace {

using Floats = std::vector<float>;
using Names = std::vector<std::string>;

// s starts as x, and each turn adds x to it; z collects s.
struct Summing {
  explicit Summing(int64_t turns) {
    model.Input("x", {1, 2});
    model.Ints("turns", {}, {turns});
    loop = model.Add("Loop", {"turns", "", "x"}, {"y", "z"});
    body = BodyOf(loop, {"i", "goes", "s"}, {"goes_on", "t", "element"});
    AddTo(body, "Identity", {"goes"}, {"goes_on"});
    AddTo(body, "Add", {"s", "x"}, {"t"});
    AddTo(body, "Neg", {"t"}, {"element"});
    model.Output("y");
    model.Output("z");
  }

  TestModel model{16};
  onnx::NodeProto* loop;
  onnx::GraphProto* body;
};

std::vector<Floats> Answers(TestModel& model, const Floats& x) {
  return ImportedAnswers(model, {x}, *MakeReferenceBackend());
}

TEST_CASE("A Loop turns as often as it is told and collects what it makes") {
  Summing sum(3);
  const std::vector<Floats> answers = Answers(sum.model, {1, 10});
  CHECK(answers[0] == Floats{4, 40});
  CHECK(answers[1] == Floats{-2, -20, -3, -30, -4, -40});
}

TEST_CASE("The first turn has the names of the body, later ones have numbers") {
  Summing sum(3);
  sum.model.Add("Neg", {"y"}, {"t_1"});  // Has the name of the second turn's.
  sum.model.Output("t_1");

  const auto graph = sum.model.Import();
  REQUIRE(graph.ok());
  Names names;
  for (const Node& node : graph->nodes) names.push_back(node.name);

  CHECK(names == Names{"t", "element", "t_2", "element_1", "t_3", "element_2",
                       "y/1/0", "y/1/1", "y/1/2", "y/1", "t_1"});
}

TEST_CASE("A Loop ends when its body says so") {
  Summing sum(100);
  sum.model.Ints("two", {}, {2});
  sum.body->mutable_node(0)->set_op_type("Less");
  sum.body->mutable_node(0)->set_input(0, "i");
  sum.body->mutable_node(0)->add_input("two");
  CHECK(Answers(sum.model, {1, 10})[0] == Floats{4, 40});
}

TEST_CASE("A body may hand on what it is given") {
  TestModel model(16);
  model.Input("x", {1, 2});
  model.Ints("three", {}, {3});
  model.Ints("seven", {}, {7});
  onnx::NodeProto* loop = model.Add("Loop", {"three", "", "seven"}, {"last"});
  BodyOf(loop, {"i", "goes", "s"}, {"goes", "i"});
  SetInt(model.Add("Cast", {"last"}, {"turn"}), "to", onnx::TensorProto::FLOAT);
  model.Add("Add", {"x", "turn"}, {"y"});
  model.Output("y");
  CHECK(Answers(model, {1, 10})[0] == Floats{3, 12});
}

TEST_CASE("A Loop inside a Loop sees both, and an If inside its turn") {
  TestModel model(16);
  model.Input("x", {1, 1});
  model.Ints("three", {}, {3});
  model.Ints("one", {}, {1});
  onnx::NodeProto* outer = model.Add("Loop", {"three", "", "x"}, {"y"});
  onnx::GraphProto* body = BodyOf(outer, {"i", "c", "s"}, {"c", "t"});
  onnx::NodeProto* inner =
      AddTo(body, "Loop", {"i", "", "s"}, {"t"});  // 0, 1 and 2 turns.
  onnx::GraphProto* turn = BodyOf(inner, {"j", "d", "u"}, {"d", "v"});
  AddTo(turn, "Equal", {"i", "one"}, {"is_one"});
  onnx::NodeProto* choice = AddTo(turn, "If", {"is_one"}, {"v"});
  SetBranch(choice, "then_branch", "Neg", {"u"}, "w");
  SetBranch(choice, "else_branch", "Add", {"u", "x"}, "w");
  model.Output("y");
  // -5, then twice + 5.
  CHECK(Answers(model, {5})[0] == Floats{5});
}

TEST_CASE("A body inside a body may begin with what it carries") {
  TestModel model(16);
  model.Input("x", {1, 1});
  model.Ints("two", {}, {2});
  onnx::GraphProto* body = BodyOf(model.Add("Loop", {"two", "", "x"}, {"y"}),
                                  {"i", "c", "s"}, {"c", "t"});
  onnx::GraphProto* turn = BodyOf(AddTo(body, "Loop", {"two", "", "s"}, {"t"}),
                                  {"j", "d", "u"}, {"d", "v"});
  AddTo(turn, "Add", {"u", "x"}, {"v"});
  model.Output("y");
  CHECK(Answers(model, {5})[0] == Floats{25});
}

TEST_CASE("A Scan walks either way along an axis") {
  const bool is_reverse = GENERATE(false, true);
  TestModel model(16);
  model.Input("x", {2, 3});
  model.Weights("zero", {2}, {0, 0});
  onnx::NodeProto* scan = model.Add("Scan", {"zero", "x"}, {"last", "all"});
  SetInt(scan, "num_scan_inputs", 1);
  SetInts(scan, "scan_input_axes", {-1});
  SetInts(scan, "scan_input_directions", {is_reverse});
  SetInts(scan, "scan_output_axes", {1});
  SetInts(scan, "scan_output_directions", {is_reverse});
  onnx::GraphProto* body = BodyOf(scan, {"s", "e"}, {"t", "u"});
  AddTo(body, "Add", {"s", "e"}, {"t"});
  AddTo(body, "Identity", {"t"}, {"u"});
  model.Output("last");
  model.Output("all");

  const std::vector<Floats> answers = Answers(model, {1, 2, 3, 10, 20, 30});

  CHECK(answers[0] == Floats{6, 60});
  CHECK(answers[1] == (is_reverse ? Floats{6, 5, 3, 60, 50, 30}
                                  : Floats{1, 3, 6, 10, 30, 60}));
}

TEST_CASE("A list that turns make longer is joined") {
  TestModel model(16);
  model.Input("x", {2, 2});
  model.Ints("two", {}, {2});
  model.Add("SequenceEmpty", {}, {"none"});
  onnx::NodeProto* loop = model.Add("Loop", {"two", "", "none"}, {"list"});
  onnx::GraphProto* body = BodyOf(loop, {"i", "c", "l"}, {"c", "m"});
  SetInt(AddTo(body, "Gather", {"x", "i"}, {"row"}), "axis", 1);
  AddTo(body, "SequenceInsert", {"l", "row"}, {"m"});
  SetInt(SetInt(model.Add("ConcatFromSequence", {"list"}, {"y"}), "axis", 0),
         "new_axis", 1);
  model.Output("y");
  CHECK(Answers(model, {1, 2, 3, 4})[0] == Floats{1, 3, 2, 4});
}

TEST_CASE("A tensor that is split is a list of its pieces") {
  TestModel model(16);
  model.Input("x", {1, 5});
  model.Ints("two", {}, {2});
  model.Ints("last", {}, {-1});
  SetInt(model.Add("SplitToSequence", {"x", "two"}, {"list"}), "axis", 1);
  model.Add("SequenceErase", {"list", "last"}, {"shorter"});
  model.Add("SequenceAt", {"shorter", "last"}, {"y"});
  model.Output("y");
  CHECK(Answers(model, {1, 2, 3, 4, 5})[0] == Floats{3, 4});
}

TEST_CASE("A split into ones drops their dimension where that is asked") {
  TestModel model(18);
  model.Input("x", {3, 4});
  model.Ints("pieces", {}, {GENERATE(1, 3)});
  model.Ints("first", {}, {0});
  onnx::NodeProto* split =
      model.Add("SplitToSequence", {"x", "pieces"}, {"list"});
  const int64_t keeps = GENERATE(0, 1);
  SetInt(split, "keepdims", keeps);
  model.Add("SequenceAt", {"list", "first"}, {"one"});
  model.Add("Neg", {"one"}, {"y"});
  model.Output("y");
  const auto graph = model.Import();
  REQUIRE(graph.ok());

  using Sizes = std::vector<int64_t>;
  const bool is_ones = model.proto.graph().initializer(0).raw_data()[0] == '\1';
  const Sizes kept = is_ones ? Sizes{1, 4} : Sizes{3, 4};
  CHECK(ValueNamed(*graph, "y").shape ==
        (is_ones && keeps == 0 ? Sizes{4} : kept));
}

TEST_CASE("What is written out is bounded, however little the file says") {
  for (const ImportBomb& bomb : ImportBombs()) {
    const auto graph = bomb.model.Import();
    INFO(bomb.name << ": " << graph.status());
    CHECK(absl::IsResourceExhausted(graph.status()));
  }
}

struct Row {
  const char* name;
  void (*spoil)(Summing&);
  const char* message;
};

// clang-format off
TEST_CASE("A loop that is unsound or that a request decides is refused by name") {
  const auto row = GENERATE(values<Row>({
      {"turns of a request", [](Summing& s) { s.model.Input("n", {}, onnx::TensorProto::INT64); s.loop->set_input(0, "n"); }, "node \"y\" (Loop, opset 16): how often it turns depends on \"n\""},
      {"end of a request", [](Summing& s) { s.model.Input("b", {}, onnx::TensorProto::BOOL); s.body->mutable_node(0)->set_input(0, "b"); }, "whether it turns again depends on"},
      {"no end", [](Summing& s) { s.loop->set_input(0, ""); }, "the model needs more than"},
      {"no turn", [](Summing& s) { s.model.proto.mutable_graph()->mutable_initializer(0)->set_raw_data(std::string(8, 0)); }, "it never turns, so an output is empty"},
      {"no body", [](Summing& s) { s.loop->clear_attribute(); }, "it has no body"},
      {"a short body", [](Summing& s) { s.body->mutable_output()->RemoveLast(); s.body->mutable_output()->RemoveLast(); }, "its body writes too little"},
      {"a body of other inputs", [](Summing& s) { s.body->mutable_input()->RemoveLast(); s.body->mutable_node(1)->set_input(0, "x"); }, "its body has 2 inputs and 3 outputs"},
      {"an error inside", [](Summing& s) { s.body->mutable_node(1)->set_op_type("Nonsense"); }, "(Nonsense, opset 16)"},
      {"two bodies", [](Summing& s) { *s.loop->add_attribute() = s.loop->attribute(0); }, "is no graph, or there twice"},
      {"a list where a tensor is", [](Summing& s) { s.model.Add("SequenceEmpty", {}, {"none"}); s.loop->set_input(2, "none"); }, "is a sequence"},
      {"a list as an output", [](Summing& s) { s.model.Add("SequenceConstruct", {"x"}, {"list"}); s.model.Output("list"); }, "output \"list\" is a sequence"},
      {"no list", [](Summing& s) { s.model.Add("SequenceLength", {"x"}, {"n"}); s.model.Output("n"); }, "its input is no sequence"},
      {"a place of a request", [](Summing& s) { s.model.Input("n", {}, onnx::TensorProto::INT64); s.model.Add("SequenceConstruct", {"x"}, {"list"}); s.model.Add("SequenceAt", {"list", "n"}, {"at"}); s.model.Output("at"); }, "which tensor it means is not known"},
      {"a place beyond", [](Summing& s) { s.model.Add("SequenceConstruct", {"x"}, {"list"}); s.model.Ints("n", {}, {7}); s.model.Add("SequenceAt", {"list", "n"}, {"at"}); s.model.Output("at"); }, "do not fit the operator"},
  }));
  INFO(row.name);
  Summing sum(3);
  row.spoil(sum);
  const auto graph = sum.model.Import();
  INFO(graph.status());
  REQUIRE(!graph.ok());
  CHECK_THAT(std::string(graph.status().message()),
             Catch::Contains(row.message));
}
// clang-format on

}  // namespace
}  // namespace layerd
