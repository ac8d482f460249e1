#include "daemon/pack/graph/attention_sketch.h"

#include <string>
#include <utility>

namespace layerd {
namespace {

using Shape = GraphSketch::Shape;

// One of q, k and v, split into heads and turned.
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

}  // namespace

void SketchAttention(GraphSketch* sketch) {
  const int x = sketch->Input("x", {1, 6, 16});
  const int q = Heads(sketch, "q", x, {0, 2, 1, 3}, {1, 4, 6, 4});
  const int k = Heads(sketch, "k", x, {0, 2, 3, 1}, {1, 4, 4, 6});
  const int v = Heads(sketch, "v", x, {0, 2, 1, 3}, {1, 4, 6, 4});
  const int scores = sketch->Add("scores", "MatMul", {q, k}, {1, 4, 6, 6});
  const int half = sketch->Numbers("half", {}, {0.5f});
  const int scaled = sketch->Add("scaled", "Mul", {scores, half}, {1, 4, 6, 6});
  const int weights =
      sketch->Add("softmax", "Softmax", {scaled}, {1, 4, 6, 6},
                  {{"axis", int64_t{3}}, {"axis_count", int64_t{1}}});
  const int mixed = sketch->Add("mixed", "MatMul", {weights, v}, {1, 4, 6, 4});
  const int joined = sketch->Add("joined", "Transpose", {mixed}, {1, 6, 4, 4},
                                 {{"perm", Shape{0, 2, 1, 3}}});
  const int rows = sketch->Add("rows", "Reshape", {joined}, {1, 6, 16});
  const int out = sketch->Add(
      "o", "MatMul", {rows, sketch->Random("o.w", {16, 16})}, {1, 6, 16});
  sketch->Output(sketch->Add("y", "Add", {out, x}, {1, 6, 16}));
}

}  // namespace layerd
