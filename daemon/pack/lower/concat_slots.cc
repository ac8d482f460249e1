#include "daemon/pack/lower/concat_slots.h"

#include <algorithm>
#include <map>
#include <optional>
#include <variant>

#include "daemon/pack/lower/memory_need.h"

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
  const DataType dtype = network.values[value].dtype;
  return (dtype == DataType::kF32 || dtype == DataType::kF16) &&
         (WritesWithStrides(producer) ||
          std::holds_alternative<Concat>(producer.op));
}

// The position at which the inputs of `part` stand side by side among those of
// `whole`; nothing if they do not.
std::optional<size_t> PositionOf(const Operation& part,
                                 const Operation& whole) {
  if (part.inputs.size() >= whole.inputs.size()) return std::nullopt;
  const auto at = std::search(whole.inputs.begin(), whole.inputs.end(),
                              part.inputs.begin(), part.inputs.end());
  if (at == whole.inputs.end()) return std::nullopt;
  return at - whole.inputs.begin();
}

int64_t AxisOf(const Operation& concat) {
  return std::get<Concat>(concat.op).axis;
}

int64_t SizeBefore(const Network& network, const Operation& concat, size_t i) {
  int64_t size = 0;
  for (size_t j = 0; j < i; ++j) {
    size += network.values[concat.inputs[j]].shape[AxisOf(concat)];
  }
  return size;
}

// In the outermost whole that it is part of.
struct Place {
  int whole = -1;
  std::map<int64_t, int64_t> first;  // By axis.
  friend bool operator==(const Place&, const Place&) = default;
};

}  // namespace

ConcatSlots::ConcatSlots(const Network& network, const Uses& uses)
    : slots_(network.values.size()),
      takes_slot_(network.values.size()),
      in_place_(network.values.size()) {
  const Readers readers = ReadersIn(network);
  for (size_t v = 0; v < takes_slot_.size(); ++v) {
    const int value = static_cast<int>(v);
    takes_slot_[v] = IsWrittenWithStrides(network, uses, value) &&
                     std::all_of(readers[v].begin(), readers[v].end(),
                                 [value](const Operation* reader) {
                                   return TakesStrides(*reader, value);
                                 });
  }
  Nodes concats;
  for (const Operation& node : network.nodes) {
    if (std::holds_alternative<Concat>(node.op)) concats.push_back(&node);
  }
  PlaceWholes(network, concats);
  PlaceParts(network, concats);
  NoteWhatIsInPlace(network, concats);
}

// Each in the next one that holds the same values.
void ConcatSlots::PlaceWholes(const Network& network, const Nodes& concats) {
  for (size_t a = 0; a < concats.size(); ++a) {
    if (!takes_slot_[concats[a]->output]) continue;
    for (size_t b = a + 1; b < concats.size(); ++b) {
      const Operation& whole = *concats[b];
      if (AxisOf(whole) != AxisOf(*concats[a])) continue;
      const auto position = PositionOf(*concats[a], whole);
      if (!position) continue;
      slots_[concats[a]->output] = {whole.output, AxisOf(whole),
                                    SizeBefore(network, whole, *position)};
      break;
    }
  }
}

void ConcatSlots::PlaceParts(const Network& network, const Nodes& concats) {
  for (const Operation* concat : concats) {
    const std::vector<int>& inputs = concat->inputs;
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (slots_[inputs[i]].whole >= 0 || !takes_slot_[inputs[i]] ||
          std::count(inputs.begin(), inputs.end(), inputs[i]) != 1) {
        continue;
      }
      slots_[inputs[i]] = {concat->output, AxisOf(*concat),
                           SizeBefore(network, *concat, i)};
    }
  }
}

void ConcatSlots::NoteWhatIsInPlace(const Network& network,
                                    const Nodes& concats) {
  const auto place_of = [&](int value) {
    Place place{value, {}};
    for (; slots_[place.whole].whole >= 0;
         place.whole = slots_[place.whole].whole) {
      place.first[slots_[place.whole].axis] += slots_[place.whole].first;
    }
    return place;
  };
  for (const Operation* concat : concats) {
    std::vector<bool>& in_place = in_place_[concat->output];
    in_place.resize(concat->inputs.size());
    for (size_t i = 0; i < in_place.size(); ++i) {
      Place wanted = place_of(concat->output);
      wanted.first[AxisOf(*concat)] += SizeBefore(network, *concat, i);
      in_place[i] = slots_[concat->inputs[i]].whole >= 0 &&
                    place_of(concat->inputs[i]) == wanted;
    }
    // What a smaller whole copied to where it lies in this one.
    for (const Operation* part : concats) {
      if (slots_[part->output].whole != concat->output) continue;
      const auto position = PositionOf(*part, *concat);
      if (!position) continue;  // It is an input itself.
      std::fill_n(in_place.begin() + static_cast<ptrdiff_t>(*position),
                  part->inputs.size(), true);
    }
  }
}

}  // namespace layerd
