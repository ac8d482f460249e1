#ifndef LAYERD_TEST_E2E_TINY_ONNX_H_
#define LAYERD_TEST_E2E_TINY_ONNX_H_

#include <string>

namespace layerd {

// ONNX files made by hand, for what no real network shows. Each has the input
// "x" FP32 [1, 4] or as said, and the output "y" of the same shape.

// One node of the default domain: y = op(x).
std::string OneNodeOnnx(const std::string& op, const std::string& node_name);

// y = -x, and a second output z = max(x, 0).
std::string TwoOutputsOnnx();

// y = x + w, w in a file of its own at `location`, four floats.
std::string ExternalOnnx(const std::string& location);

// Convolutions one after the other, 64 channels of 64 x 64 ("x" and "y" FP32
// [1, 64, 64, 64]): 0.3 GFLOP and 144 KiB of weights each, so that a request
// takes as long as a test needs. Their weights are one over their number, and
// so the answer to ones is about ones.
std::string SlowOnnx(int convolutions);
inline constexpr int kSlowElements = 64 * 64 * 64;

}  // namespace layerd

#endif  // LAYERD_TEST_E2E_TINY_ONNX_H_
