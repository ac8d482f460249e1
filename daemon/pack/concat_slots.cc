#include "daemon/pack/concat_slots.h"

#include <algorithm>
#include <variant>

#include "daemon/pack/memory_need.h"

namespace layerd {
namespace {

using Readers = std::vector<std::vector<const Operation*>>;  // Of each value.

Readers ReadersIn(const Network& network) {
  Readers readers(network.values.size());
  for (const Operation& node : network.nodes) {
    for (const int input : node.inputs) readers[input].push_back(&node);
  }
  return readers;
}

bool TakesStrides(const Operation& reader, int value) {
  for (size_t i = 0; i < reader.inputs.size(); ++i) {
    if (reader.inputs[i] != value) continue;
    const MemoryNeed need = NeedOf(reader, i);
    if (need != MemoryNeed::kAny && need != MemoryNeed::kUnitChannels) {
      return false;
    }
  }
  return true;
}

bool IsWrittenWithStrides(const Network& network, const Uses& uses, int value) {
  if (uses.producer[value] < 0) return false;
  const Operation& producer = network.nodes[uses.producer[value]];
  return network.values[value].dtype == DataType::kF32 &&
         (WritesWithStrides(producer) ||
          std::holds_alternative<Concat>(producer.op));
}

}  // namespace

ConcatSlots::ConcatSlots(const Network& network, const Uses& uses)
    : slots_(network.values.size()) {
  const Readers readers = ReadersIn(network);
  const auto fits = [&](const Operation& concat, int value) {
    return slots_[value].whole < 0 &&
           std::count(concat.inputs.begin(), concat.inputs.end(), value) == 1 &&
           IsWrittenWithStrides(network, uses, value) &&
           std::all_of(readers[value].begin(), readers[value].end(),
                       [value](const Operation* reader) {
                         return TakesStrides(*reader, value);
                       });
  };
  for (const Operation& node : network.nodes) {
    const auto* concat = std::get_if<Concat>(&node.op);
    if (concat == nullptr) continue;
    int64_t first = 0;
    for (const int input : node.inputs) {
      if (fits(node, input)) slots_[input] = {node.output, concat->axis, first};
      first += network.values[input].shape[concat->axis];
    }
  }
}

}  // namespace layerd
