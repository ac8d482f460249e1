#ifndef LAYERD_DAEMON_RT_AS_STARTED_H_
#define LAYERD_DAEMON_RT_AS_STARTED_H_

namespace layerd {

// Gives the calling thread the CPUs, the scheduling class and the niceness that
// the process began with, as far as the kernel allows: for a child process,
// which is none of those threads that have a CPU and a priority of their own.
// Safe between fork and exec.
void BecomeAsStarted();

}  // namespace layerd

#endif  // LAYERD_DAEMON_RT_AS_STARTED_H_
