#ifndef LAYERD_DAEMON_CTL_NUMBER_VALUE_H_
#define LAYERD_DAEMON_CTL_NUMBER_VALUE_H_

#include <string>

#include "absl/status/statusor.h"
#include "daemon/pack/onnx/onnx_scan.h"

namespace layerd {

// What an input always is, written as numbers: "16000", "0.667,1,0.8", "true".
// Nobody should need a .npy file for a sample rate.
bool AreNumbers(const std::string& text);

// These numbers as elements of the input's type, in its shape; one free
// dimension is as long as there are numbers.
//
// Errors: UsageError() if they do not fit the type, or leave the shape open.
absl::StatusOr<Constant> ConstantOf(const std::string& text,
                                    const OnnxValueInfo& input);

}  // namespace layerd

#endif  // LAYERD_DAEMON_CTL_NUMBER_VALUE_H_
