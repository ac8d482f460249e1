// Do whole networks, streamed from the smallest ring, answer as the reference
// does, and with the bits of resident ones, in any schedule?
//
//   twin_networks [FIRST:]SCHEDULES[:STEP] MODEL.onnx...
//
// With steps of 5 all schedules tell the same story. One line for each network;
// exits 1 if one is wrong.

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "test/gpu/twin_run.h"

namespace layerd {
namespace {

using Clock = std::chrono::steady_clock;

TwinRun RunOf(const TwinNetwork& network, uint32_t seed) {
  return {.network = &network,
          .seed = seed,
          .memory = kStrategies[seed / 5 % 3],
          .half = seed / 10 % 4 == 3,
          .story = static_cast<Story>(seed % kStories),
          .brief = true,
          .hook = nullptr,
          .backend = nullptr};
}

struct Seeds {
  uint32_t first = 0, count = 0, step = 1;
};

// Nothing is run of what cannot be read.
Seeds ParseSeeds(const char* text) {
  Seeds seeds;
  if (std::sscanf(text, "%u:%u:%u", &seeds.first, &seeds.count, &seeds.step) >=
      2) {
    return seeds;
  }
  return {0, static_cast<uint32_t>(std::atoi(text)), 1};
}

// How many of the schedules were right; says which were not.
uint32_t CountRight(const TwinNetwork& network, const Seeds& seeds) {
  uint32_t right = 0;
  for (uint32_t i = 0; i < seeds.count; ++i) {
    const uint32_t seed = seeds.first + i * seeds.step;
    const std::string complaint = Complaint(RunOf(network, seed));
    right += complaint.empty();
    if (!complaint.empty()) {
      std::fprintf(stderr, "schedule %u: %s\n", seed, complaint.c_str());
    }
  }
  return right;
}

bool Hold(const std::string& onnx, const Seeds& seeds) {
  const auto begun = Clock::now();
  const TwinNetwork network = TwinNetwork::FromOnnx(onnx);
  const std::string distance = network.DistanceFromReference();
  const uint32_t right = CountRight(network, seeds);
  const auto seconds =
      std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - begun);
  const std::string name =
      std::filesystem::path(onnx).parent_path().filename().string();
  std::printf("| %s | %s | %u of %u schedules bit-identical | %d s |\n",
              name.c_str(), distance.empty() ? "right" : distance.c_str(),
              right, seeds.count, static_cast<int>(seconds.count()));
  std::fflush(stdout);
  for (const bool half : {false, true}) {
    std::filesystem::remove(network.path(half));
  }
  return distance.empty() && right == seeds.count;
}

int Main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr,
                 "usage: twin_networks [FIRST:]SCHEDULES[:STEP] "
                 "MODEL.onnx...\n");
    return 2;
  }
  const Seeds seeds = ParseSeeds(argv[1]);
  if (seeds.count == 0) {
    std::fprintf(stderr, "twin_networks: %s is no count of schedules\n",
                 argv[1]);
    return 2;
  }
  bool all_right = true;
  for (int i = 2; i < argc; ++i) {
    all_right &= Hold(argv[i], seeds);
  }
  return all_right ? 0 : 1;
}

}  // namespace
}  // namespace layerd

int main(int argc, char** argv) { return layerd::Main(argc, argv); }
