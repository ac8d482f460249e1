// Unary, Binary, Select on integers, truths, or elements of any kind.
#include "kernels/cpu/typed_loops.h"

#include <algorithm>
#include <atomic>
#include <cmath>

#include "kernels/cpu/loop_nest.h"

namespace layerd::cpu {
namespace {

template <typename T>
const T* As(const std::byte* bytes) {
  return reinterpret_cast<const T*>(bytes);
}
template <typename T>
T* As(std::byte* bytes) {
  return reinterpret_cast<T*>(bytes);
}

// y[i] = combine(a[i], b[i]) for all rows.
template <typename From, typename To, typename Combine>
void ForEachPair(const LoopNest& nest, const From* a, const From* b, To* y,
                 Combine combine) {
  const LoopNest::Positions stride = nest.row_stride();
  ForEachRow(nest, [&](const LoopNest::Positions& at, int64_t count) {
    const From* left = a + at[1];
    const From* right = b + at[2];
    To* to = y + at[0];
    if (stride == LoopNest::Positions{1, 1, 1}) {
      for (int64_t i = 0; i < count; ++i) to[i] = combine(left[i], right[i]);
      return;
    }
    for (int64_t i = 0; i < count; ++i) {
      to[i * stride[0]] = combine(left[i * stride[1]], right[i * stride[2]]);
    }
  });
}

template <typename T>
void Compare(Binary::Kind kind, const LoopNest& nest, const T* a, const T* b,
             uint8_t* y) {
  switch (kind) {
    case Binary::Kind::kEqual:
      return ForEachPair(nest, a, b, y, [](T p, T q) { return p == q; });
    case Binary::Kind::kLess:
      return ForEachPair(nest, a, b, y, [](T p, T q) { return p < q; });
    default:
      return ForEachPair(nest, a, b, y, [](T p, T q) { return p <= q; });
  }
}

void Logic(Binary::Kind kind, const LoopNest& nest, const uint8_t* a,
           const uint8_t* b, uint8_t* y) {
  using Truth = uint8_t;
  switch (kind) {
    case Binary::Kind::kAnd:
      return ForEachPair(nest, a, b, y,
                         [](Truth p, Truth q) { return p != 0 && q != 0; });
    case Binary::Kind::kOr:
      return ForEachPair(nest, a, b, y,
                         [](Truth p, Truth q) { return p != 0 || q != 0; });
    default:
      return ForEachPair(nest, a, b, y,
                         [](Truth p, Truth q) { return (p != 0) != (q != 0); });
  }
}

// What wraps is unsigned; -2^63 / -1 wraps too.
int64_t Quotient(int64_t a, int64_t b) {
  return b == -1 ? static_cast<int64_t>(-static_cast<uint64_t>(a)) : a / b;
}

int64_t Modulo(int64_t a, int64_t b) {
  const int64_t rest = b == -1 ? 0 : a % b;
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

int64_t Power(int64_t a, int64_t b) {
  if (b < 0) return a == 1 ? 1 : a == -1 ? (b % 2 == 0 ? 1 : -1) : 0;
  auto base = static_cast<uint64_t>(a);
  uint64_t power = 1;
  for (; b > 0; b /= 2, base *= base) {
    if (b % 2 == 1) power *= base;
  }
  return static_cast<int64_t>(power);
}

// Runs `combine` where no divisor is zero.
template <typename Combine>
absl::Status Divide(const LoopNest& nest, const int64_t* a, const int64_t* b,
                    int64_t* y, Combine combine) {
  std::atomic<bool> divides_by_zero = false;
  ForEachPair(nest, a, b, y, [&](int64_t p, int64_t q) -> int64_t {
    if (q != 0) return combine(p, q);
    divides_by_zero.store(true, std::memory_order_relaxed);
    return 0;
  });
  if (!divides_by_zero) return absl::OkStatus();
  return absl::InvalidArgumentError("Binary: an integer is divided by zero");
}

absl::Status Compute(Binary::Kind kind, const LoopNest& nest, const int64_t* a,
                     const int64_t* b, int64_t* y) {
  const auto wrapping = [&](auto combine) {
    ForEachPair(nest, a, b, y, [=](int64_t p, int64_t q) {
      return static_cast<int64_t>(
          combine(static_cast<uint64_t>(p), static_cast<uint64_t>(q)));
    });
    return absl::OkStatus();
  };
  const auto plain = [&](auto combine) {
    ForEachPair(nest, a, b, y, combine);
    return absl::OkStatus();
  };
  switch (kind) {
    case Binary::Kind::kAdd:
      return wrapping([](uint64_t p, uint64_t q) { return p + q; });
    case Binary::Kind::kSub:
      return wrapping([](uint64_t p, uint64_t q) { return p - q; });
    case Binary::Kind::kMul:
      return wrapping([](uint64_t p, uint64_t q) { return p * q; });
    case Binary::Kind::kDiv:
      return Divide(nest, a, b, y, Quotient);
    case Binary::Kind::kMod:
      return Divide(nest, a, b, y, Modulo);
    case Binary::Kind::kPow:
      return plain(Power);
    case Binary::Kind::kMax:
      return plain([](int64_t p, int64_t q) { return std::max(p, q); });
    default:
      return plain([](int64_t p, int64_t q) { return std::min(p, q); });
  }
}

void Compute(Binary::Kind kind, const LoopNest& nest, const double* a,
             const double* b, double* y) {
  const auto each = [&](auto combine) { ForEachPair(nest, a, b, y, combine); };
  switch (kind) {
    case Binary::Kind::kAdd:
      return each([](double p, double q) { return p + q; });
    case Binary::Kind::kSub:
      return each([](double p, double q) { return p - q; });
    case Binary::Kind::kMul:
      return each([](double p, double q) { return p * q; });
    case Binary::Kind::kDiv:
      return each([](double p, double q) { return p / q; });
    case Binary::Kind::kMod:
      return each([](double p, double q) { return std::fmod(p, q); });
    case Binary::Kind::kPow:
      return each([](double p, double q) { return std::pow(p, q); });
    case Binary::Kind::kMax:
      return each([](double p, double q) { return p > q || p != p ? p : q; });
    default:
      return each([](double p, double q) { return p < q || p != p ? p : q; });
  }
}

bool Compares(Binary::Kind kind) {
  return kind == Binary::Kind::kEqual || kind == Binary::Kind::kLess ||
         kind == Binary::Kind::kLessOrEqual;
}

int64_t Activated(ActivationKind kind, int64_t x) {
  const auto negative = static_cast<int64_t>(-static_cast<uint64_t>(x));
  switch (kind) {
    case ActivationKind::kRelu:
      return std::max<int64_t>(x, 0);
    case ActivationKind::kAbs:
      return x < 0 ? negative : x;
    case ActivationKind::kNegative:
      return negative;
    case ActivationKind::kSign:
      return x < 0 ? -1 : x > 0 ? 1 : 0;
    default:
      return x;
  }
}

double Activated(ActivationKind kind, double x) {
  switch (kind) {
    case ActivationKind::kRelu:
      return x < 0 ? 0 : x;
    case ActivationKind::kAbs:
      return std::abs(x);
    case ActivationKind::kNegative:
      return -x;
    case ActivationKind::kSign:
      return x < 0 ? -1 : x > 0 ? 1 : x;
    default:
      return x;
  }
}

template <typename T>
void ChooseRow(const uint8_t* which, int64_t which_stride, const T* yes,
               int64_t yes_stride, const T* no, int64_t no_stride, T* to,
               int64_t to_stride, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    const T chosen =
        which[i * which_stride] != 0 ? yes[i * yes_stride] : no[i * no_stride];
    to[i * to_stride] = chosen;
  }
}

// Strides that a compiler knows become vectors.
template <typename T>
void Choose(const LoopNest& nest, const uint8_t* condition, const T* a,
            const T* b, T* y) {
  const LoopNest::Positions stride = nest.row_stride();
  ForEachRow(nest, [&](const LoopNest::Positions& at, int64_t count) {
    const uint8_t* const which = condition + at[1];
    const T* const yes = a + at[2];
    const T* const no = b + at[3];
    T* const to = y + at[0];
    if (stride == LoopNest::Positions{1, 1, 1, 1}) {
      ChooseRow(which, 1, yes, 1, no, 1, to, 1, count);
    } else if (stride == LoopNest::Positions{1, 1, 0, 1}) {
      ChooseRow(which, 1, yes, 0, no, 1, to, 1, count);
    } else if (stride == LoopNest::Positions{1, 1, 1, 0}) {
      ChooseRow(which, 1, yes, 1, no, 0, to, 1, count);
    } else if (stride[1] == 0 && stride[0] == 1 &&
               stride[*which != 0 ? 2 : 3] == 1) {
      std::copy_n(*which != 0 ? yes : no, count, to);
    } else {
      ChooseRow(which, stride[1], yes, stride[2], no, stride[3], to, stride[0],
                count);
    }
  });
}

}  // namespace

absl::Status RunTypedBinary(const LoopNest& nest, Binary::Kind kind,
                            DataType from, const std::byte* a,
                            const std::byte* b, std::byte* y) {
  if (Compares(kind)) {
    auto* truths = As<uint8_t>(y);
    if (from == DataType::kF32) {
      Compare(kind, nest, As<float>(a), As<float>(b), truths);
    } else if (from == DataType::kI64) {
      Compare(kind, nest, As<int64_t>(a), As<int64_t>(b), truths);
    } else if (from == DataType::kF64) {
      Compare(kind, nest, As<double>(a), As<double>(b), truths);
    } else {
      Compare(kind, nest, As<uint8_t>(a), As<uint8_t>(b), truths);
    }
    return absl::OkStatus();
  }
  if (from == DataType::kBool) {
    Logic(kind, nest, As<uint8_t>(a), As<uint8_t>(b), As<uint8_t>(y));
    return absl::OkStatus();
  }
  if (from == DataType::kF64) {
    Compute(kind, nest, As<double>(a), As<double>(b), As<double>(y));
    return absl::OkStatus();
  }
  return Compute(kind, nest, As<int64_t>(a), As<int64_t>(b), As<int64_t>(y));
}

void RunTypedUnary(const LoopNest& nest, ActivationKind kind, DataType dtype,
                   const std::byte* x, std::byte* y) {
  const LoopNest::Positions stride = nest.row_stride();
  ForEachRow(nest, [&](const LoopNest::Positions& at, int64_t count) {
    for (int64_t i = 0; i < count; ++i) {
      const int64_t from = at[1] + i * stride[1];
      const int64_t to = at[0] + i * stride[0];
      if (dtype == DataType::kI64) {
        As<int64_t>(y)[to] = Activated(kind, As<int64_t>(x)[from]);
      } else if (dtype == DataType::kF64) {
        As<double>(y)[to] = Activated(kind, As<double>(x)[from]);
      } else {
        const bool truth = As<uint8_t>(x)[from] != 0;
        As<uint8_t>(y)[to] = kind == ActivationKind::kNot ? !truth : truth;
      }
    }
  });
}

void RunSelect(const LoopNest& nest, size_t element_bytes,
               const std::byte* condition, const std::byte* a,
               const std::byte* b, std::byte* y) {
  const auto* truths = As<uint8_t>(condition);
  switch (element_bytes) {
    case 1:
      return Choose(nest, truths, As<uint8_t>(a), As<uint8_t>(b),
                    As<uint8_t>(y));
    case 2:
      return Choose(nest, truths, As<uint16_t>(a), As<uint16_t>(b),
                    As<uint16_t>(y));
    case 4:
      return Choose(nest, truths, As<uint32_t>(a), As<uint32_t>(b),
                    As<uint32_t>(y));
    default:
      return Choose(nest, truths, As<uint64_t>(a), As<uint64_t>(b),
                    As<uint64_t>(y));
  }
}

}  // namespace layerd::cpu
