#include "test/conformance/agreement.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "daemon/pack/graph/element_type.h"

namespace layerd {
namespace {

struct Bounds {
  double rtol, atol;
  double share;  // Of the deviation, that the differences may have together.
};

Bounds BoundsOf(DataType dtype) {
  if (dtype == DataType::kF16 || dtype == DataType::kBF16) {
    return {1e-2, 1e-2, 0.05};
  }
  return {1e-3, 1e-4, 0.01};
}

std::vector<double> NumbersOf(const HeldTensor& tensor) {
  std::vector<double> numbers(tensor.bytes.size() / SizeOf(tensor.dtype));
  ConvertElements(tensor.dtype, tensor.bytes.data(), numbers);
  return numbers;
}

bool IsSame(double got, double want) {
  return got == want || (std::isnan(got) && std::isnan(want));
}

// Takes out what is infinite or no number at the same place in both; says
// where it is not.
std::string TakeOutWild(std::vector<double>* got, std::vector<double>* want) {
  size_t kept = 0;
  for (size_t i = 0; i < want->size(); ++i) {
    const double a = (*got)[i], b = (*want)[i];
    if (std::isfinite(a) && std::isfinite(b)) {
      (*got)[kept] = a;
      (*want)[kept++] = b;
    } else if (!IsSame(a, b)) {
      return absl::StrFormat("element %d is %g, want %g", i, a, b);
    }
  }
  got->resize(kept);
  want->resize(kept);
  return "";
}

double Deviation(const std::vector<double>& numbers) {
  double sum = 0, squares = 0;
  for (const double number : numbers) sum += number;
  const double count = static_cast<double>(numbers.size());
  for (const double number : numbers) {
    squares += (number - sum / count) * (number - sum / count);
  }
  return std::sqrt(squares / count);
}

std::string WhyApart(const std::vector<double>& got,
                     const std::vector<double>& want, const Bounds& bounds) {
  double largest = 0;
  for (const double number : want) {
    largest = std::max(largest, std::abs(number));
  }
  double squares = 0;
  for (size_t i = 0; i < want.size(); ++i) {
    const double difference = std::abs(got[i] - want[i]);
    squares += difference * difference;
    const double allowed =
        bounds.atol * std::max(1.0, largest) + bounds.rtol * std::abs(want[i]);
    if (difference <= allowed) continue;
    return absl::StrFormat("element %d is %.9g, want %.9g", i, got[i], want[i]);
  }
  const double together = std::sqrt(squares / static_cast<double>(want.size()));
  if (together <= bounds.share * Deviation(want) + bounds.rtol / 10 * largest) {
    return "";
  }
  return absl::StrFormat("all together are apart by %.3g", together);
}

}  // namespace

std::string WhyDifferent(const HeldTensor& got, const HeldTensor& want) {
  if (got.dtype != want.dtype) {
    return absl::StrFormat("datatype is %s, want %s", NameOf(got.dtype),
                           NameOf(want.dtype));
  }
  if (got.shape != want.shape) {
    return absl::StrFormat("shape is [%s], want [%s]",
                           absl::StrJoin(got.shape, ", "),
                           absl::StrJoin(want.shape, ", "));
  }
  if (want.bytes.empty()) return "";
  if (!IsFloating(want.dtype)) {
    return got.bytes == want.bytes ? "" : "integers differ";
  }
  std::vector<double> numbers = NumbersOf(got), wanted = NumbersOf(want);
  if (std::string why = TakeOutWild(&numbers, &wanted); !why.empty()) {
    return why;
  }
  if (wanted.empty()) return "";
  return WhyApart(numbers, wanted, BoundsOf(want.dtype));
}

}  // namespace layerd
