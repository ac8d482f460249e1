// Every operator that stays in a graph: the shape that comes out, and the one
// form its attributes have then, whatever the opset wrote.

#include <cmath>
#include <functional>
#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "daemon/pack/import/onnx_test_model.h"
#include "test/catch/catch.h"

namespace layerd {
namespace {

using Shape = std::vector<int64_t>;
using Adds = std::function<void(TestModel&)>;

std::string ToText(const AttributeValue& value) {
  if (const auto* i = std::get_if<int64_t>(&value)) return absl::StrCat(*i);
  if (const auto* f = std::get_if<float>(&value)) {
    return absl::StrFormat("%g", *f);
  }
  if (const auto* s = std::get_if<std::string>(&value)) return *s;
  return absl::StrCat("[", absl::StrJoin(std::get<Shape>(value), ","), "]");
}

// "Conv [1,4,8,8] group=1 kernel_shape=[3,3] ..." of the node that writes "y".
std::string FormOf(const Graph& graph) {
  const Node& node = graph.nodes.back();
  const Value& y = ValueNamed(graph, "y");
  std::string text = absl::StrCat(node.op_type, "/", node.inputs.size(), " [",
                                  absl::StrJoin(*y.shape, ","), "]");
  for (const auto& [name, value] : node.attributes) {
    absl::StrAppend(&text, " ", name, "=", ToText(value));
  }
  return text;
}

struct Row {
  const char* name;
  int64_t opset;
  Shape x;
  Adds adds;
  const char* form;  // What comes out, or part of the error.
};

std::vector<float> Floats(size_t count) { return std::vector<float>(count, 1); }

onnx::NodeProto* Conv(TestModel& m, const Shape& w) {
  int64_t count = 1;
  for (const int64_t dimension : w) count *= dimension;
  m.Weights("w", w, Floats(static_cast<size_t>(count)));
  return m.Add("Conv", {"x", "w"}, {"y"});
}

onnx::NodeProto* Pool(TestModel& m, const char* op_type, const Shape& kernel) {
  return SetInts(m.Add(op_type, {"x"}, {"y"}), "kernel_shape", kernel);
}

absl::StatusOr<Graph> Import(const Row& row) {
  TestModel model(row.opset);
  model.Input("x", row.x);
  row.adds(model);
  model.Output("y");
  return model.Import();
}

// clang-format off
TEST_CASE("Windows are complete: auto_pad and ceil_mode are resolved") {
  const auto row = GENERATE(values<Row>({
      {"defaults", 7, {1, 3, 8, 8}, [](TestModel& m) { Conv(m, {4, 3, 3, 3}); },
       "Conv/2 [1,4,6,6] dilations=[1,1] group=1 kernel_shape=[3,3] pads=[0,0,0,0] strides=[1,1]"},
      {"groups and bias", 11, {1, 4, 8, 8},
       [](TestModel& m) {
         SetInt(Conv(m, {8, 2, 3, 3}), "group", 2)->add_input("b");
         m.Weights("b", {8}, Floats(8));
       },
       "Conv/3 [1,8,6,6] dilations=[1,1] group=2 kernel_shape=[3,3] pads=[0,0,0,0] strides=[1,1]"},
      {"strides, dilations, pads", 11, {2, 3, 9, 10},
       [](TestModel& m) {
         auto* n = SetInts(Conv(m, {4, 3, 3, 2}), "strides", {2, 3});
         SetInts(SetInts(n, "dilations", {2, 1}), "pads", {1, 0, 2, 1});
       },
       "Conv/2 [2,4,4,4] dilations=[2,1] group=1 kernel_shape=[3,2] pads=[1,0,2,1] strides=[2,3]"},
      {"SAME_UPPER", 11, {1, 3, 7, 8},
       [](TestModel& m) { SetInts(SetString(Conv(m, {4, 3, 3, 3}), "auto_pad", "SAME_UPPER"), "strides", {2, 2}); },
       "Conv/2 [1,4,4,4] dilations=[1,1] group=1 kernel_shape=[3,3] pads=[1,0,1,1] strides=[2,2]"},
      {"SAME_LOWER", 11, {1, 3, 7, 8},
       [](TestModel& m) { SetInts(SetString(Conv(m, {4, 3, 3, 3}), "auto_pad", "SAME_LOWER"), "strides", {2, 2}); },
       "Conv/2 [1,4,4,4] dilations=[1,1] group=1 kernel_shape=[3,3] pads=[1,1,1,0] strides=[2,2]"},
      {"VALID", 11, {1, 3, 7, 8}, [](TestModel& m) { SetString(Conv(m, {4, 3, 3, 3}), "auto_pad", "VALID"); },
       "Conv/2 [1,4,5,6] dilations=[1,1] group=1 kernel_shape=[3,3] pads=[0,0,0,0] strides=[1,1]"},
      {"one dimension", 11, {1, 3, 16}, [](TestModel& m) { Conv(m, {4, 3, 5}); },
       "Conv/2 [1,4,12] dilations=[1] group=1 kernel_shape=[5] pads=[0,0] strides=[1]"},
      {"floor", 8, {1, 2, 7, 7}, [](TestModel& m) { SetInts(Pool(m, "MaxPool", {2, 2}), "strides", {2, 2}); },
       "MaxPool/1 [1,2,3,3] ceil_pads=[0,0] dilations=[1,1] kernel_shape=[2,2] pads=[0,0,0,0] strides=[2,2]"},
      {"ceil", 10, {1, 2, 7, 7},
       [](TestModel& m) { SetInt(SetInts(Pool(m, "MaxPool", {2, 2}), "strides", {2, 2}), "ceil_mode", 1); },
       "MaxPool/1 [1,2,4,4] ceil_pads=[1,1] dilations=[1,1] kernel_shape=[2,2] pads=[0,0,0,0] strides=[2,2]"},
      {"ceil, and nothing fits", 10, {1, 2, 2, 1},
       [](TestModel& m) { SetInt(SetInts(Pool(m, "MaxPool", {3, 2}), "strides", {2, 2}), "ceil_mode", 1); },
       "MaxPool/1 [1,2,1,1] ceil_pads=[1,1] dilations=[1,1] kernel_shape=[3,2] pads=[0,0,0,0] strides=[2,2]"},
      {"ceil, but the last window would begin in the pads", 10, {1, 2, 5, 5},
       [](TestModel& m) {
         auto* n = SetInts(Pool(m, "MaxPool", {2, 2}), "strides", {3, 3});
         SetInts(SetInt(n, "ceil_mode", 1), "pads", {1, 1, 1, 1});
       },
       "MaxPool/1 [1,2,2,2] ceil_pads=[0,0] dilations=[1,1] kernel_shape=[2,2] pads=[1,1,1,1] strides=[3,3]"},
      {"average", 11, {1, 2, 6, 6},
       [](TestModel& m) { SetInt(SetInts(Pool(m, "AveragePool", {3, 3}), "pads", {1, 1, 1, 1}), "count_include_pad", 1); },
       "AveragePool/1 [1,2,6,6] ceil_pads=[0,0] count_include_pad=1 dilations=[1,1] kernel_shape=[3,3] pads=[1,1,1,1] strides=[1,1]"},
      {"global", 7, {1, 5, 6, 7}, [](TestModel& m) { m.Add("GlobalAveragePool", {"x"}, {"y"}); },
       "GlobalAveragePool/1 [1,5,1,1]"},
  }));
  INFO(row.name);
  const auto graph = Import(row);
  INFO(graph.status());
  REQUIRE(graph.ok());
  CHECK(FormOf(*graph) == row.form);
}

TEST_CASE("Products of matrices follow ONNX's rules of shape") {
  const auto gemm = [](Shape b, int64_t flips_a, int64_t flips_b) {
    return [=](TestModel& m) {
      m.Weights("b", b, Floats(static_cast<size_t>(b[0] * b[1])));
      SetInt(SetInt(m.Add("Gemm", {"x", "b"}, {"y"}), "transA", flips_a), "transB", flips_b);
    };
  };
  const auto product = [](Shape b) {
    return [=](TestModel& m) {
      m.Input("b", b);
      m.Add("MatMul", {"x", "b"}, {"y"});
    };
  };
  const auto row = GENERATE_COPY(values<Row>({
      {"gemm", 13, {2, 3}, gemm({3, 4}, 0, 0), "Gemm/2 [2,4] alpha=1 beta=1 transA=0 transB=0"},
      {"gemm, flipped", 13, {3, 2}, gemm({4, 3}, 1, 1), "Gemm/2 [2,4] alpha=1 beta=1 transA=1 transB=1"},
      {"matrix", 13, {2, 3}, product({3, 4}), "MatMul/2 [2,4]"},
      {"batched", 13, {5, 1, 2, 3}, product({7, 3, 4}), "MatMul/2 [5,7,2,4]"},
      {"row", 13, {3}, product({5, 3, 4}), "MatMul/2 [5,4]"},
      {"column", 13, {5, 2, 3}, product({3}), "MatMul/2 [5,2]"},
      {"dot", 13, {3}, product({3}), "MatMul/2 []"},
  }));
  INFO(row.name);
  const auto graph = Import(row);
  INFO(graph.status());
  REQUIRE(graph.ok());
  CHECK(FormOf(*graph) == row.form);
}

TEST_CASE("Attributes have one form, whatever the opset wrote") {
  const auto row = GENERATE(values<Row>({
      {"clip 6", 10, {2}, [](TestModel& m) { SetFloat(m.Add("Clip", {"x"}, {"y"}), "max", 6); },
       "Clip/1 [2] max=6 min=-inf"},
      {"clip 11", 11, {2},
       [](TestModel& m) { m.Weights("six", {}, {6}); m.Add("Clip", {"x", "", "six"}, {"y"}); },
       "Clip/1 [2] max=6 min=-inf"},
      {"squeeze 11", 11, {1, 2, 1}, [](TestModel& m) { SetInts(m.Add("Squeeze", {"x"}, {"y"}), "axes", {-1}); },
       "Squeeze/1 [1,2] axes=[2]"},
      {"squeeze 13", 13, {1, 2, 1}, [](TestModel& m) { m.Ints("a", {1}, {-1}); m.Add("Squeeze", {"x", "a"}, {"y"}); },
       "Squeeze/1 [1,2] axes=[2]"},
      {"squeeze all", 13, {1, 2, 1}, [](TestModel& m) { m.Add("Squeeze", {"x"}, {"y"}); },
       "Squeeze/1 [2] axes=[0,2]"},
      {"unsqueeze 11", 11, {2}, [](TestModel& m) { SetInts(m.Add("Unsqueeze", {"x"}, {"y"}), "axes", {2, 0}); },
       "Unsqueeze/1 [1,2,1] axes=[0,2]"},
      {"unsqueeze 13", 13, {2}, [](TestModel& m) { m.Ints("a", {2}, {-1, 0}); m.Add("Unsqueeze", {"x", "a"}, {"y"}); },
       "Unsqueeze/1 [1,2,1] axes=[0,2]"},
      {"pad 7", 7, {1, 2}, [](TestModel& m) { SetFloat(SetInts(m.Add("Pad", {"x"}, {"y"}), "pads", {0, 1, 2, 3}), "value", 9); },
       "Pad/1 [3,6] mode=constant pads=[0,1,2,3] value=9"},
      {"pad 13", 13, {1, 2},
       [](TestModel& m) { m.Ints("p", {4}, {0, 1, 2, 3}); m.Weights("v", {}, {9}); m.Add("Pad", {"x", "p", "v"}, {"y"}); },
       "Pad/1 [3,6] mode=constant pads=[0,1,2,3] value=9"},
      {"pad 18, axes", 18, {1, 2, 5},
       [](TestModel& m) { m.Ints("p", {2}, {3, 4}); m.Ints("a", {1}, {-1}); SetString(m.Add("Pad", {"x", "p", "", "a"}, {"y"}), "mode", "reflect"); },
       "Pad/1 [1,2,12] mode=reflect pads=[0,0,3,0,0,4] value=0"},
      {"softmax 11", 11, {2, 3, 4, 5}, [](TestModel& m) { m.Add("Softmax", {"x"}, {"y"}); },
       "Softmax/1 [2,3,4,5] axis=1 axis_count=3"},
      {"softmax 13", 13, {2, 3, 4, 5}, [](TestModel& m) { m.Add("Softmax", {"x"}, {"y"}); },
       "Softmax/1 [2,3,4,5] axis=3 axis_count=1"},
      {"transpose", 13, {2, 3, 4}, [](TestModel& m) { m.Add("Transpose", {"x"}, {"y"}); },
       "Transpose/1 [4,3,2] perm=[2,1,0]"},
      {"concat", 13, {2, 3}, [](TestModel& m) { SetInt(m.Add("Concat", {"x", "x"}, {"y"}), "axis", -1); },
       "Concat/2 [2,6] axis=1"},
      {"flatten", 13, {2, 3, 4}, [](TestModel& m) { SetInt(m.Add("Flatten", {"x"}, {"y"}), "axis", -1); },
       "Flatten/1 [6,4]"},
      {"flatten all", 13, {2, 3, 4}, [](TestModel& m) { SetInt(m.Add("Flatten", {"x"}, {"y"}), "axis", 3); },
       "Flatten/1 [24,1]"},
      {"reshape", 13, {2, 3, 4}, [](TestModel& m) { m.Ints("s", {3}, {0, -1, 2}); m.Add("Reshape", {"x", "s"}, {"y"}); },
       "Reshape/1 [2,6,2]"},
      {"split 11", 11, {2, 6}, [](TestModel& m) { SetInt(SetInts(m.Add("Split", {"x"}, {"z", "y"}), "split", {2, 4}), "axis", 1); },
       "Slice/1 [2,4] starts=[0,2] steps=[1,1]"},
      {"split 13, equal", 13, {6, 2}, [](TestModel& m) { m.Add("Split", {"x"}, {"a", "y", "b"}); },
       "Slice/1 [2,2] starts=[2,0] steps=[1,1]"},
      {"split 18, unequal", 18, {7}, [](TestModel& m) { SetInt(m.Add("Split", {"x"}, {"a", "b", "y"}), "num_outputs", 3); },
       "Slice/1 [1] starts=[6] steps=[1]"},
      {"slice", 13, {5}, [](TestModel& m) { m.Ints("b", {1}, {-1}); m.Ints("e", {1}, {INT64_MIN}); m.Ints("a", {1}, {0}); m.Ints("t", {1}, {-2}); m.Add("Slice", {"x", "b", "e", "a", "t"}, {"y"}); },
       "Slice/1 [3] starts=[4] steps=[-2]"},
      {"gather", 13, {5, 2}, [](TestModel& m) { m.Ints("i", {3}, {0, 3, 1}); SetInt(m.Add("Gather", {"x", "i"}, {"y"}), "axis", -2); },
       "Gather/2 [3,2] axis=0"},
      {"expand", 13, {2, 1}, [](TestModel& m) { m.Ints("s", {3}, {4, 1, 3}); m.Add("Expand", {"x", "s"}, {"y"}); }, "Expand/1 [4,2,3]"},
      {"tile", 13, {2, 1}, [](TestModel& m) { m.Ints("s", {2}, {2, 3}); m.Add("Tile", {"x", "s"}, {"y"}); }, "Tile/1 [4,3] repeats=[2,3]"},
      {"depth to space", 13, {1, 8, 2, 3}, [](TestModel& m) { SetInt(m.Add("DepthToSpace", {"x"}, {"y"}), "blocksize", 2); },
       "DepthToSpace/1 [1,2,4,6] blocksize=2 mode=DCR"},
      {"space to depth", 13, {1, 2, 4, 6}, [](TestModel& m) { SetInt(m.Add("SpaceToDepth", {"x"}, {"y"}), "blocksize", 2); },
       "SpaceToDepth/1 [1,8,2,3] blocksize=2 mode=DCR"},
      {"mean 11", 11, {2, 3, 4}, [](TestModel& m) { SetInt(SetInts(m.Add("ReduceMean", {"x"}, {"y"}), "axes", {-1, 0}), "keepdims", 0); },
       "ReduceMean/1 [3] axes=[0,2]"},
      {"mean 18", 18, {2, 3, 4}, [](TestModel& m) { m.Ints("a", {1}, {1}); m.Add("ReduceMean", {"x", "a"}, {"y"}); },
       "ReduceMean/1 [2,1,4] axes=[1]"},
      {"sum 13", 13, {2, 3, 4}, [](TestModel& m) { m.Add("ReduceSum", {"x"}, {"y"}); }, "ReduceSum/1 [1,1,1] axes=[0,1,2]"},
      {"place", 13, {2, 3, 4}, [](TestModel& m) { SetInt(SetInt(m.Add("ArgMax", {"x"}, {"y"}), "axis", -1), "keepdims", 0); },
       "ArgMax/1 [2,3] axes=[2] select_last_index=0"},
      {"clip of integers", 13, {2}, [](TestModel& m) { m.Input("z", {2}, onnx::TensorProto::INT64); m.Ints("b", {}, {0}); m.Add("Clip", {"z", "b"}, {"y"}); },
       "Clip/2 [2]"},
      {"hard sigmoid", 13, {2}, [](TestModel& m) { m.Add("HardSigmoid", {"x"}, {"y"}); }, "HardSigmoid/1 [2] alpha=0.2 beta=0.5"},
      {"gelu", 20, {2}, [](TestModel& m) { SetString(m.Add("Gelu", {"x"}, {"y"}), "approximate", "tanh"); }, "Gelu/1 [2] approximate=tanh"},
      {"layer norm", 17, {2, 3, 4}, [](TestModel& m) { m.Weights("w", {4}, Floats(4)); m.Add("LayerNormalization", {"x", "w", "w"}, {"y"}); },
       "LayerNormalization/3 [2,3,4] axis=2 epsilon=1e-05"},
      {"spread", 13, {1, 4, 5, 5},
       [](TestModel& m) {
         m.Weights("w", {4, 3, 3, 3}, Floats(108));
         auto* n = SetInts(SetInts(m.Add("ConvTranspose", {"x", "w"}, {"y"}), "strides", {2, 2}), "pads", {1, 1, 1, 1});
         SetInts(SetInt(n, "group", 2), "output_padding", {1, 0});
       },
       "ConvTranspose/2 [1,6,10,9] dilations=[1,1] group=2 kernel_shape=[3,3] pads=[1,1,1,1] strides=[2,2]"},
      {"spread, SAME", 13, {1, 4, 5, 5},
       [](TestModel& m) {
         m.Weights("w", {4, 3, 3, 3}, Floats(108));
         SetString(SetInts(m.Add("ConvTranspose", {"x", "w"}, {"y"}), "strides", {2, 2}), "auto_pad", "SAME_UPPER");
       },
       "ConvTranspose/2 [1,3,10,10] dilations=[1,1] group=1 kernel_shape=[3,3] pads=[0,0,1,1] strides=[2,2]"},
      {"where", 13, {2, 3}, [](TestModel& m) { m.Input("c", {3}, onnx::TensorProto::BOOL); m.Add("Where", {"c", "x", "x"}, {"y"}); }, "Where/3 [2,3]"},
      {"less", 13, {2, 3}, [](TestModel& m) { m.Input("z", {3}); m.Add("Less", {"x", "z"}, {"y"}); }, "Less/2 [2,3]"},
      {"leaky relu", 13, {2}, [](TestModel& m) { m.Add("LeakyRelu", {"x"}, {"y"}); }, "LeakyRelu/1 [2] alpha=0.01"},
      {"lrn", 13, {1, 4, 2, 2}, [](TestModel& m) { SetInt(m.Add("LRN", {"x"}, {"y"}), "size", 5); },
       "LRN/1 [1,4,2,2] alpha=0.0001 beta=0.75 bias=1 size=5"},
      {"batch norm", 7, {1, 2, 3},
       [](TestModel& m) { m.Weights("w", {2}, {1, 1}); SetFloat(m.Add("BatchNormalization", {"x", "w", "w", "w", "w"}, {"y"}), "momentum", .9f); },
       "BatchNormalization/5 [1,2,3] epsilon=1e-05 momentum=0.9 training_mode=0"},
      {"broadcast", 13, {2, 1, 4}, [](TestModel& m) { m.Input("z", {3, 1}); m.Add("Mul", {"z", "x"}, {"y"}); },
       "Mul/2 [2,3,4]"},
      {"sum", 13, {2, 3}, [](TestModel& m) { m.Input("z", {3}); m.Add("Sum", {"x", "z", "x"}, {"y"}); }, "Sum/3 [2,3]"},
      {"cast", 13, {2, 3}, [](TestModel& m) { SetInt(m.Add("Cast", {"x"}, {"y"}), "to", onnx::TensorProto::INT32); },
       "Cast/1 [2,3]"},
  }));
  INFO(row.name);
  const auto graph = Import(row);
  INFO(graph.status());
  REQUIRE(graph.ok());
  CHECK(FormOf(*graph) == row.form);
}

TEST_CASE("A node that cannot be is refused, named with operator and opset") {
  const auto row = GENERATE(values<Row>({
      {"unknown operator", 13, {2}, [](TestModel& m) { m.Add("ImageDecoder", {"x"}, {"y"}); },
       "node \"y\" (ImageDecoder, opset 13): the operator is not supported"},
      {"our own operator", 25, {2, 2}, [](TestModel& m) { m.Add("Recurrent", {"x", "x"}, {"y"}); },
       "node \"y\" (Recurrent, opset 25): the operator is not supported"},
      {"results that are counted", 13, {2}, [](TestModel& m) { m.Add("NonMaxSuppression", {"x", "x"}, {"y"}); },
       "how many results it has depends on data of each request"},
      {"random numbers", 13, {2}, [](TestModel& m) { m.Add("Multinomial", {"x"}, {"y"}); }, "random numbers"},
      {"control flow", 13, {2}, [](TestModel& m) { m.Add("Loop", {"x"}, {"y"}); }, "it has no body"},
      {"unknown attribute", 13, {2}, [](TestModel& m) { SetInt(m.Add("Relu", {"x"}, {"y"}), "slope", 1); },
       "node \"y\" (Relu, opset 13): attribute \"slope\""},
      {"operator too young", 8, {2}, [](TestModel& m) { m.Add("Where", {"x", "x", "x"}, {"y"}); },
       "appeared in opset 9"},
      {"too few inputs", 13, {2}, [](TestModel& m) { m.Add("Add", {"x"}, {"y"}); }, "1 inputs"},
      {"input left out", 13, {2}, [](TestModel& m) { m.Add("Concat", {"x", "", "x"}, {"y"}); }, "left out"},
      {"channels", 13, {1, 4, 8, 8}, [](TestModel& m) { Conv(m, {4, 3, 3, 3}); }, "input channels do not match"},
      {"groups", 13, {1, 4, 8, 8}, [](TestModel& m) { SetInt(Conv(m, {4, 2, 3, 3}), "group", 3); }, "do not divide"},
      {"group 0", 13, {1, 4, 8, 8}, [](TestModel& m) { SetInt(Conv(m, {4, 2, 3, 3}), "group", 0); }, "do not divide"},
      {"kernel", 13, {1, 3, 8, 8}, [](TestModel& m) { SetInts(Conv(m, {4, 3, 3, 3}), "kernel_shape", {5, 5}); }, "kernel_shape is [5, 5]"},
      {"window", 13, {1, 3, 2, 2}, [](TestModel& m) { Conv(m, {4, 3, 3, 3}); }, "reaches over 3 elements of dimension 2"},
      {"stride 0", 13, {1, 3, 8, 8}, [](TestModel& m) { SetInts(Conv(m, {4, 3, 3, 3}), "strides", {0, 1}); }, "strides"},
      {"huge dilation", 13, {1, 3, 8, 8}, [](TestModel& m) { SetInts(Conv(m, {4, 3, 3, 3}), "dilations", {1, INT64_MAX}); }, "dilations"},
      {"negative pad", 13, {1, 3, 8, 8}, [](TestModel& m) { SetInts(Conv(m, {4, 3, 3, 3}), "pads", {-1, 0, 0, 0}); }, "pads"},
      {"auto_pad", 13, {1, 3, 8, 8}, [](TestModel& m) { SetString(Conv(m, {4, 3, 3, 3}), "auto_pad", "SOME"); }, "auto_pad"},
      {"wrong attribute type", 13, {1, 3, 8, 8}, [](TestModel& m) { SetFloat(Conv(m, {4, 3, 3, 3}), "group", 1); }, "\"group\""},
      {"no spatial dimensions", 13, {1, 3}, [](TestModel& m) { Pool(m, "MaxPool", {}); }, "spatial"},
      {"no kernel", 13, {1, 3, 4, 4}, [](TestModel& m) { m.Add("MaxPool", {"x"}, {"y"}); }, "kernel_shape"},
      {"pads only", 13, {1, 3, 4, 4}, [](TestModel& m) { SetInts(Pool(m, "MaxPool", {2, 2}), "pads", {2, 2, 2, 2}); }, "pads alone"},
      {"three pools", 13, {1, 3, 4, 4}, [](TestModel& m) { auto* pool = Pool(m, "MaxPool", {2, 2}); pool->add_output("i"); pool->add_output("j"); m.Output("j"); }, "1 to 2 outputs"},
      {"four outputs", 13, {2}, [](TestModel& m) { m.Add("DynamicQuantizeLinear", {"x"}, {"y", "s", "z", "w"}); m.Output("w"); }, "1 to 3 outputs"},
      {"four states", 14, {2, 1, 1}, [](TestModel& m) { m.Weights("w", {1, 4, 1}, Floats(4)); m.Add("LSTM", {"x", "w", "w"}, {"y", "h", "c", "d"}); m.Output("d"); }, "1 to 3 outputs"},
      {"gemm ranks", 13, {2}, [](TestModel& m) { m.Add("Gemm", {"x", "x"}, {"y"}); }, "matrices"},
      {"inner", 13, {2, 3}, [](TestModel& m) { m.Add("MatMul", {"x", "x"}, {"y"}); }, "inner dimensions differ"},
      {"broadcast", 13, {2, 3}, [](TestModel& m) { m.Input("z", {2}); m.Add("Add", {"x", "z"}, {"y"}); }, "do not broadcast"},
      {"types", 13, {2}, [](TestModel& m) { m.Input("z", {2}, onnx::TensorProto::FLOAT16); m.Add("Add", {"x", "z"}, {"y"}); }, "FP32 and FP16"},
      {"f64", 13, {2}, [](TestModel& m) { m.Input("z", {2}, onnx::TensorProto::DOUBLE); m.Add("Softmax", {"z"}, {"y"}); }, "it computes with FP64"},
      {"axis", 13, {2}, [](TestModel& m) { SetInt(m.Add("Softmax", {"x"}, {"y"}), "axis", 1); }, "axis 1 is not one of 1"},
      {"perm", 13, {2, 3}, [](TestModel& m) { SetInts(m.Add("Transpose", {"x"}, {"y"}), "perm", {0, 0}); }, "perm [0, 0]"},
      {"squeeze 2", 13, {2, 3}, [](TestModel& m) { m.Ints("a", {1}, {0}); m.Add("Squeeze", {"x", "a"}, {"y"}); }, "dimension 0 of [2, 3] is not 1"},
      {"axes twice", 13, {1, 1}, [](TestModel& m) { m.Ints("a", {2}, {0, -2}); m.Add("Squeeze", {"x", "a"}, {"y"}); }, "twice"},
      {"reshape count", 13, {2, 3}, [](TestModel& m) { m.Ints("s", {1}, {7}); m.Add("Reshape", {"x", "s"}, {"y"}); }, "[2, 3] to [7]"},
      {"reshape overflow", 13, {2, 3}, [](TestModel& m) { m.Ints("s", {3}, {INT64_MAX, INT64_MAX, -1}); m.Add("Reshape", {"x", "s"}, {"y"}); }, "too large"},
      {"reshape at run time", 13, {2, 3}, [](TestModel& m) { m.Input("s", {1}, onnx::TensorProto::INT64); m.Add("Reshape", {"x", "s"}, {"y"}); }, "(shape, \"s\") is computed at run time"},
      {"range at run time", 13, {}, [](TestModel& m) { m.Weights("b", {}, {9}); m.Weights("c", {}, {1}); m.Add("Range", {"x", "b", "c"}, {"y"}); }, "known while packing"},
      {"integers", 13, {2}, [](TestModel& m) { m.Input("z", {2}, onnx::TensorProto::INT32); m.Add("Exp", {"z"}, {"y"}); }, "it computes with INT32"},
      {"u64", 13, {2}, [](TestModel& m) { m.Input("z", {2}, onnx::TensorProto::UINT64); m.Add("Neg", {"z"}, {"y"}); }, "it computes with UINT64"},
      {"logic on floats", 13, {2}, [](TestModel& m) { m.Add("And", {"x", "x"}, {"y"}); }, "not of BOOL"},
      {"blocks", 13, {1, 3, 2, 2}, [](TestModel& m) { SetInt(m.Add("DepthToSpace", {"x"}, {"y"}), "blocksize", 2); }, "do not divide"},
      {"block 0", 13, {1, 4, 2, 2}, [](TestModel& m) { SetInt(m.Add("SpaceToDepth", {"x"}, {"y"}), "blocksize", 0); }, "blocksize 0"},
      {"pieces", 13, {4}, [](TestModel& m) { m.Ints("p", {2}, {1, 2}); m.Add("Split", {"x", "p"}, {"y", "z"}); m.Output("z"); }, "pieces of [1, 2]"},
      {"piece that is negative", 13, {4}, [](TestModel& m) { m.Ints("p", {2}, {5, -1}); m.Add("Split", {"x", "p"}, {"y", "z"}); m.Output("z"); }, "pieces of"},
      {"index", 13, {4}, [](TestModel& m) { m.Input("i", {2}, onnx::TensorProto::FLOAT); m.Add("Gather", {"x", "i"}, {"y"}); }, "indices"},
      {"reduced axis", 13, {4}, [](TestModel& m) { SetInts(m.Add("ReduceMean", {"x"}, {"y"}), "axes", {1}); }, "axis 1"},
      {"mean of integers", 13, {4}, [](TestModel& m) { m.Input("z", {4}, onnx::TensorProto::INT64); m.Add("ReduceMean", {"z"}, {"y"}); }, "reduces INT64"},
      {"resize without scales", 13, {1, 1, 2, 2}, [](TestModel& m) { m.Add("Resize", {"x"}, {"y"}); }, "0 scales"},
      {"resize mode", 13, {1, 1, 2, 2}, [](TestModel& m) { SetString(m.Add("Resize", {"x"}, {"y"}), "mode", "lanczos"); }, "\"mode\""},
      {"between bytes", 13, {1}, [](TestModel& m) { m.Input("z", {4}, onnx::TensorProto::UINT8); m.Weights("s", {1}, {2}); SetString(m.Add("Resize", {"z", "", "s"}, {"y"}), "mode", "linear"); }, "it resizes UINT8"},
      {"scale that is no number", 13, {2}, [](TestModel& m) { m.Weights("s", {1}, {std::numeric_limits<float>::quiet_NaN()}); m.Add("Resize", {"x", "", "s"}, {"y"}); }, "scale of nan"},
      {"spread", 13, {1, 3, 4, 4}, [](TestModel& m) { m.Weights("w", {2, 1, 2, 2}, Floats(8)); m.Add("ConvTranspose", {"x", "w"}, {"y"}); }, "do not match"},
      {"spread to nothing", 13, {1, 1, 1, 1}, [](TestModel& m) { m.Weights("w", {1, 1, 2, 2}, Floats(4)); SetInts(m.Add("ConvTranspose", {"x", "w"}, {"y"}), "pads", {1, 1, 1, 1}); }, "leave 0 places"},
      {"group norm", 18, {1, 4, 2}, [](TestModel& m) { m.Weights("w", {3}, Floats(3)); SetInt(m.Add("GroupNormalization", {"x", "w", "w"}, {"y"}), "num_groups", 3); }, "3 groups"},
      {"layer norm", 17, {1, 4, 2}, [](TestModel& m) { m.Weights("w", {3}, Floats(3)); m.Add("LayerNormalization", {"x", "w"}, {"y"}); }, "does not broadcast"},
      {"concat", 13, {2, 3}, [](TestModel& m) { m.Input("z", {3, 3}); SetInt(m.Add("Concat", {"x", "z"}, {"y"}), "axis", 1); }, "does not follow"},
      {"pad mode", 13, {2}, [](TestModel& m) { m.Ints("p", {2}, {1, 1}); SetString(m.Add("Pad", {"x", "p"}, {"y"}), "mode", "turn"); }, "modes"},
      {"wraps too much", 19, {2}, [](TestModel& m) { m.Ints("p", {2}, {3, 0}); SetString(m.Add("Pad", {"x", "p"}, {"y"}), "mode", "wrap"); }, "wraps more"},
      {"reflects too much", 13, {2}, [](TestModel& m) { m.Ints("p", {2}, {2, 0}); SetString(m.Add("Pad", {"x", "p"}, {"y"}), "mode", "reflect"); }, "reflects more"},
      {"not spatial", 7, {1, 2, 3}, [](TestModel& m) { m.Weights("w", {2}, {1, 1}); SetInt(m.Add("BatchNormalization", {"x", "w", "w", "w", "w"}, {"y"}), "spatial", 0); }, "whole channels"},
      {"cast to text", 13, {2}, [](TestModel& m) { SetInt(m.Add("Cast", {"x"}, {"y"}), "to", onnx::TensorProto::STRING); }, "strings"},
      {"empty", 13, {2}, [](TestModel& m) { m.Weights("e", {2, 0}, {}); m.Weights("f", {0, 2}, {}); m.Add("MatMul", {"e", "f"}, {"y"}); }, "its input [2, 0] is empty"},
  }));
  // clang-format on
  INFO(row.name);

  const auto graph = Import(row);

  REQUIRE((absl::IsInvalidArgument(graph.status()) ||
           absl::IsUnimplemented(graph.status())));
  CHECK_THAT(std::string(graph.status().message()),
             Catch::StartsWith("node \"") &&
                 Catch::Contains(absl::StrFormat(", opset %d): ", row.opset)) &&
                 Catch::Contains(row.form));
}

}  // namespace
}  // namespace layerd
