#ifndef LAYERD_DAEMON_PLAN_LAYER_ROWS_H_
#define LAYERD_DAEMON_PLAN_LAYER_ROWS_H_

#include <cstdint>
#include <vector>

#include "kernels/backend.h"

namespace layerd {

// Rows of layers whose weights are not cut: pooling, softmax, elementwise
// layers, copies, products of activations.
//
// Why here: the rows of such a layer are a smaller layer of the same kind on a
// range of its tensors. So backends see a part like any other and need no word
// for it, and its bits are those of the whole layer, but where sums follow the
// order of memory (Reduce and Resize on a CPU). Convolutions and fully
// connected layers share weights among their rows: those know PartSpec::rows.
//
// Which dimension of the output the rows are follows from operator and types
// alone: of those that may be cut, the longest that is not innermost in memory.

// Whether `part` has some of those rows: not of a convolution or fully
// connected, and not [0, +1), which says all of them.
bool IsRowSlice(const PartSpec& part);

// How many rows there are; 1 where nothing may be cut.
// REQUIRES: `whole` passed CheckPart(), and so for the next.
int64_t RowsOfLayer(const PartSpec& whole);

// So many of them lie in one line of the cache where rows are innermost in
// memory: who reads one of them reads all. 1 elsewhere.
int64_t RowsOfLine(const PartSpec& whole);

// Some rows of a layer, as a layer of their own.
struct RowSlice {
  PartSpec spec;
  // Of the first element of its tensors, from that of the whole ones.
  std::vector<uint64_t> input_offsets_bytes, output_offsets_bytes;
};

// REQUIRES: `rows` are within RowsOfLayer(whole), which is more than 1.
RowSlice SliceRows(const PartSpec& whole, const Range& rows);

}  // namespace layerd

#endif  // LAYERD_DAEMON_PLAN_LAYER_ROWS_H_
