// Functions of one number, and what goes along one axis, in terms of others.

#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>
#include <utility>

#include "config/status_macros.h"
#include "daemon/pack/graph/element_type.h"
#include "daemon/pack/spell/speller.h"

namespace layerd {
namespace {

using Shape = Speller::Shape;

// Sums and products with numbers, of the type of the node's first input.
class Formula {
 public:
  explicit Formula(Speller* speller)
      : speller_(*speller), x_(speller->input(0)) {}

  int x() const { return x_; }
  absl::StatusOr<int> Number(double number) {
    return speller_.KnownNumber(speller_.dtype(x_), static_cast<float>(number));
  }
  absl::StatusOr<int> With(const char* op_type, int a, double number) {
    ASSIGN_OR_RETURN(const int known, Number(number));
    return speller_.Add(op_type, {a, known});
  }

 private:
  Speller& speller_;
  const int x_;
};

// Of |t| below tan(pi / 8), fitted.
constexpr double kArcTangent[] = {-0.333333302, 0.199994492, -0.142627254,
                                  0.107395494, -0.0645477003};

// Beyond tan(pi / 8) and tan(3 pi / 8) it is that of another tangent, and an
// eighth or a fourth of a turn.
absl::StatusOr<int> ArcTangent(Speller& speller, Formula& formula, int x) {
  const int size = speller.Add("Abs", {x});
  const double eighth = std::tan(std::numbers::pi / 8);
  ASSIGN_OR_RETURN(const int is_mid, formula.With("Greater", size, eighth));
  ASSIGN_OR_RETURN(const int is_big, formula.With("Greater", size, 1 / eighth));
  ASSIGN_OR_RETURN(const int less, formula.With("Sub", size, 1));
  ASSIGN_OR_RETURN(const int more, formula.With("Add", size, 1));
  const int mid =
      speller.Add("Where", {is_mid, speller.Add("Div", {less, more}), size});
  const int big = speller.Add("Neg", {speller.Add("Reciprocal", {size})});
  const int t = speller.Add("Where", {is_big, big, mid});
  ASSIGN_OR_RETURN(const int fourth, formula.Number(std::numbers::pi / 2));
  ASSIGN_OR_RETURN(const int half, formula.Number(std::numbers::pi / 4));
  ASSIGN_OR_RETURN(const int zero, formula.Number(0));
  const int turned = speller.Add(
      "Where", {is_big, fourth, speller.Add("Where", {is_mid, half, zero})});
  const int square = speller.Add("Mul", {t, t});
  ASSIGN_OR_RETURN(int sum, formula.Number(kArcTangent[4]));
  for (int i = 3; i >= 0; --i) {
    sum = speller.Add("Mul", {sum, square});
    ASSIGN_OR_RETURN(sum, formula.With("Add", sum, kArcTangent[i]));
  }
  sum = speller.Add("Mul", {speller.Add("Mul", {sum, square}), t});
  const int y = speller.Add("Add", {turned, speller.Add("Add", {t, sum})});
  const int is_negative = speller.Add("Less", {x, zero});
  return speller.Add("Where", {is_negative, speller.Add("Neg", {y}), y});
}

// The tangent of half of it is x / (1 + sqrt(1 - x * x)).
absl::StatusOr<int> ArcSine(Speller& speller, Formula& formula) {
  const int x = formula.x();
  ASSIGN_OR_RETURN(const int one, formula.Number(1));
  const int rest = speller.Add("Sub", {one, speller.Add("Mul", {x, x})});
  const int below = speller.Add("Add", {one, speller.Add("Sqrt", {rest})});
  ASSIGN_OR_RETURN(const int half, ArcTangent(speller, formula,
                                              speller.Add("Div", {x, below})));
  return speller.Add("Add", {half, half});
}

// (e^x + sign e^-x) / 2.
absl::StatusOr<int> Hyperbolic(Speller& speller, Formula& formula,
                               const char* op_type) {
  const int up = speller.Add("Exp", {formula.x()});
  const int down = speller.Add("Exp", {speller.Add("Neg", {formula.x()})});
  return formula.With("Mul", speller.Add(op_type, {up, down}), 0.5);
}

// log(size + sqrt(size * size + shift)). Beyond 2^13 the root is the size, and
// its square might be no number.
absl::StatusOr<int> LogOfRoot(Speller& speller, Formula& formula, int size,
                              double shift) {
  ASSIGN_OR_RETURN(const int bound, formula.With("Min", size, 8192));
  const int rest = speller.Add("Sub", {size, bound});
  ASSIGN_OR_RETURN(
      const int square,
      formula.With("Add", speller.Add("Mul", {bound, bound}), shift));
  const int root = speller.Add("Add", {rest, speller.Add("Sqrt", {square})});
  return speller.Add("Log", {speller.Add("Add", {size, root})});
}

absl::StatusOr<int> Function(Speller& speller) {
  const std::string& op_type = speller.node().op_type;
  Formula formula(&speller);
  const int x = formula.x();
  if (op_type == "Atan") return ArcTangent(speller, formula, x);
  if (op_type == "Asin") return ArcSine(speller, formula);
  if (op_type == "Acos") {
    ASSIGN_OR_RETURN(const int sine, ArcSine(speller, formula));
    ASSIGN_OR_RETURN(const int fourth, formula.Number(std::numbers::pi / 2));
    return speller.Add("Sub", {fourth, sine});
  }
  if (op_type == "Tan") {
    return speller.Add("Div",
                       {speller.Add("Sin", {x}), speller.Add("Cos", {x})});
  }
  if (op_type == "Sinh") return Hyperbolic(speller, formula, "Sub");
  if (op_type == "Cosh") return Hyperbolic(speller, formula, "Add");
  if (op_type == "Acosh") return LogOfRoot(speller, formula, x, -1);
  if (op_type == "Asinh") {
    ASSIGN_OR_RETURN(const int size,
                     LogOfRoot(speller, formula, speller.Add("Abs", {x}), 1));
    return speller.Add("Mul", {speller.Add("Sign", {x}), size});
  }
  ASSIGN_OR_RETURN(const int one, formula.Number(1));  // Atanh.
  const int ratio = speller.Add(
      "Div", {speller.Add("Add", {one, x}), speller.Add("Sub", {one, x})});
  return formula.With("Mul", speller.Add("Log", {ratio}), 0.5);
}

absl::StatusOr<int64_t> AxisOf(const Speller& speller, int64_t otherwise) {
  ASSIGN_OR_RETURN(int64_t axis, speller.IntOr("axis", otherwise));
  const auto rank =
      static_cast<int64_t>(speller.shape(speller.input(0)).size());
  if (axis < 0) axis += rank;
  if (axis >= 0 && axis < rank) return axis;
  return speller.Invalid("the axis is not one of the input's");
}

}  // namespace

absl::Status SpellFunction(Speller& speller) {
  RETURN_IF_ERROR(speller.CheckAttributes({}));
  ASSIGN_OR_RETURN(const int y, Function(speller));
  speller.Finish(y);
  return absl::OkStatus();
}

absl::Status SpellIsInf(Speller& speller) {
  RETURN_IF_ERROR(
      speller.CheckAttributes({"detect_negative", "detect_positive"}));
  ASSIGN_OR_RETURN(const int64_t low, speller.IntOr("detect_negative", 1));
  ASSIGN_OR_RETURN(const int64_t high, speller.IntOr("detect_positive", 1));
  Formula formula(&speller);
  const double infinity = std::numeric_limits<double>::infinity();
  int x = formula.x();
  if (low == 0 && high == 0) {
    return speller.Unsupported("it looks for no infinity");
  }
  if (low != 0 && high != 0) x = speller.Add("Abs", {x});
  ASSIGN_OR_RETURN(const int y,
                   formula.With("Equal", x, high != 0 ? infinity : -infinity));
  speller.Finish(y);
  return absl::OkStatus();
}

absl::Status SpellShrink(Speller& speller) {
  RETURN_IF_ERROR(speller.CheckAttributes({"bias", "lambd"}));
  ASSIGN_OR_RETURN(const float bias, speller.FloatOr("bias", 0));
  ASSIGN_OR_RETURN(const float most, speller.FloatOr("lambd", 0.5f));
  Formula formula(&speller);
  const int x = formula.x();
  ASSIGN_OR_RETURN(const int zero, formula.Number(0));
  ASSIGN_OR_RETURN(const int is_low, formula.With("Less", x, -most));
  ASSIGN_OR_RETURN(const int is_high, formula.With("Greater", x, most));
  ASSIGN_OR_RETURN(const int more, formula.With("Add", x, bias));
  ASSIGN_OR_RETURN(const int less, formula.With("Sub", x, bias));
  const int high = speller.Add("Where", {is_high, less, zero});
  speller.Finish(speller.Add("Where", {is_low, more, high}));
  return absl::OkStatus();
}

// The first of the largest is one, all others are zero. Before opset 13 the
// dimensions from the axis on were one.
absl::Status SpellHardmax(Speller& speller) {
  RETURN_IF_ERROR(speller.CheckAttributes({"axis"}));
  const bool joins = speller.node().opset < 13;
  int x = speller.input(0);
  const Shape given = speller.shape(x);
  ASSIGN_OR_RETURN(int64_t axis, AxisOf(speller, joins ? 1 : -1));
  Shape shape = given;
  if (joins) {
    const auto first = given.begin() + axis;
    shape = {CountOf({given.begin(), first}), CountOf({first, given.end()})};
    ASSIGN_OR_RETURN(x, speller.Reshaped(x, shape));
    axis = 1;
  }
  const int64_t length = shape[static_cast<size_t>(axis)];
  RETURN_IF_ERROR(speller.CheckSize(length));
  std::vector<int64_t> places(static_cast<size_t>(length));
  std::iota(places.begin(), places.end(), 0);
  Shape along(shape.size() - static_cast<size_t>(axis), 1);
  along[0] = length;
  ASSIGN_OR_RETURN(const int counted, speller.Known(places, along));
  const int best =
      speller.Add("ArgMax", {x}, {{"axis", axis}, {"keepdims", int64_t{1}}});
  int y = speller.CastTo(speller.Add("Equal", {best, counted}),
                         speller.dtype(speller.input(0)));
  if (joins) {
    ASSIGN_OR_RETURN(y, speller.Reshaped(y, given));
  }
  speller.Finish(y);
  return absl::OkStatus();
}

absl::Status SpellLpNormalization(Speller& speller) {
  RETURN_IF_ERROR(speller.CheckAttributes({"axis", "p"}));
  ASSIGN_OR_RETURN(const int64_t axis, AxisOf(speller, -1));
  ASSIGN_OR_RETURN(const int64_t p, speller.IntOr("p", 2));
  if (p != 1 && p != 2) return speller.Invalid("p is neither 1 nor 2");
  const int x = speller.input(0);
  const int size =
      speller.Add(p == 1 ? "ReduceL1" : "ReduceL2", {x},
                  {{"axes", Shape{axis}}, {"keepdims", int64_t{1}}});
  Formula formula(&speller);
  ASSIGN_OR_RETURN(const int zero, formula.Number(0));
  const int is_zero = speller.Add("Equal", {size, zero});
  const int scaled = speller.Add("Div", {x, size});
  speller.Finish(speller.Add("Where", {is_zero, zero, scaled}));
  return absl::OkStatus();
}

absl::Status SpellMeanVarianceNormalization(Speller& speller) {
  RETURN_IF_ERROR(speller.CheckAttributes({"axes"}));
  ASSIGN_OR_RETURN(const Shape axes,
                   speller.ListOr<int64_t>("axes", {0, 2, 3}));
  const Speller::Attributes over = {{"axes", axes}, {"keepdims", int64_t{1}}};
  const int x = speller.input(0);
  const int centred =
      speller.Add("Sub", {x, speller.Add("ReduceMean", {x}, over)});
  const int square = speller.Add("Mul", {centred, centred});
  const int deviation =
      speller.Add("Sqrt", {speller.Add("ReduceMean", {square}, over)});
  Formula formula(&speller);
  ASSIGN_OR_RETURN(const int below, formula.With("Add", deviation, 1e-9));
  speller.Finish(speller.Add("Div", {centred, below}));
  return absl::OkStatus();
}

// What a known mask lets through.
absl::Status SpellCompress(Speller& speller) {
  RETURN_IF_ERROR(speller.CheckAttributes({"axis"}));
  if (!speller.is_known(speller.input(1))) {
    return speller.Unsupported(
        "how many results it has depends on data of each request, which is not "
        "supported");
  }
  ASSIGN_OR_RETURN(const std::vector<int64_t> mask,
                   speller.Elements(speller.input(1)));
  const bool is_flat = !speller.node().attributes.contains("axis");
  ASSIGN_OR_RETURN(const int64_t axis, AxisOf(speller, 0));
  int x = speller.input(0);
  const Shape shape = speller.shape(x);
  int64_t length = shape[static_cast<size_t>(axis)];
  if (is_flat) {
    length = 1;
    for (const int64_t size : shape) length *= size;
    ASSIGN_OR_RETURN(x, speller.Reshaped(x, {length}));
  }
  if (static_cast<int64_t>(mask.size()) > length) {
    return speller.Invalid("the condition is longer than what it chooses of");
  }
  std::vector<int64_t> places;
  for (size_t i = 0; i < mask.size(); ++i) {
    if (mask[i] != 0) places.push_back(static_cast<int64_t>(i));
  }
  ASSIGN_OR_RETURN(const int known, speller.KnownList(places));
  speller.Finish(
      speller.Add("Gather", {x, known}, {{"axis", is_flat ? 0 : axis}}));
  return absl::OkStatus();
}

}  // namespace layerd
