// What attention becomes, pass by pass: no operator of its own, but products
// that take heads, turns and scales on their way, and join the heads.

#include <string>

#include "daemon/pack/graph/attention_sketch.h"
#include "daemon/pack/graph/graph_sketch.h"
#include "daemon/pack/lower/lower.h"
#include "daemon/pack/network/fold_affine.h"
#include "daemon/pack/network/fuse.h"
#include "daemon/pack/network/simplify.h"
#include "daemon/pack/network/translate.h"
#include "test/catch/catch.h"

namespace layerd {
namespace {

// The operators of its layers, in order.
std::string LayersOf(const Network& network) {
  std::string text;
  for (const Layer& layer : Lower(network).program.layers) {
    text += std::string(NameOf(layer.op)) + "\n";
  }
  return text;
}

TEST_CASE("Attention becomes six products and a softmax") {
  GraphSketch sketch;
  SketchAttention(&sketch);
  const Graph graph = sketch.Take();
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
        "MatMul\nSoftmax\nMatMul\nFullyConnected\n");
}

}  // namespace
}  // namespace layerd
