// MelWeightMatrix: a bank of triangles over the frequencies of a spectrum,
// whose corners are as far from each other as an ear hears them.

#include <array>
#include <cmath>
#include <utility>

#include "config/status_macros.h"
#include "daemon/pack/graph/element_type.h"
#include "daemon/pack/spell/speller.h"

namespace layerd {
namespace {

struct Bank {
  int64_t filters, length, rate;  // Samples of a period, and of a second.
  double low_hertz, high_hertz;

  int64_t frequencies() const { return length / 2 + 1; }
  // In whole frequencies: where filter i begins, i + 1 peaks, i + 2 ends.
  int64_t Corner(int64_t i) const {
    const double low = Mel(low_hertz);
    const double step =
        (Mel(high_hertz) - low) / static_cast<double>(filters + 2);
    const double hertz = Hertz(low + static_cast<double>(i) * step);
    return static_cast<int64_t>(std::floor(static_cast<double>(length + 1) *
                                           hertz / static_cast<double>(rate)));
  }

 private:
  static double Mel(double hertz) { return 2595 * std::log10(1 + hertz / 700); }
  static double Hertz(double mel) {
    return 700 * (std::pow(10, mel / 2595) - 1);
  }
};

// Of frequency `at` in a filter of these corners. One that rises nowhere has
// its peak all the same.
float Share(int64_t at, int64_t begin, int64_t peak, int64_t end) {
  if (at == peak && (begin == peak || peak >= end)) return 1;
  if (at >= peak && at < end) {
    return static_cast<float>(static_cast<double>(end - at) /
                              static_cast<double>(end - peak));
  }
  if (at < begin || at > peak) return 0;
  return static_cast<float>(static_cast<double>(at - begin) /
                            static_cast<double>(peak - begin));
}

absl::StatusOr<Bank> BankOf(const Speller& speller) {
  std::array<int64_t, 3> whole{};
  std::array<double, 2> hertz{};
  for (size_t i = 0; i < whole.size() + hertz.size(); ++i) {
    const int value = speller.input(i);
    const bool is_whole = i < whole.size();
    if (!speller.is_known(value)) {
      return speller.Unsupported(
          "it is only supported where all its inputs are known while packing");
    }
    if (CountOf(speller.shape(value)) != 1 ||
        IsFloating(speller.dtype(value)) == is_whole) {
      return speller.Invalid(
          "its inputs are not three integers and two floating numbers");
    }
    if (is_whole) {
      ASSIGN_OR_RETURN(const auto elements, speller.Elements(value));
      whole[i] = elements[0];
    } else {
      ASSIGN_OR_RETURN(const auto numbers, speller.Numbers(value, 0, 1));
      hertz[i - whole.size()] = numbers[0];
    }
  }
  const Bank bank{whole[0], whole[1], whole[2], hertz[0], hertz[1]};
  const bool is_sound = bank.filters >= 1 && bank.length >= 1 &&
                        bank.rate >= 1 && bank.low_hertz >= 0 &&
                        bank.high_hertz >= bank.low_hertz &&
                        bank.high_hertz <= static_cast<double>(bank.rate) / 2;
  if (!is_sound) {
    return speller.Invalid(
        "its filters do not lie between 0 and half the sample rate");
  }
  RETURN_IF_ERROR(speller.CheckSize(bank.filters, bank.length));
  return bank;
}

}  // namespace

absl::Status SpellMelWeightMatrix(Speller& speller) {
  RETURN_IF_ERROR(speller.CheckAttributes({"output_datatype"}));
  ASSIGN_OR_RETURN(const int64_t type, speller.IntOr("output_datatype", 1));
  if (type != 1) return speller.Unsupported("only FP32 matrices are supported");
  ASSIGN_OR_RETURN(const Bank bank, BankOf(speller));
  std::vector<int64_t> corners;
  for (int64_t i = 0; i < bank.filters + 2; ++i) {
    corners.push_back(bank.Corner(i));
  }
  std::vector<float> shares;
  for (int64_t at = 0; at < bank.frequencies(); ++at) {
    for (size_t i = 0; i + 2 < corners.size(); ++i) {
      shares.push_back(Share(at, corners[i], corners[i + 1], corners[i + 2]));
    }
  }
  ASSIGN_OR_RETURN(const int list,
                   speller.KnownNumbers(DataType::kF32, shares));
  ASSIGN_OR_RETURN(const int matrix,
                   speller.Reshaped(list, {bank.frequencies(), bank.filters}));
  speller.Finish(matrix);
  return absl::OkStatus();
}

}  // namespace layerd
