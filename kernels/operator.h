#ifndef LAYERD_KERNELS_OPERATOR_H_
#define LAYERD_KERNELS_OPERATOR_H_

#include <cstdint>
#include <variant>
#include <vector>

namespace layerd {

// What one layer computes, after folding and fusing. Plain numbers: shapes are
// in the tensors (TensorType), weights in the part (WeightLayout). Semantics
// are ONNX's unless said otherwise. Accumulation and results are f32.
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
};

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
struct Convolution {
  int64_t groups = 1;
  std::vector<int64_t> strides, dilations, pads_begin, pads_end;
  bool has_bias = false;
  bool adds_residual = false;
  Activation activation;
};

// Inputs: x [..., K] (leading dimensions are rows), and the residual if
// adds_residual. Weights: [N, K], then bias [N] if has_bias.
// y = activation(x * transpose(w) + bias + residual).
struct FullyConnected {
  bool has_bias = false;
  bool adds_residual = false;
  Activation activation;
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

// y = activation(x). Input and output may be the same memory.
struct Unary {
  Activation activation;
};

// y = activation(a op b), numpy broadcasting. One operand may be a constant:
// then there is one input only, and weight 0 is the other operand, plain.
struct Binary {
  enum class Kind : uint8_t { kAdd = 0, kSub = 1, kMul = 2, kDiv = 3 };
  enum class Constant : uint8_t { kNone = 0, kLeft = 1, kRight = 2 };
  Kind kind = Kind::kAdd;
  Constant constant = Constant::kNone;
  Activation activation;
};

// y = activation(x * scale[c] + shift[c]), c along dimension 1: a batch
// normalisation that found no convolution. Weights: scale [C], shift [C].
struct ScaleShift {
  Activation activation;
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

// y = x with other strides, and another datatype if the two types differ (a
// cast, rounding as ONNX's Cast). Same shape. Layout changes, transposition,
// concatenation (into a range of a larger buffer) and casts are all this. No
// input: weight 0, plain, is copied out (a constant that is an output).
struct Copy {};

// The order stands in layer files (proto/layer_file.proto has the same).
using Operator = std::variant<Convolution, FullyConnected, MatMul, Pool, Unary,
                              Binary, ScaleShift, Softmax, Lrn, Pad, Copy>;

// "Convolution", for messages and pictures.
const char* NameOf(const Operator& op);

}  // namespace layerd

#endif  // LAYERD_KERNELS_OPERATOR_H_
