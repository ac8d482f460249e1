#include "kernels/cuda/ticket_slots.h"

#include <algorithm>
#include <cstring>

#include "config/status_macros.h"
#include "kernels/cuda/host_access.h"
#include "kernels/cuda/operands.h"
#include "kernels/cuda/status.h"

namespace layerd::cuda {

absl::StatusOr<UniqueEvent> MakeEvent(bool timed) {
  cudaEvent_t event = nullptr;
  const unsigned flags =
      cudaEventBlockingSync | (timed ? 0 : cudaEventDisableTiming);
  RETURN_IF_ERROR(FromCuda(cudaEventCreateWithFlags(&event, flags),
                           "cudaEventCreateWithFlags"));
  return UniqueEvent(event);
}

absl::Status TicketSlots::Make(bool timed) {
  for (Slot& slot : slots_) {
    ASSIGN_OR_RETURN(slot.copied, MakeEvent(timed));
    ASSIGN_OR_RETURN(slot.done, MakeEvent(timed));
    if (!timed) continue;
    ASSIGN_OR_RETURN(slot.copy_begun, MakeEvent(true));
    ASSIGN_OR_RETURN(slot.begun, MakeEvent(true));
  }
  return MakeFaults();
}

absl::Status TicketSlots::MakeFaults() {
  void* host = nullptr;
  constexpr size_t kBytes = kCount * sizeof(Fault);
  RETURN_IF_ERROR(FromCuda(cudaHostAlloc(&host, kBytes, cudaHostAllocMapped),
                           "cudaHostAlloc"));
  faults_.reset(static_cast<std::byte*>(host));
  HostWrites(host, kBytes);
  std::memset(host, 0, kBytes);
  void* device = nullptr;
  RETURN_IF_ERROR(FromCuda(cudaHostGetDevicePointer(&device, host, 0),
                           "cudaHostGetDevicePointer"));
  faults_on_device_ = static_cast<std::byte*>(device);
  return absl::OkStatus();
}

const TicketSlots::Slot* TicketSlots::Find(Ticket ticket) const {
  const auto slot = std::ranges::find(slots_, ticket.value, &Slot::ticket);
  return slot == slots_.end() ? nullptr : &*slot;
}

TicketSlots::Slot& TicketSlots::Next() {
  return *std::ranges::min_element(slots_, {}, [](const Slot& slot) {
    return std::pair(slot.is_open, slot.ticket);
  });
}

ptrdiff_t TicketSlots::FaultOffset(const Slot& slot) const {
  return (&slot - slots_.data()) * static_cast<ptrdiff_t>(sizeof(Fault));
}

absl::Status TicketSlots::TakeFault(const Slot& slot) {
  std::byte* const at = faults_.get() + FaultOffset(slot);
  HostReads(at, sizeof(Fault));
  Fault fault;
  std::memcpy(&fault, at, sizeof(fault));
  if (fault == Fault::kNone) return absl::OkStatus();
  HostWrites(at, sizeof(Fault));
  std::memset(at, 0, sizeof(Fault));
  return absl::InvalidArgumentError(
      fault == Fault::kIndexOutside
          ? "an index is outside of what it looks up in"
          : "an integer is divided by zero");
}

}  // namespace layerd::cuda
