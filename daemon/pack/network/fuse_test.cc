#include "daemon/pack/network/fuse.h"

#include "daemon/pack/graph/graph_sketch.h"
#include "daemon/pack/network/translate.h"
#include "test/catch/catch.h"

namespace layerd {
namespace {

// Before and after, as text.
struct Fused {
  std::string before, after;
};

Fused FusedOf(GraphSketch* sketch) {
  const Graph graph = sketch->Take();
  Network network = *Translate(graph);
  const std::string before = ToString(network);
  Fuse(&network);
  return {before, ToString(network)};
}

std::string AfterFusing(GraphSketch* sketch) { return FusedOf(sketch).after; }

TEST_CASE("An activation becomes the end of the layer before it") {
  GraphSketch sketch;
  const int x = sketch.Input("x", {1, 3, 4, 4});
  const int conv = sketch.Conv("c", x, 2, 1);
  sketch.Output(sketch.Add("y", "Clip", {conv}, {1, 2, 4, 4},
                           {{"min", 0.0f}, {"max", 6.0f}}));

  const Fused fused = FusedOf(&sketch);
  CHECK(fused.before ==
        "c = Convolution(x, [2, 3, 1, 1], [2])\ny = Unary(c) Clip\n");
  CHECK(fused.after == "y = Convolution(x, [2, 3, 1, 1], [2]) Clip\n");
}

TEST_CASE("A shortcut is added by the later convolution, then activated") {
  GraphSketch sketch;
  const int x = sketch.Input("x", {1, 3, 4, 4});
  const int main = sketch.Conv("main", x, 2, 1);
  const int side = sketch.Conv("side", x, 2, 1);
  const int sum = sketch.Add("sum", "Add", {main, side}, {1, 2, 4, 4});
  sketch.Output(sketch.Relu("y", sum));

  const Fused fused = FusedOf(&sketch);
  CHECK(fused.before ==
        "main = Convolution(x, [2, 3, 1, 1], [2])\n"
        "side = Convolution(x, [2, 3, 1, 1], [2])\n"
        "sum = Add(main, side)\n"
        "y = Unary(sum) Relu\n");
  CHECK(fused.after ==
        "main = Convolution(x, [2, 3, 1, 1], [2])\n"
        "y = Convolution(x, main, [2, 3, 1, 1], [2]) Relu\n");
}

TEST_CASE("A convolution waits until the other summand is there") {
  GraphSketch sketch;
  const int x = sketch.Input("x", {1, 2, 4, 4});
  const int conv = sketch.Conv("c", x, 2, 1);
  const int other = sketch.Add("other", "Sigmoid", {x}, {1, 2, 4, 4});
  sketch.Output(sketch.Add("y", "Add", {conv, other}, {1, 2, 4, 4}));

  CHECK(AfterFusing(&sketch) ==
        "other = Unary(x) Sigmoid\n"
        "y = Convolution(x, other, [2, 2, 1, 1], [2])\n");
}

TEST_CASE("What comes after an activation stays after it") {
  GraphSketch sketch;
  const int x = sketch.Input("x", {1, 2, 4, 4});
  const int conv = sketch.Relu("r", sketch.Conv("c", x, 2, 1));
  sketch.Output(
      sketch.Relu("y", sketch.Add("sum", "Add", {conv, x}, {1, 2, 4, 4})));

  CHECK(AfterFusing(&sketch) ==
        "r = Convolution(x, [2, 2, 1, 1], [2]) Relu\n"
        "y = Add(r, x) Relu\n");
}

TEST_CASE("Shapes that broadcast are no residual") {
  GraphSketch sketch;
  const int x = sketch.Input("x", {1, 2, 4, 4});
  const int row = sketch.Input("row", {1, 2, 1, 4});
  const int conv = sketch.Conv("c", x, 2, 1);
  sketch.Output(sketch.Add("y", "Add", {conv, row}, {1, 2, 4, 4}));

  CHECK(AfterFusing(&sketch) ==
        "c = Convolution(x, [2, 2, 1, 1], [2])\ny = Add(c, row)\n");
}

TEST_CASE("An answer that others read too keeps its own layer") {
  GraphSketch sketch;
  const int x = sketch.Input("x", {1, 2, 4, 4});
  const int conv = sketch.Conv("c", x, 2, 1);
  sketch.Output(sketch.Relu("y", conv));
  sketch.Output(conv);

  CHECK(AfterFusing(&sketch) ==
        "c = Convolution(x, [2, 2, 1, 1], [2])\ny = Unary(c) Relu\n");
}

TEST_CASE("What nobody needs is dropped") {
  GraphSketch sketch;
  const int x = sketch.Input("x", {1, 2, 4, 4});
  sketch.Relu("unread", sketch.Conv("c", x, 2, 1));
  sketch.Output(sketch.Relu("y", x));
  const Graph graph = sketch.Take();
  Network network = *Translate(graph);

  RemoveDeadNodes(&network);

  CHECK(ToString(network) == "y = Unary(x) Relu\n");
}

}  // namespace
}  // namespace layerd
