// Arithmetic on constants, in the type that a run time would use: f32 for f32
// and for halves (rounded afterwards), f64 for f64, 64 bits for integers.

#include <algorithm>
#include <cmath>
#include <cstring>
#include <type_traits>

#include "config/status_macros.h"
#include "daemon/pack/graph/broadcast.h"
#include "daemon/pack/graph/element_type.h"
#include "daemon/pack/operators/constant_folding.h"

namespace layerd {
namespace {

// Calls compute(T()) with the type that elements of `dtype` are computed in.
template <typename Compute>
absl::StatusOr<Constant> InComputeType(const Folding& node, DataType dtype,
                                       Compute compute) {
  switch (dtype) {
    case DataType::kF16:
    case DataType::kBF16:
    case DataType::kF32:
      return compute(float());
    case DataType::kF64:
      return compute(double());
    case DataType::kU64:
      return compute(uint64_t());
    case DataType::kBool:
    case DataType::kU8:
    case DataType::kU16:
    case DataType::kU32:
    case DataType::kI8:
    case DataType::kI16:
    case DataType::kI32:
    case DataType::kI64:
      return compute(int64_t());
  }
  return node.Unsupported("its type is unknown");
}

// result[i] = f(left[i], right[i]) over the output's shape, broadcast.
template <typename T, typename Result, typename F>
std::vector<Result> Zip(const std::vector<T>& left,
                        const std::vector<int64_t>& left_shape,
                        const std::vector<T>& right,
                        const std::vector<int64_t>& right_shape,
                        const std::vector<int64_t>& shape, F f) {
  std::vector<Result> result(static_cast<size_t>(*ElementCount(shape)));
  StridedWalk walk(shape, {BroadcastStrides(left_shape, shape),
                           BroadcastStrides(right_shape, shape)});
  for (Result& element : result) {
    element = f(left[static_cast<size_t>(walk.offset(0))],
                right[static_cast<size_t>(walk.offset(1))]);
    walk.Step();
  }
  return result;
}

// Two inputs or more, from the left.
template <typename F>
absl::StatusOr<Constant> Arithmetic(const Folding& node, F f) {
  return InComputeType(
      node, *node.output().dtype, [&](auto zero) -> absl::StatusOr<Constant> {
        using T = decltype(zero);
        ASSIGN_OR_RETURN(std::vector<T> result, node.Load<T>(0));
        std::vector<int64_t> shape = *node.input(0).shape;
        for (size_t i = 1; i < node.node().inputs.size(); ++i) {
          ASSIGN_OR_RETURN(const std::vector<T> next, node.Load<T>(i));
          const std::vector<int64_t>& next_shape = *node.input(i).shape;
          const auto wider = *BroadcastShape(shape, next_shape);
          result = Zip<T, T>(result, shape, next, next_shape, wider, f);
          shape = wider;
        }
        return node.Hold(std::span<const T>(result));
      });
}

template <typename F>
absl::StatusOr<Constant> Comparison(const Folding& node, F f) {
  return InComputeType(
      node, *node.input(0).dtype, [&](auto zero) -> absl::StatusOr<Constant> {
        using T = decltype(zero);
        ASSIGN_OR_RETURN(const std::vector<T> left, node.Load<T>(0));
        ASSIGN_OR_RETURN(const std::vector<T> right, node.Load<T>(1));
        const std::vector<int64_t> result =
            Zip<T, int64_t>(left, *node.input(0).shape, right,
                            *node.input(1).shape, *node.output().shape, f);
        return node.Hold(std::span<const int64_t>(result));
      });
}

template <typename F>
absl::StatusOr<Constant> Unary(const Folding& node, F f) {
  return InComputeType(
      node, *node.output().dtype, [&](auto zero) -> absl::StatusOr<Constant> {
        using T = decltype(zero);
        ASSIGN_OR_RETURN(std::vector<T> elements, node.Load<T>(0));
        std::transform(elements.begin(), elements.end(), elements.begin(), f);
        return node.Hold(std::span<const T>(elements));
      });
}

// Integers wrap as they do at run time; in C++ only unsigned ones may.
template <typename T, typename F>
T Wrapping(T a, T b, F f) {
  if constexpr (std::is_integral_v<T>) {
    using U = std::make_unsigned_t<T>;
    return static_cast<T>(f(static_cast<U>(a), static_cast<U>(b)));
  } else {
    return f(a, b);
  }
}

template <typename T>
constexpr bool kIsSigned = std::is_integral_v<T>&& std::is_signed_v<T>;

template <typename T>
T Quotient(T a, T b) {
  // -2^63 / -1 does not fit.
  if constexpr (kIsSigned<T>) {
    if (b == -1) return Wrapping(T{0}, a, std::minus<>());
  }
  return a / b;
}

// Integers: the sign of b, as in Python; floats: of a.
template <typename T>
T Modulo(T a, T b) {
  if constexpr (kIsSigned<T>) {
    if (b == -1) return 0;
    const T rest = a % b;
    return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
  } else if constexpr (std::is_integral_v<T>) {
    return a % b;
  } else {
    return std::fmod(a, b);
  }
}

// The sign of a, for all.
template <typename T>
T Remainder(T a, T b) {
  if constexpr (kIsSigned<T>) {
    return b == -1 ? 0 : a % b;
  } else if constexpr (std::is_integral_v<T>) {
    return a % b;
  } else {
    return std::fmod(a, b);
  }
}

template <typename T>
T Power(T a, T b) {
  if constexpr (kIsSigned<T>) {
    if (b < 0) return a == 1 ? 1 : a == -1 ? (b % 2 == 0 ? 1 : -1) : 0;
  }
  if constexpr (std::is_integral_v<T>) {
    T power = 1;
    for (; b > 0; b /= 2) {
      if (b % 2 == 1) power = Wrapping(power, a, std::multiplies<>());
      a = Wrapping(a, a, std::multiplies<>());
    }
    return power;
  } else {
    return std::pow(a, b);
  }
}

// The largest and smallest that hand on what is not a number.
template <typename T>
T Least(T a, T b) {
  return a < b || a != a ? a : b;
}
template <typename T>
T Most(T a, T b) {
  return a > b || a != a ? a : b;
}

absl::Status CheckDivisors(const Folding& node) {
  if (IsFloating(*node.output().dtype)) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::vector<int64_t> divisors, node.Load<int64_t>(1));
  if (std::find(divisors.begin(), divisors.end(), 0) == divisors.end()) {
    return absl::OkStatus();
  }
  return node.Invalid("divides integers by zero");
}

}  // namespace

