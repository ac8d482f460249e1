#ifndef LAYERD_KERNELS_CUDA_TICKET_SLOTS_H_
#define LAYERD_KERNELS_CUDA_TICKET_SLOTS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kernels/backend.h"
#include "kernels/cuda/handles.h"

namespace layerd::cuda {

// Who waits for it sleeps: a core is worth more than some microseconds.
absl::StatusOr<UniqueEvent> MakeEvent(bool timed = false);

// What is known of tickets: of those that nobody has waited for, and of the
// last ones before them.
//
// Why not in turn: a job that gave way to a more urgent one leaves a ticket
// open, and the other takes many. What the part of the first did wrong is for
// whoever waits for that ticket to hear, and for nobody else.
//
// Threading: executor thread, once made.
class TicketSlots {
 public:
  // Two of each level.
  static constexpr size_t kCount = 8;

  struct Slot {
    UniqueEvent copied;  // The weights are on the device.
    UniqueEvent done;
    UniqueEvent copy_begun, begun;  // If timed.
    bool copies = false;
    uint64_t ticket = 0;
    bool is_open = false;                // Nobody has waited for it.
    std::span<const std::byte> weights;  // While the ticket may be open.
  };

  absl::Status Make(bool timed);

  // Null if others came since it was waited for, or while all were open.
  const Slot* Find(Ticket ticket) const;
  Slot* Find(Ticket ticket) {
    return const_cast<Slot*>(std::as_const(*this).Find(ticket));
  }

  // Where the next ticket goes: in place of the oldest that was waited for, or
  // of the oldest if all are open.
  Slot& Next();

  // The word for a Fault of the slot's part, as the device sees it.
  void* FaultOf(const Slot& slot) const {
    return faults_on_device_ + FaultOffset(slot);
  }
  // What the data of the part asked for. REQUIRES: it is done.
  absl::Status TakeFault(const Slot& slot);

  auto begin() { return slots_.begin(); }
  auto end() { return slots_.end(); }

 private:
  absl::Status MakeFaults();
  ptrdiff_t FaultOffset(const Slot& slot) const;

  std::array<Slot, kCount> slots_;
  UniquePageLocked faults_;  // One for each slot, written by the device.
  std::byte* faults_on_device_ = nullptr;
};

}  // namespace layerd::cuda

#endif  // LAYERD_KERNELS_CUDA_TICKET_SLOTS_H_
