#include "daemon/engine/drive_probe.h"

#include "absl/status/status.h"
#include "test/catch/catch.h"
#include "test/scratch/scratch_folder.h"

namespace layerd {
namespace {

constexpr uint64_t kFileBytes = 8 << 20;

TEST_CASE("A glance at a drive tells its speed, and asks after each read") {
  const ScratchFolder folder;
  const auto file = ProbeFile::Create(folder.path(), kFileBytes);
  REQUIRE(file.ok());
  int asked = 0;
  const auto probe = GlanceAtDrive(file->path(), 1, [&asked] {
    ++asked;
    return true;
  });
  REQUIRE(probe.status().message() == "");
  CHECK(probe->speed.bytes_per_s > 0);
  CHECK(probe->speed.first_read_seconds > 0);
  // A look is of as many reads at least as are in flight.
  CHECK(asked > 21 * LoaderCell().depth);
}

TEST_CASE("A glance at a drive ends in the middle of a look") {
  const ScratchFolder folder;
  const auto file = ProbeFile::Create(folder.path(), kFileBytes);
  REQUIRE(file.ok());
  int asked = 0;
  const auto probe =
      GlanceAtDrive(file->path(), 1, [&asked] { return ++asked < 4; });
  CHECK(absl::IsUnavailable(probe.status()));
  // Those on their way are waited for.
  CHECK(asked <= 4 + LoaderCell().depth);
}

}  // namespace
}  // namespace layerd
