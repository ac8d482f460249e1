#ifndef LAYERD_DAEMON_RT_LOADER_CPU_H_
#define LAYERD_DAEMON_RT_LOADER_CPU_H_

namespace layerd {

// The loader works for moments and everybody waits for it, so it must get a CPU
// when something has arrived, and not when the executor's slice of milliseconds
// is over. These ask for that at normal priority, each on its own thread; what
// the kernel refuses, it refuses silently, and all works as before, some
// slower.

// The process has a CPU beside those that `compute_threads` keep busy.
bool HasCpuForLoader(int compute_threads);

// For the executor: this thread, and those that it will start, keep off the
// last CPU of the process.
void LeaveCpuToLoader();

// For the loader: a short slice, so that it may interrupt whoever computes on
// its CPU (Linux 6.12 or newer), more of the processor where that is allowed,
// and with `own_cpu` the last CPU of the process.
void BecomeLoader(bool own_cpu);

}  // namespace layerd

#endif  // LAYERD_DAEMON_RT_LOADER_CPU_H_
