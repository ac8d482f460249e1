#ifndef LAYERD_DAEMON_RT_LAST_CPU_H_
#define LAYERD_DAEMON_RT_LAST_CPU_H_

namespace layerd {

// The last CPU that the calling thread may use is for who must be heard while
// others compute: the loader, and gRPC.
enum class CpuShare { kLast, kAllButLast };

// Keeps the calling thread, and those that it will start, to its share. 0, or
// the errno of what was refused; nothing to do where there is one CPU.
int KeepTo(CpuShare share);

}  // namespace layerd

#endif  // LAYERD_DAEMON_RT_LAST_CPU_H_
