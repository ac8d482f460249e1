#include <limits>

#include "test/kernels/cases.h"

namespace layerd {
namespace {

constexpr auto kMax = Pool::Kind::kMax;
constexpr auto kAverage = Pool::Kind::kAverage;
constexpr float kInfinity = std::numeric_limits<float>::infinity();

using Sizes = std::vector<int64_t>;

TestLayer Elementwise(const char* name, ActivationKind kind, float alpha = 0,
                      float beta = 0) {
  return MakeWhole(name, Unary{{kind, alpha, beta}}, {PlainType({3, 5, 37})},
                   {}, PlainType({3, 5, 37}));
}

TestLayer Sum(const char* name, TensorType a, TensorType b, TensorType y,
              Binary::Kind kind = Binary::Kind::kAdd,
              Activation activation = {}) {
  return MakeWhole(name, Binary{kind, Binary::Constant::kNone, activation},
                   {std::move(a), std::move(b)}, {}, std::move(y));
}

TestLayer WithConstant(const char* name, Binary::Kind kind,
                       Binary::Constant side, TensorType x, Sizes constant,
                       TensorType y) {
  return MakeWhole(name, Binary{kind, side, {}}, {std::move(x)},
                   {PlainPiece(std::move(constant))}, std::move(y));
}

TestLayer Padded(const char* name, Pad::Mode mode, TensorType x, Sizes begin,
                 Sizes end, TensorType y) {
  return MakeWhole(name, Pad{mode, std::move(begin), std::move(end), 0.5f},
                   {std::move(x)}, {}, std::move(y));
}

TestLayer Copied(const char* name, TensorType x, TensorType y) {
  return MakeWhole(name, Copy{}, {std::move(x)}, {}, std::move(y));
}

TestLayer Normalised(const char* name, TensorType x, int64_t axis,
                     int64_t count) {
  TensorType y = x;
  return MakeWhole(name, Softmax{axis, count}, {std::move(x)}, {},
                   std::move(y));
}

TestLayer Cast(DataType from, DataType to) {
  const std::string name = std::string(NameOf(from)) + " to " + NameOf(to);
  return MakeWhole(name.c_str(), Copy{}, {PlainType({3, 41}, from)}, {},
                   PlainType({3, 41}, to));
}

TensorType Turned(TensorType type, Sizes strides) {
  type.strides = std::move(strides);
  return type;
}

}  // namespace

TestLayer MakeWhole(const char* name, Operator op,
                    std::vector<TensorType> inputs,
                    std::vector<WeightPiece> weights, TensorType output) {
  return Draw(name,
              {std::move(op),
               std::move(inputs),
               std::move(weights),
               {std::move(output)},
               {},
               {}},
              7);
}

std::vector<TestLayer> PoolCases() {
  const auto pool = [](const char* name, Pool op, Sizes x, Sizes y) {
    return MakeWhole(name, std::move(op), {ChannelsLast(std::move(x))}, {},
                     ChannelsLast(std::move(y)));
  };
  return {
      pool("max 3x3 by 2",
           {kMax, {3, 3}, {2, 2}, {1, 1}, {1, 1}, {1, 1}, false},
           {1, 37, 12, 13}, {1, 37, 6, 7}),
      pool("max, ceil mode",
           {kMax, {3, 3}, {2, 2}, {1, 1}, {0, 0}, {0, 0}, false},
           {2, 5, 12, 12}, {2, 5, 6, 6}),
      pool("max, dilation",
           {kMax, {2, 3}, {1, 1}, {3, 2}, {1, 2}, {1, 2}, false}, {1, 16, 9, 9},
           {1, 16, 8, 9}),
      pool("max, windows in padding alone",
           {kMax, {2, 2}, {1, 1}, {2, 2}, {1, 1}, {1, 1}, false}, {1, 3, 1, 1},
           {1, 3, 1, 1}),
      pool("max, padding as wide as the window",
           {kMax, {2, 2}, {2, 2}, {1, 1}, {2, 2}, {2, 2}, false}, {1, 3, 2, 2},
           {1, 3, 3, 3}),
      pool("average, pads do not count",
           {kAverage, {3, 3}, {2, 2}, {1, 1}, {1, 1}, {1, 1}, false},
           {1, 20, 9, 9}, {1, 20, 5, 5}),
      pool("average, pads count",
           {kAverage, {3, 3}, {2, 2}, {1, 1}, {1, 0}, {1, 2}, true},
           {1, 20, 9, 9}, {1, 20, 5, 5}),
      pool("average, pads count, ceil mode",
           {kAverage, {3, 3}, {2, 2}, {1, 1}, {1, 1}, {1, 1}, true},
           {1, 8, 8, 8}, {1, 8, 5, 5}),
      pool("average, windows in padding alone",
           {kAverage, {2, 2}, {2, 2}, {1, 1}, {2, 2}, {2, 2}, false},
           {1, 3, 2, 2}, {1, 3, 3, 3}),
      pool("average of everything",
           {kAverage, {7, 7}, {1, 1}, {1, 1}, {0, 0}, {0, 0}, false},
           {2, 600, 7, 7}, {2, 600, 1, 1}),
      pool("one dimension", {kMax, {3}, {3}, {1}, {0}, {1}, false}, {2, 7, 17},
           {2, 7, 6}),
      pool("three dimensions",
           {kAverage,
            {2, 2, 2},
            {2, 1, 2},
            {1, 1, 1},
            {0, 1, 0},
            {0, 0, 0},
            true},
           {1, 6, 4, 5, 6}, {1, 6, 2, 5, 3}),
      MakeWhole("plain order",
                Pool{kMax, {2, 2}, {2, 2}, {1, 1}, {0, 0}, {0, 0}, false},
                {PlainType({2, 6, 8, 8})}, {}, PlainType({2, 6, 4, 4})),
      MakeWhole("from and into ranges of channels",
                Pool{kMax, {3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, false},
                {ChannelSlice({2, 6, 8, 8}, 10)}, {},
                ChannelSlice({2, 6, 8, 8}, 20)),
  };
}

std::vector<TestLayer> ElementwiseCases() {
  using Kind = Binary::Kind;
  using Side = Binary::Constant;
  const Activation relu{ActivationKind::kRelu, 0, 0};
  return {
      Elementwise("copy", ActivationKind::kNone),
      Elementwise("relu", ActivationKind::kRelu),
      Elementwise("clip", ActivationKind::kClip, -0.25f, 0.5f),
      Elementwise("clip below", ActivationKind::kClip, 0, kInfinity),
      Elementwise("clip, crossed ends", ActivationKind::kClip, 1, -1),
      Elementwise("leaky relu", ActivationKind::kLeakyRelu, 0.01f),
      Elementwise("sigmoid", ActivationKind::kSigmoid),
      Elementwise("tanh", ActivationKind::kTanh),
      Elementwise("gelu", ActivationKind::kGelu),
      Elementwise("gelu by tanh", ActivationKind::kGeluTanh),
      Elementwise("swish", ActivationKind::kSwish, 1.7f),
      Elementwise("hard sigmoid", ActivationKind::kHardSigmoid, 0.9f, 0.4f),
      Elementwise("hard swish", ActivationKind::kHardSwish, 1.0f / 6, 0.5f),
      Elementwise("mish", ActivationKind::kMish),
      Elementwise("softplus", ActivationKind::kSoftplus),
      Elementwise("softsign", ActivationKind::kSoftsign),
      Elementwise("elu", ActivationKind::kElu, 0.7f, 1),
      Elementwise("selu", ActivationKind::kElu, 1.75f, 1.05f),
      Elementwise("threshold", ActivationKind::kThreshold, 0.25f),
      Elementwise("linear", ActivationKind::kLinear, -2, 0.5f),
      Elementwise("erf", ActivationKind::kErf),
      Elementwise("exp", ActivationKind::kExp),
      Elementwise("log", ActivationKind::kLog),
      Elementwise("square root", ActivationKind::kSqrt),
      Elementwise("reciprocal", ActivationKind::kReciprocal),
      Elementwise("abs", ActivationKind::kAbs),
      Elementwise("negative", ActivationKind::kNegative),
      Elementwise("sign", ActivationKind::kSign),
      Elementwise("floor", ActivationKind::kFloor),
      Elementwise("ceil", ActivationKind::kCeil),
      Elementwise("round", ActivationKind::kRound),
      Elementwise("sine", ActivationKind::kSin),
      Elementwise("cosine", ActivationKind::kCos),
      MakeWhole("unary to another order", Unary{relu},
                {PlainType({2, 6, 5, 7})}, {}, ChannelsLast({2, 6, 5, 7})),
      MakeWhole("unary of a scalar", Unary{relu}, {PlainType({})}, {},
                PlainType({})),
      MakeWhole("unary with gaps everywhere", Unary{relu},
                {Turned(PlainType({4, 300}), {700, 2})}, {},
                Turned(PlainType({4, 600 / 2}), {1500, 3})),
      MakeWhole("unary, large", Unary{relu}, {PlainType({5, 20011})}, {},
                PlainType({5, 20011})),
      Sum("same shapes, ReLU", ChannelsLast({2, 9, 5, 5}),
          ChannelsLast({2, 9, 5, 5}), ChannelsLast({2, 9, 5, 5}), Kind::kAdd,
          relu),
      Sum("other orders", ChannelsLast({2, 9, 5, 5}), PlainType({2, 9, 5, 5}),
          ChannelsLast({2, 9, 5, 5}), Kind::kSub),
      Sum("a channel each", ChannelsLast({2, 9, 5, 5}), PlainType({9, 1, 1}),
          ChannelsLast({2, 9, 5, 5}), Kind::kMul),
      Sum("gate a channel", ChannelsLast({1, 9, 5, 5}),
          ChannelsLast({1, 9, 1, 1}), ChannelsLast({1, 9, 5, 5}), Kind::kMul),
      Sum("a weight for each pixel", ChannelsLast({2, 9, 5, 5}),
          ChannelsLast({2, 1, 5, 5}), ChannelsLast({2, 9, 5, 5}), Kind::kMul),
      Sum("a weight for each pixel, ReLU", ChannelsLast({2, 9, 5, 5}),
          ChannelsLast({2, 1, 5, 5}), ChannelsLast({2, 9, 5, 5}), Kind::kMul,
          relu),
      Sum("both broadcast", PlainType({4, 1, 6}), PlainType({5, 1}),
          PlainType({4, 5, 6}), Kind::kDiv),
      Sum("a scalar", PlainType({}), PlainType({3, 5}), PlainType({3, 5}),
          Kind::kSub),
      Sum("into a range of channels", ChannelsLast({2, 9, 5, 5}),
          ChannelsLast({2, 9, 5, 5}), ChannelSlice({2, 9, 5, 5}, 21)),
      Sum("large", PlainType({300, 301}), PlainType({301}),
          PlainType({300, 301})),
      Sum("powers", PlainType({3, 5}), PlainType({5}), PlainType({3, 5}),
          Kind::kPow),
      Sum("the larger", PlainType({3, 5}), PlainType({5}), PlainType({3, 5}),
          Kind::kMax),
      Sum("the smaller, ReLU", PlainType({3, 5}), PlainType({3, 1}),
          PlainType({3, 5}), Kind::kMin, relu),
      Sum("slopes", ChannelsLast({2, 9, 5, 5}), PlainType({9, 1, 1}),
          ChannelsLast({2, 9, 5, 5}), Kind::kPRelu),
      Sum("what division leaves", PlainType({3, 5}), PlainType({3, 5}),
          PlainType({3, 5}), Kind::kMod),
      Sum("less", PlainType({3, 5}), PlainType({5}),
          PlainType({3, 5}, DataType::kBool), Kind::kLess),
      Sum("equal to itself", PlainType({3, 1}), PlainType({3, 1}),
          PlainType({3, 1}, DataType::kBool), Kind::kLessOrEqual),
      WithConstant("constant slopes", Kind::kPRelu, Side::kRight,
                   ChannelsLast({2, 9, 5, 5}), {9, 1, 1},
                   ChannelsLast({2, 9, 5, 5})),
      WithConstant("constant base", Kind::kPow, Side::kLeft, PlainType({3, 5}),
                   {}, PlainType({3, 5})),
      WithConstant("constant right", Kind::kSub, Side::kRight,
                   ChannelsLast({2, 9, 5, 5}), {9, 1, 1},
                   ChannelsLast({2, 9, 5, 5})),
      WithConstant("constant left", Kind::kDiv, Side::kLeft, PlainType({3, 5}),
                   {3, 1}, PlainType({3, 5})),
      WithConstant("constant scalar left", Kind::kSub, Side::kLeft,
                   PlainType({3, 5}), {}, PlainType({3, 5})),
      WithConstant("constant makes it larger", Kind::kAdd, Side::kRight,
                   PlainType({1, 5}), {4, 3, 1}, PlainType({4, 3, 5})),
      MakeWhole("scale and shift, channels last", ScaleShift{relu},
                {ChannelsLast({2, 37, 5, 5})},
                {PlainPiece({37}), PlainPiece({37})},
                ChannelsLast({2, 37, 5, 5})),
      MakeWhole("scale and shift, plain", ScaleShift{}, {PlainType({2, 6, 50})},
                {PlainPiece({6}), PlainPiece({6})}, PlainType({2, 6, 50})),
      MakeWhole("scale and shift, from a range of channels", ScaleShift{relu},
                {ChannelSlice({2, 12, 5, 5}, 30)},
                {PlainPiece({12}), PlainPiece({12})},
                ChannelsLast({2, 12, 5, 5})),
      MakeWhole("scale and shift of vectors", ScaleShift{},
                {PlainType({4, 33})}, {PlainPiece({33}), PlainPiece({33})},
                PlainType({4, 33})),
  };
}

std::vector<TestLayer> NormalisationCases() {
  const auto lrn = [](const char* name, Lrn op, TensorType x) {
    return MakeWhole(name, op, {x}, {}, x);
  };
  return {
      Normalised("softmax of rows", PlainType({5, 1000}), 1, 1),
      Normalised("softmax of one", PlainType({5, 1}), 1, 1),
      Normalised("softmax of channels, plain", PlainType({2, 21, 4, 5}), 1, 1),
      Normalised("softmax of channels, last", ChannelsLast({2, 21, 4, 5}), 1,
                 1),
      Normalised("softmax of all trailing dimensions", PlainType({2, 3, 4, 5}),
                 1, 3),
      Normalised("softmax of trailing dimensions, channels last",
                 ChannelsLast({2, 3, 4, 5}), 1, 3),
      Normalised("softmax of the first dimension", PlainType({6, 7}), 0, 1),
      Normalised("softmax of attention", PlainType({2, 4, 19, 19}), 3, 1),
      lrn("lrn", {5, 1e-2f, 0.75f, 1}, ChannelsLast({2, 19, 4, 5})),
      lrn("lrn, plain", {3, 1e-1f, 0.75f, 2}, PlainType({2, 19, 4, 5})),
      lrn("lrn, even and another power", {4, 1e-1f, 0.6f, 1},
          ChannelsLast({1, 19, 4, 5})),
      lrn("lrn wider than the channels", {9, 1, 0.75f, 1},
          ChannelsLast({1, 3, 4, 5})),
  };
}

std::vector<TestLayer> MoveCases() {
  std::vector<TestLayer> layers = {
      Padded("zeros around", Pad::Mode::kConstant, ChannelsLast({2, 5, 6, 7}),
             {0, 0, 1, 2}, {0, 0, 3, 4}, ChannelsLast({2, 5, 10, 13})),
      Padded("crop", Pad::Mode::kConstant, PlainType({8, 9}), {-2, 1}, {-1, -3},
             PlainType({5, 7})),
      Padded("channels too", Pad::Mode::kConstant, PlainType({2, 5, 6}),
             {1, 2, 0}, {0, 1, 1}, PlainType({3, 8, 7})),
      Padded("reflect", Pad::Mode::kReflect, ChannelsLast({1, 5, 6, 7}),
             {0, 0, 5, 2}, {0, 0, 3, 6}, ChannelsLast({1, 5, 14, 15})),
      Padded("reflect what is left", Pad::Mode::kReflect, PlainType({7, 9}),
             {-2, 3}, {4, -4}, PlainType({9, 8})),
      Padded("edge", Pad::Mode::kEdge, PlainType({2, 3, 4}), {1, 0, 9},
             {0, 2, 9}, PlainType({3, 5, 22})),
      Padded("edge and crop", Pad::Mode::kEdge, PlainType({7, 9}), {-2, 3},
             {4, -4}, PlainType({9, 8})),
      Padded("integers", Pad::Mode::kConstant,
             PlainType({2, 3}, DataType::kI64), {1, 0}, {0, 2},
             PlainType({3, 5}, DataType::kI64)),
      Padded("bytes, reflected", Pad::Mode::kReflect,
             PlainType({2, 3}, DataType::kU8), {1, 2}, {0, 2},
             PlainType({3, 7}, DataType::kU8)),
      Padded("a scalar", Pad::Mode::kEdge, PlainType({}), {}, {},
             PlainType({})),
      Copied("plain to channels last", PlainType({2, 3, 33, 35}),
             ChannelsLast({2, 3, 33, 35})),
      Copied("channels last to plain", ChannelsLast({2, 70, 9, 11}),
             PlainType({2, 70, 9, 11})),
      Copied("into a range of channels", ChannelsLast({2, 9, 5, 5}),
             ChannelSlice({2, 9, 5, 5}, 21)),
      Copied("out of a range of channels", ChannelSlice({2, 9, 5, 5}, 21),
             PlainType({2, 9, 5, 5})),
      Copied("transposition of four",
             Turned(PlainType({5, 4, 3, 7}), {1, 35, 140, 5}),
             PlainType({5, 4, 3, 7})),
      Copied("broadcast", Turned(PlainType({4, 50}), {0, 1}),
             PlainType({4, 50})),
      Copied("every third", Turned(PlainType({4, 50}), {150, 3}),
             PlainType({4, 50})),
      Copied("large transposition", Turned(PlainType({230, 210}), {1, 230}),
             PlainType({230, 210})),
      MakeWhole("a constant", Copy{}, {}, {PlainPiece({3, 5})},
                PlainType({3, 5})),
      MakeWhole("a constant of integers", Copy{}, {},
                {PlainPiece({7}, DataType::kI64)},
                PlainType({7}, DataType::kI64)),
  };
  for (const DataType from :
       {DataType::kBool, DataType::kU8, DataType::kI8, DataType::kI32,
        DataType::kI64, DataType::kF16, DataType::kF32, DataType::kF64,
        DataType::kBF16}) {
    layers.push_back(Cast(from, DataType::kF32));
    layers.push_back(Cast(DataType::kF32, from));
    layers.push_back(Cast(from, from));
  }
  TestLayer turned_cast =
      Copied("a cast to another order", PlainType({2, 3, 8, 9}, DataType::kU8),
             ChannelsLast({2, 3, 8, 9}));
  layers.push_back(std::move(turned_cast));
  return layers;
}

std::vector<TestLayer> AllCases() {
  std::vector<TestLayer> all;
  for (auto* cases :
       {&ConvolutionCases, &FullyConnectedCases, &MatMulCases, &PoolCases,
        &ElementwiseCases, &NormalisationCases, &MoveCases, &ConvTransposeCases,
        &RunTimeKernelCases, &IntegerCases, &LayerNormCases, &ReduceCases,
        &GatherCases, &SelectCases, &ResizeCases}) {
    for (TestLayer& layer : cases()) all.push_back(std::move(layer));
  }
  for (NarrowCase& cases : NarrowCases()) {
    all.push_back(std::move(cases.narrow));
  }
  return all;
}

}  // namespace layerd
