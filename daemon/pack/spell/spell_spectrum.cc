// DFT and STFT: one product with waves that are known, real beside imaginary.

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "config/status_macros.h"
#include "daemon/pack/spell/speller.h"

namespace layerd {
namespace {

using Shape = Speller::Shape;
using Floats = std::vector<float>;

constexpr int64_t kWaveElementsMax = int64_t{1} << 22;

absl::StatusOr<int64_t> KnownInt(const Speller& speller, size_t i,
                                 const char* what) {
  if (!speller.is_known(speller.input(i))) {
    return speller.Unsupported(std::string(what) +
                               " must be known while packing");
  }
  ASSIGN_OR_RETURN(const std::vector<int64_t> numbers,
                   speller.Elements(speller.input(i)));
  if (numbers.size() == 1) return numbers[0];
  return speller.Invalid(std::string(what) + " is not one integer");
}

struct Waves {
  int64_t given;    // Samples that there are.
  int64_t length;   // Samples of a period.
  int64_t outputs;  // Frequencies.
  bool is_complex;  // What there are.
  bool is_inverse;
  // Given are the frequencies of a half, which stand for the other as well, and
  // what comes of them is real.
  bool is_from_half = false;

  int64_t rows() const { return given * (is_complex ? 2 : 1); }
  int64_t components() const { return is_from_half ? 1 : 2; }
  int64_t columns() const { return outputs * components(); }
  bool HasTwin(int64_t frequency) const {
    return frequency != 0 && 2 * frequency != length;
  }
  double Angle(int64_t sample, int64_t frequency) const {
    const double turn = static_cast<double>(sample * frequency % length) /
                        static_cast<double>(length);
    return (is_inverse ? 2 : -2) * std::numbers::pi * turn;
  }
  // How much of component `from` of a sample is in component `to`.
  float At(int64_t sample, int64_t from, int64_t frequency, int64_t to) const {
    if (sample >= length) return 0;
    const double angle = Angle(sample, frequency);
    double scale = is_inverse ? 1.0 / static_cast<double>(length) : 1.0;
    if (is_from_half && HasTwin(sample)) scale *= 2;
    const double share = from == to  ? std::cos(angle)
                         : from == 0 ? std::sin(angle)
                                     : -std::sin(angle);
    return static_cast<float>(share * scale);
  }
};

absl::Status CheckWaves(const Speller& speller, const Waves& waves) {
  if (waves.length < 1 || waves.given < 1 || waves.outputs < 1 ||
      waves.length > kWaveElementsMax || waves.given > kWaveElementsMax ||
      waves.rows() * waves.columns() > kWaveElementsMax) {
    return speller.Unsupported("its length is not supported");
  }
  return absl::OkStatus();
}

// [rows, columns], or its transpose.
absl::StatusOr<int> Matrix(Speller& speller, const Waves& waves) {
  Floats numbers;
  const int64_t components = waves.is_complex ? 2 : 1;
  for (int64_t row = 0; row < waves.rows(); ++row) {
    for (int64_t column = 0; column < waves.columns(); ++column) {
      numbers.push_back(waves.At(row / components, row % components,
                                 column / waves.components(),
                                 column % waves.components()));
    }
  }
  ASSIGN_OR_RETURN(const int list,
                   speller.KnownNumbers(DataType::kF32, numbers));
  return speller.Reshaped(list, {waves.rows(), waves.columns()});
}

absl::StatusOr<int64_t> AxisOf(const Speller& speller, int64_t rank) {
  int64_t axis = 0;
  if (speller.node().opset < 20) {
    ASSIGN_OR_RETURN(axis, speller.IntOr("axis", 1));
  } else if (speller.has_input(2)) {
    ASSIGN_OR_RETURN(axis, KnownInt(speller, 2, "the axis"));
  } else {
    axis = -2;
  }
  if (axis < 0) axis += rank;
  if (axis >= 0 && axis + 1 < rank) return axis;
  return speller.Invalid("the axis is not one of the signal's");
}

absl::StatusOr<Waves> WavesOfDft(const Speller& speller, const Shape& shape,
                                 int64_t axis) {
  ASSIGN_OR_RETURN(const int64_t is_inverse, speller.IntOr("inverse", 0));
  ASSIGN_OR_RETURN(const int64_t is_half, speller.IntOr("onesided", 0));
  const int64_t given = shape[static_cast<size_t>(axis)];
  Waves waves{given, given, 0, shape.back() == 2, is_inverse != 0};
  waves.is_from_half = is_inverse != 0 && is_half != 0;
  if (waves.is_from_half) waves.length = 2 * (given - 1);
  if (speller.has_input(1)) {
    ASSIGN_OR_RETURN(waves.length, KnownInt(speller, 1, "its length"));
  }
  if (waves.is_from_half &&
      (!waves.is_complex || waves.length / 2 + 1 != given)) {
    return speller.Unsupported(
        "an inverse that is one-sided is only of all complex frequencies");
  }
  waves.outputs =
      is_half != 0 && !waves.is_from_half ? waves.length / 2 + 1 : waves.length;
  RETURN_IF_ERROR(CheckWaves(speller, waves));
  return waves;
}

// Orders of dimensions: `axis` beside the components, which are last; and back.
struct AxisLast {
  Shape there, back;
};

AxisLast MakeLast(int64_t axis, int64_t rank) {
  AxisLast order;
  for (int64_t d = 0; d + 1 < rank; ++d) {
    if (d != axis) order.there.push_back(d);
  }
  order.there.insert(order.there.end(), {axis, rank - 1});
  order.back.resize(order.there.size());
  for (size_t d = 0; d < order.there.size(); ++d) {
    order.back[static_cast<size_t>(order.there[d])] = static_cast<int64_t>(d);
  }
  return order;
}

// Of a frame, which the window may say.
absl::StatusOr<int64_t> FrameLength(const Speller& speller) {
  if (speller.has_input(3)) {
    return KnownInt(speller, 3, "the length of a frame");
  }
  if (!speller.has_input(2)) return 0;
  const Shape window = speller.shape(speller.input(2));
  return window.size() == 1 ? window[0] : 0;
}

absl::StatusOr<Floats> WindowOf(Speller& speller, int64_t length) {
  if (!speller.has_input(2)) return Floats(static_cast<size_t>(length), 1);
  const int given = speller.input(2);
  if (!speller.is_known(given) || speller.shape(given) != Shape{length}) {
    return speller.Unsupported("the window must be known while packing");
  }
  return speller.Numbers(given, 0, length);
}

// A kernel of a convolution for each component of each frequency.
absl::StatusOr<int> WindowedWaves(Speller& speller, const Waves& waves) {
  ASSIGN_OR_RETURN(const Floats window, WindowOf(speller, waves.length));
  Floats kernel;
  for (int64_t column = 0; column < waves.columns(); ++column) {
    for (int64_t sample = 0; sample < waves.length; ++sample) {
      kernel.push_back(waves.At(sample, 0, column / 2, column % 2) *
                       window[static_cast<size_t>(sample)]);
    }
  }
  ASSIGN_OR_RETURN(const int list,
                   speller.KnownNumbers(DataType::kF32, kernel));
  return speller.Reshaped(list, {waves.columns(), 1, waves.length});
}

}  // namespace

absl::Status SpellDft(Speller& speller) {
  RETURN_IF_ERROR(speller.CheckAttributes({"axis", "inverse", "onesided"}));
  const int x = speller.input(0);
  const Shape shape = speller.shape(x);
  const auto rank = static_cast<int64_t>(shape.size());
  if (rank < 2 || shape.back() < 1 || shape.back() > 2 ||
      speller.dtype(x) != DataType::kF32) {
    return speller.Unsupported(
        "only FP32 signals whose last dimension is 1 or 2 are");
  }
  ASSIGN_OR_RETURN(const int64_t axis, AxisOf(speller, rank));
  ASSIGN_OR_RETURN(const Waves waves, WavesOfDft(speller, shape, axis));
  const AxisLast order = MakeLast(axis, rank);
  Shape flat;
  for (int64_t d = 0; d + 2 < rank; ++d) {
    flat.push_back(shape[static_cast<size_t>(order.there[d])]);
  }
  Shape full = flat;
  flat.push_back(waves.rows());
  full.insert(full.end(), {waves.outputs, waves.components()});
  ASSIGN_OR_RETURN(const int rows,
                   speller.Reshaped(speller.Transposed(x, order.there), flat));
  ASSIGN_OR_RETURN(const int matrix, Matrix(speller, waves));
  ASSIGN_OR_RETURN(
      const int y,
      speller.Reshaped(speller.Add("MatMul", {rows, matrix}), full));
  speller.Finish(speller.Transposed(y, order.back));
  return absl::OkStatus();
}

// A convolution of the signal with waves under a window.
absl::Status SpellStft(Speller& speller) {
  RETURN_IF_ERROR(speller.CheckAttributes({"onesided"}));
  const int x = speller.input(0);
  const Shape shape = speller.shape(x);
  const bool is_real =
      shape.size() == 2 || (shape.size() == 3 && shape.back() == 1);
  if (!is_real || speller.dtype(x) != DataType::kF32) {
    return speller.Unsupported("only real FP32 signals are supported");
  }
  ASSIGN_OR_RETURN(const int64_t is_half, speller.IntOr("onesided", 1));
  ASSIGN_OR_RETURN(const int64_t step, KnownInt(speller, 1, "the step"));
  ASSIGN_OR_RETURN(const int64_t length, FrameLength(speller));
  const Waves waves{length, length, is_half != 0 ? length / 2 + 1 : length,
                    false, false};
  RETURN_IF_ERROR(CheckWaves(speller, waves));
  if (step < 1 || length > shape[1]) {
    return speller.Invalid("the step or the length of a frame does not fit");
  }
  ASSIGN_OR_RETURN(const int w, WindowedWaves(speller, waves));
  ASSIGN_OR_RETURN(const int signal,
                   speller.Reshaped(x, {shape[0], 1, shape[1]}));
  const int frames = speller.Transposed(
      speller.Add("Conv", {signal, w}, {{"strides", Shape{step}}}), {0, 2, 1});
  const int64_t count = (shape[1] - length) / step + 1;
  ASSIGN_OR_RETURN(const int y, speller.Reshaped(frames, {shape[0], count,
                                                          waves.outputs, 2}));
  speller.Finish(y);
  return absl::OkStatus();
}

// Hann's, Hamming's and Blackman's: sums of cosines.
absl::Status SpellWindow(Speller& speller) {
  RETURN_IF_ERROR(speller.CheckAttributes({"output_datatype", "periodic"}));
  ASSIGN_OR_RETURN(const int64_t is_periodic, speller.IntOr("periodic", 1));
  ASSIGN_OR_RETURN(const int64_t type, speller.IntOr("output_datatype", 1));
  ASSIGN_OR_RETURN(const int64_t size, KnownInt(speller, 0, "its size"));
  if (type != 1 || size < 1) {
    return speller.Unsupported("only FP32 windows that have a size are");
  }
  RETURN_IF_ERROR(speller.CheckSize(size));
  const std::string& op_type = speller.node().op_type;
  const double a[3] = {op_type == "HannWindow"      ? 0.5
                       : op_type == "HammingWindow" ? 25.0 / 46
                                                    : 0.42,
                       op_type == "HammingWindow" ? 21.0 / 46 : 0.5,
                       op_type == "BlackmanWindow" ? 0.08 : 0};
  const double period = static_cast<double>(
      is_periodic != 0 ? size : std::max<int64_t>(1, size - 1));
  Floats numbers;
  for (int64_t i = 0; i < size; ++i) {
    const double angle = 2 * std::numbers::pi * static_cast<double>(i) / period;
    numbers.push_back(static_cast<float>(a[0] - a[1] * std::cos(angle) +
                                         a[2] * std::cos(2 * angle)));
  }
  ASSIGN_OR_RETURN(const int known,
                   speller.KnownNumbers(DataType::kF32, numbers));
  speller.Finish(known);
  return absl::OkStatus();
}

}  // namespace layerd
