#include "daemon/pack/lower/lower.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "daemon/pack/graph/graph_sketch.h"
#include "daemon/pack/network/fold_affine.h"
#include "daemon/pack/network/fuse.h"
#include "daemon/pack/network/translate.h"
#include "test/catch/catch.h"

namespace layerd {
namespace {

using Shape = GraphSketch::Shape;

struct Fixture {
  Lowered Lower(GraphSketch* sketch) {
    graph = sketch->Take();
    network = *Translate(graph);
    Fuse(&network);
    return layerd::Lower(network);
  }

  Graph graph;
  Network network;
};

// "Copy x -> x" for each layer, in order.
std::string LayersOf(const Program& program) {
  std::string text;
  for (const Layer& layer : program.layers) {
    std::vector<std::string> inputs;
    for (const uint32_t t : layer.inputs) {
      inputs.push_back(program.tensors[t].name);
    }
    absl::StrAppend(&text, NameOf(layer.op), " ", absl::StrJoin(inputs, ", "),
                    " -> ", program.tensors[layer.outputs[0]].name, "\n");
  }
  return text;
}

const Tensor& OutputOf(const Program& program, size_t layer) {
  return program.tensors[program.layers[layer].outputs[0]];
}

TEST_CASE("A picture that meets no convolution is normalised as it came") {
  GraphSketch sketch;
  const int x = sketch.Input("x", {1, 3, 4, 4});
  const int scale = sketch.Random("scale", {3});
  const int bias = sketch.Random("bias", {3});
  sketch.Output(sketch.Add("y", "InstanceNormalization", {x, scale, bias},
                           {1, 3, 4, 4}, {{"epsilon", 1e-5f}}));

  Fixture fixture;
  const Program program = fixture.Lower(&sketch).program;

  REQUIRE(program.layers.size() == 2);
  for (size_t layer : {0, 1}) CHECK(OutputOf(program, layer).type.is_plain());
}

// A transposed table of 6 rows, and two gathers from it.
std::string LayersOfLooks(int64_t looks) {
  GraphSketch sketch;
  const int x = sketch.Input("x", {4, 6});
  const int indices = sketch.Input("indices", {looks}, DataType::kI64);
  const int rows = sketch.Add("rows", "Transpose", {x}, {6, 4},
                              {{"perm", std::vector<int64_t>{1, 0}}});
  for (const char* name : {"a", "b"}) {
    sketch.Output(sketch.Add(name, "Gather", {rows, indices}, {looks, 4},
                             {{"axis", int64_t{0}}}));
  }
  Fixture fixture;
  return LayersOf(fixture.Lower(&sketch).program);
}

TEST_CASE("Rows that are looked up often are laid side by side once") {
  CHECK(LayersOfLooks(6) ==
        "Copy rows -> rows\n"
        "Gather rows, indices -> a\n"
        "Gather rows, indices -> b\n");
  CHECK(LayersOfLooks(5) ==
        "Gather rows, indices -> a\n"
        "Gather rows, indices -> b\n");
}

TEST_CASE("A picture is cast and reordered by one copy on each side") {
  GraphSketch sketch;
  const int x = sketch.Input("x", {1, 3, 4, 4}, DataType::kF16);
  const int y = sketch.Conv("y", x, 2, 1);
  sketch.SetType(y, DataType::kF16);
  sketch.Output(y);

  Fixture fixture;
  const Program program = fixture.Lower(&sketch).program;

  CHECK(LayersOf(program) ==
        "Copy x -> x\n"
        "Convolution x -> y\n"
        "Copy y -> y\n");
  CHECK(OutputOf(program, 0).type ==
        TensorType{
            DataType::kF32, {1, 3, 4, 4}, ChannelsLastStrides({1, 3, 4, 4})});
  CHECK(program.tensors[program.outputs[0]].type ==
        TensorType{DataType::kF16, {1, 2, 4, 4}, PlainStrides({1, 2, 4, 4})});
}

TEST_CASE("Concatenated channels are written where they belong") {
  GraphSketch sketch;
  const int x = sketch.Input("x", {1, 3, 4, 4});
  const int left = sketch.Conv("left", x, 2, 1);
  const int right = sketch.Conv("right", x, 5, 1);
  const int whole = sketch.Concat("whole", {left, right}, 1);
  sketch.Output(sketch.Conv("y", whole, 2, 1));

  Fixture fixture;
  const Program program = fixture.Lower(&sketch).program;

  CHECK(ToString(fixture.network) ==
        "left = Convolution(x, [2, 3, 1, 1], [2])\n"
        "right = Convolution(x, [5, 3, 1, 1], [5])\n"
        "whole = Concat(left, right)\n"
        "y = Convolution(whole, [2, 7, 1, 1], [2])\n");
  CHECK(LayersOf(program) ==
        "Copy x -> x\n"
        "Convolution x -> left\n"
        "Convolution x -> right\n"
        "Convolution whole -> y\n"
        "Copy y -> y\n");
  const Tensor& in = program.tensors[program.layers[3].inputs[0]];
  CHECK(OutputOf(program, 1).buffer == in.buffer);
  CHECK(OutputOf(program, 1).offset_bytes == 0);
  CHECK(OutputOf(program, 2).offset_bytes == 2 * sizeof(float));
  CHECK(OutputOf(program, 2).type.strides == in.type.strides);
}

TEST_CASE("A convolution reads its range of the whole where it lies") {
  GraphSketch sketch;
  const int x = sketch.Input("x", {1, 3, 4, 4});
  const int left = sketch.Conv("left", x, 2, 1);
  const int right = sketch.Conv("right", left, 5, 1);
  const int whole = sketch.Concat("whole", {left, right}, 1);
  sketch.Output(sketch.Conv("y", whole, 2, 1));

  Fixture fixture;

  CHECK(LayersOf(fixture.Lower(&sketch).program) ==
        "Copy x -> x\n"
        "Convolution x -> left\n"
        "Convolution left -> right\n"
        "Convolution whole -> y\n"
        "Copy y -> y\n");
}

TEST_CASE("What a layer reads dense is copied into the whole") {
  GraphSketch sketch;
  const int x = sketch.Input("x", {1, 3, 4, 4});
  const int left = sketch.Conv("left", x, 2, 1);
  const int right = sketch.Add("right", "LRN", {left}, {1, 2, 4, 4},
                               {{"size", int64_t{3}},
                                {"alpha", 1e-4f},
                                {"beta", 0.75f},
                                {"bias", 1.0f}});
  const int whole = sketch.Concat("whole", {left, right}, 1);
  sketch.Output(sketch.Conv("y", whole, 2, 1));

  Fixture fixture;
  const std::string layers = LayersOf(fixture.Lower(&sketch).program);

  CHECK_THAT(layers, Catch::Contains("Lrn left -> right\n"));
  CHECK_THAT(layers, Catch::Contains("Copy left -> whole\n"));
}

TEST_CASE("A dense block appends to one buffer") {
  GraphSketch sketch;
  const int x = sketch.Input("x", {1, 3, 4, 4});
  const int a = sketch.Conv("a", x, 2, 1);
  const int b = sketch.Conv("b", a, 3, 1);
  const int ab = sketch.Concat("ab", {a, b}, 1);
  const int c = sketch.Conv("c", ab, 3, 1);
  const int abc = sketch.Concat("abc", {a, b, c}, 1);
  const int d = sketch.Conv("d", abc, 3, 1);
  sketch.Output(sketch.Conv("y", sketch.Concat("all", {a, b, c, d}, 1), 2, 1));

  Fixture fixture;
  const Program program = fixture.Lower(&sketch).program;

  CHECK(LayersOf(program) ==
        "Copy x -> x\n"
        "Convolution x -> a\n"
        "Convolution a -> b\n"
        "Convolution ab -> c\n"
        "Convolution abc -> d\n"
        "Convolution all -> y\n"
        "Copy y -> y\n");
  const Tensor& all = program.tensors[program.layers[5].inputs[0]];
  const Tensor& ab_of_all = program.tensors[program.layers[3].inputs[0]];
  CHECK(ab_of_all.buffer == all.buffer);
  CHECK(ab_of_all.type.strides == all.type.strides);
  CHECK(OutputOf(program, 4).buffer == all.buffer);
  CHECK(OutputOf(program, 4).offset_bytes == 8 * sizeof(float));
}

TEST_CASE("Wholes inside wholes share one buffer") {
  GraphSketch sketch;
  const int x = sketch.Input("x", {1, 3, 4, 4});
  const int a = sketch.Conv("a", x, 2, 1);
  const int b = sketch.Conv("b", x, 2, 1);
  const int c = sketch.Conv("c", x, 2, 1);
  const int inner = sketch.Concat("inner", {b, c}, 1);
  sketch.Output(sketch.Conv("y", sketch.Concat("outer", {a, inner}, 1), 2, 1));

  Fixture fixture;
  const Program program = fixture.Lower(&sketch).program;

  for (const size_t layer : {1, 2, 3}) {
    CHECK(OutputOf(program, layer).buffer == OutputOf(program, 1).buffer);
    CHECK(OutputOf(program, layer).offset_bytes ==
          (layer - 1) * 2 * sizeof(float));
  }
}

TEST_CASE("A flattened picture is taken as it lies, its weights follow") {
  GraphSketch sketch;
  const int x = sketch.Input("x", {1, 3, 4, 4});
  const int conv = sketch.Conv("c", x, 2, 1);
  const int flat = sketch.Add("flat", "Flatten", {conv}, {1, 32});
  const int weights = sketch.Random("w", {32, 5});
  sketch.Output(sketch.Add("y", "MatMul", {flat, weights}, {1, 5}));

  Fixture fixture;
  const Lowered lowered = fixture.Lower(&sketch);

  CHECK(LayersOf(lowered.program) ==
        "Copy x -> x\n"
        "Convolution x -> c\n"
        "FullyConnected flat -> y\n");
  CHECK(lowered.weights[2][0].picture_channels == 2);
}

TEST_CASE("A flattened picture is not overwritten before it is read") {
  GraphSketch sketch;
  const int x = sketch.Input("x", {1, 3, 4, 4});
  const int conv = sketch.Conv("c", x, 2, 1);
  const int flat = sketch.Add("flat", "Flatten", {conv}, {1, 32});
  const int side = sketch.Add("side", "Tanh", {conv}, {1, 2, 4, 4});
  const int weights = sketch.Random("w", {32, 5});
  sketch.Output(sketch.Add("y", "MatMul", {flat, weights}, {1, 5}));
  sketch.Output(sketch.Conv("z", side, 2, 1));

  Fixture fixture;
  const Program program = fixture.Lower(&sketch).program;

  REQUIRE(program.layers[2].name == "side");
  CHECK(OutputOf(program, 2).buffer != OutputOf(program, 1).buffer);
}

TEST_CASE("A transposition is other strides") {
  GraphSketch sketch;
  const int x = sketch.Input("x", {1, 3, 4, 4});
  const int conv = sketch.Conv("c", x, 2, 1);
  const int last = sketch.Add("last", "Transpose", {conv}, {1, 4, 4, 2},
                              {{"perm", Shape{0, 2, 3, 1}}});
  const int rows = sketch.Add("rows", "Reshape", {last}, {1, 16, 2});
  sketch.Output(sketch.Add("y", "Sigmoid", {rows}, {1, 16, 2}));

  Fixture fixture;
  const Program program = fixture.Lower(&sketch).program;

  CHECK(LayersOf(program) ==
        "Copy x -> x\n"
        "Convolution x -> c\n"
        "Unary rows -> y\n");
}

// softmax(q k) v of three heads over five places, turned by `perm` and seen as
// `rows`.
Lowered WithHeads(Fixture* fixture, const Shape& perm, const Shape& turned,
                  const Shape& rows, bool is_read_twice = false) {
  GraphSketch sketch;
  const int p = sketch.Input("p", {2, 3, 5, 5});
  const int v = sketch.Input("v", {2, 3, 5, 4});
  const int mixed = sketch.Add("mixed", "MatMul", {p, v}, {2, 3, 5, 4});
  const int back =
      sketch.Add("turned", "Transpose", {mixed}, turned, {{"perm", perm}});
  const int joined = sketch.Add("rows", "Reshape", {back}, rows);
  sketch.Output(sketch.Add("y", "Sigmoid", {joined}, rows));
  if (is_read_twice)
    sketch.Output(sketch.Add("z", "Exp", {mixed}, {2, 3, 5, 4}));
  return fixture->Lower(&sketch);
}

TEST_CASE("Heads are joined where they are written") {
  Fixture fixture;
  const Program program =
      WithHeads(&fixture, {0, 2, 1, 3}, {2, 5, 3, 4}, {2, 5, 12}).program;

  CHECK(LayersOf(program) ==
        "MatMul p, v -> mixed\n"
        "Unary rows -> y\n");
  CHECK(OutputOf(program, 0).type.strides == Shape{60, 4, 12, 1});
}

TEST_CASE(
    "A turned output is copied where writing it so would break its rows, "
    "or others read it") {
  Fixture fixture;
  const std::string copied =
      "MatMul p, v -> mixed\n"
      "Copy turned -> turned\n"
      "Unary rows -> y\n";
  CHECK(LayersOf(WithHeads(&fixture, {0, 3, 2, 1}, {2, 4, 5, 3}, {2, 4, 15})
                     .program) == copied);
  const Program program =
      WithHeads(&fixture, {0, 2, 1, 3}, {2, 5, 3, 4}, {2, 5, 12}, true).program;
  CHECK(OutputOf(program, 0).type.strides == Shape{60, 20, 4, 1});
}

TEST_CASE("A layer writes over an operand that dies with it") {
  GraphSketch sketch;
  const int x = sketch.Input("x", {1, 2, 4, 4});
  const int conv = sketch.Relu("c", sketch.Conv("c0", x, 2, 1));
  const int tanh = sketch.Add("t", "Tanh", {conv}, {1, 2, 4, 4});
  const int again = sketch.Add("again", "Sigmoid", {tanh}, {1, 2, 4, 4});
  const int sum = sketch.Add("sum", "Mul", {again, tanh}, {1, 2, 4, 4});
  sketch.Output(sketch.Conv("y", sum, 2, 1));

  Fixture fixture;
  const Program program = fixture.Lower(&sketch).program;

  CHECK(OutputOf(program, 2).buffer == OutputOf(program, 1).buffer);
  CHECK(OutputOf(program, 3).buffer != OutputOf(program, 2).buffer);
  CHECK(OutputOf(program, 4).buffer == OutputOf(program, 3).buffer);
}

TEST_CASE("Neither an input nor an answer is written over") {
  GraphSketch sketch;
  const int x = sketch.Input("x", {2, 8});
  const int tanh = sketch.Add("t", "Tanh", {x}, {2, 8});
  sketch.Output(tanh);
  sketch.Output(sketch.Add("y", "Sigmoid", {tanh}, {2, 8}));

  Fixture fixture;
  const Program program = fixture.Lower(&sketch).program;

  CHECK(program.buffers.size() == 3);
}

TEST_CASE("An answer that is an input or a constant is copied out") {
  GraphSketch sketch;
  const int x = sketch.Input("x", {2, 8});
  const int constant = sketch.Random("k", {3});
  sketch.Output(sketch.Add("same", "Identity", {x}, {2, 8}));
  sketch.Output(sketch.Add("known", "Identity", {constant}, {3}));

  Fixture fixture;
  const Lowered lowered = fixture.Lower(&sketch);
  const Program& program = lowered.program;

  CHECK(LayersOf(program) == "Copy  -> k\nCopy same -> same\n");
  CHECK(lowered.weights[0].size() == 1);
  CHECK(program.tensors[program.outputs[0]].buffer !=
        program.tensors[program.inputs[0]].buffer);
}

}  // namespace
}  // namespace layerd
