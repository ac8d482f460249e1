#ifndef LAYERD_DAEMON_PACK_CONCAT_SLOTS_H_
#define LAYERD_DAEMON_PACK_CONCAT_SLOTS_H_

#include <cstdint>
#include <vector>

#include "daemon/pack/network.h"

namespace layerd {

// Where a value lies inside the whole that it is concatenated to.
struct ConcatSlot {
  int whole = -1;  // Value; -1: it has memory of its own.
  int64_t axis = 0;
  int64_t first = 0;
};

// Finds which values can be written right into the whole: those whose layer
// writes with strides, and whose other readers read with strides. A whole may
// have a slot in another one.
//
// Ownership: network and uses are loans for as long as the constructor runs.
class ConcatSlots {
 public:
  ConcatSlots(const Network& network, const Uses& uses);

  const ConcatSlot& operator[](int value) const { return slots_[value]; }

 private:
  std::vector<ConcatSlot> slots_;
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_PACK_CONCAT_SLOTS_H_
