// Arithmetic of U64, in I64 that has the same bits: sums, differences and
// products wrap alike; what compares or divides minds the sign.

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "config/status_macros.h"
#include "daemon/pack/graph/element_type.h"
#include "daemon/pack/spell/speller.h"

namespace layerd {
namespace {

class Unsigned {
 public:
  explicit Unsigned(Speller* speller) : speller_(*speller) {}

  int Wide(size_t i) {
    return speller_.CastTo(speller_.input(i), DataType::kI64);
  }
  int Join(const char* op_type, int a, int b) {
    return speller_.Add(op_type, {a, b});
  }
  absl::StatusOr<int> With(const char* op_type, int a, int64_t number) {
    ASSIGN_OR_RETURN(const int known, speller_.Known({number}, {}));
    return Join(op_type, a, known);
  }
  // Half of all numbers away they are in the same order.
  absl::StatusOr<int> Moved(int x) {
    return With("Add", x, std::numeric_limits<int64_t>::min());
  }
  absl::StatusOr<int> Compared(const char* op_type, int a, int b) {
    ASSIGN_OR_RETURN(const int left, Moved(a));
    ASSIGN_OR_RETURN(const int right, Moved(b));
    return Join(op_type, left, right);
  }

  // Of half of `a` first: twice that quotient is exact or one too few. What is
  // divided by a number above half of all is one of it or none.
  absl::StatusOr<int> Quotient(int a, int b) {
    ASSIGN_OR_RETURN(const int half, Half(a));
    const int halved = Join("Div", half, b);
    const int twice = Join("Add", halved, halved);
    const int rest = Join("Sub", a, Join("Mul", twice, b));
    ASSIGN_OR_RETURN(const int is_short, Compared("GreaterOrEqual", rest, b));
    const int one_more = speller_.CastTo(is_short, DataType::kI64);
    ASSIGN_OR_RETURN(const int fits, Compared("GreaterOrEqual", a, b));
    ASSIGN_OR_RETURN(const int is_large, With("Less", b, 0));
    return speller_.Add("Where",
                        {is_large, speller_.CastTo(fits, DataType::kI64),
                         Join("Add", twice, one_more)});
  }

 private:
  // floor(a / 2), which is no negative number of I64.
  absl::StatusOr<int> Half(int a) {
    ASSIGN_OR_RETURN(const int last, With("Mod", a, 2));
    ASSIGN_OR_RETURN(const int half, With("Div", Join("Sub", a, last), 2));
    ASSIGN_OR_RETURN(const int moved, Moved(half));
    ASSIGN_OR_RETURN(const int is_negative, With("Less", half, 0));
    return speller_.Add("Where", {is_negative, moved, half});
  }

  Speller& speller_;
};

}  // namespace

absl::Status SpellUnsignedArithmetic(Speller& speller) {
  Unsigned numbers(&speller);
  const std::string& name = speller.node().op_type;
  const int a = numbers.Wide(0);
  const int b = numbers.Wide(1);
  int y = kAbsent;
  if (name == "Div") {
    ASSIGN_OR_RETURN(y, numbers.Quotient(a, b));
  } else if (name == "Mod") {
    ASSIGN_OR_RETURN(const int quotient, numbers.Quotient(a, b));
    y = numbers.Join("Sub", a, numbers.Join("Mul", quotient, b));
  } else {
    y = numbers.Join(name.c_str(), a, b);
  }
  speller.Finish(speller.CastTo(y, DataType::kU64));
  return absl::OkStatus();
}

absl::Status SpellUnsignedExtreme(Speller& speller) {
  Unsigned numbers(&speller);
  std::vector<int> moved;
  for (size_t i = 0; i < speller.node().inputs.size(); ++i) {
    ASSIGN_OR_RETURN(moved.emplace_back(), numbers.Moved(numbers.Wide(i)));
  }
  const int extreme =
      speller.Add(speller.node().op_type.c_str(), std::move(moved));
  ASSIGN_OR_RETURN(const int back, numbers.Moved(extreme));
  speller.Finish(speller.CastTo(back, DataType::kU64));
  return absl::OkStatus();
}

absl::Status SpellUnsignedComparison(Speller& speller) {
  Unsigned numbers(&speller);
  ASSIGN_OR_RETURN(const int is_so,
                   numbers.Compared(speller.node().op_type.c_str(),
                                    numbers.Wide(0), numbers.Wide(1)));
  speller.Finish(is_so);
  return absl::OkStatus();
}

}  // namespace layerd
