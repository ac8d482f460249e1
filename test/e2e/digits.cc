#include "test/e2e/digits.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "config/check.h"
#include "daemon/ctl/npy.h"
#include "test/e2e/conversation.h"
#include "test/e2e/program.h"
#include "test/scratch/scratch_folder.h"

namespace layerd {
namespace {

constexpr char kFolder[] = "test/models/digits/";
constexpr size_t kPixels = 64;

template <typename Element>
std::vector<Element> Read(const char* name, size_t elements) {
  const auto array = ReadNpy(std::string(kFolder) + name);
  LAYERD_CHECK(array.ok(), array.status().ToString());
  std::vector<Element> values(elements);
  LAYERD_CHECK(array->bytes.size() == elements * sizeof(Element));
  std::memcpy(values.data(), array->bytes.data(), array->bytes.size());
  return values;
}

}  // namespace

std::span<const float> DigitImage(size_t digit) {
  static const auto images = Read<float>("images.npy", kDigits * kPixels);
  return std::span(images).subspan(digit * kPixels, kPixels);
}

int64_t DigitLabel(size_t digit) {
  static const auto labels = Read<int64_t>("labels.npy", kDigits);
  return labels[digit];
}

std::span<const float> ExpectedLogits(size_t digit) {
  static const auto logits = Read<float>("expected.npy", kDigits * kClasses);
  return std::span(logits).subspan(digit * kClasses, kClasses);
}

const std::string& DigitsLayers() {
  static const std::string layers = [] {
    const ScratchFolder folder;
    const Ended pack =
        Run({kLayerctl, "pack", kDigitsOnnx, "-o", folder / "digits.layers"});
    LAYERD_CHECK(pack.status == 0, pack.err);
    return ReadFile(folder / "digits.layers");
  }();
  return layers;
}

void AddNarrowDigits(TestRepository* repository) {
  repository->AddOnnx("digits", ReadFile(kDigitsOnnx));
  repository->Configure("digits", "pack: {weights: i8}\n");
}

inference::ModelInferRequest DigitRequest(const std::string& model,
                                          size_t digit) {
  return RawRequest(model, "image", {1, 1, 8, 8}, DigitImage(digit));
}

absl::StatusOr<std::vector<float>> AskDigit(WireClient* client,
                                            const std::string& model,
                                            size_t digit) {
  const auto response = Infer(client, DigitRequest(model, digit));
  if (!response.ok()) return response.status();
  return FirstOutput(*response);
}

bool Agrees(std::span<const float> got, std::span<const float> want) {
  if (got.size() != want.size()) return false;
  double largest = 0, sum = 0, squares = 0, wrong_squares = 0;
  for (const float value : want) {
    largest = std::max(largest, std::abs(double{value}));
    sum += value;
    squares += double{value} * value;
  }
  for (size_t i = 0; i < want.size(); ++i) {
    const double apart = std::abs(double{got[i]} - want[i]);
    const double allowed =
        1e-4 * std::max(1.0, largest) + 1e-3 * std::abs(want[i]);
    if (!(apart <= allowed)) return false;
    wrong_squares += apart * apart;
  }
  const double n = static_cast<double>(want.size());
  const double deviation = std::sqrt(squares / n - sum / n * (sum / n));
  return std::sqrt(wrong_squares / n) <= 0.01 * deviation + 1e-4 * largest;
}

}  // namespace layerd
