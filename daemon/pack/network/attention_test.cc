// What attention becomes, pass by pass: no operator of its own, but products
// that take heads, turns and scales on their way, and a copy that joins the
// heads.

#include <string>
#include <utility>

#include "daemon/pack/graph/graph_sketch.h"
#include "daemon/pack/lower/lower.h"
#include "daemon/pack/network/fold_affine.h"
#include "daemon/pack/network/fuse.h"
#include "daemon/pack/network/simplify.h"
#include "daemon/pack/network/translate.h"
#include "test/catch/catch.h"

namespace layerd {
namespace {

using Shape = GraphSketch::Shape;

// As exporters spell it: one of q, k and v, split into heads and turned.
int Heads(GraphSketch* sketch, const std::string& name, int x, Shape perm,
          Shape shape) {
  const int weights = sketch->Random(name + ".w", {16, 16});
  const int bias = sketch->Random(name + ".b", {16});
  const int product =
      sketch->Add(name + ".p", "MatMul", {x, weights}, {1, 6, 16});
  const int sum = sketch->Add(name + ".s", "Add", {bias, product}, {1, 6, 16});
  const int split = sketch->Add(name + ".r", "Reshape", {sum}, {1, 6, 4, 4});
  return sketch->Add(name, "Transpose", {split}, std::move(shape),
                     {{"perm", std::move(perm)}});
}

Graph Attention() {
  GraphSketch sketch;
  const int x = sketch.Input("x", {1, 6, 16});
  const int q = Heads(&sketch, "q", x, {0, 2, 1, 3}, {1, 4, 6, 4});
  const int k = Heads(&sketch, "k", x, {0, 2, 3, 1}, {1, 4, 4, 6});
  const int v = Heads(&sketch, "v", x, {0, 2, 1, 3}, {1, 4, 6, 4});
  const int scores = sketch.Add("scores", "MatMul", {q, k}, {1, 4, 6, 6});
  const int half = sketch.Numbers("half", {}, {0.5f});
  const int scaled = sketch.Add("scaled", "Mul", {scores, half}, {1, 4, 6, 6});
  const int weights =
      sketch.Add("softmax", "Softmax", {scaled}, {1, 4, 6, 6},
                 {{"axis", int64_t{3}}, {"axis_count", int64_t{1}}});
  const int mixed = sketch.Add("mixed", "MatMul", {weights, v}, {1, 4, 6, 4});
  const int joined = sketch.Add("joined", "Transpose", {mixed}, {1, 6, 4, 4},
                                {{"perm", Shape{0, 2, 1, 3}}});
  const int rows = sketch.Add("rows", "Reshape", {joined}, {1, 6, 16});
  const int out = sketch.Add(
      "o", "MatMul", {rows, sketch.Random("o.w", {16, 16})}, {1, 6, 16});
  sketch.Output(sketch.Add("y", "Add", {out, x}, {1, 6, 16}));
  return sketch.Take();
}

// The operators of its layers, in order.
std::string LayersOf(const Network& network) {
  std::string text;
  for (const Layer& layer : Lower(network).program.layers) {
    text += std::string(NameOf(layer.op)) + "\n";
  }
  return text;
}

TEST_CASE("Attention becomes six products, a softmax and a copy that joins") {
  const Graph graph = Attention();
  Network network = *Translate(graph);
  CHECK(ToString(network) ==
        "q.p = FullyConnected(x, transposed [16, 16])\n"
        "q.s = Add(q.p, [16])\n"
        "q.r = Reshape(q.s)\n"
        "q = Transpose(q.r)\n"
        "k.p = FullyConnected(x, transposed [16, 16])\n"
        "k.s = Add(k.p, [16])\n"
        "k.r = Reshape(k.s)\n"
        "k = Transpose(k.r)\n"
        "v.p = FullyConnected(x, transposed [16, 16])\n"
        "v.s = Add(v.p, [16])\n"
        "v.r = Reshape(v.s)\n"
        "v = Transpose(v.r)\n"
        "scores = MatMul(q, k)\n"
        "scaled = Mul(scores, [])\n"
        "softmax = Softmax(scaled)\n"
        "mixed = MatMul(softmax, v)\n"
        "joined = Transpose(mixed)\n"
        "rows = Reshape(joined)\n"
        "o = FullyConnected(rows, transposed [16, 16])\n"
        "y = Add(o, x)\n");

  REQUIRE(Simplify(&network).ok());
  REQUIRE(FoldAffine(&network).ok());
  Fuse(&network);
  RemoveDeadNodes(&network);
  CHECK(ToString(network) ==
        "q.s = FullyConnected(x, scaled transposed [16, 16], [16])\n"
        "q.r = Reshape(q.s)\n"
        "q = Transpose(q.r)\n"
        "k.s = FullyConnected(x, scaled transposed [16, 16], [16])\n"
        "k.r = Reshape(k.s)\n"
        "k = Transpose(k.r)\n"
        "v.s = FullyConnected(x, scaled transposed [16, 16], [16])\n"
        "v.r = Reshape(v.s)\n"
        "v = Transpose(v.r)\n"
        "scaled = MatMul(q, k)\n"
        "softmax = Softmax(scaled)\n"
        "mixed = MatMul(softmax, v)\n"
        "joined = Transpose(mixed)\n"
        "rows = Reshape(joined)\n"
        "y = FullyConnected(rows, x, transposed [16, 16])\n");

  CHECK(LayersOf(network) ==
        "FullyConnected\nFullyConnected\nFullyConnected\n"
        "MatMul\nSoftmax\nMatMul\nCopy\nFullyConnected\n");
}

}  // namespace
}  // namespace layerd
