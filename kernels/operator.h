#ifndef LAYERD_KERNELS_OPERATOR_H_
#define LAYERD_KERNELS_OPERATOR_H_

#include <cstdint>
#include <limits>
#include <variant>
#include <vector>

namespace layerd {

// What one layer computes, after folding and fusing. Plain numbers: shapes are
// in the tensors (TensorType), weights in the part (WeightLayout). Semantics
// are ONNX's unless said otherwise.
//
// Datatypes: f32 is computed with, and accumulated in. Where shapes or run-time
// data need them, elementwise operators and reductions also take i64 and bool,
// as each of them says; other integers are cast to i64 and back. What only
// moves elements (Copy, Select, Gather, Pad) takes every datatype.
//
// The kernel of a convolution or fully connected layer may be stored as F16,
// BF16 or I8. Behind its other weights then come scales [O], F32: always of I8,
// and of the others where they are needed. Decoded, an element is what is
// stored, as f32, times the scale of its output channel.

enum class ActivationKind : uint8_t {
  kNone = 0,
  kRelu = 1,
  kClip = 2,       // min(max(x, alpha), beta)
  kLeakyRelu = 3,  // x < 0 ? alpha * x : x
  kSigmoid = 4,
  kTanh = 5,
  kGelu = 6,         // x / 2 * (1 + erf(x / sqrt(2)))
  kGeluTanh = 7,     // The same by tanh: within 5e-4 of it, so another one.
  kSwish = 8,        // x * sigmoid(alpha * x)
  kHardSigmoid = 9,  // min(max(alpha * x + beta, 0), 1)
  kHardSwish = 10,   // x * min(max(alpha * x + beta, 0), 1)
  kMish = 11,        // x * tanh(softplus(x))
  kSoftplus = 12,    // log(1 + exp(x))
  kSoftsign = 13,    // x / (1 + |x|)
  kElu = 14,         // x < 0 ? alpha * (exp(x) - 1) : beta * x
  kThreshold = 15,   // x > alpha ? x : 0
  kLinear = 16,      // alpha * x + beta
  kErf = 17,
  kExp = 18,
  kLog = 19,
  kSqrt = 20,
  kReciprocal = 21,
  kAbs = 22,
  kNegative = 23,
  kSign = 24,
  kFloor = 25,
  kCeil = 26,
  kRound = 27,  // To the nearest integer, ties to even.
  kSin = 28,
  kCos = 29,
  kNot = 30,  // Of bool.
};
inline constexpr ActivationKind kLastActivationKind = ActivationKind::kNot;

struct Activation {
  ActivationKind kind = ActivationKind::kNone;
  float alpha = 0;
  float beta = 0;
  friend bool operator==(const Activation&, const Activation&) = default;
};

// Inputs: x [N, C, spatial...], and the residual, shaped like the output, if
// adds_residual. Weights: kernel, then bias [O] if has_bias.
// y = activation(conv(x) + bias + residual). One number a spatial dimension in
// each of the four vectors; 1 to 3 spatial dimensions.
//
// With kernel_is_input the kernel [O, I / groups, spatial...] is computed at
// run time: it is the second input, and there is no bias and no residual.
struct Convolution {
  int64_t groups = 1;
  std::vector<int64_t> strides, dilations, pads_begin, pads_end;
  bool has_bias = false;
  bool adds_residual = false;
  Activation activation = {};
  bool kernel_is_input = false;
};

// y = activation(transposed conv(x) + bias): each element of x adds its kernel
// to y, strides apart. Inputs and weights as a convolution has them: the kernel
// is [O, I / groups, spatial...], not [I, O / groups, ...] as in ONNX. Pads are
// taken from what comes out, so y is (in - 1) * stride + dilation * (kernel -
// 1) + 1 - pads_begin - pads_end long, or longer: there only the bias is.
struct ConvTranspose {
  int64_t groups = 1;
  std::vector<int64_t> strides, dilations, pads_begin, pads_end;
  bool has_bias = false;
  Activation activation = {};
  bool kernel_is_input = false;
};

// Inputs: x [..., K] (leading dimensions are rows), and the residual if
// adds_residual. Weights: [N, K], then bias [N] if has_bias.
// y = activation(x * transpose(w) + bias + residual).
struct FullyConnected {
  bool has_bias = false;
  bool adds_residual = false;
  Activation activation = {};
};

// Inputs: a [..., M, K] and b [..., K, N], leading dimensions broadcast. At
// least rank 2 each. Transposed operands come as strides.
struct MatMul {
  float scale = 1;  // Of the product.
};

// Windows that see nothing but padding: the lowest float, or an average of 0.
// The output may have one place more than windows fit (ceil mode), if the last
// window starts before the padding at the end; what hangs over that padding
// counts in no divisor.
struct Pool {
  enum class Kind : uint8_t { kMax = 0, kAverage = 1 };
  Kind kind = Kind::kMax;
  std::vector<int64_t> kernel, strides, dilations, pads_begin, pads_end;
  bool count_include_pad = false;  // Average only: pads count in the divisor.
};

// y = activation(x). Input and output may be the same memory. Of i64 and f64:
// kNone, kRelu, kAbs, kNegative, kSign. Of bool: kNone, kNot.
struct Unary {
  Activation activation = {};
};

// y = activation(a op b), numpy broadcasting. One operand may be a constant:
// then there is one input only, and weight 0 is the other operand, plain.
//
// Arithmetic is of f32, or without activation of f64 or i64: of i64 sums,
// differences, products and powers wrap, quotients truncate, and a zero divisor
// fails the job. Comparisons take f32, f64, i64 or bool and give bool; kAnd,
// kOr and kXor take and give bool.
struct Binary {
  enum class Kind : uint8_t {
    kAdd = 0,
    kSub = 1,
    kMul = 2,
    kDiv = 3,
    kPow = 4,
    kMax = 5,    // NaN if either is.
    kMin = 6,    // NaN if either is.
    kPRelu = 7,  // a < 0 ? a * b : a; of f32.
    kMod = 8,    // f32: the sign of a; i64: of b, as in Python.
    kEqual = 9,
    kLess = 10,
    kLessOrEqual = 11,
    kAnd = 12,
    kOr = 13,
    kXor = 14,
  };
  static constexpr Kind kLastKind = Kind::kXor;
  enum class Constant : uint8_t { kNone = 0, kLeft = 1, kRight = 2 };
  Kind kind = Kind::kAdd;
  Constant constant = Constant::kNone;
  Activation activation = {};
};

// y = activation(x * scale[c] + shift[c]), c along dimension 1: a batch
// normalisation that found no convolution. Weights: scale [C], shift [C].
struct ScaleShift {
  Activation activation = {};
};

// Over dimensions [axis_first, axis_first + axis_count) together. One
// dimension from opset 13 on; all trailing ones before.
struct Softmax {
  int64_t axis_first = 0;
  int64_t axis_count = 1;
};

// Local response normalisation across dimension 1.
struct Lrn {
  int64_t size = 1;
  float alpha = 1e-4f;
  float beta = 0.75f;
  float k = 1;
};

// begin[d] elements before and end[d] after in every dimension d; negative
// numbers crop.
struct Pad {
  enum class Mode : uint8_t { kConstant = 0, kReflect = 1, kEdge = 2 };
  Mode mode = Mode::kConstant;
  std::vector<int64_t> begin, end;
  float value = 0;
};

// y = (x - mean) / sqrt(variance + epsilon) * scale + bias, mean and variance
// over the dimensions from axis_first to the last together. Weights: scale if
// has_scale, then bias if has_bias, each shaped like those dimensions. If
// keeps_mean (an RMS norm), 0 stands for the mean, in the variance too.
struct LayerNorm {
  int64_t axis_first = 0;
  float epsilon = 1e-5f;
  bool has_scale = false;
  bool has_bias = false;
  bool keeps_mean = false;
};

// One element of y from all of x along `dimensions` (sorted, at least one),
// which have size 1 in y. Sums, products and extremes of f32, f64 or i64;
// means of f32. The position of an extreme (along one dimension) is i64: of the
// first one, or of the last with selects_last.
struct Reduce {
  enum class Kind : uint8_t {
    kMean = 0,
    kSum = 1,
    kMax = 2,
    kMin = 3,
    kProduct = 4,
    kArgMax = 5,
    kArgMin = 6,
  };
  static constexpr Kind kLastKind = Kind::kArgMin;
  Kind kind = Kind::kMean;
  std::vector<int64_t> dimensions;
  bool selects_last = false;
};

// y[a..., i..., b...] = x[a..., indices[i...], b...], the index at `axis`.
// Inputs: x, then indices (i32 or i64); or indices only, and x is weight 0,
// plain. Negative indices count from the end. One that is outside fails the job
// and reads nothing.
struct Gather {
  int64_t axis = 0;
};

// y = condition ? a : b, numpy broadcasting. Inputs: condition (bool), a, b.
struct Select {};

// Dimension by dimension, each element of y is a weighted sum of elements of x
// (kernels/resize_taps.h). `scales` has one number a dimension: how many times
// longer y is, as ONNX computes it. With kCropAndResize x is looked at between
// roi_begin and roi_end (fractions of its length, one number a dimension), and
// what lies outside of it is extrapolation_value.
struct Resize {
  enum class Mode : uint8_t { kNearest = 0, kLinear = 1, kCubic = 2 };
  enum class Coordinate : uint8_t {
    kHalfPixel = 0,
    kHalfPixelSymmetric = 1,
    kPytorchHalfPixel = 2,
    kAlignCorners = 3,
    kAsymmetric = 4,
    kHalfPixelForNearest = 5,  // tf_half_pixel_for_nn, before opset 13.
    kCropAndResize = 6,        // tf_crop_and_resize
  };
  enum class Nearest : uint8_t {
    kRoundPreferFloor = 0,
    kRoundPreferCeil = 1,
    kFloor = 2,
    kCeil = 3,
    kSimple = 4,  // Before opset 11: up by floor, down by ceil.
  };
  Mode mode = Mode::kNearest;
  Coordinate coordinate = Coordinate::kHalfPixel;
  Nearest nearest = Nearest::kRoundPreferFloor;
  float cubic_a = -0.75f;
  bool excludes_outside = false;
  bool antialiases = false;
  float extrapolation_value = 0;
  std::vector<float> scales = {}, roi_begin = {}, roi_end = {};
};

// y = x with other strides, and another datatype if the two types differ (a
// cast, rounding as ONNX's Cast). Same shape. Layout changes, transposition,
// concatenation (into a range of a larger buffer) and casts are all this. No
// input: weight 0, plain, is copied out (a constant that is an output).
struct Copy {};

// A sequence: each step has the state of the one before, so steps are computed
// in order, and parts of a layer are runs of steps that share its weights.
//
// Inputs: x [T, N, gates * H], what the inputs of all steps come to, biases
// included; and the state before the first step [N, states * H], or zeros.
// y [T, N, states * H] has the state after each step: h, and behind it the cell
// of an LSTM. With is_reverse the first step is that of the last row.
//
//   kRnn   1 gate, 1 state: h = f(x + R h)
//   kGru   3 gates z, r, n: n = g(x_n + R_n (r * h)), or with resets_product
//          g(x_n + r * (R_n h + b)); h = (1 - z) * n + z * h
//   kLstm  4 gates i, o, f, c; 2 states: c = f * c + i * g(c gate),
//          h = o * h(c); with peepholes i and f see the old cell, o the new one
//
// Weights: R [gates * H, H]; of a GRU R of z and r [2 * H, H], R of n [H, H],
// and with resets_product b [H]; of an LSTM, if has_peepholes, [3, H] for i, o
// and f. What goes into f and g lies within [-clip, clip].
struct Recurrent {
  enum class Kind : uint8_t { kRnn = 0, kGru = 1, kLstm = 2 };
  static constexpr Kind kLastKind = Kind::kLstm;
  Kind kind = Kind::kLstm;
  bool is_reverse = false;
  bool resets_product = false;
  bool has_peepholes = false;
  float clip = std::numeric_limits<float>::infinity();
  Activation f = {ActivationKind::kSigmoid, 0, 0};
  Activation g = {ActivationKind::kTanh, 0, 0};
  Activation h = {ActivationKind::kTanh, 0, 0};

  int64_t gates() const {
    return kind == Kind::kRnn ? 1 : kind == Kind::kGru ? 3 : 4;
  }
  int64_t states() const { return kind == Kind::kLstm ? 2 : 1; }
};

// The places (i64, along `axis`) of the largest or smallest elements of x, as
// many as y has, the most extreme first; of equal ones the first. x is f32, f64
// or i64. A NaN is larger than all numbers.
struct TopK {
  int64_t axis = 0;
  bool is_largest = true;
};

// The order stands in layer files (proto/layer_file.proto has the same).
using Operator =
    std::variant<Convolution, FullyConnected, MatMul, Pool, Unary, Binary,
                 ScaleShift, Softmax, Lrn, Pad, Copy, ConvTranspose, LayerNorm,
                 Reduce, Gather, Select, Resize, Recurrent, TopK>;

// "Convolution", for messages and pictures.
const char* NameOf(const Operator& op);

}  // namespace layerd

#endif  // LAYERD_KERNELS_OPERATOR_H_
