#ifndef LAYERD_DAEMON_PACK_NETWORK_HALF_TENSORS_H_
#define LAYERD_DAEMON_PACK_NETWORK_HALF_TENSORS_H_

#include "daemon/pack/network/network.h"

namespace layerd {

// Makes a network of f32 compute with f16 tensors: the last pass before
// lowering. The graph's inputs and outputs keep their datatypes; casts are
// Copies, each made once and where it is first needed.
//
// What decides an integer or a truth (a cast to integers, a comparison, the
// place of an extreme) stays f32, back to the layers that multiply matrices:
// halves count no further than 2048. So does what is copied from constants.
void UseHalfTensors(Network* network);

}  // namespace layerd

#endif  // LAYERD_DAEMON_PACK_NETWORK_HALF_TENSORS_H_
