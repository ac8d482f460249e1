#include "daemon/pack/network/fold_affine.h"

#include <cmath>
#include <limits>

#include "daemon/pack/graph/graph_sketch.h"
#include "daemon/pack/network/translate.h"
#include "test/catch/catch.h"

namespace layerd {
namespace {

// Before and after, as text; the networks stay for their numbers.
struct Folded {
  explicit Folded(Graph drawn)
      : graph(std::move(drawn)), network(*Translate(graph)) {
    before = ToString(network);
    REQUIRE(FoldAffine(&network).ok());
    after = ToString(network);
  }

  Graph graph;
  Network network;
  std::string before, after;
};

TEST_CASE("A batch normalisation folds into the convolution before it") {
  GraphSketch sketch;
  const int x = sketch.Input("x", {1, 3, 4, 4});
  sketch.Output(sketch.BatchNorm("y", sketch.Conv("c", x, 2, 1)));

  const Folded folded(sketch.Take());

  CHECK(folded.before ==
        "c = Convolution(x, [2, 3, 1, 1], [2])\n"
        "y = ScaleShift(c, [2], [2])\n");
  CHECK(folded.after == "y = Convolution(x, scaled [2, 3, 1, 1], [2])\n");
}

TEST_CASE("A fold multiplies the bias and adds to it") {
  GraphSketch sketch;
  const int x = sketch.Input("x", {1, 1, 2, 2});
  const int weights = sketch.Numbers("w", {2, 1, 1, 1}, {1, 1});
  const int bias = sketch.Numbers("b", {2}, {10, 20});
  const int conv = sketch.Add("c", "Conv", {x, weights, bias}, {1, 2, 2, 2},
                              {{"kernel_shape", GraphSketch::Shape{1, 1}},
                               {"strides", GraphSketch::Shape{1, 1}},
                               {"dilations", GraphSketch::Shape{1, 1}},
                               {"pads", GraphSketch::Shape{0, 0, 0, 0}},
                               {"group", int64_t{1}}});
  const int factor = sketch.Numbers("factor", {2, 1, 1}, {2, 3});
  const int scaled = sketch.Add("m", "Mul", {factor, conv}, {1, 2, 2, 2});
  const int offset = sketch.Numbers("offset", {}, {5});
  sketch.Output(sketch.Add("y", "Sub", {scaled, offset}, {1, 2, 2, 2}));

  const Folded folded(sketch.Take());

  CHECK(folded.after == "y = Convolution(x, scaled [2, 1, 1, 1], [2])\n");
  const std::vector<Weight>& now = folded.network.nodes[0].weights;
  CHECK(now[0].output_scale == std::vector<float>{2, 3});
  CHECK(now[1].held == std::vector<float>{15, 55});
}

// Its inverse is infinite.
TEST_CASE("A quotient by next to nothing folds into nothing") {
  GraphSketch sketch;
  const int x = sketch.Input("x", {1, 3, 4, 4});
  const int conv = sketch.Conv("c", x, 2, 1);
  const int small = sketch.Numbers("small", {}, {1e-40f});
  const int y = sketch.Add("y", "Div", {conv, small}, {1, 2, 4, 4});
  sketch.Output(sketch.Conv("z", y, 2, 1));

  const Folded folded(sketch.Take());

  CHECK(folded.after == folded.before);
}

TEST_CASE("A batch normalisation folds into a convolution after it") {
  GraphSketch sketch;
  const int x = sketch.Input("x", {1, 4, 4, 4});
  const int norm = sketch.BatchNorm("n", x);
  sketch.Output(sketch.Conv("y", norm, 2, 3, 1, 0, 2, false));

  const Folded folded(sketch.Take());

  CHECK(folded.before ==
        "n = ScaleShift(x, [4], [4])\n"
        "y = Convolution(n, [2, 2, 3, 3])\n");
  CHECK(folded.after == "y = Convolution(x, input-scaled [2, 2, 3, 3], [2])\n");
}

TEST_CASE("A shift reaches the bias of its own group only") {
  GraphSketch sketch;
  const int x = sketch.Input("x", {1, 4, 1, 1});
  const int shift = sketch.Numbers("s", {4, 1, 1}, {1, 10, 100, 1000});
  const int moved = sketch.Add("n", "Add", {x, shift}, {1, 4, 1, 1});
  const int weights = sketch.Numbers("w", {2, 2, 1, 1}, {1, 2, 3, 4});
  sketch.Output(sketch.Add("y", "Conv", {moved, weights}, {1, 2, 1, 1},
                           {{"kernel_shape", GraphSketch::Shape{1, 1}},
                            {"strides", GraphSketch::Shape{1, 1}},
                            {"dilations", GraphSketch::Shape{1, 1}},
                            {"pads", GraphSketch::Shape{0, 0, 0, 0}},
                            {"group", int64_t{2}}}));

  const Folded folded(sketch.Take());

  REQUIRE(folded.network.nodes.size() == 1);
  CHECK(folded.network.nodes[0].weights[1].held ==
        std::vector<float>{21, 4300});
}

TEST_CASE("What a shift adds would be missing in the padding") {
  GraphSketch sketch;
  const int x = sketch.Input("x", {1, 4, 4, 4});
  const bool shifts = GENERATE(true, false);
  const int constant = sketch.Numbers("k", {1}, {2});
  const int moved =
      sketch.Add("n", shifts ? "Add" : "Mul", {x, constant}, {1, 4, 4, 4});
  sketch.Output(sketch.Conv("y", moved, 2, 3, 1, 1, 1, false));

  const Folded folded(sketch.Take());

  CHECK(folded.after ==
        (shifts ? "n = Add(x, [1])\ny = Convolution(n, [2, 4, 3, 3])\n"
                : "y = Convolution(x, scaled [2, 4, 3, 3])\n"));
}

TEST_CASE("One number for all inputs scales what comes out") {
  GraphSketch sketch;
  const int x = sketch.Input("x", {1, 4, 4, 4});
  const int scale = sketch.Numbers("k", {1}, {1.0f / 65535});
  const int shift = sketch.Numbers("s", {}, {0.5});
  const int shifted = sketch.Add("t", "Add", {x, shift}, {1, 4, 4, 4});
  const int small = sketch.Add("n", "Mul", {shifted, scale}, {1, 4, 4, 4});
  const int weights = sketch.Numbers("w", {1, 4, 1, 1}, {1, 2, 3, 4});
  sketch.Output(sketch.Add("y", "Conv", {small, weights}, {1, 1, 4, 4},
                           {{"kernel_shape", GraphSketch::Shape{1, 1}},
                            {"strides", GraphSketch::Shape{1, 1}},
                            {"dilations", GraphSketch::Shape{1, 1}},
                            {"pads", GraphSketch::Shape{0, 0, 0, 0}},
                            {"group", int64_t{1}}}));

  const Folded folded(sketch.Take());

  REQUIRE(folded.after == "y = Convolution(x, scaled [1, 4, 1, 1], [1])\n");
  const std::vector<Weight>& now = folded.network.nodes[0].weights;
  CHECK(now[0].output_scale == std::vector<float>{1.0f / 65535});
  CHECK(now[1].held[0] == Approx(5.0 / 65535));
}

TEST_CASE("Pixels over 255 stay out of weights that are multiplied as halves") {
  GraphSketch sketch;
  const int x = sketch.Input("x", {1, 4, 4, 4});
  const float factor = GENERATE(1.0f / 255, 0.5f);
  const int scale = sketch.Numbers("k", {1}, {factor});
  const int small = sketch.Add("n", "Mul", {x, scale}, {1, 4, 4, 4});
  sketch.Output(sketch.Conv("y", small, 2, 3, 1, 1, 1, false));
  const Graph graph = sketch.Take();
  Network network = *Translate(graph);

  REQUIRE(FoldAffine(&network, true).ok());

  CHECK(network.nodes.size() == (factor == 0.5f ? 1 : 2));
}

// The product with a weight might be infinite where that with a sum is not.
TEST_CASE("A scale that may make weights infinite folds into nothing") {
  GraphSketch sketch;
  const int x = sketch.Input("x", {1, 3, 4, 4});
  const int conv = sketch.Conv("c", x, 2, 1);
  const float factor =
      GENERATE(1e30f, std::numeric_limits<float>::infinity(), std::nanf(""));
  const int large = sketch.Numbers("large", {}, {factor});
  const int y = sketch.Add("y", "Mul", {conv, large}, {1, 2, 4, 4});
  sketch.Output(sketch.Conv("z", y, 2, 1));

  const Folded folded(sketch.Take());

  CHECK(folded.after == folded.before);
}

TEST_CASE("A value with two readers is left as it is") {
  GraphSketch sketch;
  const int x = sketch.Input("x", {1, 3, 4, 4});
  const int conv = sketch.Conv("c", x, 2, 1);
  sketch.Output(sketch.BatchNorm("y", conv));
  sketch.Output(conv);

  const Folded folded(sketch.Take());

  CHECK(folded.after == folded.before);
}

TEST_CASE("A matrix product with constants takes its bias, Gemm its factors") {
  GraphSketch sketch;
  const int x = sketch.Input("x", {2, 3});
  const int weights = sketch.Random("w", {3, 5});
  const int bias = sketch.Numbers("b", {5}, {1, 2, 3, 4, 5});
  sketch.Output(sketch.Add("y", "Gemm", {x, weights, bias}, {2, 5},
                           {{"alpha", 0.5f},
                            {"beta", 2.0f},
                            {"transA", int64_t{0}},
                            {"transB", int64_t{0}}}));

  const Folded folded(sketch.Take());

  CHECK(folded.after ==
        "y = FullyConnected(x, scaled transposed [5, 3], [5])\n");
  CHECK(folded.network.nodes[0].weights[1].held ==
        std::vector<float>{2, 4, 6, 8, 10});
}

TEST_CASE("A constant that varies over rows is not a bias") {
  GraphSketch sketch;
  const int x = sketch.Input("x", {2, 3});
  const int weights = sketch.Random("w", {3, 2});
  const int product = sketch.Add("p", "MatMul", {x, weights}, {2, 2});
  const int rows = sketch.Random("rows", {2, 1});
  sketch.Output(sketch.Add("y", "Add", {product, rows}, {2, 2}));

  const Folded folded(sketch.Take());

  CHECK(folded.after ==
        "p = FullyConnected(x, transposed [2, 3])\ny = Add(p, [2, 1])\n");
}

TEST_CASE("A product of two activations takes a factor") {
  GraphSketch sketch;
  const int q = sketch.Input("q", {2, 4, 8});
  const int k = sketch.Input("k", {2, 8, 4});
  const int product = sketch.Add("p", "MatMul", {q, k}, {2, 4, 4});
  const int root = sketch.Numbers("root", {}, {4});
  sketch.Output(sketch.Add("y", "Div", {product, root}, {2, 4, 4}));

  const Folded folded(sketch.Take());

  CHECK(folded.after == "y = MatMul(q, k)\n");
  CHECK(OperatorOf<MatMul>(folded.network.nodes[0])->scale == 0.25f);
}

}  // namespace
}  // namespace layerd
