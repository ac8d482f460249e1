#include "kernels/cpu/rows.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "test/catch/catch.h"

namespace layerd::cpu {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// From -100 to 100, dense around zero.
std::vector<float> Sweep() {
  std::vector<float> x = {0.0f, -0.0f, kInfinity, -kInfinity};
  for (float size = 1e-6f; size < 100; size *= 1.0007f) {
    x.push_back(size);
    x.push_back(-size);
  }
  return x;
}

std::vector<float> Activated(ActivationKind kind, const std::vector<float>& x) {
  std::vector<float> y(x.size());
  ActivateRow({kind, 0, 0}, x.data(), y.data(), x.size());
  return y;
}

// The worst error relative to the truth; what is below any normal float may
// be zero.
template <typename Truth>
double WorstError(const std::vector<float>& x, const std::vector<float>& y,
                  Truth truth) {
  double worst = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double expected = truth(x[i]);
    const double scale = std::max(std::abs(expected), 1e-30);
    worst = std::max(worst, std::abs(y[i] - expected) / scale);
  }
  return worst;
}

TEST_CASE("Sigmoid is true to 3e-7 everywhere") {
  const std::vector<float> x = Sweep();
  CHECK(WorstError(x, Activated(ActivationKind::kSigmoid, x),
                   [](double v) { return 1 / (1 + std::exp(-v)); }) < 3e-7);
}

TEST_CASE("Tanh is true to 3e-7 everywhere") {
  const std::vector<float> x = Sweep();
  CHECK(WorstError(x, Activated(ActivationKind::kTanh, x),
                   [](double v) { return std::tanh(v); }) < 3e-7);
}

TEST_CASE("Gelu is true to 8e-7, and to 8e-9 where little is left of it") {
  std::vector<float> x = Sweep();
  for (float size = 100; size < 1e38f; size *= 3) {
    x.push_back(size);
    x.push_back(-size);
  }

  const std::vector<float> y = Activated(ActivationKind::kGelu, x);

  for (size_t i = 0; i < x.size(); ++i) {
    if (std::isinf(x[i])) continue;
    const double truth =
        0.5 * x[i] * std::erfc(-static_cast<double>(x[i]) / std::sqrt(2.0));
    INFO("of " << x[i]);
    CHECK(std::abs(y[i] - truth) <= std::max(8e-7 * std::abs(truth), 8e-9));
  }
  CHECK(y[2] == kInfinity);
}

TEST_CASE("Powers that have a way of their own end where others do") {
  const float exponent = GENERATE(2.0f, 0.5f, 3.0f, -1.0f, -0.5f, 0.0f, 1.0f);
  const std::vector<float> x = {-kInfinity, kInfinity, -0.0f, 0.0f,  -2.0f,
                                1e-30f,     1e30f,     4.0f,  -1e30f};
  INFO("to the power of " << exponent);
  std::vector<float> y(x.size());

  BinaryRow(Binary::Kind::kPow, x.data(), 1, &exponent, 0, y.data(),
            static_cast<int64_t>(x.size()));

  for (size_t i = 0; i < x.size(); ++i) {
    INFO("of " << x[i]);
    const float power = std::pow(x[i], exponent);
    CHECK(std::isnan(y[i]) == std::isnan(power));
    if (std::isnan(power)) continue;
    CHECK(std::signbit(y[i]) == std::signbit(power));
    CHECK((y[i] == power || std::abs(y[i] / power - 1) < 1e-6f));
  }
}

TEST_CASE("NaN comes out of every activation as NaN") {
  const std::vector<float> x(33, std::nanf(""));
  for (const auto kind : {ActivationKind::kRelu, ActivationKind::kClip,
                          ActivationKind::kLeakyRelu, ActivationKind::kSigmoid,
                          ActivationKind::kTanh}) {
    const std::vector<float> y = Activated(kind, x);
    CHECK(
        std::all_of(y.begin(), y.end(), [](float v) { return std::isnan(v); }));
  }
}

TEST_CASE("Softmax sums to one, and huge numbers do not overflow") {
  const size_t count = GENERATE(1, 2, 15, 16, 17, 1000);
  std::vector<float> x(count), y(count);
  for (size_t i = 0; i < count; ++i) x[i] = 1e4f + 0.01f * (i * 7 % 113);
  SoftmaxRow(x.data(), y.data(), count);
  double sum = 0;
  for (size_t i = 0; i < count; ++i) sum += y[i];
  CHECK(sum == Approx(1).epsilon(1e-6));
  if (count > 1) {
    CHECK(y[1] / y[0] == Approx(std::exp(double{x[1]} - x[0])).epsilon(1e-5));
  }
}

