#include "daemon/ctl/drive_beside.h"

#include "absl/status/status.h"
#include "test/catch/catch.h"
#include "test/scratch/scratch_folder.h"

namespace layerd {
namespace {

TEST_CASE("Who computes is called until there is a look from beside it") {
  const ScratchFolder folder;
  const auto file = ProbeFile::Create(folder.path(), 4 << 20);
  REQUIRE(file.ok());
  DriveBeside drive(file->path(), 1);
  int calls = 0;
  for (size_t looks = 0; looks < 2;) {
    REQUIRE(drive
                .LookBeside([&] {
                  ++calls;
                  return absl::OkStatus();
                })
                .ok());
    REQUIRE(drive.looks().size() > looks);
    looks = drive.looks().size();
  }
  CHECK(calls >= 2);
  const DriveSpeed speed = DriveLooks::SpeedOf(drive.looks());
  CHECK(speed.bytes_per_s > 0);
  CHECK(speed.turn_seconds >= 0);
}

TEST_CASE("A computation that fails ends the looking, and says why") {
  const ScratchFolder folder;
  const auto file = ProbeFile::Create(folder.path(), 4 << 20);
  REQUIRE(file.ok());
  DriveBeside drive(file->path(), 1);
  CHECK(drive.LookBeside([] { return absl::InternalError("broken"); }) ==
        absl::InternalError("broken"));
}

TEST_CASE("A file that is smaller than one read is refused before anything") {
  const ScratchFolder folder;
  const auto file = ProbeFile::Create(folder.path(), 4 << 10);
  REQUIRE(file.ok());
  DriveBeside drive(file->path(), 1);
  int calls = 0;
  CHECK(absl::IsInvalidArgument(drive.LookBeside([&] {
    ++calls;
    return absl::OkStatus();
  })));
  CHECK(calls == 0);
}

TEST_CASE("Rates are medians, and what a batch costs follows from half of it") {
  const DriveSpeed speed =
      DriveLooks::SpeedOf({{4e9, 3e9}, {1e9, 1e9}, {5e9, 2e9}});
  CHECK(speed.bytes_per_s == 4e9);
  CHECK(speed.turn_seconds == Approx((1 / 2e9 - 1 / 4e9) * (4 << 20)));
  CHECK(speed.slow_bytes_per_s == 1e9);
}

TEST_CASE("Later looks make no drive less slow than it was seen to be") {
  const DriveSpeed before{
      .bytes_per_s = 3e9, .first_read_seconds = 1e-4, .slow_bytes_per_s = 2e9};
  const DriveSpeed slower = DriveLooks::SpeedOf({{1.5e9, 1e9}}, before);
  CHECK(slower.bytes_per_s == 1.5e9);
  CHECK(slower.slow_bytes_per_s == 1.5e9);
  CHECK(slower.first_read_seconds == 1e-4);
  CHECK(DriveLooks::SpeedOf({{4e9, 3e9}}, before).slow_bytes_per_s == 2e9);
}

}  // namespace
}  // namespace layerd
