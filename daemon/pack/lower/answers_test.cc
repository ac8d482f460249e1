// Whether folding, fusing, lowering and cutting keep the answers: random
// networks, once node by node and once as they are packed.

#include <algorithm>
#include <utility>

#include "daemon/pack/graph/attention_sketch.h"
#include "daemon/pack/graph/graph_sketch.h"
#include "daemon/pack/lower/cut.h"
#include "daemon/pack/network/fuse.h"
#include "daemon/pack/network/naive_answers.h"
#include "daemon/pack/network/translate.h"
#include "kernels/cpu/cpu_backend.h"
#include "test/catch/catch.h"
#include "test/sim/answers_check.h"
#include "test/sim/packed_answers.h"

namespace layerd {
namespace {

using Shape = GraphSketch::Shape;

// Grows a convolutional network node by node.
class RandomNetwork {
 public:
  explicit RandomNetwork(uint32_t seed) : sketch_(seed) {
    const int64_t batch = 1 + sketch_.Below(2);
    values_ = {sketch_.Input("x", {batch, 8, 9, 7})};
  }

  GraphSketch* Draw() {
    const int nodes = 3 + sketch_.Below(12);
    for (int n = 0; n < nodes; ++n) values_.push_back(Next(n));
    sketch_.Output(values_.back());
    sketch_.Output(values_[values_.size() / 2]);
    if (sketch_.Below(2) == 0) AddHead();
    return &sketch_;
  }

 private:
  int Pick() {
    // Mostly the newest, so that chains form which can be fused.
    return sketch_.Below(3) == 0
               ? values_[sketch_.Below(static_cast<int>(values_.size()))]
               : values_.back();
  }

  // One of the same shape, or `value` itself.
  int Twin(int value) {
    for (int tries = 0; tries < 8; ++tries) {
      const int other =
          values_[sketch_.Below(static_cast<int>(values_.size()))];
      if (sketch_.ShapeOf(other) == sketch_.ShapeOf(value)) return other;
    }
    return value;
  }

  int Next(int n) {
    const std::string name = "v" + std::to_string(n);
    const int x = Pick();
    const Shape shape = sketch_.ShapeOf(x);
    switch (sketch_.Below(12)) {
      case 0:
        return sketch_.Conv(name, x, 40, 1);
      case 1:
        return sketch_.Conv(name, x, 8, 3, 1, 1);
      case 2:
        return sketch_.Conv(name, x, shape[1], 3, 1, 1,
                            sketch_.Below(2) == 0 ? shape[1] : 8);
      case 3:
        return sketch_.Conv(name, x, shape[1], 1, 1, 0,
                            sketch_.Below(2) == 0 ? 8 : 1, false);
      case 4:
        return sketch_.BatchNorm(name, x);
      case 5:
        return sketch_.Relu(name, x);
      case 6:
        return sketch_.Add(name, "Add", {x, Twin(x)}, shape);
      case 7:
        return sketch_.Concat(name, {Twin(x), x}, 1 + sketch_.Below(3));
      case 8:
        return sketch_.Add(name, "LeakyRelu", {x}, shape, {{"alpha", 0.1f}});
      case 9:
        return sketch_.Add(
            name, sketch_.Below(2) == 0 ? "Mul" : "Sub",
            {x, sketch_.Random(name + ".k", {shape[1], 1, 1}, 0.5f, 1)}, shape);
      case 10:
        return sketch_.Add(name, "MaxPool", {x}, shape,
                           {{"kernel_shape", Shape{3, 3}},
                            {"strides", Shape{1, 1}},
                            {"dilations", Shape{1, 1}},
                            {"pads", Shape{1, 1, 1, 1}},
                            {"ceil_pads", Shape{0, 0}}});
      default:
        return sketch_.Add(name, "Sigmoid", {x}, shape);
    }
  }

  void AddHead() {
    const int x = values_.back();
    const Shape shape = sketch_.ShapeOf(x);
    const int64_t features = shape[1] * shape[2] * shape[3];
    const int flat = sketch_.Add("flat", "Flatten", {x}, {shape[0], features});
    const int weights = sketch_.Random("head.w", {features, 10});
    const int product =
        sketch_.Add("head", "MatMul", {flat, weights}, {shape[0], 10});
    const int bias = sketch_.Random("head.b", {10});
    const int sum =
        sketch_.Add("logits", "Add", {product, bias}, {shape[0], 10});
    sketch_.Output(
        sketch_.Add("classes", "Softmax", {sum}, {shape[0], 10},
                    {{"axis", int64_t{1}}, {"axis_count", int64_t{1}}}));
  }

