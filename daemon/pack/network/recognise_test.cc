#include "daemon/pack/network/recognise.h"

#include <cmath>
#include <functional>
#include <string>

#include "daemon/pack/network/naive_answers.h"
#include "daemon/pack/network/network_sketch.h"
#include "test/catch/catch.h"

namespace layerd {
namespace {

using Kind = ActivationKind;
using Op = Binary::Kind;
using Sketch = NetworkSketch;

// The text of a network after `pass`, whose answers must be those of before.
std::string After(Sketch* s, void (*pass)(Network*)) {
  const auto inputs = s->Inputs(1);
  const auto want = NaiveAnswers(s->network(), inputs);
  pass(&s->network());
  const std::string text = ToString(s->network());
  INFO(text);
  REQUIRE(AreNear(NaiveAnswers(s->network(), inputs), want));
  return text;
}

// ---------------------------------------------------------- Activations

struct Spelled {
  const char* what;
  std::function<int(Sketch&, int)> draw;
  const char* becomes;
};

int Erf1(Sketch& s, int x) {
  const int u = s.Combine(x, Op::kDiv, {std::sqrt(2.0f)});
  return s.Combine(s.Activate(u, Kind::kErf), Op::kAdd, {1.0f});
}

int Tanh1(Sketch& s, int inner) {
  return s.Combine(s.Activate(inner, Kind::kTanh), Op::kAdd, {1.0f});
}

constexpr float kRootOf2OverPi = 0.7978845608f;

const Spelled kSpelled[] = {
    {"GELU as torch writes it",
     [](Sketch& s, int x) {
       const int y = s.Combine(x, Op::kMul, Erf1(s, x));
       return s.As("y").Combine(y, Op::kMul, {0.5f});
     },
     "y = Unary(x) Gelu\n"},
    {"GELU as tensorflow writes it",
     [](Sketch& s, int x) {
       const int half = s.CombineLeft(0.5f, Op::kMul, Erf1(s, x));
       return s.As("y").Combine(x, Op::kMul, half);
     },
     "y = Unary(x) Gelu\n"},
    {"GELU with half of x first, and a product for the quotient",
     [](Sketch& s, int x) {
       const int u = s.Combine(x, Op::kMul, {std::sqrt(0.5f)});
       const int e = s.CombineLeft(1.0f, Op::kAdd, s.Activate(u, Kind::kErf));
       const int half = s.Combine(x, Op::kMul, {0.5f});
       return s.As("y").Combine(half, Op::kMul, e);
     },
     "y = Unary(x) Gelu\n"},
    {"GELU by tanh with a power",
     [](Sketch& s, int x) {
       const int cube = s.Combine(x, Op::kPow, {3.0f});
       const int small = s.Combine(cube, Op::kMul, {0.044715f});
       const int sum = s.Combine(x, Op::kAdd, small);
       const int t = Tanh1(s, s.Combine(sum, Op::kMul, {kRootOf2OverPi}));
       const int y = s.Combine(x, Op::kMul, t);
       return s.As("y").Combine(y, Op::kMul, {0.5f});
     },
     "y = Unary(x) GeluTanh\n"},
    {"GELU by tanh with products",
     [](Sketch& s, int x) {
       const int square = s.Combine(x, Op::kMul, x);
       const int one = s.Combine(s.Combine(square, Op::kMul, {0.044715f}),
                                 Op::kAdd, {1.0f});
       const int root = s.Combine(x, Op::kMul, {kRootOf2OverPi});
       const int t = Tanh1(s, s.Combine(root, Op::kMul, one));
       const int half = s.Combine(x, Op::kMul, {0.5f});
       return s.As("y").Combine(half, Op::kMul, t);
     },
     "y = Unary(x) GeluTanh\n"},
    {"quick GELU",
     [](Sketch& s, int x) {
       const int gate =
           s.Activate(s.Combine(x, Op::kMul, {1.702f}), Kind::kSigmoid);
       return s.As("y").Combine(x, Op::kMul, gate);
     },
     "y = Unary(x) Swish\n"},
    {"SiLU",
     [](Sketch& s, int x) {
       const int gate = s.Activate(x, Kind::kSigmoid);
       return s.As("y").Combine(gate, Op::kMul, x);
     },
     "y = Unary(x) Swish\n"},
    {"HardSwish",
     [](Sketch& s, int x) {
       const int three = s.Combine(x, Op::kAdd, {3.0f});
       const int clip = s.Activate(three, {Kind::kClip, 0, 6});
       const int y = s.Combine(x, Op::kMul, clip);
       return s.As("y").Combine(y, Op::kDiv, {6.0f});
     },
     "y = Unary(x) HardSwish\n"},
    {"HardSigmoid",
     [](Sketch& s, int x) {
       const int three = s.Combine(x, Op::kAdd, {3.0f});
       const int clip = s.Activate(three, {Kind::kClip, 0, 6});
       return s.As("y").Combine(clip, Op::kDiv, {6.0f});
     },
     "y = Unary(x) HardSigmoid\n"},
    {"Mish by softplus",
     [](Sketch& s, int x) {
       const int t = s.Activate(s.Activate(x, Kind::kSoftplus), Kind::kTanh);
       return s.As("y").Combine(x, Op::kMul, t);
     },
     "y = Unary(x) Mish\n"},
    {"Mish all the way down",
     [](Sketch& s, int x) {
       const int e = s.Combine(s.Activate(x, Kind::kExp), Op::kAdd, {1.0f});
       const int t = s.Activate(s.Activate(e, Kind::kLog), Kind::kTanh);
       return s.As("y").Combine(x, Op::kMul, t);
     },
     "y = Unary(x) Mish\n"},
    {"a sigmoid by exp",
     [](Sketch& s, int x) {
       const int e = s.Activate(s.Activate(x, Kind::kNegative), Kind::kExp);
       const int sum = s.Combine(e, Op::kAdd, {1.0f});
       return s.As("y").CombineLeft(1.0f, Op::kDiv, sum);
     },
     "y = Unary(x) Sigmoid\n"},
    {"ReLU by the magnitude",
     [](Sketch& s, int x) {
       const int sum = s.Combine(x, Op::kAdd, s.Activate(x, Kind::kAbs));
       return s.As("y").Combine(sum, Op::kMul, {0.5f});
     },
     "y = Unary(x) Relu\n"},
    {"LeakyRelu by the greater",
     [](Sketch& s, int x) {
       const int less = s.Combine(x, Op::kMul, {0.1f});
       return s.As("y").Combine(x, Op::kMax, less);
     },
     "y = Unary(x) LeakyRelu\n"},
};

TEST_CASE("An activation that is spelled out becomes one") {
  for (const Spelled& row : kSpelled) {
    INFO(row.what);
    Sketch s;
    s.Output(row.draw(s, s.Input("x", {2, 3, 40})));

    CHECK(After(&s, RecogniseActivations) == row.becomes);
  }
}

TEST_CASE("What is nearly an activation stays as it is") {
  Sketch s;
  const int x = s.Input("x", {8});
  const int u = s.As("u").Combine(x, Op::kMul, {0.70f});  // Not 0.7071.
  const int e = s.As("e").Activate(u, Kind::kErf);
  const int one = s.As("one").Combine(e, Op::kAdd, {1.0f});
  const int y = s.As("z").Combine(x, Op::kMul, one);
  s.Output(s.As("y").Combine(y, Op::kMul, {0.5f}));
  const std::string before = ToString(s.network());

  CHECK(After(&s, RecogniseActivations) == before);
}

TEST_CASE("What is an activation up to a bound is none") {
  const float bound = GENERATE(20.0f, 65504.0f);
  const bool below = GENERATE(false, true);
  INFO("bound " << bound << (below ? " from below" : ""));
  Sketch s;
  const int x = s.Input("x", {8});
  const int u = s.As("u").Activate(
      x, below ? Activation{Kind::kLeakyRelu, 0.5f} : Activation{Kind::kRelu});
  s.Output(below ? s.As("y").Combine(u, Op::kMax, {-bound})
                 : s.As("y").Combine(u, Op::kMin, {bound}));
  const std::string before = ToString(s.network());

  CHECK(After(&s, RecogniseActivations) == before);
}

TEST_CASE("Products by numbers are no activation") {
  Sketch s;
  const int x = s.Input("x", {8});
  const int half = s.As("half").Combine(x, Op::kMul, {0.5f});
  s.Output(s.As("quarter").Combine(half, Op::kMul, {0.5f}));
  const int twice = s.As("twice").Combine(x, Op::kMul, {2.0f});
  s.Output(s.As("again").Combine(twice, Op::kDiv, {2.0f}));
  const std::string before = ToString(s.network());

  CHECK(After(&s, RecogniseActivations) == before);
}

TEST_CASE("A gate of something else is no activation") {
  Sketch s;
  const int x = s.Input("x", {8});
  const int other = s.Input("other", {8});
  const int gate = s.As("gate").Activate(other, Kind::kSigmoid);
  s.Output(s.As("y").Combine(x, Op::kMul, gate));

  CHECK(After(&s, RecogniseActivations) ==
        "gate = Unary(other) Sigmoid\ny = Mul(x, gate)\n");
}

TEST_CASE("What others read of an activation stays beside it") {
  Sketch s;
  const int x = s.Input("x", {8});
  const int gate = s.As("gate").Activate(x, Kind::kSigmoid);
  s.Output(gate);
  s.Output(s.As("y").Combine(x, Op::kMul, gate));

  CHECK(After(&s, RecogniseActivations) ==
        "gate = Unary(x) Sigmoid\ny = Unary(x) Swish\n");
}

// ------------------------------------------------------ Normalisations

constexpr float kEpsilon = 1e-5f;

const Spelled kNorms[] = {
    {"by a power and a quotient",
     [](Sketch& s, int x) {
       const int d = s.Combine(x, Op::kSub, s.Mean(x, {2}));
       const int v = s.Mean(s.Combine(d, Op::kPow, {2.0f}), {2});
       const int e = s.Combine(v, Op::kAdd, {kEpsilon});
       return s.As("n").Combine(d, Op::kDiv, s.Activate(e, Kind::kSqrt));
     },
     ""},
    {"by a product with itself, and a reciprocal",
     [](Sketch& s, int x) {
       const int d = s.Combine(x, Op::kSub, s.Mean(x, {2}));
       const int v = s.Mean(s.Combine(d, Op::kMul, d), {2});
       const int e = s.CombineLeft(kEpsilon, Op::kAdd, v);
       const int r = s.Activate(s.Activate(e, Kind::kSqrt), Kind::kReciprocal);
       return s.As("n").Combine(d, Op::kMul, r);
     },
     ""},
    {"by two differences",
     [](Sketch& s, int x) {
       const int m = s.Mean(x, {2});
       const int square =
           s.Combine(s.Combine(x, Op::kSub, m), Op::kPow, {2.0f});
       const int e = s.Combine(s.Mean(square, {2}), Op::kAdd, {kEpsilon});
       return s.As("n").Combine(s.Combine(x, Op::kSub, m), Op::kDiv,
                                s.Combine(e, Op::kPow, {0.5f}));
     },
     ""},
    {"by a power below zero",
     [](Sketch& s, int x) {
       const int d = s.Combine(x, Op::kSub, s.Mean(x, {2}));
       const int v = s.Mean(s.Combine(d, Op::kPow, {2.0f}), {2});
       const int e = s.Combine(v, Op::kAdd, {kEpsilon});
       return s.As("n").Combine(d, Op::kMul, s.Combine(e, Op::kPow, {-0.5f}));
     },
     ""},
    {"by the mean of squares",
     [](Sketch& s, int x) {
       const int m = s.Mean(x, {2});
       const int squares = s.Mean(s.Combine(x, Op::kMul, x), {2});
       const int v = s.Combine(squares, Op::kSub, s.Combine(m, Op::kMul, m));
       const int e = s.Combine(v, Op::kAdd, {kEpsilon});
       return s.As("n").Combine(s.Combine(x, Op::kSub, m), Op::kDiv,
                                s.Activate(e, Kind::kSqrt));
     },
     ""},
};

TEST_CASE("A layer normalisation that is spelled out becomes one") {
  for (const Spelled& row : kNorms) {
    INFO(row.what);
    Sketch s;
    const int n = row.draw(s, s.Input("x", {2, 3, 4}));
    const int scaled = s.As("s").Combine(n, Op::kMul, {1, 2, 3, 4}, {4});
    s.Output(s.As("y").Combine(scaled, Op::kAdd, {5, 6, 7, 8}, {1, 1, 4}));

    CHECK(After(&s, RecogniseLayerNorms) == "y = LayerNorm(x, [4], [4])\n");
    const auto& op = *OperatorOf<LayerNorm>(s.network().nodes[0]);
    CHECK(op.axis_first == 2);
    CHECK(std::abs(op.epsilon - kEpsilon) < 1e-9f);
    CHECK(op.has_scale);
    CHECK(op.has_bias);
  }
}

// Like the layer normalisations, but nothing is taken off.
const Spelled kRootNorms[] = {
    {"as torch writes it",
     [](Sketch& s, int x) {
       const int v = s.Mean(s.Combine(x, Op::kPow, {2.0f}), {2});
       const int e = s.Combine(v, Op::kAdd, {kEpsilon});
       const int r = s.Activate(s.Activate(e, Kind::kSqrt), Kind::kReciprocal);
       return s.As("n").Combine(x, Op::kMul, r);
     },
     ""},
    {"by a quotient",
     [](Sketch& s, int x) {
       const int v = s.Mean(s.Combine(x, Op::kMul, x), {2});
       const int e = s.Combine(v, Op::kAdd, {kEpsilon});
       return s.As("n").Combine(x, Op::kDiv, s.Activate(e, Kind::kSqrt));
     },
     ""},
    {"by one over the root",
     [](Sketch& s, int x) {
       const int v = s.Mean(s.Combine(x, Op::kPow, {2.0f}), {2});
       const int e = s.CombineLeft(kEpsilon, Op::kAdd, v);
       const int r = s.CombineLeft(1.0f, Op::kDiv, s.Activate(e, Kind::kSqrt));
       return s.As("n").Combine(r, Op::kMul, x);
     },
     ""},
    {"by a power below zero",
     [](Sketch& s, int x) {
       const int v = s.Mean(s.Combine(x, Op::kPow, {2.0f}), {2});
       const int e = s.Combine(v, Op::kAdd, {kEpsilon});
       return s.As("n").Combine(x, Op::kMul, s.Combine(e, Op::kPow, {-0.5f}));
     },
     ""},
};

TEST_CASE("A normalisation that keeps its mean becomes one that does") {
  for (const Spelled& row : kRootNorms) {
    INFO(row.what);
    Sketch s;
    const int n = row.draw(s, s.Input("x", {2, 3, 4}));
    s.Output(s.As("y").Combine(n, Op::kMul, {1, 2, 3, 4}, {4}));

    CHECK(After(&s, RecogniseLayerNorms) == "y = RootNorm(x, [4])\n");
    const auto& op = *OperatorOf<LayerNorm>(s.network().nodes[0]);
    CHECK(op.axis_first == 2);
    CHECK(std::abs(op.epsilon - kEpsilon) < 1e-9f);
    CHECK(op.has_scale);
    CHECK_FALSE(op.has_bias);
  }
}

TEST_CASE("A cast between a normalisation and its scale goes with them") {
  Sketch s;
  const int n = kRootNorms[0].draw(s, s.Input("x", {2, 3, 4}));
  const int narrow = s.Reshape(n, {2, 3, 4});
  s.Output(s.As("y").Combine(narrow, Op::kMul, {1, 2, 3, 4}, {4}));

  CHECK(After(&s, RecogniseLayerNorms) == "y = RootNorm(x, [4])\n");
}

TEST_CASE("A normalisation that is turned into another shape keeps its own") {
  Sketch s;
  const int n = kRootNorms[0].draw(s, s.Input("x", {2, 3, 4}));
  const int rows = s.As("rows").Reshape(n, {6, 4});
  s.Output(s.As("y").Combine(rows, Op::kMul, {1, 2, 3, 4}, {4}));

  CHECK(After(&s, RecogniseLayerNorms) ==
        "n = RootNorm(x)\n"
        "rows = Reshape(n)\n"
        "y = Mul(rows, [4])\n");
}

TEST_CASE("A sum of squares instead of their mean is no normalisation") {
  Sketch s;
  const int x = s.Input("x", {3, 4});
  const int v = s.As("v").Mean(s.As("p").Combine(x, Op::kPow, {2.0f}), {1});
  const int sum = s.As("sum").Combine(v, Op::kMul, {4.0f});
  const int root = s.As("r").Activate(sum, Kind::kSqrt);
  s.Output(s.As("y").Combine(x, Op::kDiv, root));
  const std::string before = ToString(s.network());

  CHECK(After(&s, RecogniseLayerNorms) == before);
}

TEST_CASE("A root that is bounded is no normalisation: of nothing it is 0") {
  Sketch s;
  const int x = s.Input("x", {3, 4});
  const int v = s.As("v").Mean(s.As("p").Combine(x, Op::kPow, {2.0f}), {1});
  const int root = s.As("r").Activate(v, Kind::kSqrt);
  const int bound = s.As("b").Combine(root, Op::kMax, {1e-12f});
  s.Output(s.As("y").Combine(x, Op::kDiv, bound));
  const std::string before = ToString(s.network());

  CHECK(After(&s, RecogniseLayerNorms) == before);
}

TEST_CASE("What is bounded above before it is normalised is none") {
  Sketch s;
  const int x = s.Input("x", {3, 4});
  const int p = s.As("p").Combine(x, Op::kPow, {2.0f});
  const int bound = s.As("b").Combine(p, Op::kMin, {65504.0f});
  const int e =
      s.As("e").Combine(s.As("v").Mean(bound, {1}), Op::kAdd, {kEpsilon});
  const int root = s.As("r").Activate(e, Kind::kSqrt);
  s.Output(s.As("y").Combine(x, Op::kDiv, root));
  const std::string before = ToString(s.network());

  CHECK(After(&s, RecogniseLayerNorms) == before);
}

TEST_CASE("A layer normalisation may have no scale, or span dimensions") {
  Sketch s;
  const int x = s.Input("x", {2, 3, 4});
  const int d = s.Combine(x, Op::kSub, s.Mean(x, {1, 2}));
  const int v = s.Mean(s.Combine(d, Op::kPow, {2.0f}), {1, 2});
  const int e = s.Combine(v, Op::kAdd, {1e-12f});
  const int root = s.Activate(e, Kind::kSqrt);
  s.Output(s.As("y").Combine(d, Op::kDiv, root));

  CHECK(After(&s, RecogniseLayerNorms) == "y = LayerNorm(x)\n");
  const auto& op = *OperatorOf<LayerNorm>(s.network().nodes[0]);
  CHECK(op.axis_first == 1);
  CHECK(std::abs(op.epsilon - 1e-12f) < 1e-15f);
}

TEST_CASE("The residual before a normalisation stays its input") {
  Sketch s;
  const int a = s.Input("a", {3, 4});
  const int b = s.Input("b", {3, 4});
  const int x = s.As("sum").Combine(a, Op::kAdd, b);
  const int d = s.Combine(x, Op::kSub, s.Mean(x, {1}));
  const int v = s.Mean(s.Combine(d, Op::kPow, {2.0f}), {1});
  const int e = s.Combine(v, Op::kAdd, {kEpsilon});
  const int root = s.Activate(e, Kind::kSqrt);
  s.Output(s.As("y").Combine(d, Op::kDiv, root));

  CHECK(After(&s, RecogniseLayerNorms) ==
        "sum = Add(a, b)\ny = LayerNorm(sum)\n");
}

TEST_CASE("A normalisation over dimensions in the middle is none") {
  Sketch s;
  const int x = s.Input("x", {2, 3, 4});
  const int m = s.As("m").Mean(x, {1});
  const int d = s.As("d").Combine(x, Op::kSub, m);
  const int p = s.As("p").Combine(d, Op::kPow, {2.0f});
  const int v = s.As("v").Mean(p, {1});
  const int e = s.As("e").Combine(v, Op::kAdd, {kEpsilon});
  const int root = s.As("r").Activate(e, Kind::kSqrt);
  s.Output(s.As("y").Combine(d, Op::kDiv, root));
  const std::string before = ToString(s.network());

  CHECK(After(&s, RecogniseLayerNorms) == before);
}

TEST_CASE("A deviation with the epsilon outside of the root is none") {
  Sketch s;
  const int x = s.Input("x", {3, 4});
  const int d = s.Combine(x, Op::kSub, s.Mean(x, {1}));
  const int v = s.Mean(s.Combine(d, Op::kPow, {2.0f}), {1});
  const int e = s.Combine(s.Activate(v, Kind::kSqrt), Op::kAdd, {1e-3f});
  s.Output(s.As("y").Combine(d, Op::kDiv, e));
  const std::string before = ToString(s.network());

  CHECK(After(&s, RecogniseLayerNorms) == before);
}

}  // namespace
}  // namespace layerd
