#ifndef LAYERD_DAEMON_PACK_NETWORK_FOLD_AFFINE_H_
#define LAYERD_DAEMON_PACK_NETWORK_FOLD_AFFINE_H_

#include "absl/status/status.h"
#include "daemon/pack/network/network.h"

namespace layerd {

// Folds what scales and shifts by channel (BatchNormalization, and additions,
// subtractions, multiplications and divisions with constants) into the weights
// of its neighbours, so that it costs nothing at run time:
//
//   Convolution -> affine          scale of the output channels, and the bias
//   FullyConnected -> affine       the same, over the last dimension
//   affine -> Convolution          scale of the input channels, and the bias;
//   affine -> FullyConnected       not where a shift meets padding: zeros that
//                                  a convolution pads with were not shifted
//   MatMul -> scale by one number  the scale of the product
//
// Only where the value between has no other reader. What finds no neighbour
// stays a layer of its own.
//
// Nor what is not finite, or so large (2^64) that a weight might become
// infinite, nor into weights that are multiplied as halves what would make them
// so small that digits are lost (pixels over 255).
//
// Errors: I/O errors of reading weights.
absl::Status FoldAffine(Network* network, bool computes_in_half = false);

}  // namespace layerd

#endif  // LAYERD_DAEMON_PACK_NETWORK_FOLD_AFFINE_H_
