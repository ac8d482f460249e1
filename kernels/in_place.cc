#include "kernels/in_place.h"

namespace layerd {

std::optional<size_t> InputInPlace(const Operator& op) {
  constexpr size_t kResidual = 1;
  if (const auto* conv = std::get_if<Convolution>(&op)) {
    return conv->adds_residual ? std::optional(kResidual) : std::nullopt;
  }
  if (const auto* fc = std::get_if<FullyConnected>(&op)) {
    return fc->adds_residual ? std::optional(kResidual) : std::nullopt;
  }
  const bool is_elementwise = std::holds_alternative<Unary>(op) ||
                              std::holds_alternative<Binary>(op) ||
                              std::holds_alternative<ScaleShift>(op);
  return is_elementwise ? std::optional<size_t>(0) : std::nullopt;
}

}  // namespace layerd
