#ifndef LAYERD_DAEMON_RT_PROMPT_THREAD_H_
#define LAYERD_DAEMON_RT_PROMPT_THREAD_H_

namespace layerd {

// For a normal thread that works for moments and that others wait for, and
// those that it will start: a short slice, so that it may interrupt whoever has
// its CPU (Linux 6.12 or newer), and more of the processor where that is
// allowed. What the kernel refuses, it refuses silently, and all works as
// before, some slower.
void BecomePrompt();

// Undoes it for a thread that a prompt one has started and that may take long.
void BecomeOrdinary();

}  // namespace layerd

#endif  // LAYERD_DAEMON_RT_PROMPT_THREAD_H_
