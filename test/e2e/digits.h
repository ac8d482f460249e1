#ifndef LAYERD_TEST_E2E_DIGITS_H_
#define LAYERD_TEST_E2E_DIGITS_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "open_inference.pb.h"
#include "test/e2e/daemon_process.h"
#include "test/e2e/wire_client.h"

namespace layerd {

inline constexpr size_t kDigits = 100;
inline constexpr size_t kClasses = 10;
inline constexpr char kDigitsOnnx[] = "test/models/digits/digits.onnx";

// Handwritten digits that the digits network was not trained on, what they
// are, and what ONNX Runtime says of them.
std::span<const float> DigitImage(size_t digit);
int64_t DigitLabel(size_t digit);
std::span<const float> ExpectedLogits(size_t digit);

// The digits network as a layer file, made by `layerctl pack`, once.
const std::string& DigitsLayers();

// The network as "digits", for the daemon to pack with weights of eight bits.
void AddNarrowDigits(TestRepository* repository);

inference::ModelInferRequest DigitRequest(const std::string& model,
                                          size_t digit);

// The logits of one digit, or why there are none.
absl::StatusOr<std::vector<float>> AskDigit(WireClient* client,
                                            const std::string& model,
                                            size_t digit);

// The rule of test/tools/compare.py, for f32.
bool Agrees(std::span<const float> got, std::span<const float> want);

}  // namespace layerd

#endif  // LAYERD_TEST_E2E_DIGITS_H_
