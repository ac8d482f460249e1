#ifndef LAYERD_KERNELS_CPU_CAST_ROWS_H_
#define LAYERD_KERNELS_CPU_CAST_ROWS_H_

#include "kernels/cast.h"

namespace layerd::cpu {

// Casts in vectors, for rows that are contiguous on both sides: what quantised
// networks and places computed from floats ask for, and halves. Null for other
// types. The numbers are those of CastRowFor().
CastRow DenseCastRowFor(DataType from, DataType to);

}  // namespace layerd::cpu

#endif  // LAYERD_KERNELS_CPU_CAST_ROWS_H_
