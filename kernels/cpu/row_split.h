#ifndef LAYERD_KERNELS_CPU_ROW_SPLIT_H_
#define LAYERD_KERNELS_CPU_ROW_SPLIT_H_

#include "kernels/cpu/cpu_kernel.h"

namespace layerd::cpu {

// For parts whose weights the library wants in other blocks at this number of
// threads than at one (it has so few channels that it halves their blocks, and
// then falls to `ref`, thousands of times slower, on those that are stored):
// one single-threaded kernel a thread, each on its share of the rows.
//
// Returns UNIMPLEMENTED if `make`, called with some of the part's rows, has no
// fast kernel at one thread either.
using MakeRows = KernelOr (*)(const PartSpec& rows, const OneDnn& library);
KernelOr SplitRows(const PartSpec& spec, const OneDnn& library, MakeRows make);

// False for the library's own reference code.
bool IsFast(const CpuKernel& kernel);

// As `make` does if that is fast, else as SplitRows(), else as `make` did.
KernelOr MakeFast(const PartSpec& spec, const OneDnn& library, MakeRows make);

}  // namespace layerd::cpu

#endif  // LAYERD_KERNELS_CPU_ROW_SPLIT_H_
