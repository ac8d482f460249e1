#ifndef LAYERD_DAEMON_PACK_NETWORK_FUSE_H_
#define LAYERD_DAEMON_PACK_NETWORK_FUSE_H_

#include "daemon/pack/network/network.h"

namespace layerd {

// Lets layers do in passing what would be layers of their own:
//
//   Convolution, FullyConnected -> Add     the residual
//   ... , Binary, ScaleShift -> activation the activation, after the residual
//
// Only where the value between has no other reader. A layer that adds a
// residual runs where the addition stood: by then the other operand is there.
void Fuse(Network* network);

}  // namespace layerd

#endif  // LAYERD_DAEMON_PACK_NETWORK_FUSE_H_
