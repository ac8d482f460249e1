#ifndef LAYERD_DAEMON_PACK_ONNX_ALLOWANCE_H_
#define LAYERD_DAEMON_PACK_ONNX_ALLOWANCE_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"

namespace layerd {

// How much of something one import may take: asked before it is taken.
class Allowance {
 public:
  // `what` is for the message and outlives this.
  Allowance(const char* what, uint64_t amount_max)
      : what_(what), max_(amount_max), left_(amount_max) {}

  // RESOURCE_EXHAUSTED if less is left.
  absl::Status Take(uint64_t amount) {
    if (amount > left_) {
      return absl::ResourceExhaustedError(
          absl::StrFormat("the model needs more than %d %s", max_, what_));
    }
    left_ -= amount;
    return absl::OkStatus();
  }

 private:
  const char* what_;
  uint64_t max_;
  uint64_t left_;
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_PACK_ONNX_ALLOWANCE_H_
