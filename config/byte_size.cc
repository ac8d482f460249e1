#include "config/byte_size.h"

#include <cmath>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"

namespace layerd {
namespace {

struct Unit {
  std::string_view suffix;
  uint64_t bytes;
};
// The longest first: "B" ends every other one.
constexpr Unit kUnits[] = {{"GiB", uint64_t{1} << 30},
                           {"MiB", uint64_t{1} << 20},
                           {"KiB", uint64_t{1} << 10},
                           {"B", 1}};
constexpr double kTooMany = 9.0e18;

absl::Status NotASize(std::string_view text) {
  return absl::InvalidArgumentError(absl::StrFormat(
      "'%s' is no size; write bytes, KiB, MiB or GiB (64KiB, 1.5GiB) or all",
      std::string(text)));
}

}  // namespace

absl::StatusOr<uint64_t> ParseByteSize(std::string_view text) {
  if (text == "all") return kAllBytes;
  std::string_view number = text;
  uint64_t unit_bytes = 1;
  for (const Unit& unit : kUnits) {
    if (!number.ends_with(unit.suffix)) continue;
    number.remove_suffix(unit.suffix.size());
    unit_bytes = unit.bytes;
    break;
  }
  if (number.find_first_not_of("0123456789.") != number.npos) {
    return NotASize(text);  // No signs, exponents, hexadecimals or "nan".
  }
  double value = 0;
  if (!absl::SimpleAtod(std::string(number), &value) ||
      value * static_cast<double>(unit_bytes) > kTooMany) {
    return NotASize(text);
  }
  const double bytes = value * static_cast<double>(unit_bytes);
  if (bytes != std::floor(bytes)) return NotASize(text);
  return static_cast<uint64_t>(bytes);
}

std::string FormatByteSize(uint64_t bytes) {
  if (bytes == kAllBytes) return "all";
  for (const Unit& unit : kUnits) {
    if (bytes < unit.bytes || unit.bytes == 1) continue;
    const double value =
        static_cast<double>(bytes) / static_cast<double>(unit.bytes);
    const int digits = value >= 100 || bytes % unit.bytes == 0 ? 0 : 1;
    return absl::StrFormat("%.*f %s", digits, value, std::string(unit.suffix));
  }
  return absl::StrFormat("%d B", bytes);
}

}  // namespace layerd
