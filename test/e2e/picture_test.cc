#include <cmath>
#include <cstring>

#include "test/catch/catch.h"
#include "test/e2e/daemon_process.h"
#include "test/e2e/digits.h"
#include "test/e2e/program.h"
#include "test/scratch/picture_files.h"
#include "test/scratch/scratch_folder.h"

namespace layerd {
namespace {

constexpr int kSide = 8;
constexpr char kSample[] = "test/models/digits/samples/d3.npy";

// The digit of kSample as a grey PNG.
std::string PngOfSample() {
  const std::string npy = ReadFile(kSample);
  float numbers[kSide * kSide];
  std::memcpy(numbers, &npy[npy.size() - sizeof(numbers)], sizeof(numbers));
  std::vector<uint8_t> samples;
  for (const float number : numbers) {
    samples.push_back(static_cast<uint8_t>(std::lround(number * 255)));
  }
  return PngOf(kSide, kSide, Channels::kGrey, samples);
}

// The line of the top class, without its value.
std::string TopOf(const Ended& ended) {
  INFO(ended.out << ended.err);
  REQUIRE(ended.status == 0);
  const size_t at = ended.out.find("\"index\":");
  REQUIRE(at != std::string::npos);
  return ended.out.substr(at, ended.out.find_first_of(",}\n", at) - at);
}

TEST_CASE("A picture of a digit has the answer of the same digit's .npy") {
  TestRepository repository;
  repository.AddLayers("digits", DigitsLayers());
  DaemonProcess daemon(repository);
  REQUIRE(daemon.WaitUntilReady());
  const ScratchFolder folder;
  WriteFile(folder / "three.png", PngOfSample());
  const auto infer = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {kLayerctl, "infer", "digits"});
    arguments.insert(arguments.end(), {"--address", daemon.address()});
    return Run(arguments);
  };

  const std::string by_array = TopOf(infer({kSample, "--top", "1", "--json"}));
  CHECK(TopOf(infer({folder / "three.png", "--top", "1", "--json"})) ==
        by_array);
  CHECK_THAT(by_array, Catch::Contains("3"));

  const Ended named = infer({"--input", "image=" + folder / "three.png"});
  CHECK(named.status == 0);
  CHECK_THAT(named.err, Catch::Contains("8 x 8, seen as grey"));
  WriteFile(folder / "three.gif", "GIF89a");
  CHECK(infer({folder / "three.gif"}).status == 2);
  CHECK(infer({folder / "three.png", "--pixels", "best"}).status == 2);
  const Ended random = infer({"--random", "--pixels", "raw"});
  CHECK(random.status == 2);
  CHECK_THAT(random.err, Catch::Contains("--random takes none"));
  CHECK(infer({kSample, "--pixels", "raw"}).status == 2);
  CHECK(infer({kSample, "--seed", "3"}).status == 2);
}

}  // namespace
}  // namespace layerd
