#ifndef LAYERD_DAEMON_PACK_IMPORT_NODE_BYTES_H_
#define LAYERD_DAEMON_PACK_IMPORT_NODE_BYTES_H_

#include <cstdint>

#include "daemon/pack/graph/graph.h"

namespace layerd {

// What a node that is written out takes in memory, about, with the values and
// names that are made for it.
uint64_t HeldBytes(const Node& node);

}  // namespace layerd

#endif  // LAYERD_DAEMON_PACK_IMPORT_NODE_BYTES_H_
