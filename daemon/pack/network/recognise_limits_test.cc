// Where a function that is spelled out differs from the one it resembles: far
// out, around 0, for tiny deviations.

#include <functional>
#include <string>

#include "daemon/pack/network/network_sketch.h"
#include "daemon/pack/network/recognise.h"
#include "test/catch/catch.h"

namespace layerd {
namespace {

using Kind = ActivationKind;
using Op = Binary::Kind;
using Sketch = NetworkSketch;

struct Drawn {
  const char* what;
  std::function<int(Sketch&, int)> draw;
};

void CheckStays(const Drawn& drawn, void (*pass)(Network*)) {
  INFO(drawn.what);
  Sketch s;
  s.Output(drawn.draw(s, s.Input("x", {3, 4})));
  const std::string before = ToString(s.network());

  pass(&s.network());

  CHECK(ToString(s.network()) == before);
}

// Each guards a logarithm or a quotient behind it.
const Drawn kGuarded[] = {
    {"a ReLU and 1e-7",
     [](Sketch& s, int x) {
       return s.Combine(s.Activate(x, Kind::kRelu), Op::kAdd, {1e-7f});
     }},
    {"a softplus and 1e-6",
     [](Sketch& s, int x) {
       return s.Combine(s.Activate(x, Kind::kSoftplus), Op::kAdd, {1e-6f});
     }},
    {"a sigmoid that is at least 1e-12",
     [](Sketch& s, int x) {
       return s.Combine(s.Activate(x, Kind::kSigmoid), Op::kMax, {1e-12f});
     }},
    {"a sigmoid that is at most 1 - 1e-7",
     [](Sketch& s, int x) {
       return s.Combine(s.Activate(x, Kind::kSigmoid), Op::kMin, {1 - 1e-7f});
     }},
    {"a tanh between -0.999999 and 0.999999",
     [](Sketch& s, int x) {
       return s.Activate(s.Activate(x, Kind::kTanh),
                         {Kind::kClip, -0.999999f, 0.999999f});
     }},
    {"the root of a square and 1e-12",
     [](Sketch& s, int x) {
       const int square = s.Combine(x, Op::kMul, x);
       return s.Activate(s.Combine(square, Op::kAdd, {1e-12f}), Kind::kSqrt);
     }},
};

TEST_CASE("What a small number keeps from 0 or 1 is no activation") {
  for (const Drawn& drawn : kGuarded) CheckStays(drawn, RecogniseActivations);
}

TEST_CASE("An epsilon outside of the root is none inside, however small") {
  const float epsilon = GENERATE(1e-6f, 1e-8f, 1e-12f);
  INFO("epsilon " << epsilon);
  CheckStays({"a root norm with an epsilon outside",
              [epsilon](Sketch& s, int x) {
                const int v = s.Mean(s.Combine(x, Op::kMul, x), {1});
                const int root = s.Activate(v, Kind::kSqrt);
                const int e = s.Combine(root, Op::kAdd, {epsilon});
                return s.Combine(x, Op::kDiv, e);
              }},
             RecogniseLayerNorms);
}

// A branch as long as that is left before all of it is asked about.
TEST_CASE("Beside a branch of very many nodes nothing is recognised") {
  constexpr int kNodes = 100'000;
  Sketch s;
  const int x = s.Input("x", {3, 4});
  int y = x;
  for (int i = 0; i < kNodes; ++i) y = s.Activate(y, Kind::kRelu);
  const int distance = s.Combine(x, Op::kSub, s.Mean(x, {1}));
  s.Output(s.Combine(y, Op::kMul, distance));

  RecogniseLayerNorms(&s.network());

  CHECK(s.network().nodes.size() == kNodes + 3);
}

}  // namespace
}  // namespace layerd
