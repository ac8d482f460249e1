#ifndef LAYERD_KERNELS_CPU_HALF_ROWS_H_
#define LAYERD_KERNELS_CPU_HALF_ROWS_H_

#include "kernels/cast.h"

namespace layerd::cpu {

// FP16 to FP32 or back by this CPU's own instructions, for rows that are
// contiguous on both sides; null for other types, or where there are none. The
// numbers are those of CastRowFor().
CastRow HalfRowFor(DataType from, DataType to);

}  // namespace layerd::cpu

#endif  // LAYERD_KERNELS_CPU_HALF_ROWS_H_
