// Bits of integers, by arithmetic: what is computed with is I64, which has the
// bits of every other integer, and narrowing it keeps the lowest ones.

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "config/status_macros.h"
#include "daemon/pack/graph/element_type.h"
#include "daemon/pack/spell/speller.h"
#include "kernels/tensor.h"

namespace layerd {
namespace {

constexpr int64_t kDigit = 16;  // What a digit of four bits is less than.
constexpr int64_t kLowest = std::numeric_limits<int64_t>::min();

class Bits {
 public:
  // REQUIRES: Check() is OK.
  explicit Bits(Speller* speller)
      : speller_(*speller), dtype_(speller->dtype(speller->input(0))) {}

  static absl::Status Check(const Speller& speller) {
    const DataType dtype = speller.dtype(speller.input(0));
    if (IsFloating(dtype) || dtype == DataType::kBool) {
      return speller.Invalid("its inputs are no integers");
    }
    for (const int input : speller.node().inputs) {
      if (speller.dtype(input) == dtype) continue;
      return speller.Invalid("its inputs are of several types");
    }
    return absl::OkStatus();
  }

  int64_t width() const { return 8 * static_cast<int64_t>(SizeOf(dtype_)); }
  DataType dtype() const { return dtype_; }
  int Wide(size_t i) {
    return speller_.CastTo(speller_.input(i), DataType::kI64);
  }
  void Finish(int wide) { speller_.Finish(speller_.CastTo(wide, dtype_)); }

  absl::StatusOr<int> Number(int64_t number) {
    return speller_.Known({number}, {});
  }
  absl::StatusOr<int> With(const char* op_type, int a, int64_t number) {
    ASSIGN_OR_RETURN(const int known, Number(number));
    return speller_.Add(op_type, {a, known});
  }
  int Join(const char* op_type, int a, int b) {
    return speller_.Add(op_type, {a, b});
  }

  // Digit by digit, each pair by a table; of narrow integers fewer digits.
  absl::StatusOr<int> And(int a, int b) {
    std::vector<int64_t> pairs;
    for (int64_t i = 0; i < kDigit * kDigit; ++i) {
      pairs.push_back(i / kDigit & i % kDigit);
    }
    ASSIGN_OR_RETURN(const int table, speller_.KnownList(pairs));
    int sum = kAbsent;
    for (int64_t bit = 0; bit < width(); bit += 4) {
      ASSIGN_OR_RETURN(const int left, TakeDigit(&a));
      ASSIGN_OR_RETURN(const int right, TakeDigit(&b));
      ASSIGN_OR_RETURN(const int high, With("Mul", left, kDigit));
      int digit = speller_.Add("Gather", {table, Join("Add", high, right)},
                               {{"axis", int64_t{0}}});
      ASSIGN_OR_RETURN(digit, With("Mul", digit, int64_t{1} << bit));
      sum = sum == kAbsent ? digit : Join("Add", sum, digit);
    }
    return sum;
  }

  // x / 2^places, rounded down. REQUIRES: places are from 0 to 62.
  absl::StatusOr<int> Lowered(int x, int places) {
    ASSIGN_OR_RETURN(const int two, Number(2));
    const int divisor = Join("Pow", two, places);
    return Quotient(x, divisor);
  }

  int Chosen(int is_so, int then, int otherwise) {
    return speller_.Add("Where", {is_so, then, otherwise});
  }
  absl::StatusOr<int> Chosen(const char* compares, int a, int64_t number,
                             int then, int otherwise) {
    ASSIGN_OR_RETURN(const int is_so, With(compares, a, number));
    return Chosen(is_so, then, otherwise);
  }

 private:
  // Rounded down: Mod has the sign of the divisor.
  int Quotient(int x, int divisor) {
    return Join("Div", Join("Sub", x, Join("Mod", x, divisor)), divisor);
  }

