// Nodes that become several layers, or others than they say.

#include "daemon/pack/network/translate.h"

#include <limits>

#include "daemon/pack/graph/graph_sketch.h"
#include "daemon/pack/network/naive_answers.h"
#include "test/catch/catch.h"

namespace layerd {
namespace {

using Shape = GraphSketch::Shape;

TEST_CASE("Logarithms of sums of infinite exponentials are the largest") {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  GraphSketch sketch;
  const int x = sketch.Input("x", {4, 2});
  sketch.Output(
      sketch.Add("y", "ReduceLogSumExp", {x}, {4, 1}, {{"axes", Shape{1}}}));
  const Graph graph = sketch.Take();

  const auto y = NaiveAnswers(
      *Translate(graph),
      {{-kInfinity, -kInfinity, 3, -kInfinity, kInfinity, 3, -1e38f, -2e38f}});

  CHECK(y[0] == std::vector<float>{-kInfinity, 3, kInfinity, -1e38f});
}

TEST_CASE("A power of integers has an exponent of integers, cast if need be") {
  const DataType dtype = GENERATE(DataType::kF32, DataType::kF64);
  GraphSketch sketch;
  const int x = sketch.Input("x", {3}, DataType::kI64);
  const int exponent = sketch.Numbers("e", {}, {2});
  sketch.SetType(exponent, dtype);
  const int y = sketch.Add("y", "Pow", {x, exponent}, {3});
  sketch.SetType(y, DataType::kI64);
  sketch.Output(y);
  const Graph graph = sketch.Take();

  CHECK(ToString(*Translate(graph)) == "y:3 = Copy(e)\ny = Pow(x, y:3)\n");
}

}  // namespace
}  // namespace layerd