// A vector loop has a body and a rest; both must give the same numbers.
TEST_CASE("An element's bits depend on neither its place nor its alignment") {
  const std::vector<float> x = Sweep();
  for (const auto kind : {ActivationKind::kSigmoid, ActivationKind::kTanh}) {
    const std::vector<float> whole = Activated(kind, x);
    std::vector<float> one(x.size());
    for (size_t i = 0; i < x.size(); ++i) {
      ActivateRow({kind, 0, 0}, &x[i], &one[i], 1);
    }
    CHECK(one == whole);
  }
  std::vector<float> scaled(x.size()), one(x.size());
  ScaleShiftRow(x.data() + 2, x.data() + 3, x.data() + 5, 1, scaled.data(),
                x.size() - 8);
  for (size_t i = 0; i < x.size() - 8; ++i) {
    ScaleShiftRow(&x[i + 2], &x[i + 3], &x[i + 5], 1, &one[i], 1);
  }
  int different = 0;
  for (size_t i = 4; i < x.size() - 8; ++i) different += one[i] != scaled[i];
  CHECK(different == 0);
}

// What PlaceInRow() says it finds.
int64_t PlainPlace(bool most, bool last, const std::vector<float>& x) {
  size_t place = 0;
  for (size_t i = 1; i < x.size(); ++i) {
    const bool beats = most ? x[i] > x[place] : x[i] < x[place];
    if (beats || (last && x[i] == x[place])) place = i;
  }
  return static_cast<int64_t>(place);
}

TEST_CASE("Of equal extremes the first or the last place is found") {
  for (const size_t count : {1, 5, 16, 17, 64, 200}) {
    std::vector<float> x(count);
    for (size_t i = 0; i < count; ++i) {
      x[i] = static_cast<float>(i * 37 % 11) - 5.0f;  // Each many times.
    }
    const bool has_nan = GENERATE(false, true);
    if (has_nan) x[count / 2] = std::numeric_limits<float>::quiet_NaN();
    for (const bool most : {false, true}) {
      for (const bool last : {false, true}) {
        INFO(count << (most ? " largest" : " smallest")
                   << (last ? " last" : ""));
        CHECK(PlaceInRow(most, last, x.data(), x.size()) ==
              PlainPlace(most, last, x));
      }
    }
  }
}

TEST_CASE("Places of many rows are those of each element's column") {
  constexpr size_t kRows = 9, kCount = 53;
  std::vector<std::vector<float>> rows(kRows, std::vector<float>(kCount));
  for (size_t r = 0; r < kRows; ++r) {
    for (size_t i = 0; i < kCount; ++i) {
      rows[r][i] = static_cast<float>((r * 5 + i * 7) % 6);
    }
  }
  rows[4][3] = rows[0][7] = std::numeric_limits<float>::quiet_NaN();
  for (const bool most : {false, true}) {
    for (const bool last : {false, true}) {
      std::vector<float> best = rows[0];
      std::vector<int32_t> place(kCount, 0);
      for (size_t r = 1; r < kRows; ++r) {
        PlacesOfRows(most, last, rows[r].data(), static_cast<int32_t>(r),
                     best.data(), place.data(), kCount);
      }
      for (size_t i = 0; i < kCount; ++i) {
        std::vector<float> column;
        for (const std::vector<float>& row : rows) column.push_back(row[i]);
        INFO(i << (most ? " largest" : " smallest") << (last ? " last" : ""));
        CHECK(place[i] == PlainPlace(most, last, column));
      }
    }
  }
}

TEST_CASE("What is no number is the extreme of a row, wherever it is") {
  for (const size_t count : {3, 16, 40, 150}) {
    for (const size_t at : {size_t{0}, count / 2, count - 1}) {
      std::vector<float> x(count, 2.0f);
      x[at] = std::numeric_limits<float>::quiet_NaN();
      INFO(count << " elements, no number at " << at);
      CHECK(std::isnan(ReduceRow(Reduce::Kind::kMax, x.data(), 1, count)));
      CHECK(std::isnan(ReduceRow(Reduce::Kind::kMin, x.data(), 1, count)));
    }
  }
}

}  // namespace
}  // namespace layerd::cpu
