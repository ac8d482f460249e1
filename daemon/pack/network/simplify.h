#ifndef LAYERD_DAEMON_PACK_NETWORK_SIMPLIFY_H_
#define LAYERD_DAEMON_PACK_NETWORK_SIMPLIFY_H_

#include "absl/status/status.h"
#include "daemon/pack/network/network.h"

namespace layerd {

// Takes out what computes nothing, and moves what only changes the view out of
// the way of folding and fusing:
//
//   - Mul and Div by 1, Add and Sub of 0, a Reshape to the same shape, a
//     Transpose that keeps the order go; so does a Transpose behind its
//     inverse. Two Reshapes or Transposes in a row are one.
//   - What works element by element on the view of an answer works on the
//     answer: FC, Reshape, Relu become FC, Relu, Reshape. So activations,
//     biases and scales meet the layer that takes them, and a Transpose its
//     inverse.
//   - What multiplies an operand of a MatMul by one number becomes its scale.
//
// Errors: of reading constants.
absl::Status Simplify(Network* network);

}  // namespace layerd

#endif  // LAYERD_DAEMON_PACK_NETWORK_SIMPLIFY_H_
