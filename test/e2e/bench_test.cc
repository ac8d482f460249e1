// layerctl bench, as a user runs it.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "loader/io/unique_fd.h"
#include "test/catch/catch.h"
#include "test/e2e/digits.h"
#include "test/e2e/program.h"
#include "test/scratch/scratch_folder.h"

namespace layerd {
namespace {

Ended Layerctl(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), kLayerctl);
  return Run(arguments);
}

TEST_CASE("bench predicts by what the bench before it found") {
  const ScratchFolder folder;
  WriteFile(folder / "m.layers", DigitsLayers());
  const std::vector<std::string> bench{"bench",         folder / "m.layers",
                                       "--budget",      "128KiB",
                                       "--threads",     "1",
                                       "--requests",    "3",
                                       "--cache",       folder / "cache",
                                       "--drive-mib-s", "500",
                                       "--json"};
  const Ended first = Layerctl(bench);
  REQUIRE(first.err == "");
  CHECK(NumberIn(first.out, "resident_before_ms") > 0);

  std::string profile;
  for (const auto& file :
       std::filesystem::directory_iterator(folder / "cache")) {
    CHECK(profile == "");
    profile = ReadFile(file.path());
  }
  const double kept_ms = 1e3 * NumberIn(profile, "resident_seconds");
  const Ended second = Layerctl(bench);
  CHECK(NumberIn(second.out, "resident_before_ms") == Approx(kept_ms));
  CHECK_THAT(second.out, Catch::Contains("\"outputs_identical\": true"));
}

TEST_CASE("bench of a modelled drive forgets nothing of the real one") {
  const ScratchFolder folder;
  WriteFile(folder / "m.layers", DigitsLayers());
  std::vector<std::string> bench{"bench",      folder / "m.layers",
                                 "--requests", "1",
                                 "--cache",    folder / "cache"};
  const auto kept = [&folder] {
    const std::filesystem::directory_iterator file(folder / "cache");
    return NumberIn(ReadFile(file->path()), "drive_bytes_per_s");
  };
  REQUIRE(Layerctl(bench).status == 0);
  const double real = kept();
  REQUIRE(real > 0);
  bench.insert(bench.end(), {"--drive-mib-s", "500"});
  REQUIRE(Layerctl(bench).status == 0);
  CHECK(kept() == real);
}

// In /proc nobody makes a folder for the inputs of the process that is looked
// at.
TEST_CASE("bench tells what it measured though a peak is not to be had") {
  const ScratchFolder folder;
  WriteFile(folder / "m.layers", DigitsLayers());
  const Ended bench =
      Run({kLayerctl, "bench", folder / "m.layers", "--requests", "1",
           "--drive-mib-s", "500", "--cache", folder / "cache", "--json"},
          {.environment = {{"TMPDIR", "/proc"}}});
  CHECK(bench.status == 0);
  CHECK_THAT(bench.err, Catch::Contains("peak memory: "));
  CHECK_THAT(bench.out, Catch::Contains("\"peak_rss_bytes\": null") &&
                            Catch::Contains("\"outputs_identical\": true"));
}

// For a file that is smaller than a read there is another one for a while.
TEST_CASE("bench that is ended while it probes the drive leaves no file") {
  const ScratchFolder folder;
  WriteFile(folder / "m.layers", DigitsLayers());
  const auto probed = [&folder] {
    std::error_code ignored;
    for (std::filesystem::recursive_directory_iterator
             it(folder / "cache", ignored),
         end;
         it != end; it.increment(ignored)) {
      if (it->path().string().find("probe") != std::string::npos) return true;
    }
    return false;
  };
  Program bench(
      {kLayerctl, "bench", folder / "m.layers", "--cache", folder / "cache"});
  while (!probed() && bench.Number("status", "VmRSS") > 0) {
    std::this_thread::yield();
  }

  bench.Signal(SIGTERM);
  CHECK(bench.Wait().status == 128 + SIGTERM);
  CHECK_FALSE(probed());
}

// As in a folder that cannot be written: in /proc nobody makes a file.
TEST_CASE("bench of narrow weights writes nothing beside the file") {
  const ScratchFolder folder;
  const std::string layers = folder / "m.layers";
  REQUIRE(
      Layerctl({"pack", kDigitsOnnx, "-o", layers, "--weights", "i8"}).status ==
      0);
  const UniqueFd file(open(layers.c_str(), O_RDONLY | O_CLOEXEC));
  const std::string path = absl::StrCat("/proc/", getpid(), "/fd/", file.get());
  const Ended bench = Layerctl({"bench", path, "--requests", "2", "--cache",
                                folder / "cache", "--json"});
  INFO(bench.err);
  CHECK(bench.status == 0);
  CHECK_THAT(bench.out, Catch::Contains("\"outputs_identical\": true"));
  for (const auto& left :
       std::filesystem::directory_iterator(folder / "cache")) {
    CHECK_THAT(left.path().string(), !Catch::Contains("scratch"));
  }
}

}  // namespace
}  // namespace layerd
