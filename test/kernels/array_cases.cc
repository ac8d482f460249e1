// What looks up, chooses, reduces and resizes, and what computes on integers.
#include "test/kernels/cases.h"

namespace layerd {
namespace {

using Sizes = std::vector<int64_t>;

constexpr DataType kI64 = DataType::kI64;
constexpr DataType kI32 = DataType::kI32;
constexpr DataType kBool = DataType::kBool;
constexpr DataType kF64 = DataType::kF64;

TensorType Turned(TensorType type, Sizes strides) {
  type.strides = std::move(strides);
  return type;
}

TestLayer Integers(const char* name, Binary::Kind kind, DataType from,
                   DataType to) {
  return MakeWhole(name, Binary{kind, Binary::Constant::kNone, {}},
                   {PlainType({7, 33}, from), PlainType({33}, from)}, {},
                   PlainType({7, 33}, to));
}

TestLayer IntegerUnary(const char* name, ActivationKind kind, DataType dtype) {
  return MakeWhole(name, Unary{{kind, 0, 0}}, {PlainType({5, 9}, dtype)}, {},
                   PlainType({5, 9}, dtype));
}

TestLayer Reduced(const char* name, Reduce::Kind kind, TensorType x,
                  Sizes dimensions, bool selects_last = false) {
  TensorType y = PlainType(x.shape, x.dtype);
  for (const int64_t d : dimensions) y.shape[d] = 1;
  y.strides = PlainStrides(y.shape);
  if (kind >= Reduce::Kind::kArgMax) y.dtype = kI64;
  return MakeWhole(name, Reduce{kind, std::move(dimensions), selects_last},
                   {std::move(x)}, {}, std::move(y));
}

TestLayer Normalised(const char* name, TensorType x, int64_t axis_first,
                     bool has_scale, bool has_bias, bool keeps_mean = false) {
  const Sizes row(x.shape.begin() + axis_first, x.shape.end());
  std::vector<WeightPiece> weights;
  if (has_scale) weights.push_back(PlainPiece(row));
  if (has_bias) weights.push_back(PlainPiece(row));
  return MakeWhole(
      name, LayerNorm{axis_first, 1e-5f, has_scale, has_bias, keeps_mean}, {x},
      std::move(weights), x);
}

TestLayer Resized(const char* name, Resize op, TensorType x, TensorType y) {
  for (size_t d = 0; d < x.shape.size(); ++d) {
    op.scales.push_back(static_cast<float>(y.shape[d]) /
                        static_cast<float>(x.shape[d]));
  }
  return MakeWhole(name, std::move(op), {std::move(x)}, {}, std::move(y));
}

}  // namespace

std::vector<TestLayer> IntegerCases() {
  using Kind = Binary::Kind;
  return {
      Integers("sum", Kind::kAdd, kI64, kI64),
      Integers("difference", Kind::kSub, kI64, kI64),
      Integers("product", Kind::kMul, kI64, kI64),
      Integers("quotient", Kind::kDiv, kI64, kI64),
      Integers("power", Kind::kPow, kI64, kI64),
      Integers("larger", Kind::kMax, kI64, kI64),
      Integers("smaller", Kind::kMin, kI64, kI64),
      Integers("rest", Kind::kMod, kI64, kI64),
      Integers("equal", Kind::kEqual, kI64, kBool),
      Integers("less", Kind::kLess, kI64, kBool),
      Integers("less or equal", Kind::kLessOrEqual, kI64, kBool),
      Integers("equal truths", Kind::kEqual, kBool, kBool),
      Integers("and", Kind::kAnd, kBool, kBool),
      Integers("or", Kind::kOr, kBool, kBool),
      Integers("xor", Kind::kXor, kBool, kBool),
      Integers("equal floats", Kind::kEqual, DataType::kF32, kBool),
      Integers("sum of doubles", Kind::kAdd, kF64, kF64),
      Integers("difference of doubles", Kind::kSub, kF64, kF64),
      Integers("product of doubles", Kind::kMul, kF64, kF64),
      Integers("quotient of doubles", Kind::kDiv, kF64, kF64),
      Integers("power of doubles", Kind::kPow, kF64, kF64),
      Integers("larger of doubles", Kind::kMax, kF64, kF64),
      Integers("smaller of doubles", Kind::kMin, kF64, kF64),
      Integers("rest of doubles", Kind::kMod, kF64, kF64),
      Integers("equal doubles", Kind::kEqual, kF64, kBool),
      Integers("lesser double", Kind::kLess, kF64, kBool),
      Integers("lesser or equal double", Kind::kLessOrEqual, kF64, kBool),
      IntegerUnary("sign of doubles", ActivationKind::kSign, kF64),
      IntegerUnary("negative doubles", ActivationKind::kNegative, kF64),
      IntegerUnary("relu of doubles", ActivationKind::kRelu, kF64),
      IntegerUnary("abs of doubles", ActivationKind::kAbs, kF64),
      MakeWhole("a constant", Binary{Kind::kSub, Binary::Constant::kLeft, {}},
                {PlainType({4, 5}, kI64)}, {PlainPiece({}, kI64)},
                PlainType({4, 5}, kI64)),
      MakeWhole("a constant of doubles",
                Binary{Kind::kSub, Binary::Constant::kLeft, {}},
                {PlainType({4, 5}, kF64)}, {PlainPiece({}, kF64)},
                PlainType({4, 5}, kF64)),
      IntegerUnary("relu", ActivationKind::kRelu, kI64),
      IntegerUnary("abs", ActivationKind::kAbs, kI64),
      IntegerUnary("negative", ActivationKind::kNegative, kI64),
      IntegerUnary("sign", ActivationKind::kSign, kI64),
      IntegerUnary("not", ActivationKind::kNot, kBool),
  };
}

std::vector<TestLayer> LayerNormCases() {
  return {
      Normalised("of rows", PlainType({2, 5, 384}), 2, true, true),
      Normalised("of short rows", PlainType({7, 3}), 1, true, true),
      Normalised("without bias", PlainType({3, 129}), 1, true, false),
      Normalised("without both", PlainType({3, 4, 5}), 1, false, false),
      Normalised("of everything", PlainType({3, 4, 5}), 0, false, true),
      Normalised("of pictures", ChannelsLast({2, 9, 5, 5}), 1, true, true),
      Normalised("of what lies across", Turned(PlainType({6, 40}), {1, 6}), 1,
                 true, true),
      Normalised("that keep their mean", PlainType({5, 77}), 1, true, false,
                 true),
      Normalised("of pictures that keep their mean", ChannelsLast({2, 9, 5, 5}),
                 1, true, true, true),
      Normalised("of each channel", ChannelsLast({2, 37, 5, 6}), 2, false,
                 false),
      Normalised("of each channel, many pixels", ChannelsLast({1, 5, 41, 50}),
                 2, false, false),
      Normalised("of each channel that keeps its mean",
                 ChannelsLast({1, 19, 9, 30}), 2, false, false, true),
      Normalised("of a range of channels", ChannelSlice({1, 16, 20, 9}, 40), 2,
                 false, false),
      Normalised("of each channel of a line", ChannelsLast({2, 9, 700}), 2,
                 false, false),
      Normalised("of many channels", ChannelsLast({1, 4100, 3, 7}), 2, false,
                 false),
  };
}

std::vector<TestLayer> ReduceCases() {
  using Kind = Reduce::Kind;
  return {
      Reduced("mean of rows", Kind::kMean, PlainType({3, 5, 70}), {2}),
      Reduced("mean of pictures", Kind::kMean, ChannelsLast({2, 37, 5, 6}),
              {2, 3}),
      Reduced("mean of channels", Kind::kMean, ChannelsLast({2, 37, 5, 6}),
              {1}),
      Reduced("sum of the first", Kind::kSum, PlainType({9, 41}), {0}),
      Reduced("sum of the outer and the inner", Kind::kSum,
              PlainType({4, 5, 6}), {0, 2}),
      Reduced("sum of everything", Kind::kSum, PlainType({4, 5, 6}), {0, 1, 2}),
      Reduced("largest", Kind::kMax, PlainType({6, 1000}), {1}),
      Reduced("largest of channels, plain", Kind::kMax, PlainType({2, 7, 33}),
              {1}),
      Reduced("smallest", Kind::kMin, PlainType({6, 37}), {1}),
      Reduced("product", Kind::kProduct, PlainType({6, 7}), {1}),
      Reduced("of one", Kind::kSum, PlainType({6, 1, 7}), {1}),
      Reduced("what broadcasts", Kind::kSum, Turned(PlainType({4, 50}), {0, 1}),
              {0}),
      Reduced("sum of doubles", Kind::kSum, PlainType({4, 50}, kF64), {1}),
      Reduced("product of doubles", Kind::kProduct, PlainType({4, 5}, kF64),
              {1}),
      Reduced("largest double", Kind::kMax, PlainType({4, 50}, kF64), {0}),
      Reduced("place of the smallest double", Kind::kArgMin,
              PlainType({4, 50}, kF64), {1}),
      Reduced("sum of integers", Kind::kSum, PlainType({4, 50}, kI64), {1}),
      Reduced("largest integer", Kind::kMax, PlainType({4, 50}, kI64), {0}),
      Reduced("smallest integer", Kind::kMin, PlainType({4, 50}, kI64), {1}),
      Reduced("product of integers", Kind::kProduct, PlainType({4, 5}, kI64),
              {1}),
      Reduced("place of the largest", Kind::kArgMax, PlainType({4, 50}), {1}),
      Reduced("place of the smallest", Kind::kArgMin, PlainType({4, 5, 6}),
              {1}),
      Reduced("place of the largest channel", Kind::kArgMax,
              ChannelsLast({2, 37, 5, 6}), {1}),
      Reduced("place of the largest channel, plain", Kind::kArgMax,
              PlainType({1, 7, 33, 41}), {1}),
      Reduced("last place of the smallest float", Kind::kArgMin,
              PlainType({9, 50}), {1}, true),
      Reduced("last place of the largest, plain", Kind::kArgMax,
              PlainType({2, 9, 50}), {1}, true),
      Reduced("place in one of three", Kind::kArgMax, PlainType({4, 1, 5}),
              {1}),
      Reduced("first place", Kind::kArgMax, PlainType({9, 50}, kI64), {1}),
      Reduced("last place", Kind::kArgMax, PlainType({9, 50}, kI64), {1}, true),
      Reduced("last place of the smallest", Kind::kArgMin,
              PlainType({50, 9}, kI64), {0}, true),
  };
}

std::vector<TestLayer> GatherCases() {
  const auto gather = [](const char* name, int64_t axis, TensorType x,
                         TensorType indices, TensorType y) {
    return MakeWhole(name, Gather{axis}, {std::move(x), std::move(indices)}, {},
                     std::move(y));
  };
  return {
      gather("rows", 0, PlainType({30, 65}), PlainType({2, 7}, kI64),
             PlainType({2, 7, 65})),
      gather("columns", 1, PlainType({5, 30}), PlainType({4}, kI32),
             PlainType({5, 4})),
      gather("in the middle", 1, PlainType({3, 8, 5}), PlainType({2, 2}, kI64),
             PlainType({3, 2, 2, 5})),
      gather("many times one", 1, PlainType({300, 8, 5}), PlainType({2}, kI64),
             PlainType({300, 2, 5})),
      gather("many elements", 0, PlainType({3000}), PlainType({40, 1000}, kI64),
             PlainType({40, 1000})),
      gather("many short rows", 0, PlainType({300, 4}),
             PlainType({10000}, kI32), PlainType({10000, 4})),
      gather("indices that lie across", 0, PlainType({30, 6}),
             Turned(PlainType({5, 7}, kI64), {1, 5}), PlainType({5, 7, 6})),
      gather("one", 1, PlainType({3, 8, 5}), PlainType({}, kI64),
             PlainType({3, 5})),
      gather("channels", 1, ChannelsLast({1, 24, 5, 5}), PlainType({12}, kI64),
             ChannelsLast({1, 12, 5, 5})),
      gather("bytes", 0, PlainType({9, 3}, DataType::kU8), PlainType({5}, kI64),
             PlainType({5, 3}, DataType::kU8)),
      gather("integers", 0, PlainType({9}, kI64), PlainType({5}, kI64),
             PlainType({5}, kI64)),
      MakeWhole("of a table", Gather{0}, {PlainType({1, 16}, kI64)},
                {PlainPiece({50, 48})}, PlainType({1, 16, 48})),
      MakeWhole("of a table of integers", Gather{1}, {PlainType({3}, kI32)},
                {PlainPiece({2, 9}, kI64)}, PlainType({2, 3}, kI64)),
  };
}

std::vector<TestLayer> SelectCases() {
  const auto select = [](const char* name, TensorType condition, TensorType a,
                         TensorType b, TensorType y) {
    return MakeWhole(name, Select{},
                     {std::move(condition), std::move(a), std::move(b)}, {},
                     std::move(y));
  };
  return {
      select("same shapes", PlainType({5, 70}, kBool), PlainType({5, 70}),
             PlainType({5, 70}), PlainType({5, 70})),
      select("a mask", PlainType({1, 1, 9, 9}, kBool), PlainType({2, 3, 9, 9}),
             PlainType({}), PlainType({2, 3, 9, 9})),
      select("a number or the other", PlainType({5, 7}, kBool), PlainType({}),
             PlainType({1}), PlainType({5, 7})),
      select("all broadcast", PlainType({4, 1, 1}, kBool), PlainType({3, 1}),
             PlainType({5}), PlainType({4, 3, 5})),
      select("channels last", PlainType({2, 1, 5, 5}, kBool),
             ChannelsLast({2, 9, 5, 5}), PlainType({9, 1, 1}),
             ChannelsLast({2, 9, 5, 5})),
      select("integers", PlainType({5, 7}, kBool), PlainType({5, 7}, kI64),
             PlainType({7}, kI64), PlainType({5, 7}, kI64)),
      select("truths", PlainType({5, 7}, kBool), PlainType({5, 7}, kBool),
             PlainType({7}, kBool), PlainType({5, 7}, kBool)),
  };
}

std::vector<TestLayer> ResizeCases() {
  using Mode = Resize::Mode;
  using Coordinate = Resize::Coordinate;
  Resize crop{Mode::kLinear, Coordinate::kCropAndResize};
  crop.extrapolation_value = 10;
  crop.roi_begin = {0, 0, 0.4f, -0.3f};
  crop.roi_end = {1, 1, 0.6f, 0.8f};
  Resize smooth{Mode::kCubic, Coordinate::kHalfPixel};
  smooth.antialiases = true;
  Resize inside{Mode::kCubic, Coordinate::kAsymmetric};
  inside.excludes_outside = true;
  return {
      Resized(
          "nearest, twice",
          {Mode::kNearest, Coordinate::kAsymmetric, Resize::Nearest::kFloor},
          ChannelsLast({1, 37, 5, 6}), ChannelsLast({1, 37, 10, 12})),
      Resized("nearest, by 8", {Mode::kNearest, Coordinate::kHalfPixel},
              ChannelsLast({1, 8, 3, 3}), ChannelsLast({1, 8, 24, 24})),
      Resized("nearest, plain", {Mode::kNearest, Coordinate::kHalfPixel},
              PlainType({2, 3, 8, 9}), PlainType({2, 3, 5, 4})),
      Resized("linear, twice", {Mode::kLinear, Coordinate::kHalfPixel},
              ChannelsLast({2, 37, 5, 6}), ChannelsLast({2, 37, 10, 12})),
      Resized("linear, corners", {Mode::kLinear, Coordinate::kAlignCorners},
              ChannelsLast({1, 8, 5, 6}), ChannelsLast({1, 8, 13, 9})),
      Resized("linear, plain", {Mode::kLinear, Coordinate::kPytorchHalfPixel},
              PlainType({1, 3, 15, 16}), PlainType({1, 3, 7, 40})),
      Resized("linear, one dimension",
              {Mode::kLinear, Coordinate::kHalfPixelSymmetric},
              PlainType({2, 3, 15}), PlainType({2, 3, 22})),
      Resized("linear, three dimensions",
              {Mode::kLinear, Coordinate::kHalfPixel},
              ChannelsLast({1, 5, 3, 4, 5}), ChannelsLast({1, 5, 6, 8, 10})),
      Resized("linear, channels too", {Mode::kLinear, Coordinate::kHalfPixel},
              PlainType({3, 4}), PlainType({5, 7})),
      Resized("cubic", {Mode::kCubic, Coordinate::kHalfPixel},
              ChannelsLast({1, 9, 7, 8}), ChannelsLast({1, 9, 14, 13})),
      Resized("cubic, nothing from outside", inside, PlainType({1, 3, 7, 8}),
              PlainType({1, 3, 14, 13})),
      Resized("cubic, antialiased", smooth, ChannelsLast({1, 9, 17, 18}),
              ChannelsLast({1, 9, 5, 6})),
      Resized("cropped", crop, PlainType({1, 3, 9, 9}),
              PlainType({1, 3, 6, 7})),
      Resized("cropped, channels last", crop, ChannelsLast({1, 21, 9, 9}),
              ChannelsLast({1, 21, 6, 7})),
      Resized("cropped, three colours", crop, ChannelsLast({1, 3, 9, 9}),
              ChannelsLast({1, 3, 6, 7})),
      Resized("three colours, twice", {Mode::kLinear, Coordinate::kHalfPixel},
              ChannelsLast({2, 3, 15, 16}), ChannelsLast({2, 3, 30, 32})),
      Resized("three colours, a half", {Mode::kLinear, Coordinate::kHalfPixel},
              ChannelsLast({1, 3, 30, 33}), ChannelsLast({1, 3, 15, 16})),
      Resized(
          "nearest, a plain picture twice",
          {Mode::kNearest, Coordinate::kAsymmetric, Resize::Nearest::kFloor},
          PlainType({1, 3, 20, 37}), PlainType({1, 3, 40, 74})),
      Resized("nearest, a plain picture three times",
              {Mode::kNearest, Coordinate::kHalfPixel},
              PlainType({1, 3, 20, 37}), PlainType({1, 3, 60, 111})),
      Resized("nearest, a plain picture, once and a half",
              {Mode::kNearest, Coordinate::kHalfPixel},
              PlainType({1, 3, 20, 38}), PlainType({1, 3, 30, 57})),
      Resized(
          "nearest, long lines twice",
          {Mode::kNearest, Coordinate::kAsymmetric, Resize::Nearest::kFloor},
          PlainType({1, 2, 5, 9001}), PlainType({1, 2, 10, 18002})),
      Resized(
          "nearest, an odd length",
          {Mode::kNearest, Coordinate::kAlignCorners, Resize::Nearest::kFloor},
          PlainType({2, 3, 4}), PlainType({2, 3, 7})),
      Resized("a long line", {Mode::kLinear, Coordinate::kHalfPixel},
              PlainType({1, 2, 9001}), PlainType({1, 2, 12003})),
      Resized("one of many taps", smooth, PlainType({1, 1, 2, 9001}),
              PlainType({1, 1, 2, 3})),
      Resized("the widest pixels", smooth, ChannelsLast({1, 2100, 2, 5}),
              ChannelsLast({1, 2100, 3, 4})),
      Resized("from and into ranges of channels",
              {Mode::kLinear, Coordinate::kHalfPixel},
              ChannelSlice({1, 6, 4, 4}, 10), ChannelSlice({1, 6, 8, 8}, 20)),
      Resized("from and into ranges of three channels",
              {Mode::kNearest, Coordinate::kHalfPixel},
              ChannelSlice({1, 3, 4, 4}, 10), ChannelSlice({1, 3, 8, 8}, 20)),
  };
}

}  // namespace layerd
