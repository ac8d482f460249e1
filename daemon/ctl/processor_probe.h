#ifndef LAYERD_DAEMON_CTL_PROCESSOR_PROBE_H_
#define LAYERD_DAEMON_CTL_PROCESSOR_PROBE_H_

#include "absl/status/statusor.h"

namespace layerd {

// One core, about 0.3 s each.
// A convolution as networks have them, through the backend that computes them.
absl::StatusOr<double> ConvolutionFlopsPerS();
// Reading a block that no cache holds.
double MemoryBytesPerS();
// CRC32C of tiles in such a block; of processor time, not of the clock.
double CrcBytesPerCpuS();

}  // namespace layerd

#endif  // LAYERD_DAEMON_CTL_PROCESSOR_PROBE_H_
