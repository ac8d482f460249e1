#ifndef LAYERD_DAEMON_RT_INHERITING_MUTEX_H_
#define LAYERD_DAEMON_RT_INHERITING_MUTEX_H_

#include <pthread.h>

namespace layerd {

// A mutex whose holder runs with the priority of the most urgent thread that
// waits for it (PTHREAD_PRIO_INHERIT), so that a normal thread that looks at
// something does not hold the executor up for as long as others take its CPU.
//
// Threading: any thread; as std::mutex.
class InheritingMutex {
 public:
  InheritingMutex() {
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
    pthread_mutex_init(&mutex_, &attributes);
    pthread_mutexattr_destroy(&attributes);
  }
  ~InheritingMutex() { pthread_mutex_destroy(&mutex_); }
  InheritingMutex(const InheritingMutex&) = delete;
  InheritingMutex& operator=(const InheritingMutex&) = delete;

  void lock() { pthread_mutex_lock(&mutex_); }
  void unlock() { pthread_mutex_unlock(&mutex_); }

 private:
  pthread_mutex_t mutex_;
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_RT_INHERITING_MUTEX_H_
