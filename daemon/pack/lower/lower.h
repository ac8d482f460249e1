#ifndef LAYERD_DAEMON_PACK_LOWER_LOWER_H_
#define LAYERD_DAEMON_PACK_LOWER_LOWER_H_

#include <string>
#include <vector>

#include "daemon/pack/network/network.h"
#include "daemon/plan/program.h"

namespace layerd {

// A network with memory: layers on tensors in buffers, not yet cut.
struct Lowered {
  Program program;                           // No parts, extents or reads.
  std::vector<std::vector<Weight>> weights;  // Of each layer.
  std::vector<std::string> descriptions;     // Of each layer, for errors.
};

// Gives every value its place in memory.
//
//   - Pictures lie channels-last (channels_last.h), all else row-major. The
//     graph's inputs and outputs are row-major in their own datatype: Copy
//     layers cast and reorder, both at once.
//   - Reshape and Transpose are other strides on the same memory where strides
//     can say it, else a Copy; where another order of the output before makes
//     that a view, the layer writes so (turned_outputs.h). A fully connected
//     layer behind a flattened picture takes it as it lies, and its weights
//     change their columns.
//   - What is concatenated is written where it belongs in the whole, if its
//     layer can write with strides and its other readers can read so; else a
//     Copy puts it there.
//   - Unary, Binary and ScaleShift write over an operand that nobody reads
//     afterwards.
//
// Each buffer is one live range; where it lies is decided when planning.
Lowered Lower(const Network& network);

}  // namespace layerd

#endif  // LAYERD_DAEMON_PACK_LOWER_LOWER_H_
