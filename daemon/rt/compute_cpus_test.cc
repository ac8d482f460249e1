#include "daemon/rt/compute_cpus.h"

#include <pthread.h>

#include <set>
#include <thread>

#include "test/catch/catch.h"

namespace layerd {
namespace {

cpu_set_t CpusOfThisThread() {
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  REQUIRE(sched_getaffinity(0, sizeof(cpus), &cpus) == 0);
  return cpus;
}

// On threads of their own, as this one goes on to other tests.
cpu_set_t Kept(const ComputeCpus& cpus, int thread) {
  cpu_set_t kept;
  std::thread([&] {
    cpus.KeepTo(thread);
    kept = CpusOfThisThread();
    CHECK(CpusWeMayUse() == CPU_COUNT(&kept));
  }).join();
  return kept;
}

TEST_CASE("As many threads as CPUs have one each") {
  const cpu_set_t all = CpusOfThisThread();
  const int threads = CPU_COUNT(&all);
  const ComputeCpus cpus(threads);
  CHECK(cpus.are_enough());
  std::set<int> seen;
  for (int t = 0; t < threads; ++t) {
    const cpu_set_t kept = Kept(cpus, t);
    REQUIRE(CPU_COUNT(&kept) == 1);
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
      if (!CPU_ISSET(cpu, &kept)) continue;
      CHECK(CPU_ISSET(cpu, &all));
      seen.insert(cpu);
    }
  }
  CHECK(seen.size() == static_cast<size_t>(threads));
}

TEST_CASE("More threads than CPUs, or fewer, may use them all") {
  const cpu_set_t all = CpusOfThisThread();
  const int count = CPU_COUNT(&all);
  const ComputeCpus more(count + 1);
  CHECK_FALSE(more.are_enough());
  cpu_set_t kept = Kept(more, count);
  CHECK(CPU_EQUAL(&kept, &all));
  if (count == 1) return;
  const ComputeCpus fewer(count - 1);
  CHECK(fewer.are_enough());
  kept = Kept(fewer, 0);
  CHECK(CPU_EQUAL(&kept, &all));
}

}  // namespace
}  // namespace layerd
