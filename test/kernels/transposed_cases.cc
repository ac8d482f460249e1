// Transposed convolutions.
#include "test/kernels/cases.h"

namespace layerd {
namespace {

using Sizes = std::vector<int64_t>;

struct Sketch {
  const char* name;
  Sizes x;  // N, C, spatial...
  int64_t outputs;
  Sizes kernel, strides, dilations, pads_begin, pads_end;
  Sizes longer;  // Output padding.
  int64_t groups = 1;
  bool has_bias = true;
  Activation activation{};
};

Sizes OutputOf(const Sketch& sketch) {
  Sizes y = {sketch.x[0], sketch.outputs};
  for (size_t d = 0; d < sketch.kernel.size(); ++d) {
    y.push_back((sketch.x[d + 2] - 1) * sketch.strides[d] +
                (sketch.kernel[d] - 1) * sketch.dilations[d] + 1 -
                sketch.pads_begin[d] - sketch.pads_end[d] + sketch.longer[d]);
  }
  return y;
}

TestLayer LayerOf(const Sketch& sketch) {
  Sizes kernel = {sketch.outputs, sketch.x[1] / sketch.groups};
  if (sketch.groups > 1) {
    kernel = {sketch.groups, sketch.outputs / sketch.groups,
              sketch.x[1] / sketch.groups};
  }
  kernel.insert(kernel.end(), sketch.kernel.begin(), sketch.kernel.end());
  const ConvTranspose op = {
      sketch.groups,   sketch.strides,  sketch.dilations,  sketch.pads_begin,
      sketch.pads_end, sketch.has_bias, sketch.activation, false};
  std::vector<WeightPiece> weights = {PlainPiece(kernel)};
  if (sketch.has_bias) weights.push_back(PlainPiece({sketch.outputs}));
  return Draw(sketch.name,
              {op,
               {ChannelsLast(sketch.x)},
               std::move(weights),
               {ChannelsLast(OutputOf(sketch))},
               {},
               {}},
              7);
}

// y = conv(x, kernel), or its transpose, where both are inputs.
template <typename Op>
TestLayer WithRunTimeKernel(const char* name, Op op, Sizes x, Sizes kernel,
                            Sizes y) {
  op.kernel_is_input = true;
  return Draw(name,
              {op,
               {ChannelsLast(std::move(x)), PlainType(std::move(kernel))},
               {},
               {ChannelsLast(std::move(y))},
               {},
               {}},
              7);
}

}  // namespace

std::vector<TestLayer> ConvTransposeCases() {
  const Activation relu{ActivationKind::kRelu, 0, 0};
  const Sizes one = {1, 1}, two = {2, 2}, none = {0, 0};
  std::vector<TestLayer> layers;
  for (const Sketch& sketch : std::vector<Sketch>{
           {"2x2 by 2", {1, 20, 5, 6}, 37, two, two, one, none, none, none},
           {"2x2 by 2, few channels",
            {2, 20, 5, 6},
            7,
            two,
            two,
            one,
            none,
            none,
            none,
            1,
            true,
            relu},
           {"2x2 by 2, a curve",
            {1, 20, 3, 6},
            33,
            two,
            two,
            one,
            none,
            none,
            none,
            1,
            false,
            {ActivationKind::kTanh, 0, 0}},
           {"2x2 by 2, many inputs",
            {1, 300, 4, 5},
            37,
            two,
            two,
            one,
            none,
            none,
            none},
           {"4x4 by 2, padded",
            {2, 8, 5, 5},
            16,
            {4, 4},
            two,
            one,
            one,
            one,
            none,
            1,
            true,
            relu},
           {"2x3 by 2 and 3",
            {2, 5, 4, 3},
            20,
            {2, 3},
            {2, 3},
            one,
            none,
            none,
            none,
            1,
            true,
            relu},
           {"3x3 by 2, longer",
            {1, 8, 5, 5},
            12,
            {3, 3},
            two,
            one,
            one,
            one,
            one,
            1,
            false},
           {"3x3 by 3 and 1",
            {1, 4, 4, 5},
            6,
            {3, 3},
            {3, 1},
            one,
            {1, 0},
            {0, 1},
            {2, 0}},
           {"dilation",
            {1, 4, 5, 5},
            6,
            {3, 2},
            two,
            {2, 3},
            {1, 2},
            {2, 0},
            none},
           {"groups", {1, 12, 5, 5}, 8, {3, 3}, two, one, one, one, none, 4},
           {"depthwise",
            {1, 32, 5, 5},
            32,
            {3, 3},
            two,
            one,
            one,
            one,
            one,
            32},
           {"steps wider than the kernel",
            {1, 3, 4, 4},
            5,
            one,
            {3, 3},
            one,
            none,
            none,
            none},
           {"one dimension", {2, 6, 9}, 10, {4}, {2}, {1}, {1}, {1}, {0}},
           {"three dimensions",
            {1, 4, 3, 4, 3},
            6,
            {2, 3, 2},
            {2, 1, 2},
            {1, 1, 1},
            {0, 1, 0},
            {0, 1, 0},
            {0, 0, 1}},
       }) {
    layers.push_back(LayerOf(sketch));
  }
  return layers;
}

std::vector<TestLayer> RunTimeKernelCases() {
  const Sizes one = {1, 1}, two = {2, 2}, none = {0, 0};
  return {
      WithRunTimeKernel("convolution, kernel from run time",
                        Convolution{1, one, one, one, one}, {2, 5, 6, 6},
                        {7, 5, 3, 3}, {2, 7, 6, 6}),
      WithRunTimeKernel("convolution in groups, kernel from run time",
                        Convolution{2, two, one, none, none}, {1, 6, 7, 7},
                        {2, 2, 3, 3, 3}, {1, 4, 3, 3}),
      WithRunTimeKernel("transposed, kernel from run time",
                        ConvTranspose{1, two, one, none, none}, {1, 3, 4, 4},
                        {5, 3, 2, 2}, {1, 5, 8, 8}),
      WithRunTimeKernel("transposed in groups, kernel from run time",
                        ConvTranspose{2, two, one, none, none}, {1, 4, 4, 4},
                        {2, 3, 2, 2, 2}, {1, 6, 8, 8}),
  };
}

}  // namespace layerd
