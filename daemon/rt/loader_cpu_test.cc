#include "daemon/rt/loader_cpu.h"

#include <pthread.h>
#include <sched.h>

#include <functional>
#include <thread>

#include "test/catch/catch.h"

namespace layerd {
namespace {

cpu_set_t CpusAfter(const std::function<void()>& body) {
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  std::thread([&] {
    body();
    sched_getaffinity(0, sizeof(cpus), &cpus);
  }).join();
  return cpus;
}

TEST_CASE("Executor and loader share no CPU, and leave none out") {
  const cpu_set_t all = CpusAfter([] {});
  const cpu_set_t executor = CpusAfter(LeaveCpuToLoader);
  const cpu_set_t loader = CpusAfter([] { BecomeLoader(/*own_cpu=*/true); });
  if (CPU_COUNT(&all) < 2) {  // Then both share it.
    CHECK(CPU_EQUAL(&executor, &all));
    CHECK(CPU_EQUAL(&loader, &all));
    return;
  }
  cpu_set_t both, none;
  CPU_OR(&both, &executor, &loader);
  CPU_AND(&none, &executor, &loader);
  CHECK(CPU_COUNT(&loader) == 1);
  CHECK(CPU_EQUAL(&both, &all));
  CHECK(CPU_COUNT(&none) == 0);
}

TEST_CASE("A loader without a CPU of its own runs on all") {
  const cpu_set_t all = CpusAfter([] {});
  const cpu_set_t loader = CpusAfter([] { BecomeLoader(/*own_cpu=*/false); });
  CHECK(CPU_EQUAL(&loader, &all));
}

TEST_CASE("There is a CPU for the loader while not all compute") {
  const cpu_set_t all = CpusAfter([] {});
  CHECK(HasCpuForLoader(CPU_COUNT(&all) - 1));
  CHECK_FALSE(HasCpuForLoader(CPU_COUNT(&all)));
}

}  // namespace
}  // namespace layerd
