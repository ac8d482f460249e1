#ifndef LAYERD_DAEMON_PACK_LOWER_WORK_FLOPS_H_
#define LAYERD_DAEMON_PACK_LOWER_WORK_FLOPS_H_

#include <cstdint>

#include "kernels/backend.h"

namespace layerd {

// Operations of one part, a multiplication and an addition counted as two.
uint64_t WorkFlops(const PartSpec& spec);

}  // namespace layerd

#endif  // LAYERD_DAEMON_PACK_LOWER_WORK_FLOPS_H_
