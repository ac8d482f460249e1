#include "daemon/rt/process_usage.h"

#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <vector>

#include "test/catch/catch.h"

namespace layerd {
namespace {

TEST_CASE("A process knows what it uses") {
  const ProcessUsage before = UsageOfThisProcess();
  std::vector<char> memory(64 << 20);
  std::memset(memory.data(), 1, memory.size());
  const int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  const ProcessUsage after = UsageOfThisProcess();
  close(fd);

  CHECK(after.resident_bytes >= before.resident_bytes + (60 << 20));
  CHECK(after.peak_resident_bytes >= after.resident_bytes);
  CHECK(after.open_fds == before.open_fds + 1);
  CHECK(after.cpu_seconds >= before.cpu_seconds);
  CHECK(after.cpu_seconds > 0);
}

TEST_CASE("A process knows when it began") {
  const double now = std::chrono::duration<double>(
                         std::chrono::system_clock::now().time_since_epoch())
                         .count();
  const double began = UsageOfThisProcess().start_seconds;
  CHECK(began == UsageOfThisProcess().start_seconds);
  CHECK(began > now - 3600);
  CHECK(began < now + 60);  // The machine's clock may have been set.
}

}  // namespace
}  // namespace layerd
