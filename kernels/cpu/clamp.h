#ifndef LAYERD_KERNELS_CPU_CLAMP_H_
#define LAYERD_KERNELS_CPU_CLAMP_H_

#include <limits>
#include <optional>

#include "kernels/operator.h"

namespace layerd::cpu {

// What most activations are: y = min(max(x, low), high).
struct Clamp {
  float low = -std::numeric_limits<float>::infinity();
  float high = std::numeric_limits<float>::infinity();
};

inline std::optional<Clamp> AsClamp(const Activation& activation) {
  switch (activation.kind) {
    case ActivationKind::kNone:
      return Clamp{};
    case ActivationKind::kRelu:
      return Clamp{.low = 0};
    case ActivationKind::kClip:
      return Clamp{activation.alpha, activation.beta};
    default:
      return std::nullopt;
  }
}

}  // namespace layerd::cpu

#endif  // LAYERD_KERNELS_CPU_CLAMP_H_