  absl::StatusOr<int> TakeDigit(int* rest) {
    ASSIGN_OR_RETURN(const int base, Number(kDigit));
    const int digit = Join("Mod", *rest, base);
    *rest = Join("Div", Join("Sub", *rest, digit), base);
    return digit;
  }

  Speller& speller_;
  const DataType dtype_;
};

// Places that are none of the type's leave nothing but the sign.
absl::StatusOr<int> ShiftedRight(Bits& bits, int x, int places) {
  ASSIGN_OR_RETURN(const int bounded, bits.With("Min", places, 62));
  ASSIGN_OR_RETURN(const int within, bits.With("Max", bounded, 0));
  ASSIGN_OR_RETURN(const int y, bits.Lowered(x, within));
  ASSIGN_OR_RETURN(const int ones, bits.Number(-1));
  ASSIGN_OR_RETURN(const int zero, bits.Number(0));
  ASSIGN_OR_RETURN(const int sign, bits.Chosen("Less", x, 0, ones, zero));
  return bits.Chosen(bits.Join("Equal", places, within), y, sign);
}

// The first place is given up beforehand, and with it what I64 takes for a
// sign.
absl::StatusOr<int> ShiftedRightUnsigned(Bits& bits, int x, int places) {
  ASSIGN_OR_RETURN(const int one, bits.Number(1));
  ASSIGN_OR_RETURN(const int half, bits.Lowered(x, one));
  ASSIGN_OR_RETURN(const int positive, bits.With("Add", half, kLowest));
  ASSIGN_OR_RETURN(const int rest, bits.Chosen("Less", x, 0, positive, half));
  ASSIGN_OR_RETURN(const int left, bits.With("Sub", places, 1));
  ASSIGN_OR_RETURN(const int y, ShiftedRight(bits, rest, left));
  return bits.Chosen("Equal", places, 0, x, y);
}

}  // namespace

absl::Status SpellBitwise(Speller& speller) {
  RETURN_IF_ERROR(speller.CheckAttributes({}));
  RETURN_IF_ERROR(Bits::Check(speller));
  Bits bits(&speller);
  const int a = bits.Wide(0);
  const std::string& name = speller.node().op_type;
  if (name == "BitwiseNot") {
    ASSIGN_OR_RETURN(const int ones, bits.Number(-1));
    bits.Finish(bits.Join("Sub", ones, a));
    return absl::OkStatus();
  }
  const int b = bits.Wide(1);
  ASSIGN_OR_RETURN(const int both, bits.And(a, b));
  if (name == "BitwiseAnd") {
    bits.Finish(both);
    return absl::OkStatus();
  }
  // One of them has what either has, but for what both have.
  int y = bits.Join("Sub", bits.Join("Add", a, b), both);
  if (name == "BitwiseXor") y = bits.Join("Sub", y, both);
  bits.Finish(y);
  return absl::OkStatus();
}

// Powers of 2 beyond the last place are 0, and so are those below the first.
absl::Status SpellBitShift(Speller& speller) {
  RETURN_IF_ERROR(speller.CheckAttributes({"direction"}));
  RETURN_IF_ERROR(Bits::Check(speller));
  ASSIGN_OR_RETURN(const std::string direction,
                   speller.StringOr("direction", ""));
  if (direction != "LEFT" && direction != "RIGHT") {
    return speller.Invalid("its direction is neither LEFT nor RIGHT");
  }
  Bits bits(&speller);
  const int x = bits.Wide(0);
  const int places = bits.Wide(1);
  if (direction == "LEFT") {
    ASSIGN_OR_RETURN(const int two, bits.Number(2));
    bits.Finish(bits.Join("Mul", x, bits.Join("Pow", two, places)));
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const int y, bits.dtype() == DataType::kU64
                                    ? ShiftedRightUnsigned(bits, x, places)
                                    : ShiftedRight(bits, x, places));
  bits.Finish(y);
  return absl::OkStatus();
}

}  // namespace layerd
