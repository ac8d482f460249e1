#ifndef LAYERD_DAEMON_PACK_GRAPH_ATTENTION_SKETCH_H_
#define LAYERD_DAEMON_PACK_GRAPH_ATTENTION_SKETCH_H_

#include "daemon/pack/graph/graph_sketch.h"

namespace layerd {

// Attention of four heads over six places of 16 numbers each, as exporters
// spell it, with a residual: x [1, 6, 16] in, y of that shape out.
void SketchAttention(GraphSketch* sketch);

}  // namespace layerd

#endif  // LAYERD_DAEMON_PACK_GRAPH_ATTENTION_SKETCH_H_
