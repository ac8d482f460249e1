#ifndef LAYERD_DAEMON_PACK_LOWER_CHANNELS_LAST_H_
#define LAYERD_DAEMON_PACK_LOWER_CHANNELS_LAST_H_

#include <vector>

#include "daemon/pack/network/network.h"

namespace layerd {

// Which values lie channels-last in memory: pictures that convolutions, pools
// and normalisations across channels work on, and whatever is of one kind with
// them through operators that keep the places of their elements (activations,
// additions, concatenations). One flag a value; all others are row-major.
std::vector<bool> ChooseChannelsLast(const Network& network);

}  // namespace layerd

#endif  // LAYERD_DAEMON_PACK_LOWER_CHANNELS_LAST_H_
