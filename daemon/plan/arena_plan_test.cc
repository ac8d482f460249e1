#include "daemon/plan/arena_plan.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "daemon/plan/arena_slots.h"
#include "daemon/plan/program_check.h"
#include "daemon/plan/program_sketch.h"
#include "kernels/in_place.h"
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

// Layer l reads what layers 0 .. l - 1 wrote, as `inputs` says, and its input 1
// is a residual.
Program WithResiduals(const std::vector<std::vector<uint32_t>>& inputs) {
  Program program = Sketch(std::vector<uint64_t>(inputs.size(), kPageBytes));
  for (size_t l = 0; l < inputs.size(); ++l) {
    program.layers[l].inputs = inputs[l];
    program.layers[l].op =
        FullyConnected{.adds_residual = inputs[l].size() > 1};
  }
  return program;
}

TEST_CASE("Blocks with residuals add up where those lie") {
  const ArenaPlan plan =
      PlanArena(WithResiduals({{0}, {1}, {2, 1}, {3}, {4, 3}, {5}}), 0);

  CHECK(plan.buffer_offsets[3] == plan.buffer_offsets[1]);
  CHECK(plan.buffer_offsets[5] == plan.buffer_offsets[1]);
  CHECK(plan.bytes == 2 * 4096);
}

TEST_CASE("What somebody needs afterwards is not written over") {
  const auto [name, inputs] =
      GENERATE(table<std::string, std::vector<std::vector<uint32_t>>>({
          {"a later layer", {{0}, {1}, {2, 1}, {3, 1}}},
          {"the same layer", {{0}, {1}, {2, 1, 1}}},
          {"as its input", {{0}, {1}, {1, 1}}},
      }));
  INFO(name);
  const ArenaSlots slots = ArenaSlotsOf(WithResiduals(inputs));
  CHECK(slots.of_buffer[3] == 3);
}

TEST_CASE("What is asked for or of another type is not written over") {
  Program program = WithResiduals({{0}, {1}, {2, 1}});
  CHECK(ArenaSlotsOf(program).of_buffer[3] == 1);
  SECTION("a graph output") { program.outputs.push_back(1); }
  SECTION("by a graph input") { program.inputs.push_back(3); }
  SECTION("of another type") { program.tensors[1].type.strides = {2}; }
  SECTION("elsewhere in its buffer") { program.tensors[1].offset_bytes = 4; }
  CHECK(ArenaSlotsOf(program).of_buffer[3] == 3);
}

// Which buffer's contents each word of an arena holds.
class WrittenWords {
 public:
  WrittenWords(const Program& program, const ArenaPlan& plan)
      : program_(program), plan_(plan), words_(plan.bytes / 4, -1) {}

  void Write(uint32_t buffer) {
    std::fill(Begin(buffer), End(buffer), static_cast<int64_t>(buffer));
  }
  bool Holds(uint32_t buffer) {
    return std::all_of(Begin(buffer), End(buffer),
                       [&](int64_t word) { return word == buffer; });
  }

 private:
  std::vector<int64_t>::iterator Begin(uint32_t buffer) {
    return words_.begin() +
           static_cast<int64_t>(plan_.buffer_offsets[buffer] / 4);
  }
  std::vector<int64_t>::iterator End(uint32_t buffer) {
    return Begin(buffer) +
           static_cast<int64_t>(program_.buffers[buffer].bytes / 4);
  }

  const Program& program_;
  const ArenaPlan& plan_;
  std::vector<int64_t> words_;
};

uint64_t Aligned(uint64_t bytes) {
  return (bytes + kArenaAlignment - 1) / kArenaAlignment * kArenaAlignment;
}

// No placement needs less: the most bytes that live at one part.
uint64_t LiveBytesMax(const Program& program) {
  const ArenaSlots slots = ArenaSlotsOf(program);
  uint64_t most = 0;
  for (size_t part = 0; part < program.parts.size(); ++part) {
    uint64_t live = 0;
    for (size_t slot = 0; slot < slots.bytes.size(); ++slot) {
      if (slots.lives[slot].Meets({part, part}))
        live += Aligned(slots.bytes[slot]);
    }
    most = std::max(most, live);
  }
  return most;
}

// In these sketches tensor t is all of buffer t.
TEST_CASE("Every part finds what others have left for it") {
  const uint32_t seed = GENERATE(range(0u, 500u));
  INFO("seed " << seed);
  std::mt19937 random(seed);
  const Program program = RandomSketch(random);
  const ArenaPlan plan = PlanArena(program, random() % 5000);

  CHECK(plan.scratch_offset >= LiveBytesMax(program));
  WrittenWords words(program, plan);
  for (uint32_t input : program.inputs) words.Write(input);
  for (size_t p = 0; p < program.parts.size(); ++p) {
    const uint32_t l = program.parts[p].layer;
    const Layer& layer = program.layers[l];
    const bool is_first = p == 0 || program.parts[p - 1].layer != l;
    const auto over = is_first ? std::nullopt : InputInPlace(layer.op);
    for (size_t i = 0; i < layer.inputs.size(); ++i) {
      // Earlier parts have written over their share of it.
      if (i != over) CHECK(words.Holds(layer.inputs[i]));
    }
    words.Write(layer.outputs[0]);
  }
  for (uint32_t output : program.outputs) CHECK(words.Holds(output));
  for (size_t b = 0; b < program.buffers.size(); ++b) {
    CHECK(plan.buffer_offsets[b] % kArenaAlignment == 0);
    CHECK(plan.buffer_offsets[b] + program.buffers[b].bytes <=
          plan.scratch_offset);
  }
}

TEST_CASE("As many buffers as there may be are placed in no time") {
  Program chain = Sketch(std::vector<uint64_t>(kBuffersMax - 1, kPageBytes));
  uint64_t at_once = 2;
  SECTION("where two of them live at a time") {}
  SECTION("where all of them live to the end") {
    chain.outputs.resize(kBuffersMax);
    std::iota(chain.outputs.begin(), chain.outputs.end(), uint32_t{0});
    at_once = kBuffersMax;
  }
  CHECK(PlanArena(chain, 0).bytes == at_once * kPageBytes);
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
