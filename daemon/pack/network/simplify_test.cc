#include "daemon/pack/network/simplify.h"

#include <string>

#include "daemon/pack/network/naive_answers.h"
#include "daemon/pack/network/network_sketch.h"
#include "test/catch/catch.h"

namespace layerd {
namespace {

using Kind = ActivationKind;
using Op = Binary::Kind;
using Sketch = NetworkSketch;

std::string After(Sketch* s) {
  const auto inputs = s->Inputs(1);
  const auto want = NaiveAnswers(s->network(), inputs);
  REQUIRE(Simplify(&s->network()).ok());
  const std::string text = ToString(s->network());
  INFO(text);
  REQUIRE(AreNear(NaiveAnswers(s->network(), inputs), want));
  return text;
}

TEST_CASE("What computes nothing goes") {
  Sketch s;
  int x = s.As("first").Activate(s.Input("x", {2, 3}), Kind::kRelu);
  x = s.Combine(x, Op::kMul, {1, 1, 1}, {3});
  x = s.Combine(x, Op::kAdd, {0.0f});
  x = s.Combine(x, Op::kDiv, {1.0f});
  x = s.Combine(x, Op::kSub, {0.0f});
  x = s.Reshape(x, {2, 3});
  x = s.Transpose(x, {0, 1});
  s.Output(s.As("y").Activate(x, Kind::kTanh));

  CHECK(After(&s) == "first = Unary(x) Relu\ny = Unary(first) Tanh\n");
}

TEST_CASE("What broadcasts or has another number computes something") {
  Sketch s;
  const int x = s.Input("x", {1, 3});
  const int wide = s.As("wide").Combine(x, Op::kMul, {1, 1}, {2, 1});
  const int less = s.As("less").CombineLeft(0.0f, Op::kSub, wide);
  s.Output(s.As("y").Combine(less, Op::kAdd, {0, 0, 1}, {3}));

  CHECK(After(&s) ==
        "wide = Mul(x, [2, 1])\nless = Sub(wide, [])\ny = Add(less, [3])\n");
}

TEST_CASE("An output keeps its name when its node goes") {
  Sketch s;
  const int x = s.Activate(s.Input("x", {2, 3}), Kind::kRelu);
  s.Output(s.As("y").Combine(x, Op::kMul, {1.0f}));

  CHECK(After(&s) == "y = Unary(x) Relu\n");
}

TEST_CASE("Views in a row are one, and a transposition undone is none") {
  Sketch s;
  int x = s.Input("x", {2, 3, 4});
  x = s.Transpose(x, {2, 0, 1});
  x = s.Transpose(x, {1, 2, 0});
  x = s.Reshape(x, {6, 4});
  x = s.Reshape(x, {24});
  s.Output(s.As("y").Activate(x, Kind::kRelu));

  CHECK(ToString(s.network()) ==
        "v1 = Transpose(x)\nv2 = Transpose(v1)\nv3 = Reshape(v2)\n"
        "v4 = Reshape(v3)\ny = Unary(v4) Relu\n");
  CHECK(After(&s) == "v4 = Reshape(x)\ny = Unary(v4) Relu\n");
}

TEST_CASE("An activation goes before the view of the layer that takes it") {
  Sketch s;
  int x = s.As("fc").FullyConnected(s.Input("x", {6, 4}), 8);
  x = s.As("seen").Reshape(x, {2, 3, 8});
  x = s.As("biased").Combine(x, Op::kAdd, {1, 2, 3, 4, 5, 6, 7, 8}, {8});
  s.Output(s.As("y").Activate(x, Kind::kRelu));

  CHECK(After(&s) ==
        "fc = FullyConnected(x, [8, 4])\nseen = Add(fc, [8])\n"
        "biased = Unary(seen) Relu\ny = Reshape(biased)\n");
}

TEST_CASE("A bias that a view would tear apart stays behind it") {
  Sketch s;
  int x = s.As("fc").FullyConnected(s.Input("x", {6, 4}), 8);
  x = s.As("seen").Reshape(x, {6, 2, 4});
  s.Output(s.As("y").Combine(x, Op::kAdd, {1, 2, 3, 4}, {4}));

  CHECK(After(&s) ==
        "fc = FullyConnected(x, [8, 4])\nseen = Reshape(fc)\n"
        "y = Add(seen, [4])\n");
}

TEST_CASE(
    "A bias of more dimensions than the layer has stays behind its view") {
  Sketch s;
  int x = s.As("fc").FullyConnected(s.Input("x", {2, 4}), 3);
  x = s.As("seen").Reshape(x, {2, 1, 1, 3});
  s.Output(s.As("y").Combine(x, Op::kAdd, {1, 2, 3}, {1, 1, 1, 3}));

  CHECK(After(&s) ==
        "fc = FullyConnected(x, [3, 4])\nseen = Reshape(fc)\n"
        "y = Add(seen, [1, 1, 1, 3])\n");
}

TEST_CASE("A picture's numbers stay where the next layer folds them") {
  Sketch s;
  int x = s.As("seen").Transpose(s.Input("x", {1, 4, 4, 3}), {0, 3, 1, 2});
  s.Output(s.As("y").Combine(x, Op::kSub, {0.5f}));

  CHECK(After(&s) == "seen = Transpose(x)\ny = Sub(seen, [])\n");
}

TEST_CASE("A transposition meets its inverse through what lies between") {
  Sketch s;
  int x = s.As("first").Activate(s.Input("x", {2, 3, 4}), Kind::kTanh);
  s.Output(x);
  x = s.Transpose(x, {0, 2, 1});
  x = s.As("between").Activate(x, Kind::kRelu);
  x = s.Transpose(x, {0, 2, 1});
  s.Output(s.As("y").Activate(x, Kind::kSigmoid));

  CHECK(ToString(s.network()) ==
        "first = Unary(x) Tanh\nv2 = Transpose(first)\n"
        "between = Unary(v2) Relu\nv4 = Transpose(between)\n"
        "y = Unary(v4) Sigmoid\n");
  CHECK(After(&s) ==
        "first = Unary(x) Tanh\nv2 = Unary(first) Relu\n"
        "y = Unary(v2) Sigmoid\n");
}

TEST_CASE("One number times an operand scales the product") {
  Sketch s;
  int q = s.As("q").Combine(s.Input("a", {2, 5, 4}), Op::kMul, {0.5f});
  int k = s.As("k").Transpose(s.Input("b", {2, 6, 4}), {0, 2, 1});
  k = s.As("less").Combine(k, Op::kDiv, {4.0f});
  s.Output(s.As("y").MatMul(q, k));

  CHECK(After(&s) == "k = Transpose(b)\ny = MatMul(a, k)\n");
  CHECK(OperatorOf<MatMul>(s.network().nodes[1])->scale == 0.125f);
}

// Its inverse is infinite.
TEST_CASE("What is divided by next to nothing scales no product") {
  Sketch s;
  const int q = s.As("q").Combine(s.Input("a", {2, 4}), Op::kDiv, {1e-40f});
  s.Output(s.As("y").MatMul(q, s.Input("b", {4, 2})));
  const std::string before = ToString(s.network());

  REQUIRE(Simplify(&s.network()).ok());

  CHECK(ToString(s.network()) == before);
}

TEST_CASE("What others read too keeps its scale") {
  Sketch s;
  const int q = s.As("q").Combine(s.Input("a", {2, 4}), Op::kMul, {0.5f});
  s.Output(s.As("y").MatMul(q, s.Input("b", {4, 2})));
  s.Output(q);

  CHECK(After(&s) == "q = Mul(a, [])\ny = MatMul(q, b)\n");
}

}  // namespace
}  // namespace layerd
