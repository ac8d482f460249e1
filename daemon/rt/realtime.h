#ifndef LAYERD_DAEMON_RT_REALTIME_H_
#define LAYERD_DAEMON_RT_REALTIME_H_

#include <string>
#include <vector>

namespace layerd {

// `realtime: off | best_effort | required`.
enum class Realtime { kOff, kBestEffort, kRequired };

// Who of the threads is more urgent: the loader, for it works in moments and
// everybody waits for it (loader_hurry.h has the exception); then compute; then
// gRPC, at normal priority.
enum class RealtimeRole { kLoader, kExecutor };
inline constexpr int kLoaderPriority = 60, kExecutorPriority = 50;

// Makes the calling thread, and those that it will start, a real-time one:
// SCHED_FIFO; the stack touched and locked; the executor, with more than one
// CPU, away from the last CPU of the process, which is left to the loader and
// to gRPC, so that an urgent request is seen while others compute. What the
// kernel refused, a line each, with what would help.
std::vector<std::string> BecomeRealtime(RealtimeRole role);

// What to tell of a kernel that refused a real-time priority with `error`.
std::string NoRealtimePriority(RealtimeRole role, int error);

// For a thread that a real-time one has started and that computes for it: the
// same for its stack; the rest it has inherited. What was refused, or empty.
std::string LockStack();

// Keeps the calling thread, which is a normal one, and those that it will start
// on that last CPU. Elsewhere it would stand in the middle of a request until
// the executor pauses: the kernel does not move it at once. And they are prompt
// (prompt_thread.h): clients on that CPU do not keep them from a request. What
// was refused, or empty; nothing to do where there is one CPU.
std::string LeaveCpusToExecutor();

}  // namespace layerd

#endif  // LAYERD_DAEMON_RT_REALTIME_H_
