#ifndef LAYERD_DAEMON_RT_FREED_MEMORY_H_
#define LAYERD_DAEMON_RT_FREED_MEMORY_H_

namespace layerd {

// Lets the process keep some of the memory that it has freed, up to 2 MiB for
// each thread or two. glibc would give a buffer of 128 KiB and more back to the
// kernel at once, and take every page of the next one anew: 150 page faults for
// a picture that comes in, before anybody has looked at it.
//
// Threading: before the first thread starts.
void KeepFreedMemory();

}  // namespace layerd

#endif  // LAYERD_DAEMON_RT_FREED_MEMORY_H_
