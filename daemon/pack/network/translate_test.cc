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

}  // namespace
}  // namespace layerd
