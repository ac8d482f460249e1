#include "daemon/pack/operators/constant_folding.h"

#include <cmath>
#include <functional>
#include <string>
#include <tuple>

#include "daemon/pack/graph/element_type.h"
#include "daemon/pack/import/onnx_test_model.h"
#include "test/catch/catch.h"

namespace layerd {
namespace {

using Ints = std::vector<int64_t>;
using Floats = std::vector<float>;
using Adds = std::function<void(TestModel&)>;

// What "y" is, when all that feeds it is known.
absl::StatusOr<Graph> Import(int64_t opset, const Adds& adds) {
  TestModel model(opset);
  model.Input("x", {2, 3, 4, 5});
  adds(model);
  model.Output("y");
  return model.Import();
}

void SetBytes(onnx::TensorProto* tensor, onnx::TensorProto::DataType type,
              const std::string& bytes) {
  tensor->set_data_type(type);
  tensor->set_raw_data(bytes);
}

// Half of each byte, known while packing.
void Halves(TestModel& m, const std::string& name, const Ints& shape,
            const std::string& bytes) {
  SetBytes(m.Weights(name + "_bytes", shape, {}), onnx::TensorProto::INT8,
           bytes);
  m.Weights(name + "_scale", {}, {0.5f});
  m.Add("DequantizeLinear", {name + "_bytes", name + "_scale"}, {name});
}

template <typename Elements>
struct RowOf {
  const char* name;
  Adds adds;
  Ints shape;
  Elements elements;
};
using Row = RowOf<Ints>;

const Value& FirstRead(const Graph& graph) {
  return graph.values[static_cast<size_t>(graph.nodes[0].inputs[0])];
}

// What the first node reads, with nothing left to compute.
const Constant& ConstantRead(const Graph& graph) {
  const int constant = FirstRead(graph).constant;
  REQUIRE(constant >= 0);
  return graph.constants[static_cast<size_t>(constant)];
}

// clang-format off
TEST_CASE("What is known while packing is computed while packing") {
  const auto row = GENERATE(values<Row>({
      {"shape", [](TestModel& m) { m.Add("Shape", {"x"}, {"y"}); }, {4}, {2, 3, 4, 5}},
      {"part of a shape", [](TestModel& m) { SetInt(SetInt(m.Add("Shape", {"x"}, {"y"}), "start", 1), "end", -1); }, {2}, {3, 4}},
      {"size", [](TestModel& m) { m.Add("Size", {"x"}, {"y"}); }, {}, {120}},
      {"gather", [](TestModel& m) { m.Add("Shape", {"x"}, {"s"}); m.Ints("i", {2}, {-1, 0}); m.Add("Gather", {"s", "i"}, {"y"}); }, {2}, {5, 2}},
      {"gather columns", [](TestModel& m) { m.Ints("s", {2, 3}, {1, 2, 3, 4, 5, 6}); m.Ints("i", {2}, {2, 0}); SetInt(m.Add("Gather", {"s", "i"}, {"y"}), "axis", 1); }, {2, 2}, {3, 1, 6, 4}},
      {"chain", [](TestModel& m) {
         m.Add("Shape", {"x"}, {"s"});
         m.Ints("zero", {}, {0});
         m.Add("Gather", {"s", "zero"}, {"n"});
         m.Ints("axes", {1}, {0});
         m.Add("Unsqueeze", {"n", "axes"}, {"n1"});
         m.Ints("rest", {1}, {-1});
         SetInt(m.Add("Concat", {"n1", "rest"}, {"y"}), "axis", 0);
       }, {2}, {2, -1}},
      {"concat of rows", [](TestModel& m) { m.Ints("a", {2, 1}, {1, 2}); m.Ints("b", {2, 2}, {3, 4, 5, 6}); SetInt(m.Add("Concat", {"a", "b"}, {"y"}), "axis", 1); }, {2, 3}, {1, 3, 4, 2, 5, 6}},
      {"slice", [](TestModel& m) { m.Add("Shape", {"x"}, {"s"}); m.Ints("b", {1}, {1}); m.Ints("e", {1}, {INT64_MAX}); m.Add("Slice", {"s", "b", "e"}, {"y"}); }, {3}, {3, 4, 5}},
      {"slice backwards", [](TestModel& m) { m.Ints("s", {5}, {1, 2, 3, 4, 5}); m.Ints("b", {1}, {-1}); m.Ints("e", {1}, {INT64_MIN}); m.Ints("a", {1}, {0}); m.Ints("t", {1}, {-2}); m.Add("Slice", {"s", "b", "e", "a", "t"}, {"y"}); }, {3}, {5, 3, 1}},
      {"slice backwards, all the way", [](TestModel& m) { m.Ints("s", {5}, {1, 2, 3, 4, 5}); m.Ints("b", {1}, {-2}); m.Ints("e", {1}, {INT64_MAX}); m.Ints("a", {1}, {0}); m.Ints("t", {1}, {-1}); m.Add("Slice", {"s", "b", "e", "a", "t"}, {"y"}); }, {4}, {4, 3, 2, 1}},
      {"slice of columns", [](TestModel& m) { m.Ints("s", {2, 3}, {1, 2, 3, 4, 5, 6}); m.Ints("b", {1}, {1}); m.Ints("e", {1}, {3}); m.Ints("a", {1}, {-1}); m.Add("Slice", {"s", "b", "e", "a"}, {"y"}); }, {2, 2}, {2, 3, 5, 6}},
      {"slice of nothing", [](TestModel& m) { m.Ints("s", {3}, {1, 2, 3}); m.Ints("b", {1}, {2}); m.Ints("e", {1}, {1}); m.Add("Slice", {"s", "b", "e"}, {"n"}); m.Add("Shape", {"n"}, {"y"}); }, {1}, {0}},
      {"add", [](TestModel& m) { m.Ints("a", {2, 1}, {1, 2}); m.Ints("b", {2}, {10, 20}); m.Add("Add", {"a", "b"}, {"y"}); }, {2, 2}, {11, 21, 12, 22}},
      {"wraps", [](TestModel& m) { m.Ints("a", {1}, {INT64_MAX}); m.Ints("b", {1}, {1}); m.Add("Add", {"a", "b"}, {"y"}); }, {1}, {INT64_MIN}},
      {"sub", [](TestModel& m) { m.Ints("a", {1}, {5}); m.Ints("b", {1}, {7}); m.Add("Sub", {"a", "b"}, {"y"}); }, {1}, {-2}},
      {"div", [](TestModel& m) { m.Ints("a", {2}, {-7, INT64_MIN}); m.Ints("b", {2}, {2, -1}); m.Add("Div", {"a", "b"}, {"y"}); }, {2}, {-3, INT64_MIN}},
      {"sum of three", [](TestModel& m) { m.Ints("a", {2}, {1, 2}); m.Add("Sum", {"a", "a", "a"}, {"y"}); }, {2}, {3, 6}},
      {"min", [](TestModel& m) { m.Ints("a", {2}, {1, 5}); m.Ints("b", {}, {3}); m.Add("Min", {"a", "b"}, {"y"}); }, {2}, {1, 3}},
      {"max", [](TestModel& m) { m.Ints("a", {2}, {1, 5}); m.Ints("b", {}, {3}); m.Add("Max", {"a", "b"}, {"y"}); }, {2}, {3, 5}},
      {"neg", [](TestModel& m) { m.Ints("a", {2}, {1, INT64_MIN}); m.Add("Neg", {"a"}, {"y"}); }, {2}, {-1, INT64_MIN}},
      {"equal", [](TestModel& m) { m.Ints("a", {2}, {1, 5}); m.Ints("b", {}, {5}); m.Add("Equal", {"a", "b"}, {"y"}); }, {2}, {0, 1}},
      {"less", [](TestModel& m) { m.Weights("a", {2}, {1, 5}); m.Weights("b", {}, {5}); m.Add("Less", {"a", "b"}, {"y"}); }, {2}, {1, 0}},
      {"not greater", [](TestModel& m) { m.Ints("a", {2}, {1, 6}); m.Ints("b", {}, {5}); m.Add("Greater", {"a", "b"}, {"g"}); m.Add("Not", {"g"}, {"y"}); }, {2}, {1, 0}},
      {"where", [](TestModel& m) { m.Ints("a", {2}, {-1, 4}); m.Ints("b", {}, {-1}); m.Add("Equal", {"a", "b"}, {"c"}); m.Ints("z", {2, 1}, {7, 8}); m.Add("Where", {"c", "z", "a"}, {"y"}); }, {2, 2}, {7, 4, 8, 4}},
      {"constant of shape", [](TestModel& m) { m.Ints("a", {2}, {2, 2}); FillInts(SetTensor(m.Add("ConstantOfShape", {"a"}, {"y"}), "value"), {1}, {9}); }, {2, 2}, {9, 9, 9, 9}},
      {"range", [](TestModel& m) { m.Ints("a", {}, {10}); m.Ints("b", {}, {3}); m.Ints("c", {}, {-3}); m.Add("Range", {"a", "b", "c"}, {"y"}); }, {3}, {10, 7, 4}},
      {"range of quantised limits", [](TestModel& m) { Halves(m, "a", {}, {2}); Halves(m, "b", {}, {20}); Halves(m, "c", {}, {6}); m.Add("Range", {"a", "b", "c"}, {"f"}); SetInt(m.Add("Cast", {"f"}, {"y"}), "to", onnx::TensorProto::INT64); }, {3}, {1, 4, 7}},
      {"running sum", [](TestModel& m) { m.Ints("a", {2, 3}, {1, 2, 3, 4, 5, 6}); m.Ints("d", {}, {1}); m.Add("CumSum", {"a", "d"}, {"y"}); }, {2, 3}, {1, 3, 6, 4, 9, 15}},
      {"running sum from below", [](TestModel& m) { m.Ints("a", {3, 2}, {1, 2, 3, 4, 5, 6}); m.Ints("d", {1}, {0}); SetInt(SetInt(m.Add("CumSum", {"a", "d"}, {"y"}), "reverse", 1), "exclusive", 1); }, {3, 2}, {8, 10, 5, 6, 0, 0}},
      {"ones off the diagonal", [](TestModel& m) { m.Ints("a", {2, 3}, {0, 0, 0, 0, 0, 0}); SetInt(m.Add("EyeLike", {"a"}, {"y"}), "k", 1); }, {2, 3}, {0, 1, 0, 0, 0, 1}},
      {"ones far away", [](TestModel& m) { m.Ints("a", {2, 2}, {0, 0, 0, 0}); SetInt(m.Add("EyeLike", {"a"}, {"y"}), "k", INT64_MIN); }, {2, 2}, {0, 0, 0, 0}},
      {"elements", [](TestModel& m) { m.Ints("a", {2, 2}, {1, 2, 3, 4}); m.Ints("i", {2, 1}, {1, -2}); SetInt(m.Add("GatherElements", {"a", "i"}, {"y"}), "axis", 1); }, {2, 1}, {2, 3}},
      {"rows by tuples", [](TestModel& m) { m.Ints("a", {2, 2}, {1, 2, 3, 4}); m.Ints("i", {2, 1}, {1, 0}); m.Add("GatherND", {"a", "i"}, {"y"}); }, {2, 2}, {3, 4, 1, 2}},
      {"elements by tuples in batches", [](TestModel& m) { m.Ints("a", {2, 3}, {1, 2, 3, 4, 5, 6}); m.Ints("i", {2, 2, 1}, {1, 0, -1, 0}); SetInt(m.Add("GatherND", {"a", "i"}, {"y"}), "batch_dims", 1); }, {2, 2}, {2, 1, 6, 4}},
      {"elements put", [](TestModel& m) { m.Ints("a", {2, 2}, {1, 2, 3, 4}); m.Ints("i", {1, 2}, {1, 0}); m.Ints("u", {1, 2}, {8, 9}); m.Add("ScatterElements", {"a", "i", "u"}, {"y"}); }, {2, 2}, {1, 9, 8, 4}},
      {"elements added", [](TestModel& m) { m.Ints("a", {2, 2}, {1, 2, 3, 4}); m.Ints("i", {2, 2}, {0, 1, 0, 1}); m.Ints("u", {2, 2}, {10, 20, 30, 40}); SetString(m.Add("ScatterElements", {"a", "i", "u"}, {"y"}), "reduction", "add"); }, {2, 2}, {41, 2, 3, 64}},
      {"rows multiplied", [](TestModel& m) { m.Ints("a", {2, 2}, {1, 2, 3, 4}); m.Ints("i", {2, 1}, {1, 1}); m.Ints("u", {2, 2}, {8, 1, 9, 2}); SetString(m.Add("ScatterND", {"a", "i", "u"}, {"y"}), "reduction", "mul"); }, {2, 2}, {1, 2, 216, 8}},
      {"largest of rows", [](TestModel& m) { m.Ints("a", {2, 2}, {1, 2, 3, 4}); m.Ints("i", {2, 1}, {1, 1}); m.Ints("u", {2, 2}, {8, 1, 9, 2}); SetString(m.Add("ScatterND", {"a", "i", "u"}, {"y"}), "reduction", "max"); }, {2, 2}, {1, 2, 9, 4}},
      {"rows put", [](TestModel& m) { m.Ints("a", {2, 2}, {1, 2, 3, 4}); m.Ints("i", {1, 1}, {-1}); m.Ints("u", {1, 2}, {8, 9}); m.Add("ScatterND", {"a", "i", "u"}, {"y"}); }, {2, 2}, {1, 2, 8, 9}},
      {"expand", [](TestModel& m) { m.Ints("a", {2, 1}, {1, 2}); m.Ints("s", {3}, {2, 1, 2}); m.Add("Expand", {"a", "s"}, {"y"}); }, {2, 2, 2}, {1, 1, 2, 2, 1, 1, 2, 2}},
      {"transpose", [](TestModel& m) { m.Ints("a", {2, 3}, {1, 2, 3, 4, 5, 6}); m.Add("Transpose", {"a"}, {"y"}); }, {3, 2}, {1, 4, 2, 5, 3, 6}},
      {"floor", [](TestModel& m) { m.Weights("a", {2}, {1.5f, -1.5f}); m.Add("Floor", {"a"}, {"f"}); SetInt(m.Add("Cast", {"f"}, {"y"}), "to", onnx::TensorProto::INT64); }, {2}, {1, -2}},
      {"ceil", [](TestModel& m) { m.Weights("a", {2}, {1.5f, -1.5f}); m.Add("Ceil", {"a"}, {"f"}); SetInt(m.Add("Cast", {"f"}, {"y"}), "to", onnx::TensorProto::INT64); }, {2}, {2, -1}},
      {"sqrt", [](TestModel& m) { m.Weights("a", {1}, {16}); m.Add("Sqrt", {"a"}, {"f"}); SetInt(m.Add("Cast", {"f"}, {"y"}), "to", onnx::TensorProto::INT32); }, {1}, {4}},
      {"split", [](TestModel& m) { m.Add("Shape", {"x"}, {"s"}); m.Add("Split", {"s"}, {"n", "y"}); }, {2}, {4, 5}},
      {"product", [](TestModel& m) { m.Add("Shape", {"x"}, {"s"}); SetInt(m.Add("ReduceProd", {"s"}, {"y"}), "keepdims", 0); }, {}, {120}},
      {"sum of rows", [](TestModel& m) { m.Ints("a", {2, 3}, {1, 2, 3, 4, 5, 6}); m.Ints("d", {1}, {1}); m.Add("ReduceSum", {"a", "d"}, {"y"}); }, {2, 1}, {6, 15}},
      {"largest of what is not a number", [](TestModel& m) { m.Weights("a", {2, 2}, {NAN, 2, 1, 5}); SetInts(m.Add("ReduceMax", {"a"}, {"m"}), "axes", {1}); m.Add("Equal", {"m", "m"}, {"y"}); }, {2, 1}, {0, 1}},
      {"smallest of what is not a number", [](TestModel& m) { m.Weights("a", {2, 2}, {NAN, 2, 1, 5}); SetInts(m.Add("ReduceMin", {"a"}, {"m"}), "axes", {1}); m.Add("Equal", {"m", "m"}, {"y"}); }, {2, 1}, {0, 1}},
      {"product of the shape of a number", [](TestModel& m) { m.Ints("a", {}, {7}); m.Add("Shape", {"a"}, {"s"}); SetInt(m.Add("ReduceProd", {"s"}, {"y"}), "keepdims", 0); }, {}, {1}},
      {"sum of nothing", [](TestModel& m) { m.Ints("a", {0, 2}, {}); m.Ints("d", {1}, {0}); m.Add("ReduceSum", {"a", "d"}, {"y"}); }, {1, 2}, {0, 0}},
      {"sum wraps", [](TestModel& m) { m.Ints("a", {2}, {INT64_MAX, 1}); m.Add("ReduceSum", {"a"}, {"y"}); }, {1}, {INT64_MIN}},
      {"power", [](TestModel& m) { m.Ints("a", {3}, {2, -3, 1}); m.Ints("b", {3}, {10, 3, -1}); m.Add("Pow", {"a", "b"}, {"y"}); }, {3}, {1024, -27, 1}},
      {"modulo", [](TestModel& m) { m.Ints("a", {3}, {-7, 7, INT64_MIN}); m.Ints("b", {3}, {3, -3, -1}); m.Add("Mod", {"a", "b"}, {"y"}); }, {3}, {2, -2, 0}},
      {"remainder", [](TestModel& m) { m.Ints("a", {3}, {-7, 7, INT64_MIN}); m.Ints("b", {3}, {3, -3, -1}); SetInt(m.Add("Mod", {"a", "b"}, {"y"}), "fmod", 1); }, {3}, {-1, 1, 0}},
      {"abs", [](TestModel& m) { m.Ints("a", {2}, {-4, INT64_MIN}); m.Add("Abs", {"a"}, {"y"}); }, {2}, {4, INT64_MIN}},
      {"tile", [](TestModel& m) { m.Ints("a", {1, 2}, {1, 2}); m.Ints("r", {2}, {2, 2}); m.Add("Tile", {"a", "r"}, {"y"}); }, {2, 4}, {1, 2, 1, 2, 1, 2, 1, 2}},
      {"and, or, xor", [](TestModel& m) { m.Ints("a", {2}, {0, 1}); m.Ints("b", {2, 1}, {0, 1}); m.Add("Equal", {"a", "b"}, {"e"}); m.Add("Not", {"e"}, {"n"}); m.Add("And", {"e", "n"}, {"o"}); m.Add("Or", {"o", "e"}, {"p"}); m.Add("Xor", {"p", "e"}, {"y"}); }, {2, 2}, {0, 0, 0, 0}},
      {"less or equal", [](TestModel& m) { m.Ints("a", {3}, {1, 2, 3}); m.Ints("b", {}, {2}); m.Add("LessOrEqual", {"a", "b"}, {"y"}); }, {3}, {1, 1, 0}},
      {"round", [](TestModel& m) { m.Weights("a", {3}, {2.5f, -1.5f, 0.4f}); m.Add("Round", {"a"}, {"f"}); SetInt(m.Add("Cast", {"f"}, {"y"}), "to", onnx::TensorProto::INT64); }, {3}, {2, -2, 0}},
      {"constant", [](TestModel& m) { FillInts(SetTensor(m.Add("Constant", {}, {"y"}), "value"), {2}, {1, 2}); }, {2}, {1, 2}},
      {"constant ints", [](TestModel& m) { SetInts(m.Add("Constant", {}, {"y"}), "value_ints", {3, 4}); }, {2}, {3, 4}},
      {"constant int", [](TestModel& m) { SetInt(m.Add("Constant", {}, {"y"}), "value_int", 3); }, {}, {3}},
  }));
  // clang-format on
  INFO(row.name);

  const auto graph = Import(13, row.adds);

  INFO(graph.status());
  REQUIRE(graph.ok());
  REQUIRE(graph->nodes.size() == 1);  // The copy that writes the output.
  const Node& copy = graph->nodes[0];
  CHECK(copy.op_type == "Identity");
  const Value& known = graph->values[static_cast<size_t>(copy.inputs[0])];
  REQUIRE(known.constant >= 0);
  CHECK(known.shape == row.shape);
  const Constant& constant =
      graph->constants[static_cast<size_t>(known.constant)];
  const auto elements = graph->ReadI64(constant);
  REQUIRE(elements.ok());
  CHECK(*elements == row.elements);
}

TEST_CASE("Floats fold in their own precision") {
  const auto graph = Import(13, [](TestModel& m) {
    m.Weights("a", {2}, {0.1f, 1.0f});
    m.Weights("b", {2}, {0.2f, 3.0f});
    m.Add("Add", {"a", "b"}, {"s"});
    m.Weights("c", {2}, {1.0f, 3.0f});
    m.Add("Div", {"s", "c"}, {"y"});
  });
  REQUIRE(graph.ok());
  Floats elements(2);
  REQUIRE(graph->ReadF32(graph->constants[0], 0, elements).ok());
  CHECK(elements == Floats{0.1f + 0.2f, 4.0f / 3.0f});
}

struct Scale {
  onnx::TensorProto::DataType type;
  DataType dtype;
  std::string half;  // 0.5, as stored.
};

TEST_CASE("What is dequantised moves as numbers of its scale's type") {
  const auto scale = GENERATE(values<Scale>({
      {onnx::TensorProto::FLOAT16, DataType::kF16, {"\0\x38", 2}},
      {onnx::TensorProto::BFLOAT16, DataType::kBF16, {"\0\x3f", 2}},
      {onnx::TensorProto::FLOAT, DataType::kF32, {"\0\0\0\x3f", 4}},
      {onnx::TensorProto::DOUBLE, DataType::kF64, {"\0\0\0\0\0\0\xe0\x3f", 8}},
  }));
  // clang-format off
  const auto row = GENERATE(values<RowOf<Floats>>({
      {"concat", [](TestModel& m) { SetInt(m.Add("Concat", {"d", "d"}, {"y"}), "axis", 1); }, {2, 6}, {.5f, 1, 1.5f, .5f, 1, 1.5f, 2, 2.5f, 3, 2, 2.5f, 3}},
      {"transpose", [](TestModel& m) { m.Add("Transpose", {"d"}, {"y"}); }, {3, 2}, {.5f, 2, 1, 2.5f, 1.5f, 3}},
      {"reshape", [](TestModel& m) { m.Ints("s", {1}, {6}); m.Add("Reshape", {"d", "s"}, {"y"}); }, {6}, {.5f, 1, 1.5f, 2, 2.5f, 3}},
      {"slice", [](TestModel& m) { m.Ints("first", {1}, {1}); m.Ints("end", {1}, {2}); m.Add("Slice", {"d", "first", "end"}, {"y"}); }, {1, 3}, {2, 2.5f, 3}},
      {"expand", [](TestModel& m) { m.Ints("s", {3}, {2, 2, 3}); m.Add("Expand", {"d", "s"}, {"y"}); }, {2, 2, 3}, {.5f, 1, 1.5f, 2, 2.5f, 3, .5f, 1, 1.5f, 2, 2.5f, 3}},
      {"tile", [](TestModel& m) { m.Ints("s", {2}, {2, 1}); m.Add("Tile", {"d", "s"}, {"y"}); }, {4, 3}, {.5f, 1, 1.5f, 2, 2.5f, 3, .5f, 1, 1.5f, 2, 2.5f, 3}},
      {"gather", [](TestModel& m) { m.Ints("i", {2}, {1, 0}); m.Add("Gather", {"d", "i"}, {"y"}); }, {2, 3}, {2, 2.5f, 3, .5f, 1, 1.5f}},
      {"elements", [](TestModel& m) { m.Ints("i", {1, 3}, {1, 0, 1}); m.Add("GatherElements", {"d", "i"}, {"y"}); }, {1, 3}, {2, 1, 3}},
      {"elements put", [](TestModel& m) { m.Ints("i", {1, 1}, {1}); m.Add("ScatterND", {"d", "i", "e"}, {"y"}); }, {2, 3}, {.5f, 1, 1.5f, 4, 4.5f, 5}},
      {"where", [](TestModel& m) { m.Ints("i", {2, 1}, {0, 1}); SetInt(m.Add("Cast", {"i"}, {"c"}), "to", onnx::TensorProto::BOOL); m.Add("Where", {"c", "d", "e"}, {"y"}); }, {2, 3}, {4, 4.5f, 5, 2, 2.5f, 3}},
  }));
  // clang-format on
  INFO(row.name << " " << NameOf(scale.dtype));
  const auto graph = Import(19, [&](TestModel& m) {
    SetBytes(m.Weights("half", {}, {}), scale.type, scale.half);
    for (const auto& [name, shape, bytes] :
         {std::tuple<std::string, Ints, std::string>{
              "d", {2, 3}, "\1\2\3\4\5\6"},
          {"e", {1, 3}, "\x8\x9\xa"}}) {
      SetBytes(m.Weights(name + "_bytes", shape, {}), onnx::TensorProto::INT8,
               bytes);
      m.Add("DequantizeLinear", {name + "_bytes", "half"}, {name});
    }
    row.adds(m);
  });
  INFO(graph.status());
  REQUIRE(graph.ok());

  const Constant& constant = ConstantRead(*graph);
  CHECK(FirstRead(*graph).dtype == scale.dtype);
  CHECK(constant.dtype == scale.dtype);
  CHECK(constant.shape == row.shape);
  CHECK(constant.held.size() == row.elements.size() * SizeOf(scale.dtype));
  Floats elements(row.elements.size());
  REQUIRE(graph->ReadF32(constant, 0, elements).ok());
  CHECK(elements == row.elements);
}

TEST_CASE("Known numbers of U64 have no sign") {
  constexpr uint64_t kHalf = uint64_t{1} << 63, kMost = ~uint64_t{0};
  struct Case {
    const char* op_type;
    std::vector<uint64_t> expected;
  };
  const auto row = GENERATE_COPY(values<Case>({
      {"Add", {kHalf + 1, 1, kHalf + 7}},
      {"Sub", {kHalf - 1, kMost - 2, kHalf - 7}},
      {"Mul", {kHalf, kMost - 1, kHalf}},
      {"Div", {kHalf, kMost / 2, kHalf / 7}},
      {"Mod", {0, 1, kHalf % 7}},
      {"Max", {kHalf, kMost, kHalf}},
      {"Min", {1, 2, 7}},
      {"ReduceMax", {kMost}},
      {"ReduceMin", {kHalf}},
      {"ReduceSum", {kMost}},
  }));
  INFO(row.op_type);
  const auto graph = Import(11, [&row](TestModel& m) {
    const auto words = [&m](const char* name,
                            const std::vector<uint64_t>& elements) {
      m.Ints(name, {3}, Ints(elements.begin(), elements.end()))
          ->set_data_type(onnx::TensorProto::UINT64);
    };
    words("a", {kHalf, kMost, kHalf});
    words("b", {1, 2, 7});
    const bool is_of_one = row.expected.size() == 1;
    m.Add(row.op_type,
          is_of_one ? std::vector<std::string>{"a"}
                    : std::vector<std::string>{"a", "b"},
          {"y"});
  });
  INFO(graph.status());
  REQUIRE(graph.ok());

  const auto bytes = graph->ReadBytes(ConstantRead(*graph));
  REQUIRE(bytes.ok());
  const auto expected = std::as_bytes(std::span(row.expected));
  CHECK(std::ranges::equal(*bytes, expected));
}

TEST_CASE("A scale in a list of one has a zero point that is a number") {
  const auto graph = Import(13, [](TestModel& m) {
    SetBytes(m.Weights("w", {2}, {}), onnx::TensorProto::INT8, "\3\5");
    m.Weights("s", {1}, {0.5f});
    SetBytes(m.Weights("z", {}, {}), onnx::TensorProto::INT8, "\1");
    m.Add("DequantizeLinear", {"w", "s", "z"}, {"y"});
  });
  INFO(graph.status());
  REQUIRE(graph.ok());

  const Value& y =
      graph->values[static_cast<size_t>(graph->nodes[0].inputs[0])];
  REQUIRE(y.constant >= 0);
  Floats elements(2);
  REQUIRE(graph
              ->ReadF32(graph->constants[static_cast<size_t>(y.constant)], 0,
                        elements)
              .ok());
  CHECK(elements == Floats{1, 2});
}

TEST_CASE("Scales and zero points count as held, and zeros are not held") {
  constexpr int64_t kRows = int64_t{1} << 20;
  const auto shares = [](int nodes, char zero) {
    TestModel model(13);
    SetBytes(model.Weights("w", {kRows, 1}, {}), onnx::TensorProto::INT8,
             std::string(kRows, '\1'));
    model.Weights("scales", {kRows}, Floats(kRows, 0.5f));
    SetBytes(model.Weights("zeros", {kRows}, {}), onnx::TensorProto::INT8,
             std::string(kRows, zero));
    for (int i = 0; i < nodes; ++i) {
      const std::string name = "y" + std::to_string(i);
      SetInt(model.Add("DequantizeLinear", {"w", "scales", "zeros"}, {name}),
             "axis", 0);
      model.Output(name);
    }
    return model.Import();
  };
  CHECK(shares(24, '\0').ok());
  CHECK(absl::IsResourceExhausted(shares(24, '\1').status()));
}

TEST_CASE("Elements that change after they were counted are refused") {
  const int64_t count = GENERATE(1, 2, 3);
  const Floats elements = {1, 0, 2, 0};
  Graph graph;
  Constant& constant = graph.constants.emplace_back();
  constant.shape = {4};
  const auto bytes = std::as_bytes(std::span(elements));
  constant.held.assign(bytes.begin(), bytes.end());
  graph.values.resize(2);
  graph.values[0].dtype = DataType::kF32;
  graph.values[0].shape = {4};
  graph.values[0].constant = 0;
  graph.values[1].dtype = DataType::kI64;
  graph.values[1].shape = {1, count};
  Node node;
  node.op_type = "NonZero";
  node.inputs = {0};
  node.outputs = {1};
  Allowance held_bytes("bytes", 1000);

  const auto places = FoldNonZero(Folding(&graph, &node, &held_bytes));

  CHECK(places.ok() == (count == 2));
  CHECK(absl::IsInvalidArgument(places.status()) == (count != 2));
}

TEST_CASE("Large weights stay in their file under another shape") {
  TestModel model(13);
  model.Input("x", {1, 64});
  Floats weights(64 * 100);
  for (size_t i = 0; i < weights.size(); ++i)
    weights[i] = static_cast<float>(i);
  model.Weights("w", {100, 64, 1, 1}, weights);
  model.Ints("two", {2}, {64, -1});
  model.Add("Reshape", {"w", "two"}, {"r"});
  model.Add("Identity", {"r"}, {"i"});
  model.Add("MatMul", {"x", "i"}, {"y"});
  model.Output("y");

  const auto graph = model.Import();

  REQUIRE(graph.ok());
  CHECK(Sketch(*graph) == "MatMul(x, r) -> y");
  const Value& value = ValueNamed(*graph, "r");
  CHECK(value.shape == Ints{64, 100});
  const Constant& constant =
      graph->constants[static_cast<size_t>(value.constant)];
  CHECK(constant.file == 0);
  CHECK(constant.shape == Ints{64, 100});
}

TEST_CASE("Half weights that are cast to float stay in their file") {
  TestModel model(13);
  model.Input("x", {1, 1000});
  onnx::TensorProto* w = model.Weights("w", {1000, 1}, {});
  w->set_data_type(onnx::TensorProto::FLOAT16);
  w->set_raw_data(std::string(2000, '\x3c'));  // 0x3c3c: 1.0586
  SetInt(model.Add("Cast", {"w"}, {"f"}), "to", onnx::TensorProto::FLOAT);
  model.Add("MatMul", {"x", "f"}, {"y"});
  model.Output("y");

  const auto graph = model.Import();

  INFO(graph.status());
  REQUIRE(graph.ok());
  const Value& value = ValueNamed(*graph, "f");
  CHECK(value.dtype == DataType::kF32);
  const Constant& constant =
      graph->constants[static_cast<size_t>(value.constant)];
  CHECK(constant.file == 0);
  float element = 0;
  REQUIRE(graph->ReadF32(constant, 999, std::span(&element, 1)).ok());
  CHECK(element == 1.05859375f);
}

TEST_CASE("Arithmetic on large weights is left to the passes") {
  TestModel model(13);
  model.Input("x", {1, 2048});
  model.Weights("w", {2048, 1024}, Floats(2048 * 1024, 1.0f));
  model.Weights("s", {1024}, Floats(1024, 2.0f));
  model.Add("Mul", {"w", "s"}, {"m"});
  model.Add("MatMul", {"x", "m"}, {"y"});
  model.Output("y");
  const auto graph = model.Import();
  INFO(graph.status());
  REQUIRE(graph.ok());
  CHECK(Sketch(*graph) == "Mul(w, s) -> m; MatMul(x, m) -> y");
}

TEST_CASE("Folding never takes much memory or goes outside") {
  struct Bad {
    const char* name;
    Adds adds;
    const char* message;
  };
  // clang-format off
  const auto row = GENERATE(values<Bad>({
      {"huge constant", [](TestModel& m) { m.Ints("s", {2}, {1 << 20, 1 << 20}); m.Add("ConstantOfShape", {"s"}, {"y"}); }, "at most"},
      {"endless range", [](TestModel& m) { m.Ints("a", {}, {0}); m.Ints("b", {}, {INT64_MAX}); m.Ints("c", {}, {1}); m.Add("Range", {"a", "b", "c"}, {"y"}); }, "range of more than"},
      {"range by 0", [](TestModel& m) { m.Ints("a", {}, {0}); m.Ints("b", {}, {9}); m.Add("Range", {"a", "b", "a"}, {"y"}); }, "range of more than"},
      {"index", [](TestModel& m) { m.Ints("a", {2}, {1, 2}); m.Ints("i", {1}, {2}); m.Add("Gather", {"a", "i"}, {"y"}); }, "index is outside"},
      {"zero", [](TestModel& m) { m.Ints("a", {1}, {1}); m.Ints("b", {1}, {0}); m.Add("Div", {"a", "b"}, {"y"}); }, "by zero"},
      {"step 0", [](TestModel& m) { m.Ints("a", {2}, {1, 2}); m.Ints("z", {1}, {0}); m.Add("Slice", {"a", "z", "z", "z", "z"}, {"y"}); }, "step is 0"},
      {"constant of text", [](TestModel& m) { SetString(m.Add("Constant", {}, {"y"}), "value_string", "a"); }, "no tensor"},
  }));
  // clang-format on
  INFO(row.name);
  const auto graph = Import(13, row.adds);
  REQUIRE(!graph.ok());
  CHECK_THAT(std::string(graph.status().message()),
             Catch::StartsWith("node \"y\" (") && Catch::Contains(row.message));
}

TEST_CASE("Doubling a tensor again and again ends at a bound") {
  TestModel model(13);
  model.Weights("v0", {1024, 1024}, Floats(1 << 20, 1.0f));
  for (int i = 0; i < 300; ++i) {
    const std::string from = "v" + std::to_string(i);
    model.Add("Add", {from, from}, {"v" + std::to_string(i + 1)});
  }
  model.Output("v300");
  const auto graph = model.Import();
  CHECK(absl::IsResourceExhausted(graph.status()));
  INFO(graph.status());
  CHECK_THAT(std::string(graph.status().message()),
             Catch::Contains("node \"v"));
}

}  // namespace
}  // namespace layerd
