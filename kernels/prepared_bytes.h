#ifndef LAYERD_KERNELS_PREPARED_BYTES_H_
#define LAYERD_KERNELS_PREPARED_BYTES_H_

#include <cstdint>

#include "kernels/backend.h"

namespace layerd {

// What Backend::Prepare() may allocate of a part, beside what every part takes
// (code, descriptions): the lists that a kernel makes as long as dimensions of
// its tensors are, such as the taps of a Resize. They lie in no arena, and a
// file of a few KiB can say that a dimension has 2^31 elements; so whoever
// prepares parts adds this up first, and allocates only what it may.
//
// An upper bound, known from the part alone; saturates. Whoever adds such a
// list to a kernel adds it here (kernels/cpu/prepared_bytes_test.cc).
// REQUIRES: `spec` passed CheckPart().
uint64_t PreparedBytesMax(const PartSpec& spec);

}  // namespace layerd

#endif  // LAYERD_KERNELS_PREPARED_BYTES_H_
