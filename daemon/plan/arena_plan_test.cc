#include "daemon/plan/arena_plan.h"

#include <random>

#include "daemon/plan/program_sketch.h"
#include "test/catch/catch.h"

namespace layerd {
namespace {

TEST_CASE("A chain of equal buffers needs two of them") {
  const Program chain = Sketch(std::vector<uint64_t>(50, kPageBytes));

  const ArenaPlan plan = PlanArena(chain, 0);

  CHECK(plan.bytes == 2 * 4096);
}

TEST_CASE("Scratch lies behind every buffer, for it is used with all") {
  const Program chain = Sketch({kPageBytes, kPageBytes});

  const ArenaPlan plan = PlanArena(chain, 1000);

  CHECK(plan.scratch_offset == 2 * 4096);
  CHECK(plan.bytes == 2 * 4096 + 1024);
}

TEST_CASE("Graph outputs live to the end, graph inputs from the start") {
  Program chain = Sketch(std::vector<uint64_t>(4, kPageBytes));
  chain.outputs = {1};  // What the first layer wrote.
  chain.inputs = {4};   // And what the last one would write.

  const std::vector<Lifetime> lives = LifetimesOf(chain);

  CHECK(lives[1].last == 3);
  CHECK(lives[4].first == 0);
  CHECK_FALSE(lives[0].Meets(lives[2]));
}

TEST_CASE("Buffers that live at the same time never overlap") {
  const uint32_t seed = GENERATE(range(0u, 500u));
  INFO("seed " << seed);
  std::mt19937 random(seed);
  const Program program = RandomSketch(random);
  const std::vector<Lifetime> lives = LifetimesOf(program);

  const ArenaPlan plan = PlanArena(program, random() % 5000);

  CHECK(plan.scratch_offset >= LiveBytesMax(program));
  for (size_t a = 0; a < lives.size(); ++a) {
    const uint64_t begin = plan.buffer_offsets[a];
    const uint64_t end = begin + program.buffers[a].bytes;
    CHECK(begin % kArenaAlignment == 0);
    CHECK(end <= plan.scratch_offset);
    for (size_t b = 0; b < a; ++b) {
      if (!lives[a].Meets(lives[b])) continue;
      const uint64_t other = plan.buffer_offsets[b];
      CHECK((end <= other || other + program.buffers[b].bytes <= begin));
    }
  }
}

TEST_CASE("Best fit wastes little on random programs") {
  uint64_t placed = 0, live = 0;
  for (uint32_t seed = 0; seed < 200; ++seed) {
    std::mt19937 random(seed);
    const Program program = RandomSketch(random);
    placed += PlanArena(program, 0).bytes;
    live += LiveBytesMax(program);
  }
  INFO("placed " << placed << ", live " << live);
  CHECK(placed <= live * 105 / 100);
}

}  // namespace
}  // namespace layerd
