// Nodes that become several layers, or others than they say.

#include "daemon/pack/network/translate.h"

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "daemon/pack/graph/graph_sketch.h"
#include "daemon/pack/network/naive_answers.h"
#include "kernels/cpu/cpu_backend.h"
#include "kernels/reference/reference_backend.h"
#include "test/catch/catch.h"
#include "test/sim/packed_answers.h"

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

TEST_CASE("A number that is reduced stays for who else reads it") {
  const char* const op_type =
      GENERATE("ReduceSum", "ReduceMean", "ReduceLogSumExp");
  INFO(op_type);
  GraphSketch sketch;
  const int x = sketch.Input("x", {});
  const int y = sketch.Relu("y", x);
  sketch.Output(y);
  sketch.Output(sketch.Add("z", op_type, {y}, {}, {{"axes", Shape{}}}));
  const Graph graph = sketch.Take();
  const auto reference = MakeReferenceBackend();

  const auto answers =
      PackedAnswers(*Translate(graph), {4 << 10, 10000}, {{2.5f}}, *reference);

  CHECK(answers[0] == std::vector<float>{2.5f});
  CHECK(answers[1] == std::vector<float>{2.5f});
}

// y: -x, by way of the doubles x + then; z: whether that is the latest.
Graph Dated() {
  GraphSketch sketch;
  const auto add = [&](const char* name, const char* op_type,
                       std::vector<int> inputs, Shape shape,
                       DataType dtype = DataType::kF64) {
    GraphSketch::Attributes attributes;
    if (op_type == std::string("ReduceMax")) attributes["axes"] = Shape{0};
    const int value = sketch.Add(name, op_type, std::move(inputs),
                                 std::move(shape), std::move(attributes));
    sketch.SetType(value, dtype);
    return value;
  };
  const int wide = add("wide", "Cast", {sketch.Input("x", {4})}, {4});
  const int from = add("from", "Cast", {sketch.Input("then", {1})}, {1});
  const int now = add("now", "Add", {wide, from}, {4});
  const int negative = add("negative", "Neg", {now}, {4});
  const int back = add("back", "Add", {negative, from}, {4});
  const int most = add("most", "ReduceMax", {now}, {1});
  const int is_last =
      add("is_last", "Equal", {now, most}, {4}, DataType::kBool);
  sketch.Output(add("y", "Cast", {back}, {4}, DataType::kF32));
  sketch.Output(add("z", "Cast", {is_last}, {4}, DataType::kF32));
  return sketch.Take();
}

// Seconds since 1970 have no milliseconds in f32.
TEST_CASE("Doubles are computed with as doubles") {
  const Graph graph = Dated();
  const auto reference = MakeReferenceBackend();
  const auto cpu = MakeCpuBackend(1);
  for (Backend* backend : {reference.get(), cpu.get()}) {
    INFO(backend->key().backend);

    const auto answers =
        PackedAnswers(*Translate(graph), {4 << 10, 10000},
                      {{0.001f, 0.25f, 7, 0.002f}, {1.5e9f}}, *backend);

    const std::vector<float> want = {-0.001f, -0.25f, -7, -0.002f};
    for (size_t i = 0; i < want.size(); ++i) {
      CHECK(answers[0][i] == Approx(want[i]).epsilon(1e-3));
    }
    CHECK(answers[1] == std::vector<float>{0, 0, 1, 0});
  }
}

}  // namespace
}  // namespace layerd
