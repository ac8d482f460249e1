#include "kernels/cpu/team.h"

#include <algorithm>
#include <optional>

namespace layerd::cpu {
namespace {

// More are better balanced; fewer have more work for each search of a place.
constexpr int64_t kChunksOfThread = 8;
constexpr int kLooks = 10'000, kLooksOnSharedCpu = 200;

void Breathe() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

uint64_t Packed(uint32_t number, uint64_t first, uint64_t end) {
  return uint64_t{number} << 32 | first << 16 | end;
}

// Takes a chunk of loop `number`, if there is one, from the front or the back.
std::optional<uint32_t> Take(std::atomic<uint64_t>& left, uint32_t number,
                             bool from_front) {
  uint64_t now = left.load(std::memory_order_acquire);
  for (;;) {
    const uint32_t first = now >> 16 & 0xffff, end = now & 0xffff;
    if (now >> 32 != number || first == end) return std::nullopt;
    const uint64_t next = from_front ? Packed(number, first + 1, end)
                                     : Packed(number, first, end - 1);
    if (left.compare_exchange_weak(now, next, std::memory_order_acq_rel,
                                   std::memory_order_acquire)) {
      return from_front ? first : end - 1;
    }
  }
}

}  // namespace

Team::Team(int threads)
    : threads_(threads),
      shares_(std::make_unique<Share[]>(threads)),
      looks_(kLooksOnSharedCpu) {}

void Team::Run(int64_t count, Body body, const void* context) {
  const uint32_t number = number_.load(std::memory_order_relaxed) + 1;
  const int64_t chunks =
      std::min<int64_t>({count, threads_ * kChunksOfThread, int64_t{0xffff}});
  body_.store(body, std::memory_order_relaxed);
  context_.store(context, std::memory_order_relaxed);
  count_.store(count, std::memory_order_relaxed);
  chunks_.store(chunks, std::memory_order_relaxed);
  undone_.store(chunks, std::memory_order_relaxed);
  resting_.store(false, std::memory_order_relaxed);
  for (int t = 0; t < threads_; ++t) {
    shares_[t].left.store(
        Packed(number, chunks * t / threads_, chunks * (t + 1) / threads_),
        std::memory_order_release);
  }
  number_.store(number);
  number_.notify_all();
  Compute(number, 0);
  Join();
}

// What it was read, no later loop has overwritten: that begins when all chunks
// are done, and who has taken one has yet to do it.
void Team::Compute(uint32_t number, int thread) {
  const ThreadsScope alone(threads_, nullptr, thread);
  ComputeShare(number, thread, /*is_own=*/true);
  for (int i = 1; i < threads_; ++i) {
    ComputeShare(number, (thread + i) % threads_, /*is_own=*/false);
  }
}

void Team::ComputeShare(uint32_t number, int share, bool is_own) {
  const Body body = body_.load(std::memory_order_relaxed);
  const void* const context = context_.load(std::memory_order_relaxed);
  const int64_t count = count_.load(std::memory_order_relaxed);
  const int64_t chunks = chunks_.load(std::memory_order_relaxed);
  while (const auto chunk = Take(shares_[share].left, number, is_own)) {
    body(context, count * *chunk / chunks, count * (*chunk + 1) / chunks);
    if (undone_.fetch_sub(1) == 1) undone_.notify_all();
  }
}

void Team::Join() {
  for (int looks = looks_.load(std::memory_order_relaxed); looks > 0; --looks) {
    if (undone_.load(std::memory_order_acquire) == 0) return;
    Breathe();
  }
  for (uint32_t undone; (undone = undone_.load()) != 0;) undone_.wait(undone);
}

// True if another loop has begun.
bool Team::LookFor(uint32_t seen) const {
  for (int looks = looks_.load(std::memory_order_relaxed); looks > 0; --looks) {
    if (number_.load(std::memory_order_acquire) != seen) return true;
    if (resting_.load(std::memory_order_relaxed)) return false;
    Breathe();
  }
  return false;
}

void Team::Help(int thread, bool own_cpus) {
  looks_.store(own_cpus ? kLooks : kLooksOnSharedCpu,
               std::memory_order_relaxed);
  for (uint32_t seen = 0; !stopped_.load();) {
    if (!LookFor(seen)) number_.wait(seen);
    seen = number_.load(std::memory_order_acquire);
    Compute(seen, thread);
  }
}

void Team::Stop() {
  stopped_.store(true);
  number_.fetch_add(1);  // Of no loop: its chunks are nobody's.
  number_.notify_all();
}

}  // namespace layerd::cpu