  GraphSketch sketch_;
  std::vector<int> values_;
};

TEST_CASE("Random networks answer as drawn, however they are packed") {
  const uint32_t seed = GENERATE(range(0u, 60u));
  INFO("seed " << seed);
  RandomNetwork network(seed);

  CheckAnswers(network.Draw());
}

TEST_CASE("Convolutions packed for latency answer as drawn") {
  GraphSketch sketch;
  const int x = sketch.Input("x", {1, 32, 30, 30});
  const int left = sketch.Conv("left", x, 128, 3, 1, 1);
  const int right = sketch.Conv("right", left, 128, 3, 1, 1);
  sketch.Output(sketch.Relu(
      "y", sketch.Add("sum", "Add", {left, right}, {1, 128, 30, 30})));
  const Graph graph = sketch.Take();
  Network network = *Translate(graph);
  const auto inputs = RandomInputs(graph, &sketch);
  const auto want = NaiveAnswers(network, inputs);
  Fuse(&network);
  RemoveDeadNodes(&network);
  const CutLimits limits = {512 << 10, 5'000'000, true, 512 << 10};
  const auto cpu = MakeCpuBackend(1);

  const auto program = Cut(Lower(network), limits, *cpu);
  REQUIRE(program.ok());
  const auto first =
      std::find_if(program->parts.begin(), program->parts.end(),
                   [](const Part& each) { return each.read.has_value(); });
  REQUIRE(first != program->parts.end());
  const Part& part = *first;
  CHECK(part.weights[0].layout.transform == WeightLayout::Transform::kWinograd);
  CHECK(part.channels.count == 64);
  CHECK(part.rows.count < 30);
  CHECK(part.rows.count % 4 == 0);
  CheckClose(PackedAnswers(network, limits, inputs, *cpu)[0], want[0]);
}

TEST_CASE("Windows and edges answer as drawn") {
  GraphSketch sketch;
  const int x = sketch.Input("x", {1, 5, 7, 8});
  const int padded = sketch.Add("padded", "Pad", {x}, {1, 5, 10, 9},
                                {{"mode", std::string("reflect")},
                                 {"pads", Shape{0, 0, 1, 0, 0, 0, 2, 1}},
                                 {"value", 0.0f}});
  const int normal = sketch.Add(
      "lrn", "LRN", {padded}, {1, 5, 10, 9},
      {{"size", int64_t{3}}, {"alpha", 0.5f}, {"beta", 0.75f}, {"bias", 2.0f}});
  const int conv = sketch.Conv("c", normal, 33, 3, 2);
  const int average =
      sketch.Add("average", "AveragePool", {conv}, {1, 33, 3, 2},
                 {{"kernel_shape", Shape{3, 3}},
                  {"strides", Shape{2, 3}},
                  {"dilations", Shape{1, 1}},
                  {"pads", Shape{1, 1, 1, 0}},
                  {"ceil_pads", Shape{1, 1}},
                  {"count_include_pad", int64_t{1}}});
  sketch.Output(average);
  sketch.Output(sketch.Add("mean", "GlobalAveragePool", {conv}, {1, 33, 1, 1}));

  CheckAnswers(&sketch);
}

// Padded as torch pads in circles: what is cut off one side of a whole goes to
// the other side of a larger one that it lies in.
TEST_CASE("A border that wraps answers as drawn") {
  GraphSketch sketch;
  const int x = sketch.Input("x", {1, 8, 6, 5});
  const auto cut = [&](const char* name, int from, Shape shape, Shape starts) {
    return sketch.Add(
        name, "Slice", {from}, std::move(shape),
        {{"starts", std::move(starts)}, {"steps", Shape{1, 1, 1, 1}}});
  };
  const int above = cut("above", x, {1, 8, 1, 5}, {0, 0, 5, 0});
  const int below = cut("below", x, {1, 8, 1, 5}, {0, 0, 0, 0});
  const int tall = sketch.Concat("tall", {above, x, below}, 2);
  const int left = cut("left", tall, {1, 8, 8, 1}, {0, 0, 0, 4});
  const int right = cut("right", tall, {1, 8, 8, 1}, {0, 0, 0, 0});
  const int whole = sketch.Concat("whole", {left, tall, right}, 3);
  sketch.Output(sketch.Conv("y", whole, 40, 3));

  CheckAnswers(&sketch);
}

TEST_CASE("Signals and volumes answer as drawn") {
  GraphSketch sketch;
  const int signal = sketch.Input("signal", {2, 3, 12});
  const int volume = sketch.Input("volume", {1, 2, 3, 4, 5});
  sketch.Output(
      sketch.Relu("y", sketch.BatchNorm("n", sketch.Conv("c", signal, 40, 3))));
  sketch.Output(sketch.Conv("z", volume, 34, 2, 1, 1));

  CheckAnswers(&sketch);
}

TEST_CASE("Attention answers as drawn") {
  GraphSketch sketch;
  SketchAttention(&sketch);

  CheckAnswers(&sketch);
}

TEST_CASE("Odd operands of matrix products answer as drawn") {
  GraphSketch sketch;
  const int x = sketch.Input("x", {4, 6});
  const int row = sketch.Input("row", {6});
  sketch.Output(sketch.Add("a", "MatMul", {x, row}, {4}));
  sketch.Output(sketch.Add("b", "MatMul", {x, sketch.Random("k", {6})}, {4}));
  sketch.Output(
      sketch.Add("c", "MatMul", {row, sketch.Random("m", {6, 3})}, {3}));
  sketch.Output(
      sketch.Add("d", "MatMul", {sketch.Random("left", {2, 4}), x}, {2, 6}));
  const GraphSketch::Attributes gemm = {{"alpha", 0.5f},
                                        {"beta", 2.0f},
                                        {"transA", int64_t{1}},
                                        {"transB", int64_t{1}}};
  const int y = sketch.Input("y", {5, 4});
  sketch.Output(sketch.Add("e", "Gemm", {x, y, sketch.Random("f", {6, 5})},
                           {6, 5}, gemm));
  sketch.Output(
      sketch.Add("g", "Gemm", {x, sketch.Random("h", {5, 4})}, {6, 5}, gemm));

  CheckAnswers(&sketch);
}

}  // namespace
}  // namespace layerd
