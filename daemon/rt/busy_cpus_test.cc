#include "daemon/rt/busy_cpus.h"

#include <time.h>

#include <thread>

#include "test/catch/catch.h"

namespace layerd {
namespace {

double Seconds(clockid_t clock) {
  timespec time{};
  REQUIRE(clock_gettime(clock, &time) == 0);
  return static_cast<double>(time.tv_sec) +
         1e-9 * static_cast<double>(time.tv_nsec);
}

// Processor time of the process that is not this thread's.
double OthersSeconds() {
  return Seconds(CLOCK_PROCESS_CPUTIME_ID) - Seconds(CLOCK_THREAD_CPUTIME_ID);
}

TEST_CASE("Others compute until they are told to end, and no longer") {
  const double begun = OthersSeconds();
  {
    const BusyCpus busy(2);
    while (OthersSeconds() < begun + 0.02) std::this_thread::yield();
  }
  const double ended = OthersSeconds();
  const double until = Seconds(CLOCK_THREAD_CPUTIME_ID) + 0.02;
  while (Seconds(CLOCK_THREAD_CPUTIME_ID) < until) {
  }
  CHECK(OthersSeconds() == Approx(ended).margin(1e-3));
}

TEST_CASE("Nobody computes on no threads") {
  const double begun = OthersSeconds();
  const BusyCpus busy(0);
  const double until = Seconds(CLOCK_THREAD_CPUTIME_ID) + 0.02;
  while (Seconds(CLOCK_THREAD_CPUTIME_ID) < until) {
  }
  CHECK(OthersSeconds() == Approx(begun).margin(1e-3));
}

}  // namespace
}  // namespace layerd
