#ifndef LAYERD_DAEMON_RT_FREED_MEMORY_H_
#define LAYERD_DAEMON_RT_FREED_MEMORY_H_

namespace layerd {

// Lets the process keep some of the memory that it has freed, up to 2 MiB for
// each of at most four heaps. glibc would give a buffer of 128 KiB and more
// back to the kernel at once, and take every page of the next one anew: 150
// page faults for a picture that comes in, before anybody has looked at it. And
// it would have eight heaps for each CPU, so that what is kept grows with every
// thread of gRPC's that has ever held a picture.
//
// Threading: before the first thread starts.
void KeepFreedMemory();

// Gives back what is kept, because memory is wanted elsewhere or because much
// of it will not be used again: a budget has changed, a model is gone.
//
// Threading: any. Takes milliseconds, and who allocates meanwhile may wait.
void ReturnFreedMemory();

}  // namespace layerd

#endif  // LAYERD_DAEMON_RT_FREED_MEMORY_H_
