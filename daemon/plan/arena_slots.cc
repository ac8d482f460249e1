#include "daemon/plan/arena_slots.h"

#include <algorithm>
#include <numeric>
#include <optional>

#include "kernels/in_place.h"

namespace layerd {
namespace {

void Extend(Lifetime& life, size_t part) {
  if (life.first > life.last) {
    life = {part, part};
    return;
  }
  life.first = std::min(life.first, part);
  life.last = std::max(life.last, part);
}

// Its parts, which follow each other. REQUIRES: it has any.
Lifetime PartsFrom(const Program& program, size_t first) {
  const uint32_t layer = program.parts[first].layer;
  size_t end = first + 1;
  while (end < program.parts.size() && program.parts[end].layer == layer) ++end;
  return {first, end - 1};
}

std::vector<bool> BuffersOf(const Program& program,
                            const std::vector<uint32_t>& tensors) {
  std::vector<bool> buffers(program.buffers.size());
  for (uint32_t tensor : tensors) {
    buffers[program.tensors[tensor].buffer] = true;
  }
  return buffers;
}

// Which outputs take an input's place.
class InPlace {
 public:
  InPlace(const Program& program, const std::vector<Lifetime>& lives)
      : program_(program),
        lives_(lives),
        asked_(BuffersOf(program, program.inputs)),
        answers_(BuffersOf(program, program.outputs)) {}

  // The buffer whose place the output of that layer takes.
  std::optional<uint32_t> Under(const Layer& layer,
                                const Lifetime& parts) const {
    const auto input = InputInPlace(layer.op);
    if (!input || layer.outputs.size() != 1) return std::nullopt;
    const Tensor& x = program_.tensors[layer.inputs[*input]];
    const Tensor& y = program_.tensors[layer.outputs[0]];
    const bool is_alike = x.type == y.type && x.offset_bytes == y.offset_bytes;
    const bool ends =
        lives_[x.buffer].last == parts.last && !answers_[x.buffer];
    const bool begins =
        lives_[y.buffer].first == parts.first && !asked_[y.buffer];
    if (x.buffer == y.buffer || !is_alike || !ends || !begins ||
        IsReadTwice(layer, *input)) {
      return std::nullopt;
    }
    return x.buffer;
  }

 private:
  // Its buffer, by another input.
  bool IsReadTwice(const Layer& layer, size_t input) const {
    const uint32_t buffer = program_.tensors[layer.inputs[input]].buffer;
    for (size_t i = 0; i < layer.inputs.size(); ++i) {
      if (i != input && program_.tensors[layer.inputs[i]].buffer == buffer) {
        return true;
      }
    }
    return false;
  }

  const Program& program_;
  const std::vector<Lifetime>& lives_;
  const std::vector<bool> asked_, answers_;  // Buffers.
};

}  // namespace

std::vector<Lifetime> LifetimesOf(const Program& program) {
  std::vector<Lifetime> lives(program.buffers.size());
  auto touch = [&](uint32_t tensor, size_t part) {
    Extend(lives[program.tensors[tensor].buffer], part);
  };
  for (uint32_t tensor : program.inputs) touch(tensor, 0);
  for (size_t part = 0; part < program.parts.size(); ++part) {
    const Layer& layer = program.layers[program.parts[part].layer];
    for (uint32_t tensor : layer.inputs) touch(tensor, part);
    for (uint32_t tensor : layer.outputs) touch(tensor, part);
  }
  const size_t last = program.parts.empty() ? 0 : program.parts.size() - 1;
  for (uint32_t tensor : program.outputs) touch(tensor, last);
  return lives;
}

ArenaSlots ArenaSlotsOf(const Program& program) {
  const std::vector<Lifetime> lives = LifetimesOf(program);
  const InPlace in_place(program, lives);
  ArenaSlots slots{std::vector<size_t>(lives.size()), {}, lives};
  std::iota(slots.of_buffer.begin(), slots.of_buffer.end(), size_t{0});
  for (size_t part = 0; part < program.parts.size();) {
    const Layer& layer = program.layers[program.parts[part].layer];
    const Lifetime parts = PartsFrom(program, part);
    part = parts.last + 1;
    const auto under = in_place.Under(layer, parts);
    if (!under) continue;
    const uint32_t buffer = program.tensors[layer.outputs[0]].buffer;
    const size_t slot = slots.of_buffer[*under];
    slots.of_buffer[buffer] = slot;
    slots.lives[slot].last = lives[buffer].last;
    slots.lives[buffer] = {};
  }
  slots.bytes.resize(lives.size());
  for (size_t buffer = 0; buffer < lives.size(); ++buffer) {
    if (lives[buffer].first > lives[buffer].last) continue;
    uint64_t& bytes = slots.bytes[slots.of_buffer[buffer]];
    bytes = std::max(bytes, program.buffers[buffer].bytes);
  }
  return slots;
}

}  // namespace layerd
