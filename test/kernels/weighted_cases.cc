#include <limits>
#include <random>
#include <string>

#include "test/kernels/cases.h"

namespace layerd {
namespace {

constexpr Activation kRelu{ActivationKind::kRelu, 0, 0};
constexpr Activation kRelu6{ActivationKind::kClip, 0, 6};
constexpr Activation kLeaky{ActivationKind::kLeakyRelu, 0.1f, 0};
constexpr Activation kSigmoid{ActivationKind::kSigmoid, 0, 0};
constexpr Activation kTanh{ActivationKind::kTanh, 0, 0};
constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::vector<ConvolutionSketch> Sketches() {
  return {
      {.name = "3x3",
       .x = {1, 16, 9, 9},
       .outputs = 32,
       .kernel = {3, 3},
       .pads_begin = {1, 1}},
      {.name = "no bias, ReLU",
       .x = {1, 32, 8, 8},
       .outputs = 48,
       .kernel = {3, 3},
       .pads_begin = {1, 1},
       .has_bias = false,
       .activation = kRelu},
      {.name = "1x1, ReLU6",
       .x = {1, 24, 7, 7},
       .outputs = 40,
       .kernel = {1, 1},
       .activation = kRelu6},
      {.name = "1x1 by 2",
       .x = {1, 24, 9, 9},
       .outputs = 40,
       .kernel = {1, 1},
       .strides = {2, 2}},
      {.name = "1x1 with padding below",
       .x = {1, 24, 5, 6},
       .outputs = 40,
       .kernel = {1, 1},
       .pads_begin = {0, 0},
       .pads_end = {3, 0}},
      {.name = "1x1 with padding all around",
       .x = {1, 24, 5, 6},
       .outputs = 40,
       .kernel = {1, 1},
       .pads_begin = {1, 2},
       .pads_end = {2, 1}},
      {.name = "residual, ReLU",
       .x = {1, 16, 7, 7},
       .outputs = 32,
       .kernel = {3, 3},
       .pads_begin = {1, 1},
       .adds_residual = true,
       .activation = kRelu},
      {.name = "residual, batch 2",
       .x = {2, 16, 7, 5},
       .outputs = 40,
       .kernel = {1, 1},
       .has_bias = false,
       .adds_residual = true},
      {.name = "batch 3",
       .x = {3, 8, 6, 6},
       .outputs = 32,
       .kernel = {3, 3},
       .strides = {2, 2},
       .pads_begin = {1, 1}},
      {.name = "odd channels",
       .x = {1, 3, 13, 11},
       .outputs = 7,
       .kernel = {3, 3},
       .pads_begin = {1, 1},
       .activation = kLeaky},
      {.name = "one channel in and out",
       .x = {1, 1, 9, 9},
       .outputs = 1,
       .kernel = {5, 5},
       .pads_begin = {2, 2}},
      {.name = "picture 7x7 by 2",
       .x = {1, 3, 33, 35},
       .outputs = 64,
       .kernel = {7, 7},
       .strides = {2, 2},
       .pads_begin = {3, 3},
       .activation = kRelu},
      {.name = "uneven pads",
       .x = {1, 16, 8, 9},
       .outputs = 32,
       .kernel = {3, 2},
       .strides = {1, 2},
       .pads_begin = {0, 1},
       .pads_end = {2, 0}},
      {.name = "dilation",
       .x = {1, 16, 15, 15},
       .outputs = 32,
       .kernel = {3, 3},
       .dilations = {2, 3},
       .pads_begin = {2, 3}},
      {.name = "dilation and stride",
       .x = {1, 8, 17, 17},
       .outputs = 16,
       .kernel = {3, 3},
       .strides = {2, 2},
       .dilations = {2, 2},
       .pads_begin = {2, 2}},
      {.name = "groups",
       .x = {1, 64, 7, 7},
       .outputs = 128,
       .kernel = {3, 3},
       .pads_begin = {1, 1},
       .groups = 4},
      {.name = "odd groups",
       .x = {1, 9, 7, 7},
       .outputs = 15,
       .kernel = {3, 3},
       .pads_begin = {1, 1},
       .groups = 3},
      {.name = "groups with residual",
       .x = {1, 32, 6, 6},
       .outputs = 32,
       .kernel = {3, 3},
       .pads_begin = {1, 1},
       .groups = 8,
       .adds_residual = true,
       .activation = kRelu},
      {.name = "depthwise, ReLU6",
       .x = {1, 48, 9, 9},
       .outputs = 48,
       .kernel = {3, 3},
       .pads_begin = {1, 1},
       .groups = 48,
       .activation = kRelu6},
      {.name = "depthwise by 2, odd",
       .x = {1, 19, 11, 11},
       .outputs = 19,
       .kernel = {3, 3},
       .strides = {2, 2},
       .pads_begin = {0, 0},
       .pads_end = {1, 1},
       .groups = 19},
      {.name = "depthwise multiplier",
       .x = {1, 16, 7, 7},
       .outputs = 32,
       .kernel = {3, 3},
       .pads_begin = {1, 1},
       .groups = 16},
      {.name = "depthwise dilation",
       .x = {1, 16, 11, 11},
       .outputs = 16,
       .kernel = {3, 3},
       .dilations = {2, 2},
       .pads_begin = {2, 2},
       .groups = 16},
      {.name = "sigmoid",
       .x = {1, 16, 5, 5},
       .outputs = 32,
       .kernel = {3, 3},
       .pads_begin = {1, 1},
       .activation = kSigmoid},
      {.name = "tanh",
       .x = {1, 16, 5, 5},
       .outputs = 32,
       .kernel = {3, 3},
       .pads_begin = {1, 1},
       .activation = kTanh},
      {.name = "clip without upper end",
       .x = {1, 16, 5, 5},
       .outputs = 32,
       .kernel = {1, 1},
       .activation = {ActivationKind::kClip, 0.5f, kInfinity}},
      {.name = "clip with crossed ends",
       .x = {1, 16, 5, 5},
       .outputs = 32,
       .kernel = {1, 1},
       .activation = {ActivationKind::kClip, 2, 1}},
      {.name = "one dimension",
       .x = {2, 16, 31},
       .outputs = 32,
       .kernel = {5},
       .strides = {2},
       .pads_begin = {2}},
      {.name = "three dimensions",
       .x = {1, 8, 5, 6, 7},
       .outputs = 32,
       .kernel = {3, 2, 3},
       .strides = {1, 2, 1},
       .pads_begin = {1, 0, 1},
       .pads_end = {1, 1, 1}},
      {.name = "kernel as large as the picture",
       .x = {1, 16, 6, 6},
       .outputs = 32,
       .kernel = {6, 6}},
      {.name = "more padding than kernel",
       .x = {1, 4, 3, 3},
       .outputs = 8,
       .kernel = {2, 2},
       .pads_begin = {3, 3}},
      {.name = "few outputs of a deep layer",
       .x = {1, 512, 7, 7},
       .outputs = 32,
       .kernel = {3, 3},
       .pads_begin = {1, 1},
       .adds_residual = true,
       .activation = kRelu},
      {.name = "stride larger than kernel",
       .x = {1, 8, 11, 11},
       .outputs = 16,
       .kernel = {2, 2},
       .strides = {3, 3}},
  };
}

PartSpec Connected(std::vector<int64_t> x, int64_t outputs, bool has_bias,
                   bool adds_residual, Activation activation = {}) {
  std::vector<int64_t> y = x;
  y.back() = outputs;
  PartSpec spec{FullyConnected{has_bias, adds_residual, activation},
                {PlainType(x)},
                {PlainPiece({outputs, x.back()})},
                {PlainType(y)},
                {},
                {}};
  if (has_bias) spec.weights.push_back(PlainPiece({outputs}));
  if (adds_residual) spec.inputs.push_back(PlainType(y));
  return spec;
}

PartSpec Product(TensorType a, TensorType b, std::vector<int64_t> y,
                 float scale = 1) {
  return {
      MatMul{scale}, {std::move(a), std::move(b)}, {}, {PlainType(y)}, {}, {}};
}

// With what was not told.
ConvolutionSketch Whole(ConvolutionSketch sketch) {
  const size_t rank = sketch.kernel.size();
  if (sketch.strides.empty()) sketch.strides.assign(rank, 1);
  if (sketch.dilations.empty()) sketch.dilations.assign(rank, 1);
  if (sketch.pads_begin.empty()) sketch.pads_begin.assign(rank, 0);
  if (sketch.pads_end.empty()) sketch.pads_end = sketch.pads_begin;
  return sketch;
}

}  // namespace

TestLayer LayerOf(const ConvolutionSketch& sketch, uint32_t seed) {
  const ConvolutionSketch s = Whole(sketch);
  std::vector<int64_t> y = {s.x[0], s.outputs};
  for (size_t d = 0; d < s.kernel.size(); ++d) {
    const int64_t room = s.x[d + 2] + s.pads_begin[d] + s.pads_end[d] -
                         ((s.kernel[d] - 1) * s.dilations[d] + 1);
    y.push_back(room / s.strides[d] + 1);
  }
  std::vector<int64_t> weights = {s.outputs, s.x[1]};
  if (s.groups > 1) {
    weights = {s.groups, s.outputs / s.groups, s.x[1] / s.groups};
  }
  weights.insert(weights.end(), s.kernel.begin(), s.kernel.end());
  PartSpec spec{
      Convolution{s.groups, s.strides, s.dilations, s.pads_begin, s.pads_end,
                  s.has_bias, s.adds_residual, s.activation},
      {ChannelsLast(s.x)},
      {PlainPiece(weights)},
      {ChannelsLast(y)},
      {},
      {}};
  if (s.has_bias) spec.weights.push_back(PlainPiece({s.outputs}));
  if (s.adds_residual) spec.inputs.push_back(ChannelsLast(y));
  return Draw(s.name, std::move(spec), seed);
}

std::vector<TestLayer> ConvolutionCases() {
  std::vector<TestLayer> layers;
  for (const ConvolutionSketch& sketch : Sketches()) {
    layers.push_back(LayerOf(sketch, layers.size()));
  }
  return layers;
}

TestLayer RandomConvolution(uint32_t seed) {
  std::mt19937 random(seed);
  const auto between = [&](int64_t least, int64_t most) {
    return std::uniform_int_distribution<int64_t>(least, most)(random);
  };
  const int64_t groups = between(0, 2) == 0 ? between(2, 6) : 1;
  ConvolutionSketch s{.name = "random",
                      .x = {between(1, 2), groups * between(1, 20)},
                      .outputs = groups * between(1, 40),
                      .kernel = {},
                      .groups = groups};
  for (int64_t spatial = between(1, 3); spatial > 0; --spatial) {
    s.kernel.push_back(between(1, 4));
    s.strides.push_back(between(1, 3));
    s.dilations.push_back(between(1, 2));
    s.pads_begin.push_back(between(0, s.kernel.back() - 1));
    s.pads_end.push_back(between(0, s.kernel.back() - 1));
    s.x.push_back((s.kernel.back() - 1) * s.dilations.back() + between(1, 7));
  }
  s.has_bias = between(0, 1) == 0;
  s.adds_residual = between(0, 1) == 0;
  s.activation.kind = static_cast<ActivationKind>(between(0, 5));
  s.activation.alpha = -0.25f;
  s.activation.beta = 0.75f;
  return LayerOf(s, seed);
}

std::vector<TestLayer> FullyConnectedCases() {
  PartSpec rows_of_a_view = Connected({6, 40}, 48, true, false);
  rows_of_a_view.inputs[0].strides = {100, 1};
  PartSpec columns_first = Connected({6, 40}, 48, true, false);
  columns_first.inputs[0].strides = {1, 6};
  PartSpec odd_rows = Connected({2, 3, 40}, 48, true, true, kRelu);
  odd_rows.inputs[0].strides = {500, 100, 1};
  return {
      Draw("one row", Connected({1, 64}, 48, true, false), 1),
      Draw("no batch at all", Connected({64}, 48, true, false, kRelu), 2),
      Draw("odd sizes", Connected({5, 37}, 19, true, false), 3),
      Draw("no bias", Connected({3, 64}, 32, false, false, kSigmoid), 4),
      Draw("residual, ReLU", Connected({7, 64}, 48, true, true, kRelu), 5),
      Draw("three leading dimensions", Connected({2, 3, 4, 32}, 64, true, true),
           6),
      Draw("many rows", Connected({197, 64}, 80, true, false), 7),
      Draw("one output", Connected({4, 33}, 1, true, false), 8),
      Draw("rows of a view", rows_of_a_view, 9),
      Draw("columns first", columns_first, 10),
      Draw("rows without one stride", odd_rows, 11),
      Draw("few outputs of many inputs",
           Connected({2, 17000}, 16, true, true, kSigmoid), 12),
  };
}

std::vector<TestLayer> MatMulCases() {
  TensorType turned = PlainType({2, 3, 8, 5});
  turned.strides = {120, 40, 1, 8};
  TensorType heads = PlainType({2, 4, 7, 16});  // Of [2, 7, 4, 16].
  heads.strides = {448, 16, 64, 1};
  TensorType keys = PlainType({2, 4, 16, 7});
  keys.strides = {448, 16, 1, 64};
  TensorType long_heads = PlainType({1, 3, 29, 64});  // Of [1, 29, 3, 64].
  long_heads.strides = {5568, 64, 192, 1};
  TensorType long_keys = PlainType({1, 3, 64, 29});
  long_keys.strides = {5568, 64, 1, 192};
  TensorType turned_rows = PlainType({2, 21, 8});
  turned_rows.strides = {168, 1, 21};
  PartSpec into_heads =
      Product(PlainType({2, 4, 7, 9}), PlainType({2, 4, 9, 16}), {2, 4, 7, 16});
  into_heads.outputs[0] = heads;
  return {
      Draw("matrices", Product(PlainType({5, 7}), PlainType({7, 9}), {5, 9}),
           1),
      Draw("scaled",
           Product(PlainType({4, 16}), PlainType({16, 16}), {4, 16}, 0.125f),
           2),
      Draw("batch",
           Product(PlainType({2, 3, 4, 8}), PlainType({2, 3, 8, 5}),
                   {2, 3, 4, 5}),
           3),
      Draw("b turned", Product(PlainType({2, 3, 4, 8}), turned, {2, 3, 4, 5}),
           4),
      Draw("b broadcast",
           Product(PlainType({6, 4, 8}), PlainType({8, 5}), {6, 4, 5}), 5),
      Draw("both broadcast",
           Product(PlainType({3, 1, 4, 8}), PlainType({2, 8, 5}), {3, 2, 4, 5}),
           6),
      Draw("attention scores", Product(heads, keys, {2, 4, 7, 7}, 0.25f), 7),
      Draw("attention output into heads", into_heads, 8),
      Draw("long attention",
           Product(long_heads, long_keys, {1, 3, 29, 29}, 0.125f), 11),
      Draw("long attention of values",
           Product(PlainType({1, 3, 29, 29}), long_heads, {1, 3, 29, 64}), 12),
      Draw("many columns and a long sum",
           Product(PlainType({2, 5, 700}), PlainType({700, 300}), {2, 5, 300}),
           13),
      Draw("a turned", Product(turned_rows, PlainType({8, 40}), {2, 21, 40}),
           14),
      Draw("one row", Product(PlainType({1, 33}), PlainType({33, 17}), {1, 17}),
           9),
      Draw("one column",
           Product(PlainType({17, 33}), PlainType({33, 1}), {17, 1}), 10),
  };
}

std::vector<ConvolutionSketch> WinogradSketches() {
  const auto sketch = [](const char* name, std::vector<int64_t> x,
                         int64_t outputs) {
    return ConvolutionSketch{.name = name,
                             .x = std::move(x),
                             .outputs = outputs,
                             .kernel = {3, 3},
                             .strides = {1, 1},
                             .dilations = {1, 1},
                             .pads_begin = {1, 1},
                             .pads_end = {1, 1}};
  };
  std::vector<ConvolutionSketch> sketches = {
      sketch("whole squares", {1, 32, 8, 12}, 32),
      sketch("squares that hang over", {1, 16, 9, 10}, 48),
      sketch("several pictures", {3, 16, 7, 7}, 32),
      sketch("many squares", {1, 16, 61, 67}, 32),
      sketch("no padding", {1, 16, 10, 9}, 32),
      sketch("padding on one side", {1, 16, 9, 9}, 32),
      sketch("residual, ReLU", {1, 32, 13, 7}, 80),
      sketch("sigmoid", {1, 16, 9, 9}, 32),
      sketch("no bias", {1, 16, 9, 9}, 32)};
  sketches[4].pads_begin = sketches[4].pads_end = {0, 0};
  sketches[5].pads_begin = {2, 0};
  sketches[5].pads_end = {0, 2};
  sketches[6].adds_residual = true;
  sketches[6].activation = {ActivationKind::kRelu, 0, 0};
  sketches[7].activation = {ActivationKind::kSigmoid, 0, 0};
  sketches[8].has_bias = false;
  return sketches;
}

}  // namespace layerd
