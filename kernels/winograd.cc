#include "kernels/winograd.h"

namespace layerd {
namespace {

constexpr double kWindow[kWinogradInputs][3] = {{1.0 / 4, 0, 0},
                                                {-1.0 / 6, -1.0 / 6, -1.0 / 6},
                                                {-1.0 / 6, 1.0 / 6, -1.0 / 6},
                                                {1.0 / 24, 1.0 / 12, 1.0 / 6},
                                                {1.0 / 24, -1.0 / 12, 1.0 / 6},
                                                {0, 0, 1}};

}  // namespace

void TransformWindow(const float* window, float* transformed) {
  double half[kWinogradInputs][3];
  for (int64_t i = 0; i < kWinogradInputs; ++i) {
    for (int64_t j = 0; j < 3; ++j) {
      half[i][j] = 0;
      for (int64_t k = 0; k < 3; ++k) {
        half[i][j] += kWindow[i][k] * static_cast<double>(window[k * 3 + j]);
      }
    }
  }
  for (int64_t i = 0; i < kWinogradInputs; ++i) {
    for (int64_t j = 0; j < kWinogradInputs; ++j) {
      double sum = 0;
      for (int64_t k = 0; k < 3; ++k) sum += half[i][k] * kWindow[j][k];
      transformed[i * kWinogradInputs + j] = static_cast<float>(sum);
    }
  }
}

}  // namespace layerd
