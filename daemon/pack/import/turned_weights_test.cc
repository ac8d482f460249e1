#include <cstdint>
#include <string>
#include <vector>

#include "daemon/pack/import/imported_graph.h"
#include "daemon/pack/import/onnx_importer.h"
#include "daemon/pack/import/onnx_test_model.h"
#include "test/catch/catch.h"

namespace layerd {
namespace {

constexpr int64_t kRows = 24, kColumns = 32;

// x [2, 32], w [24, 32] in the file, and t [32, 24], which is w turned.
TestModel Turned() {
  TestModel model(13);
  model.Input("x", {2, kColumns});
  std::vector<float> elements;
  for (int i = 0; i < kRows * kColumns; ++i) {
    elements.push_back(static_cast<float>(i));
  }
  model.Weights("w", {kRows, kColumns}, elements);
  SetInts(model.Add("Transpose", {"w"}, {"t"}), "perm", {1, 0});
  return model;
}

bool IsAllInTheFile(const Graph& graph) {
  for (const Constant& constant : graph.constants) {
    if (constant.file < 0) return false;
  }
  return true;
}

TEST_CASE("A product reads turned weights where they lie") {
  TestModel model = Turned();
  SECTION("MatMul") {
    model.Add("MatMul", {"x", "t"}, {"y"});
    model.Output("y");

    const Graph graph = Imported(model);
    CHECK(Sketch(graph) == "MatMulOfRows(x, w) -> y");
    CHECK(ValueNamed(graph, "y").shape == std::vector<int64_t>{2, kRows});
    CHECK(IsAllInTheFile(graph));
  }
  SECTION("Gemm") {
    const int64_t turns = GENERATE(0, 1);
    onnx::NodeProto* gemm = model.Add("Gemm", {"x", "t"}, {"y"});
    if (turns == 1) {
      model.Input("z", {2, kRows});
      *gemm->mutable_input(0) = "z";
      SetInt(gemm, "transB", 1);
    }
    model.Output("y");

    const Graph graph = Imported(model);
    CHECK(std::get<int64_t>(graph.nodes[0].attributes.at("transB")) ==
          1 - turns);
    CHECK(IsAllInTheFile(graph));
  }
}

TEST_CASE("Whoever else reads them gets them turned") {
  TestModel model = Turned();
  model.Add("MatMul", {"x", "t"}, {"y"});
  model.Output("y");
  SECTION("a node") {
    model.Input("z", {kColumns, kRows});
    model.Add("Add", {"z", "t"}, {"s"});
    model.Output("s");
  }
  SECTION("the left side of a product") {
    model.Input("z", {kRows, 1});
    model.Add("MatMul", {"t", "z"}, {"s"});
    model.Output("s");
  }
  SECTION("a list of tensors") {
    model.Ints("first", {}, {0});
    model.Add("SequenceConstruct", {"t"}, {"list"});
    model.Add("SequenceAt", {"list", "first"}, {"s"});
    model.Output("s");
  }
  SECTION("an output") { model.Output("t"); }
  SECTION("a branch") {
    model.Input("which", {1}, onnx::TensorProto::BOOL);
    onnx::NodeProto* node = model.Add("If", {"which"}, {"s"});
    SetBranch(node, "then_branch", "Identity", {"t"}, "a");
    SetBranch(node, "else_branch", "Neg", {"t"}, "a");
    model.Output("s");
  }

  const Graph graph = Imported(model);
  const Value& turned = ValueNamed(graph, "t");
  REQUIRE(turned.constant >= 0);
  std::vector<float> elements(kRows * kColumns);
  REQUIRE(graph
              .ReadF32(graph.constants[static_cast<size_t>(turned.constant)], 0,
                       elements)
              .ok());
  CHECK(elements[1] == static_cast<float>(kColumns));
}

TEST_CASE("What is no matrix, or is turned twice, folds") {
  TestModel model = Turned();
  SetInts(model.Add("Transpose", {"t"}, {"back"}), "perm", {1, 0});
  model.Input("z", {2, kRows});
  model.Add("MatMul", {"z", "back"}, {"y"});
  model.Output("y");

  CHECK(Sketch(Imported(model)).starts_with("MatMul(z, "));
}

}  // namespace
}  // namespace layerd
