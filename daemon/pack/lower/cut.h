#ifndef LAYERD_DAEMON_PACK_LOWER_CUT_H_
#define LAYERD_DAEMON_PACK_LOWER_CUT_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "daemon/pack/lower/lower.h"
#include "daemon/plan/program.h"
#include "kernels/backend.h"

namespace layerd {

struct CutLimits {
  // Of the weights that a part computes with, which are F32 however they are
  // stored: narrow weights are decoded into scratch of that size, and parts are
  // the same for every way of storing. Whole 4 KiB.
  uint64_t extent_bytes_max = 256 << 10;
  uint64_t part_flops_max = 200'000'000;
  bool wishes_winograd = false;  // Of 3 x 3 convolutions, where it pays off.
  // Where Winograd computes: parts over channels each take the input to its
  // points again.
  uint64_t winograd_bytes_max = 4 << 20;
};

// Cuts layers into parts, and gives each range of channels with weights an
// extent, in the order of execution:
//
//     extent  | kernel of channels [c, c + n) | bias | scales | 0 |
//               at 0                          at 256 B          to 4 KiB
//
// Scales are there if the kernel is stored with them.
//
// Bytes are cut over output channels: as many as the limit allows, but at least
// a block: 32 in a convolution (whole groups) and in a fully connected layer,
// 16 in one of few rows. Work is cut over rows: the parts of a range of
// channels share its extent. The pieces of a layer are equal but for the last.
// Cuts depend on bytes and counted work only.
//
// Weights that two layers share, cut alike, are one extent that is read twice.
// A large constant of which a Gather takes few rows becomes a table: an extent
// behind all others, which no read reads.
//
// `backend` says in which layout it wants the weights.
//
// Errors: of the backend and of CheckPart(), naming the node.
absl::StatusOr<Program> Cut(const Lowered& lowered, const CutLimits& limits,
                            const Backend& backend);

}  // namespace layerd

#endif  // LAYERD_DAEMON_PACK_LOWER_CUT_H_
