#ifndef LAYERD_DAEMON_RT_PROCESSOR_NAME_H_
#define LAYERD_DAEMON_RT_PROCESSOR_NAME_H_

#include <string>

namespace layerd {

// "AMD EPYC 9B45", as the kernel names it; empty if it does not.
std::string ProcessorName();

}  // namespace layerd

#endif  // LAYERD_DAEMON_RT_PROCESSOR_NAME_H_