absl::StatusOr<Constant> FoldAdd(const Folding& node) {
  return Arithmetic(
      node, [](auto a, auto b) { return Wrapping(a, b, std::plus<>()); });
}

absl::StatusOr<Constant> FoldDifference(const Folding& node) {
  return Arithmetic(
      node, [](auto a, auto b) { return Wrapping(a, b, std::minus<>()); });
}

absl::StatusOr<Constant> FoldProduct(const Folding& node) {
  return Arithmetic(
      node, [](auto a, auto b) { return Wrapping(a, b, std::multiplies<>()); });
}

absl::StatusOr<Constant> FoldDiv(const Folding& node) {
  RETURN_IF_ERROR(CheckDivisors(node));
  return Arithmetic(node, [](auto a, auto b) { return Quotient(a, b); });
}

absl::StatusOr<Constant> FoldMin(const Folding& node) {
  return Arithmetic(node, [](auto a, auto b) { return Least(a, b); });
}

absl::StatusOr<Constant> FoldMax(const Folding& node) {
  return Arithmetic(node, [](auto a, auto b) { return Most(a, b); });
}

absl::StatusOr<Constant> FoldEqual(const Folding& node) {
  return Comparison(node, std::equal_to<>());
}

absl::StatusOr<Constant> FoldLess(const Folding& node) {
  return Comparison(node, std::less<>());
}

absl::StatusOr<Constant> FoldGreater(const Folding& node) {
  return Comparison(node, std::greater<>());
}

absl::StatusOr<Constant> FoldNeg(const Folding& node) {
  return Unary(node, [](auto a) {
    if constexpr (std::is_integral_v<decltype(a)>) {
      return Wrapping(decltype(a){0}, a, std::minus<>());
    } else {
      return -a;
    }
  });
}

absl::StatusOr<Constant> FoldNot(const Folding& node) {
  return Unary(node, [](auto a) { return static_cast<decltype(a)>(a == 0); });
}

absl::StatusOr<Constant> FoldLessOrEqual(const Folding& node) {
  return Comparison(node, std::less_equal<>());
}

absl::StatusOr<Constant> FoldGreaterOrEqual(const Folding& node) {
  return Comparison(node, std::greater_equal<>());
}

absl::StatusOr<Constant> FoldAnd(const Folding& node) {
  return Comparison(node, [](auto a, auto b) { return a != 0 && b != 0; });
}

absl::StatusOr<Constant> FoldOr(const Folding& node) {
  return Comparison(node, [](auto a, auto b) { return a != 0 || b != 0; });
}

absl::StatusOr<Constant> FoldXor(const Folding& node) {
  return Comparison(node, [](auto a, auto b) { return (a != 0) != (b != 0); });
}

absl::StatusOr<Constant> FoldPow(const Folding& node) {
  // As at run time.
  if (*node.input(0).dtype == DataType::kU64 ||
      *node.input(1).dtype == DataType::kU64) {
    return node.Unsupported("powers of UINT64 are not supported");
  }
  return Arithmetic(node, [](auto a, auto b) { return Power(a, b); });
}

absl::StatusOr<Constant> FoldMod(const Folding& node) {
  RETURN_IF_ERROR(CheckDivisors(node));
  if (node.node().attributes.contains("fmod")) {
    return Arithmetic(node, [](auto a, auto b) { return Remainder(a, b); });
  }
  return Arithmetic(node, [](auto a, auto b) { return Modulo(a, b); });
}

// Halves that become f32 may stay in their file: reading widens them anyway.
absl::StatusOr<Constant> FoldCast(const Folding& node) {
  const Constant& from = node.constant(0);
  const DataType to = *node.output().dtype;
  const bool is_half =
      from.dtype == DataType::kF16 || from.dtype == DataType::kBF16;
  if (is_half && to == DataType::kF32 && from.file >= 0) {
    return FoldReshape(node);
  }
  if (std::optional<Constant> steps = InStepsOfOne(from, to)) return *steps;
  if (!IsFloating(from.dtype) && !IsFloating(to)) {
    ASSIGN_OR_RETURN(const std::vector<int64_t> elements,
                     node.Load<int64_t>(0));
    return node.Hold(std::span<const int64_t>(elements));
  }
  if (from.dtype == DataType::kF64 || to == DataType::kF64 ||
      !IsFloating(from.dtype)) {
    ASSIGN_OR_RETURN(const std::vector<double> elements, node.Load<double>(0));
    return node.Hold(std::span<const double>(elements));
  }
  ASSIGN_OR_RETURN(const std::vector<float> elements, node.Load<float>(0));
  return node.Hold(std::span<const float>(elements));
}

}  // namespace layerd
