#include "daemon/rt/busy_cpus.h"

#include <pthread.h>
#include <sched.h>

#include "daemon/rt/loader_cpu.h"
#include "daemon/rt/scheduling_attributes.h"

namespace layerd {
namespace {

// Past the caches that a CPU has to itself.
constexpr size_t kFloats = 256 << 10;

}  // namespace

BusyCpus::BusyCpus(int compute_threads) {
  const bool loader_has_cpu = HasCpuForLoader(compute_threads);
  for (int i = 0; i < compute_threads; ++i) {
    threads_.emplace_back([this, loader_has_cpu] {
      SetScheduling(0, {.policy = SCHED_IDLE});
      if (loader_has_cpu) LeaveCpuToLoader();
      Compute();
    });
  }
}

BusyCpus::~BusyCpus() {
  stopped_.store(true);
  for (std::thread& thread : threads_) {
    // Where others keep all CPUs busy, it would come to its end late.
    const sched_param usual{};
    pthread_setschedparam(thread.native_handle(), SCHED_OTHER, &usual);
    thread.join();
  }
}

void BusyCpus::Compute() const {
  std::vector<float> block(kFloats, 1.0f);
  while (!stopped_.load(std::memory_order_relaxed)) {
    for (float& value : block) value = 0.5f * value + 0.5f;
    asm volatile("" : : "r"(block.data()) : "memory");  // It is wanted.
  }
}

}  // namespace layerd
