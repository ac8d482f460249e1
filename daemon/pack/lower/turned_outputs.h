#ifndef LAYERD_DAEMON_PACK_LOWER_TURNED_OUTPUTS_H_
#define LAYERD_DAEMON_PACK_LOWER_TURNED_OUTPUTS_H_

#include <cstdint>
#include <vector>

#include "daemon/pack/network/network.h"

namespace layerd {

// The strides of values that are written as a Transpose behind them wants them:
// its result is then row-major, and the Reshape that follows no copy. That is
// how heads are joined,
//
//   MatMul [B, heads, S, n] -> Transpose [B, S, heads, n] -> Reshape [B, S,
//   all]
//
// and windows put together. Rows of the last dimension stay whole, so that
// writing costs no more. Empty for all other values.
std::vector<std::vector<int64_t>> ChooseTurnedOutputs(const Network& network,
                                                      const Uses& uses);

}  // namespace layerd

#endif  // LAYERD_DAEMON_PACK_LOWER_TURNED_OUTPUTS_H_
