// Would the twin notice? Each mutant is a fault that a host could have; in one
// of 200 schedules at most it is found.
//
// LAYERD_MUTANT=NAME runs one, and says what found it, and when.

#include <cstdlib>
#include <string>
#include <vector>

#include "test/catch/catch.h"
#include "test/gpu/mutants/mutant.h"

namespace layerd {

std::vector<Mutant>& Mutants() {
  static std::vector<Mutant> mutants;
  return mutants;
}

namespace {

constexpr uint32_t kSeedsMax = 200;

// The first complaint and its seed.
struct Finding {
  uint32_t seed = 0;
  std::string complaint;
};

TwinRun RunOf(const Mutant& mutant, const TwinNetwork& network, uint32_t seed) {
  TwinRun run;
  run.network = &network;
  run.seed = seed;
  run.memory = mutant.memory;
  run.half = mutant.half;
  run.story = mutant.story;
  if (mutant.hook) run.hook = mutant.hook();
  run.backend = mutant.backend;
  return run;
}

Finding Find(const Mutant& mutant, const std::vector<TwinNetwork>& networks) {
  for (uint32_t seed = 0; seed < kSeedsMax; ++seed) {
    const TwinNetwork& network = networks[seed % networks.size()];
    std::string complaint = Complaint(RunOf(mutant, network, seed));
    if (!complaint.empty()) return {seed, std::move(complaint)};
  }
  return {};
}

TEST_CASE("Every mutant is found, and none of the sound runs beside it") {
  std::vector<TwinNetwork> networks;
  for (uint32_t seed = 0; seed < 5; ++seed) {
    networks.push_back(TwinNetwork::Random(seed));
  }
  REQUIRE(Mutants().size() >= 20);
  const char* const only = std::getenv("LAYERD_MUTANT");
  for (const Mutant& mutant : Mutants()) {
    if (only != nullptr && mutant.name != only) continue;
    INFO(mutant.name << ": " << mutant.fault);
    const Finding finding = Find(mutant, networks);
    CHECK(finding.complaint != "");
    WARN(mutant.name << ", schedule " << finding.seed << ": "
                     << finding.complaint);
    Mutant sound{.name = "sound", .fault = "none"};
    sound.memory = mutant.memory;
    sound.half = mutant.half;
    sound.story = mutant.story;
    const TwinNetwork& network = networks[finding.seed % networks.size()];
    CHECK(Complaint(RunOf(sound, network, finding.seed)) == "");
  }
}

}  // namespace
}  // namespace layerd
