// The oracle against numbers worked out by hand: everything else is held to
// the oracle.

#include <cmath>
#include <limits>
#include <vector>

#include "kernels/reference/reference_backend.h"
#include "test/catch/catch.h"
#include "test/kernels/part_sketches.h"
#include "test/scratch/peak_memory.h"

namespace layerd {
namespace {

using Sizes = std::vector<int64_t>;
using Floats = std::vector<float>;

struct Layer {
  Operator op;
  std::vector<TensorType> inputs;
  std::vector<Sizes> weight_shapes;
  TensorType output;
  std::vector<Floats> data;  // Of the inputs, then of the weights.
  Range channels = {}, rows = {};
};

// What is not written stays -9.
Floats Compute(const Layer& layer) {
  const std::unique_ptr<Backend> backend = MakeReferenceBackend();
  PartSpec spec{layer.op,       layer.inputs,   {},
                {layer.output}, layer.channels, layer.rows};
  Floats weights(layer.weight_shapes.size() * 64 + 1);
  for (size_t i = 0; i < layer.weight_shapes.size(); ++i) {
    spec.weights.push_back(
        {WeightLayout::Plain(DataType::kF32, layer.weight_shapes[i]), 256 * i});
    const Floats& from = layer.data[layer.inputs.size() + i];
    std::copy(from.begin(), from.end(), weights.begin() + 64 * i);
  }
  const auto kernel = backend->Prepare(spec);
  REQUIRE(kernel.ok());
  std::vector<const std::byte*> inputs;
  for (size_t i = 0; i < layer.inputs.size(); ++i) {
    inputs.push_back(reinterpret_cast<const std::byte*>(layer.data[i].data()));
  }
  Floats y(layer.output.span_bytes() / 4, -9);
  std::byte* outputs[] = {reinterpret_cast<std::byte*>(y.data())};
  const auto ticket = backend->Enqueue(
      **kernel, {inputs, reinterpret_cast<const std::byte*>(weights.data()),
                 outputs, nullptr});
  REQUIRE(ticket.ok());
  CHECK(backend->Completed(*ticket));
  CHECK(backend->Wait(*ticket).ok());
  return y;
}

TEST_CASE("A convolution slides its window, pads with zeros, adds its bias") {
  const Convolution op{1, {1}, {1}, {1}, {0}, true, false, {}};
  CHECK(Compute({op,
                 {PlainType({1, 1, 4})},
                 {{1, 1, 2}, {1}},
                 PlainType({1, 1, 4}),
                 {{1, 2, 3, 4}, {10, 1}, {100}},
                 {0, 1},
                 {0, 4}}) == Floats{101, 112, 123, 134});
}

TEST_CASE("Stride, dilation, residual and activation of a convolution") {
  const Convolution op{1,   {2},   {2},  {0},
                       {0}, false, true, {ActivationKind::kRelu, 0, 0}};
  // Windows at 0, 2: x[0] - x[2], x[2] - x[4]; then + residual, ReLU.
  CHECK(Compute({op,
                 {PlainType({1, 1, 5}), PlainType({1, 1, 2})},
                 {{1, 1, 2}},
                 PlainType({1, 1, 2}),
                 {{5, 0, 1, 0, 9}, {1, 2}, {1, -1}},
                 {0, 1},
                 {0, 2}}) == Floats{5, 0});
}

TEST_CASE("Groups see their own channels, and a part computes its own only") {
  const Convolution op{2, {1}, {1}, {0}, {0}, false, false, {}};
  // Channels 2 and 3 of the output: group 1, inputs 2 and 3; row 1 of 2.
  CHECK(Compute({op,
                 {PlainType({1, 4, 2})},
                 {{1, 2, 2, 1}},
                 PlainType({1, 4, 2}),
                 {{1, 2, 3, 4, 5, 6, 7, 8}, {1, 0, 10, 1}},
                 {2, 2},
                 {1, 1}}) == Floats{-9, -9, -9, -9, -9, 6, -9, 68});
}

// All of its elements are one: its type can say that it is as long as it likes.
TEST_CASE("Preparing a kernel that repeats takes no memory of its length") {
  const Convolution op{1, {1}, {1}, {0}, {0}, false, false, {}, true};
  const TensorType repeated{
      DataType::kF32, {1, int64_t{1} << 27, 1}, {0, 0, 0}};
  const PartSpec spec{
      op, {repeated, repeated}, {}, {PlainType({1, 1, 1})}, {0, 1}, {0, 1}};
  const uint64_t before = PeakMemoryBytes();

  CHECK(MakeReferenceBackend()->Prepare(spec).ok());

  CHECK(PeakMemoryBytes() - before < 64 << 20);
}

TEST_CASE("Fully connected rows times transposed weights") {
  CHECK(Compute({FullyConnected{true, false, {}},
                 {PlainType({2, 2})},
                 {{3, 2}, {3}},
                 PlainType({2, 3}),
                 {{1, 2, 3, 4}, {1, 0, 0, 1, 1, 1}, {10, 20, 30}},
                 {0, 3},
                 {0, 2}}) == Floats{11, 22, 33, 13, 24, 37});
}

TEST_CASE("Matrix products broadcast their leading dimensions") {
  CHECK(Compute({MatMul{2},
                 {PlainType({2, 1, 2}), PlainType({2, 1})},
                 {},
                 PlainType({2, 1, 1}),
                 {{1, 2, 3, 4}, {10, 1}}}) == Floats{24, 68});
}

TEST_CASE("Averages divide by what counts") {
  const auto average = [](bool counts_pads, int64_t outputs) {
    const Pool op{Pool::Kind::kAverage, {3}, {2}, {1}, {1}, {1}, counts_pads};
    return Compute({op,
                    {PlainType({1, 1, 4})},
                    {},
                    PlainType({1, 1, outputs}),
                    {{3, 6, 9, 12}}});
  };
  CHECK(average(false, 2) == Floats{4.5f, 9});
  CHECK(average(true, 2) == Floats{3, 9});
  // Ceil mode: the last window has 12, one pad, and hangs over by one, which
  // does not count.
  CHECK(average(false, 3) == Floats{4.5f, 9, 12});
  CHECK(average(true, 3) == Floats{3, 9, 6});
}

TEST_CASE("Maxima ignore padding") {
  const Pool op{Pool::Kind::kMax, {2}, {2}, {2}, {1}, {1}, false};
  CHECK(Compute({op,
                 {PlainType({1, 1, 4})},
                 {},
                 PlainType({1, 1, 2}),
                 {{-1, -2, -3, -4}}}) == Floats{-2, -2});
}

TEST_CASE(
    "Binary operators broadcast as numpy does, constants on either side") {
  const Binary minus{Binary::Kind::kSub, Binary::Constant::kLeft, {}};
  CHECK(Compute({minus,
                 {PlainType({2, 1})},
                 {{3}},
                 PlainType({2, 3}),
                 {{1, 2}, {10, 20, 30}}}) == Floats{9, 19, 29, 8, 18, 28});
  const Binary over{Binary::Kind::kDiv,
                    Binary::Constant::kNone,
                    {ActivationKind::kClip, 0, 2}};
  CHECK(Compute({over,
                 {PlainType({3}), PlainType({})},
                 {},
                 PlainType({3}),
                 {{-8, 2, 100}, {4}}}) == Floats{0, 0.5f, 2});
}

TEST_CASE("Scale and shift go by channel") {
  CHECK(Compute({ScaleShift{},
                 {PlainType({1, 2, 2})},
                 {{2}, {2}},
                 PlainType({1, 2, 2}),
                 {{1, 2, 3, 4}, {10, 100}, {0.5f, 0.25f}}}) ==
        Floats{10.5f, 20.5f, 300.25f, 400.25f});
}

TEST_CASE("Softmax over several dimensions together") {
  const float third = static_cast<float>(1.0 / 4);
  CHECK(Compute({Softmax{1, 2},
                 {PlainType({2, 2, 2})},
                 {},
                 PlainType({2, 2, 2}),
                 {{7, 7, 7, 7, 1, 1, 1, 1}}}) == Floats(8, third));
  const Floats one = Compute({Softmax{0, 1},
                              {PlainType({2, 1})},
                              {},
                              PlainType({2, 1}),
                              {{0, std::log(3.0f)}}});
  CHECK(one[0] == Approx(0.25));
  CHECK(one[1] == Approx(0.75));
}

TEST_CASE("Local response normalisation sums squares of its neighbours") {
  // Size 3: channel 0 sees 1 + 4, channel 1 all, channel 2 sees 4 + 9.
  const Floats y = Compute({Lrn{3, 3, 1, 1},
                            {PlainType({1, 3})},
                            {},
                            PlainType({1, 3}),
                            {{1, 2, 3}}});
  CHECK(y[0] == Approx(1.0 / 6));
  CHECK(y[1] == Approx(2.0 / 15));
  CHECK(y[2] == Approx(3.0 / 14));
}

TEST_CASE("Pads fill, mirror or repeat, and crop first") {
  const auto pad = [](Pad::Mode mode, Sizes begin, Sizes end, int64_t size) {
    return Compute({Pad{mode, begin, end, 8},
                    {PlainType({4})},
                    {},
                    PlainType({size}),
                    {{1, 2, 3, 4}}});
  };
  CHECK(pad(Pad::Mode::kConstant, {1}, {2}, 7) == Floats{8, 1, 2, 3, 4, 8, 8});
  CHECK(pad(Pad::Mode::kReflect, {2}, {1}, 7) == Floats{3, 2, 1, 2, 3, 4, 3});
  CHECK(pad(Pad::Mode::kEdge, {2}, {1}, 7) == Floats{1, 1, 1, 2, 3, 4, 4});
  CHECK(pad(Pad::Mode::kReflect, {-1}, {2}, 5) == Floats{2, 3, 4, 3, 2});
}

TEST_CASE("Copies follow the strides") {
  const TensorType turned{DataType::kF32, {2, 3}, {1, 2}};
  CHECK(Compute(
            {Copy{}, {PlainType({2, 3})}, {}, turned, {{1, 2, 3, 4, 5, 6}}}) ==
        Floats{1, 4, 2, 5, 3, 6});
}

}  // namespace
}  // namespace layerd
