#include "kernels/cuda/managed_slots.h"

#include <cstring>

#include "config/check.h"
#include "config/status_macros.h"
#include "kernels/cuda/host_access.h"
#include "kernels/cuda/status.h"

namespace layerd::cuda {
namespace {

absl::Status Attach(std::byte* memory, cudaStream_t stream, unsigned to) {
  return FromCuda(cudaStreamAttachMemAsync(stream, memory, 0, to),
                  "cudaStreamAttachMemAsync");
}

bool Overlap(std::span<const std::byte> a, std::span<const std::byte> b) {
  return a.data() < b.data() + b.size() && b.data() < a.data() + a.size();
}

}  // namespace

absl::Status ManagedSlots::Make(size_t count, size_t bytes) {
  slots_.clear();
  next_ = last_ = 0;
  slot_bytes_ = bytes;
  for (size_t i = 0; i < count; ++i) {
    Slot slot;
    void* memory = nullptr;
    RETURN_IF_ERROR(
        FromCuda(cudaMallocManaged(&memory, bytes, cudaMemAttachHost),
                 "cudaMallocManaged"));
    slot.memory.reset(static_cast<std::byte*>(memory));
    cudaEvent_t event = nullptr;
    RETURN_IF_ERROR(
        FromCuda(cudaEventCreateWithFlags(
                     &event, cudaEventDisableTiming | cudaEventBlockingSync),
                 "cudaEventCreateWithFlags"));
    slot.read.reset(event);
    slots_.push_back(std::move(slot));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::byte*> ManagedSlots::Put(std::span<const std::byte> weights,
                                             bool are_new) {
  LAYERD_CHECK(!slots_.empty() && weights.size() <= slot_bytes_);
  for (size_t i = 0; i < slots_.size(); ++i) {
    Slot& slot = slots_[i];
    if (slot.of.empty() || !Overlap(slot.of, weights)) continue;
    const bool holds = !are_new && slot.of.data() == weights.data() &&
                       slot.of.size() >= weights.size();
    if (!holds) {
      slot.of = {};  // The host has other bytes there now.
      continue;
    }
    last_ = i;
    return slot.memory.get();
  }
  last_ = next_;
  next_ = (next_ + 1) % slots_.size();
  RETURN_IF_ERROR(Fill(slots_[last_], weights));
  return slots_[last_].memory.get();
}

absl::Status ManagedSlots::Fill(Slot& slot,
                                std::span<const std::byte> weights) {
  slot.of = {};
  RETURN_IF_ERROR(
      FromCuda(cudaEventSynchronize(slot.read.get()), "cudaEventSynchronize"));
  RETURN_IF_ERROR(Attach(slot.memory.get(), changes_, cudaMemAttachHost));
  RETURN_IF_ERROR(
      FromCuda(cudaStreamSynchronize(changes_), "cudaStreamSynchronize"));
  HostReads(weights.data(), weights.size());
  HostWrites(slot.memory.get(), weights.size());
  std::memcpy(slot.memory.get(), weights.data(), weights.size());
  RETURN_IF_ERROR(Attach(slot.memory.get(), compute_, cudaMemAttachSingle));
  slot.of = weights;
  return absl::OkStatus();
}

absl::Status ManagedSlots::NoteReader() {
  return FromCuda(cudaEventRecord(slots_[last_].read.get(), compute_),
                  "cudaEventRecord");
}

}  // namespace layerd::cuda
