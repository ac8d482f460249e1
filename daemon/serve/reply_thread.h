#ifndef LAYERD_DAEMON_SERVE_REPLY_THREAD_H_
#define LAYERD_DAEMON_SERVE_REPLY_THREAD_H_

#include <atomic>

#include "daemon/rt/named_thread.h"
#include "loader/bell.h"

namespace layerd {

// Sends what jobs have left: from the executor to gRPC, without a lock.
//
// Why a thread of its own: whoever ends a call works for gRPC. He writes to the
// socket and does what gRPC has for that connection meanwhile, with the
// requests that come in there: 0.2 ms as a rule, 0.7 once in ten. For as long
// the executor would keep the most urgent job waiting, and no plan knows of it.
//
// Cost:      of Add() an atomic, and a system call if the thread sleeps.
// Threading: Add() from any thread. What was added is sent before the
//            destructor returns.
class ReplyThread {
 public:
  // Ownership: whoever adds it keeps it until Send() is called.
  class Reply {
   public:
    // Once, on the reply thread. It may be gone from there on.
    virtual void Send() = 0;

   protected:
    ~Reply() = default;

   private:
    friend class ReplyThread;
    Reply* added_before_ = nullptr;
  };

  ReplyThread();
  ~ReplyThread();

  void Add(Reply* reply);

 private:
  bool SendAll();  // False if there was none.
  void Run();

  std::atomic<Reply*> newest_{nullptr};
  std::atomic<bool> over_{false};
  // Who is within Add(): the last reply may be sent, and all be over, before
  // its caller is out of it.
  std::atomic<int> adding_{0};
  Bell bell_;
  NamedThread thread_;
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_SERVE_REPLY_THREAD_H_
