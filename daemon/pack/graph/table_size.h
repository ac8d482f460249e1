#ifndef LAYERD_DAEMON_PACK_GRAPH_TABLE_SIZE_H_
#define LAYERD_DAEMON_PACK_GRAPH_TABLE_SIZE_H_

#include <cstdint>

namespace layerd {

// A constant of more bytes, of which few rows are looked up, becomes a table:
// less is as soon streamed. Who spells such a lookup out and who cuts it ask
// for the same.
inline constexpr uint64_t kTableBytesMin = 256 << 10;

}  // namespace layerd

#endif  // LAYERD_DAEMON_PACK_GRAPH_TABLE_SIZE_H_
