#ifndef LAYERD_DAEMON_PACK_LOWER_CONCAT_SLOTS_H_
#define LAYERD_DAEMON_PACK_LOWER_CONCAT_SLOTS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "daemon/pack/network/network.h"

namespace layerd {

// Where a value lies inside the whole that it is concatenated to.
struct ConcatSlot {
  int whole = -1;  // Value; -1: it has memory of its own.
  int64_t axis = 0;
  int64_t first = 0;
};

// Finds which values can be written right into the whole: those whose layer
// writes with strides, and whose other readers read with strides. A whole may
// have a slot in another one, and has one in the next larger one that begins
// or goes on with the same values: a dense block appends to one buffer.
//
// Ownership: network and uses are loans for as long as the constructor runs.
class ConcatSlots {
 public:
  ConcatSlots(const Network& network, const Uses& uses);

  const ConcatSlot& operator[](int value) const { return slots_[value]; }

  // Whether input `i` of a concatenation to `whole` is there when it was
  // written: in its own slot, or with a smaller whole that has one.
  bool IsInPlace(int whole, size_t i) const { return in_place_[whole][i]; }

 private:
  using Nodes = std::vector<const Operation*>;

  void PlaceWholes(const Network& network, const Nodes& concats);
  void PlaceParts(const Network& network, const Nodes& concats);
  void NoteWhatIsInPlace(const Network& network, const Nodes& concats);

  std::vector<ConcatSlot> slots_;
  std::vector<bool> takes_slot_;             // Values whose layers allow it.
  std::vector<std::vector<bool>> in_place_;  // Of each value, by input.
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_PACK_LOWER_CONCAT_SLOTS_H_
