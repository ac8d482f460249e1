#ifndef LAYERD_KERNELS_CUDA_MANAGED_SLOTS_H_
#define LAYERD_KERNELS_CUDA_MANAGED_SLOTS_H_

#include <cstddef>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kernels/cuda/handles.h"

namespace layerd::cuda {

// Rooms for the weights of one extent each, in managed memory. Boards without
// concurrent access let the host touch an allocation only while no stream that
// it is attached to works, so each slot is an allocation of its own.
//
//     host: wait for the last reader | attach to host | copy | attach to stream
//
// Threading: executor thread; Grow() while nothing is queued.
class ManagedSlots {
 public:
  // Both streams outlive it: kernels run on `compute`; `changes` is idle, so
  // that waiting for it waits for nothing else.
  ManagedSlots(cudaStream_t compute, cudaStream_t changes)
      : compute_(compute), changes_(changes) {}

  // Makes `count` slots of that size, all empty.
  absl::Status Make(size_t count, size_t bytes);
  void Clear() { slots_.clear(); }
  size_t slot_bytes() const { return slot_bytes_; }

  // Where kernels find `weights`: in a slot that has them, or in the oldest
  // one, once they are put there. Then NoteReader().
  // REQUIRES: weights.size() is at most slot_bytes().
  absl::StatusOr<std::byte*> Put(std::span<const std::byte> weights,
                                 bool are_new);
  // Marks that everything queued on `compute` so far may read what the last
  // Put() gave.
  absl::Status NoteReader();

 private:
  struct Slot {
    UniqueBytes memory;
    UniqueEvent read;               // By the last part that was queued.
    std::span<const std::byte> of;  // Of the host; none: empty.
  };

  absl::Status Fill(Slot& slot, std::span<const std::byte> weights);

  const cudaStream_t compute_, changes_;
  std::vector<Slot> slots_;
  size_t slot_bytes_ = 0;
  size_t next_ = 0, last_ = 0;
};

}  // namespace layerd::cuda

#endif  // LAYERD_KERNELS_CUDA_MANAGED_SLOTS_H_
