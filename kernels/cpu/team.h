#ifndef LAYERD_KERNELS_CPU_TEAM_H_
#define LAYERD_KERNELS_CPU_TEAM_H_

#include <atomic>
#include <cstdint>
#include <memory>

namespace layerd::cpu {

// Shares loops among threads that somebody else owns: the one that calls Run(),
// and helpers whose life is Help().
//
// Why not OpenMP: its loops end when every thread has come and gone, so a
// thread that the loader or a wake-up keeps off its CPU holds up the whole
// part. Here a loop is cut into chunks; each thread takes those of its own
// share from the front and then others' from the back, and the caller waits
// for chunks that somebody has taken, never for somebody to come. Without any
// helper the caller does it all. Chunks lie where the count and the number of
// threads say, whoever computes them: no bit depends on that.
//
// Cost:      a loop some 100 ns beside its chunks; no lock, no allocation. A
//            system call only where a helper sleeps, or the caller has waited
//            for longer than it looks.
// Threading: Run() and Rest() by one thread at a time, Help() of each number by
//            one, the rest by any.
class Team {
 public:
  using Body = void (*)(const void* context, int64_t begin, int64_t end);

  // REQUIRES: threads is at least 1.
  explicit Team(int threads);
  // REQUIRES: every Help() has returned.
  ~Team() = default;
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  int threads() const { return threads_; }

  // Calls body(context, begin, end) for ranges that together are [0, count).
  void Run(int64_t count, Body body, const void* context);

  // Returns after Stop(). With `own_cpus` each thread has a CPU where it may
  // look for work for a while (some 100 us) before it sleeps: waking one takes
  // as long as a small part.
  // REQUIRES: 1 <= thread < threads().
  void Help(int thread, bool own_cpus);
  void Stop();
  // Helpers that look for work sleep at once: others need their CPUs now.
  void Rest() { resting_.store(true, std::memory_order_relaxed); }

 private:
  // Chunks that nobody has taken: number of the loop, first, end.
  struct alignas(64) Share {
    std::atomic<uint64_t> left{0};
  };

  bool LookFor(uint32_t seen) const;
  void Compute(uint32_t number, int thread);
  void ComputeShare(uint32_t number, int share, bool is_own);
  void Join();

  const int threads_;
  const std::unique_ptr<Share[]> shares_;
  // What is computed; who has taken a chunk of loop `number_` sees that loop's.
  std::atomic<Body> body_{nullptr};
  std::atomic<const void*> context_{nullptr};
  std::atomic<int64_t> count_{0};
  std::atomic<uint32_t> chunks_{0};
  std::atomic<int> looks_;

  alignas(64) std::atomic<uint32_t> number_{0};  // Of the loop that is on.
  std::atomic<bool> resting_{false}, stopped_{false};
  alignas(64) std::atomic<uint32_t> undone_{0};  // Chunks.
};

// What loops on the calling thread are shared among.
struct ThreadState {
  Team* team = nullptr;  // Null: nobody.
  int threads_max = 1;
  int number = 0;  // Of this thread, in the loop that is on.
};
inline thread_local constinit ThreadState thread_state;

// While it lives, loops on this thread are planned for `threads` and shared
// among those of `team`.
class ThreadsScope {
 public:
  explicit ThreadsScope(int threads, Team* team = nullptr, int number = 0)
      : before_(thread_state) {
    thread_state = {team, threads, number};
  }
  ~ThreadsScope() { thread_state = before_; }
  ThreadsScope(const ThreadsScope&) = delete;
  ThreadsScope& operator=(const ThreadsScope&) = delete;

 private:
  const ThreadState before_;
};

}  // namespace layerd::cpu

#endif  // LAYERD_KERNELS_CPU_TEAM_H_
