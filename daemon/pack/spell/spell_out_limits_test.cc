// What is not spelled out: too much, or what cannot be.

#include <functional>
#include <string>
#include <vector>

#include "daemon/pack/import/onnx_test_model.h"
#include "daemon/pack/operators/operator_table.h"
#include "daemon/pack/spell/spell_out.h"
#include "test/catch/catch.h"

namespace layerd {
namespace {

using Floats = std::vector<float>;
using Shape = std::vector<int64_t>;

TEST_CASE("What nobody infers is spelled out, and the nodes are inferred") {
  size_t count = 0;
  for (const OperatorRow& row : Operators()) {
    if (row.infer != nullptr) continue;
    INFO(row.op_type);
    Node node;
    node.op_type = row.op_type;
    CHECK(IsSpelledOut(node, Graph()));
    ++count;
  }
  CHECK(count > 0);
}

TEST_CASE("More than can be known while packing is refused, not held") {
  TestModel model(13);
  model.Input("b", {int64_t{1} << 18, int64_t{1} << 18},
              onnx::TensorProto::INT8);
  model.Input("zeros", {int64_t{1} << 40}, onnx::TensorProto::INT8);
  model.Add("MatMulInteger", {"b", "b", "", "zeros"}, {"y"});
  model.Output("y");
  CHECK_FALSE(model.Import().ok());

  TestModel pool(13);
  pool.Input("x", {int64_t{1} << 19, int64_t{1} << 19, 2, 2});
  SetInts(pool.Add("MaxPool", {"x"}, {"y", "places"}), "kernel_shape", {2, 2});
  pool.Output("places");
  CHECK_FALSE(pool.Import().ok());
}

TEST_CASE(
    "A state of more elements than can be counted, or of less than none") {
  TestModel model(27);
  SECTION("more") {
    model.Input("x", {1 << 20, 1 << 19, 1});
    model.Input("w", {1 << 19, 1, 1 << 21});
  }
  SECTION("less") {
    model.Input("x", {1, 2, 3});
    model.Weights("w", {2, 1, 0}, {});
  }
  model.Add("CausalConvWithState", {"x", "w"}, {"y"});
  model.Output("y");
  const auto graph = model.Import();
  REQUIRE(!graph.ok());
  CHECK_THAT(std::string(graph.status().message()),
             Catch::Contains("would take a constant of ["));
}

onnx::TensorProto OneLength(int32_t length) {
  onnx::TensorProto tensor;
  tensor.set_name("lengths");
  tensor.set_data_type(onnx::TensorProto::INT32);
  tensor.add_dims(1);
  tensor.add_int32_data(length);
  return tensor;
}

void SetStrings(onnx::NodeProto* node, const std::string& name,
                const std::vector<std::string>& values) {
  onnx::AttributeProto* attribute = node->add_attribute();
  attribute->set_name(name);
  attribute->set_type(onnx::AttributeProto::STRINGS);
  for (const std::string& value : values) attribute->add_strings(value);
}

// Over one element, so that all but one of the window is padding.
void WideWindow(TestModel& model, const Shape& kernel) {
  model.Input("one", Shape(kernel.size() + 2, 1));
  onnx::NodeProto* pool = model.Add("MaxPool", {"one"}, {"y", "places"});
  Shape pads(2 * kernel.size(), 0);
  for (size_t d = 0; d < kernel.size(); ++d) pads[d] = kernel[d] - 1;
  SetInts(SetInts(pool, "kernel_shape", kernel), "pads", pads);
  model.Output("places");
}

TEST_CASE("Nodes that become very many end at a bound") {
  TestModel model(13);
  model.Input("x", {1, 1, 8, 8});
  for (int i = 0; i < 1000; ++i) {
    const std::string name = std::to_string(i);
    SetInts(model.Add("MaxPool", {"x"}, {"y" + name, "places" + name}),
            "kernel_shape", {8, 8});
    model.Output("places" + name);
  }
  const auto graph = model.Import();
  INFO(graph.status());
  CHECK(absl::IsResourceExhausted(graph.status()));
  CHECK_THAT(std::string(graph.status().message()),
             Catch::StartsWith("node \"y"));
}

TEST_CASE("What cannot be spelled out is refused with the reason") {
  struct Bad {
    const char* name;
    std::function<void(TestModel&)> adds;
    const char* message;
  };
  // clang-format off
  const auto row = GENERATE(values<Bad>({
      {"an index outside", [](TestModel& m) { m.Ints("i", {1, 1}, {3}); m.Add("GatherElements", {"x", "i"}, {"y"}); }, "index 3 is outside of a dimension of 2"},
      {"far outside", [](TestModel& m) { m.Ints("i", {1, 1}, {INT64_MIN}); m.Add("GatherElements", {"x", "i"}, {"y"}); }, "is outside"},
      {"a tuple outside", [](TestModel& m) { m.Ints("i", {1, 2}, {0, -4}); m.Add("ScatterND", {"x", "i", "u"}, {"y"}); }, "index -4 is outside of a dimension of 3"},
      {"a mask from run time", [](TestModel& m) { m.Input("i", {2}, onnx::TensorProto::BOOL); m.Add("Compress", {"x", "i"}, {"y"}); }, "depends on data of each request"},
      {"sums of updates", [](TestModel& m) { m.Ints("i", {1, 2}, {0, 1}); SetString(m.Add("ScatterND", {"x", "i", "u"}, {"y"}), "reduction", "mean"); }, "only add, max, min, mul, none are supported"},
      {"tuples too long", [](TestModel& m) { m.Ints("i", {1, 3}, {0, 1, 0}); m.Add("GatherND", {"x", "i"}, {"y"}); }, "indices [1, 3] of [2, 3]"},
      {"batches that differ", [](TestModel& m) { m.Ints("i", {1, 1, 1}, {0}); SetInt(m.Add("GatherND", {"x", "i"}, {"y"}), "batch_dims", 1); }, "indices [1, 1, 1] of [2, 3]"},
      {"updates of another shape", [](TestModel& m) { m.Ints("i", {2, 2}, {0, 1, 0, 0}); m.Add("ScatterND", {"x", "i", "u"}, {"y"}); }, "updates are"},
      {"a diagonal", [](TestModel& m) { SetString(m.Add("Einsum", {"x"}, {"y"}), "equation", "ii->i"); }, "diagonal"},
      {"lengths that differ", [](TestModel& m) { SetString(m.Add("Einsum", {"x", "x"}, {"y"}), "equation", "ij,jk->ik"); }, "one label is 3 and 2 long"},
      {"no equation", [](TestModel& m) { m.Add("Einsum", {"x"}, {"y"}); }, "0 labels for [2, 3]"},
      {"too many sides", [](TestModel& m) { SetString(m.Add("Einsum", {"x"}, {"y"}), "equation", "ij->i->j"); }, "1 inputs"},
      {"a new label", [](TestModel& m) { SetString(m.Add("Einsum", {"x"}, {"y"}), "equation", "ij->k"); }, "label of its own"},
      {"no label", [](TestModel& m) { SetString(m.Add("Einsum", {"x"}, {"y"}), "equation", "i.->i"); }, "no label"},
      {"a triangle of nothing", [](TestModel& m) { m.Add("Trilu", {"u"}, {"y"}); }, "no matrix"},
      {"more than there are", [](TestModel& m) { m.Ints("k", {1}, {4}); m.Add("TopK", {"x", "k"}, {"y"}); }, "4 of 3 elements"},
      {"a depth from run time", [](TestModel& m) { m.Weights("v", {2}, {0, 1}); m.Add("OneHot", {"x", "u", "v"}, {"y"}); }, "must be known while packing"},
      {"an attribute of another type", [](TestModel& m) { m.Ints("d", {}, {3}); m.Weights("v", {2}, {0, 1}); SetString(m.Add("OneHot", {"x", "d", "v"}, {"y"}), "axis", "1"); }, "axis is no integer"},
      {"floats that are multiplied as bytes", [](TestModel& m) { m.Add("MatMulInteger", {"x", "x"}, {"y"}); }, "INT8 and UINT8"},
      {"a grid of nothing", [](TestModel& m) { m.Add("GridSample", {"x", "u"}, {"y"}); }, "grids"},
      {"weights of a recurrence from run time", [](TestModel& m) { m.Input("s", {5, 1, 2}); m.Input("w", {1, 8, 2}); m.Add("LSTM", {"s", "w", "w"}, {"y"}); }, "must be known while packing"},
      {"a sequence beyond the steps", [](TestModel& m) { m.Input("s", {5, 1, 2}); m.Weights("w", {1, 2, 2}, Floats(4, 1)); m.proto.mutable_graph()->add_initializer()->CopyFrom(OneLength(6)); m.Add("RNN", {"s", "w", "w", "", "lengths"}, {"y"}); }, "a sequence of 6 in 5 steps"},
      {"an activation of control characters", [](TestModel& m) { m.Input("s", {5, 1, 2}); m.Weights("w", {1, 2, 2}, Floats(4, 1)); SetStrings(m.Add("RNN", {"s", "w", "w"}, {"y"}), "activations", {"\x1b[2J"}); }, "\"\\x1b[2J\" is not supported"},
      {"a window of 2^63 elements", [](TestModel& m) { WideWindow(m, {1 << 21, 1 << 21, 1 << 21}); }, "more than 64 elements"},
      {"a window of 2^64 elements", [](TestModel& m) { WideWindow(m, {1 << 16, 1 << 16, 1 << 16, 1 << 16}); }, "more than 64 elements"},
      {"an unknown activation", [](TestModel& m) { m.Input("s", {5, 1, 2}); m.Weights("w", {1, 2, 2}, Floats(4, 1)); SetStrings(m.Add("RNN", {"s", "w", "w"}, {"y"}), "activations", {"Wild"}); }, "\"Wild\" is not supported"},
      {"no matrix", [](TestModel& m) { m.Add("EyeLike", {"u"}, {"y"}); }, "no matrix"},
  }));
  // clang-format on
  INFO(row.name);
  TestModel model(16);
  model.Input("x", {2, 3});
  model.Input("u", {1});
  row.adds(model);
  model.Output("y");
  const auto graph = model.Import();
  REQUIRE(!graph.ok());
  CHECK_THAT(std::string(graph.status().message()),
             Catch::StartsWith("node \"y\" (") && Catch::Contains(row.message));
}

}  // namespace
}  // namespace layerd
