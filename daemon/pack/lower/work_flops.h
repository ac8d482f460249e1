#ifndef LAYERD_DAEMON_PACK_LOWER_WORK_FLOPS_H_
#define LAYERD_DAEMON_PACK_LOWER_WORK_FLOPS_H_

#include <cstdint>

#include "kernels/backend.h"

namespace layerd {

// Operations of one part, a multiplication and an addition counted as two.
uint64_t WorkFlops(const PartSpec& spec);

// What an output element costs beside its sums, counted so as well: it is
// written, and its activation may be a curve.
uint64_t OutputFlops(const Operator& op);

}  // namespace layerd

#endif  // LAYERD_DAEMON_PACK_LOWER_WORK_FLOPS_H_
