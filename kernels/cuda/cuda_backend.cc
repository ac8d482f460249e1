#include "kernels/cuda/cuda_backend.h"

#include <algorithm>
#include <atomic>
#include <optional>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "config/check.h"
#include "config/status_macros.h"
#include "kernels/cuda/cuda_kernel.h"
#include "kernels/cuda/device_block.h"
#include "kernels/cuda/host_access.h"
#include "kernels/cuda/layouts.h"
#include "kernels/cuda/make_device.h"
#include "kernels/cuda/managed_slots.h"
#include "kernels/cuda/operands.h"
#include "kernels/cuda/served.h"
#include "kernels/cuda/status.h"
#include "kernels/cuda/ticket_slots.h"
#include "kernels/decoded_part.h"
#include "kernels/part_check.h"

namespace layerd {
namespace {

using cuda::CudaKernel;
using cuda::Device;
using cuda::DeviceBlock;
using cuda::DeviceMemory;
using cuda::FromCuda;
using cuda::KernelOr;
using cuda::MakeEvent;
using cuda::UniqueEvent;
using Slot = cuda::TicketSlots::Slot;

// Weights for which the strategy "managed" has no room go over as "staged" has
// them: no part that the packer cuts is as large.
constexpr size_t kPageBytes = 4096;
constexpr size_t kManagedSlots = 4;
constexpr size_t kManagedSlotBytesMax = 4 << 20;

class CudaBackend final : public Backend {
 public:
  static absl::StatusOr<std::unique_ptr<Backend>> Make(
      const CudaOptions& options);
  ~CudaBackend() override { Detach(); }

  KernelKey key() const override { return key_; }
  bool shares_memory() const override { return memory_ == CudaMemory::kMapped; }

  absl::StatusOr<std::vector<WeightLayout>> WeightLayouts(
      const PartSpec& spec) const override {
    RETURN_IF_ERROR(CheckPart(spec));
    return Wanted(spec);
  }

  absl::StatusOr<std::unique_ptr<Kernel>> Prepare(
      const PartSpec& spec) override;
  absl::Status Attach(std::span<std::byte> memory) override;
  void Detach() override;
  absl::Status CopyIn(std::byte* to, std::span<const std::byte> from) override;
  absl::Status CopyOut(std::span<std::byte> to, const std::byte* from) override;
  absl::Status BringWeights(Kernel& kernel, const PartMemory& memory) override;
  absl::StatusOr<Ticket> Enqueue(Kernel& kernel,
                                 const PartMemory& memory) override;
  bool Completed(Ticket ticket) override;
  absl::Status Wait(Ticket ticket) override;
  absl::StatusOr<CudaPartTimes> TimesOf(Ticket ticket) const;

 private:
  void NoteWeights(size_t bytes);
  absl::Status MakeEvents();
  // Does nothing if nobody asks for times.
  absl::Status RecordTime(const UniqueEvent& event,
                          const cuda::UniqueStream& stream) const {
    return timed_ ? FromCuda(cudaEventRecord(event.get(), stream.get()),
                             "cudaEventRecord")
                  : absl::OkStatus();
  }
  static std::vector<WeightLayout> Wanted(const PartSpec& spec);
  KernelOr MakeKernel(const PartSpec& spec) const;
  DeviceMemory OnDevice(const PartMemory& memory) const;
  absl::Status CopyWeights(Slot& slot, std::span<const std::byte> weights);
  absl::Status Queue(CudaKernel& kernel, const PartMemory& memory, Slot& slot);
  bool InManagedSlot(std::span<const std::byte> weights) const {
    return managed_ && !weights.empty() &&
           weights.size() <= managed_->slot_bytes();
  }
  // Where the kernel finds the weights, which are on their way.
  absl::StatusOr<std::byte*> SendWeights(Slot& slot, const PartMemory& memory);
  Slot& TakeSlot();
  // How the slot's part went, once it has.
  void NoteEnd(const Slot& slot);
  void NoteError(const absl::Status& status) {
    if (first_error_.ok()) first_error_ = status;
  }

  CudaMemory memory_ = CudaMemory::kStaged;
  bool timed_ = false;
  UniqueEvent made_;  // Where times begin.
  KernelKey key_;
  Device device_;
  cuda::UniqueStream copies_;
  UniqueEvent input_copied_;
  cuda::TicketSlots slots_;
  std::unique_ptr<DeviceBlock> block_;
  std::optional<cuda::ManagedSlots> managed_;
  std::atomic<size_t> largest_weights_{0};  // Of all kernels.
  uint64_t last_ticket_ = 0;
  absl::Status first_error_;
};

absl::StatusOr<std::unique_ptr<Backend>> CudaBackend::Make(
    const CudaOptions& options) {
  auto backend = std::make_unique<CudaBackend>();
  ASSIGN_OR_RETURN(cuda::DeviceFacts facts, cuda::FindDevice());
  RETURN_IF_ERROR(cuda::MakeDevice(&backend->device_));
  backend->memory_ = options.memory;
  if (options.memory == CudaMemory::kProbe) {
    ASSIGN_OR_RETURN(backend->memory_, cuda::ProbeMemory(facts));
  }
  backend->key_ = CudaKernelKey();
  ASSIGN_OR_RETURN(backend->copies_, cuda::MakeStream());
  backend->timed_ = options.timed;
  RETURN_IF_ERROR(backend->slots_.Make(options.timed));
  RETURN_IF_ERROR(backend->MakeEvents());
  return backend;
}

absl::Status CudaBackend::MakeEvents() {
  ASSIGN_OR_RETURN(input_copied_, MakeEvent());
  if (timed_) {
    ASSIGN_OR_RETURN(made_, MakeEvent(true));
  }
  return RecordTime(made_, device_.compute);
}

absl::StatusOr<CudaPartTimes> CudaBackend::TimesOf(Ticket ticket) const {
  LAYERD_CHECK(timed_ && slots_.Find(ticket) != nullptr);
  const Slot& slot = *slots_.Find(ticket);
  absl::Status status;
  const auto since = [&](const UniqueEvent& event) {
    float ms = 0;
    status.Update(FromCuda(cudaEventElapsedTime(&ms, made_.get(), event.get()),
                           "cudaEventElapsedTime"));
    return 1e-3 * ms;
  };
  CudaPartTimes times{.begin = since(slot.begun), .end = since(slot.done)};
  times.copy_begin = times.copy_end = times.begin;
  if (slot.copies) {
    times.copy_begin = since(slot.copy_begun);
    times.copy_end = since(slot.copied);
  }
  if (!status.ok()) return status;
  return times;
}

std::vector<WeightLayout> CudaBackend::Wanted(const PartSpec& spec) {
  std::vector<WeightLayout> layouts;
  for (size_t i = 0; i < spec.weights.size(); ++i) {
    layouts.push_back(CudaLayout(spec, i));
  }
  return layouts;
}

KernelOr CudaBackend::MakeKernel(const PartSpec& spec) const {
  KernelOr kernel = absl::UnimplementedError("");
  if (const auto* op = std::get_if<Convolution>(&spec.op)) {
    kernel = cuda::MakeCudnn(*op, spec, device_);
  } else if (const auto* op = std::get_if<FullyConnected>(&spec.op)) {
    kernel = cuda::MakeLt(*op, spec, device_);
  } else if (const auto* op = std::get_if<MatMul>(&spec.op)) {
    kernel = cuda::MakeLt(*op, spec, device_);
  }
  if (!absl::IsUnimplemented(kernel.status())) return kernel;
  return cuda::MakeLoops(spec);
}

absl::StatusOr<std::unique_ptr<Kernel>> CudaBackend::Prepare(
    const PartSpec& spec) {
  RETURN_IF_ERROR(CheckPlacedPart(spec));
  RETURN_IF_ERROR(CheckCudaLayouts(spec));
  if (spec.inputs.size() > DeviceMemory::kInputsMax ||
      spec.outputs.size() != 1) {
    return absl::UnimplementedError(
        absl::StrFormat("%s: %d inputs and %d outputs", NameOf(spec.op),
                        spec.inputs.size(), spec.outputs.size()));
  }
  const absl::Status served = cuda::CheckServed(spec);
  KernelOr kernel = served.ok() ? MakeKernel(DecodedSpec(spec)) : served;
  if (kernel.ok() && IsNarrow(spec)) {
    kernel = cuda::MakeDecoding(spec, *std::move(kernel));
  }
  if (!kernel.ok()) {
    return absl::Status(
        kernel.status().code(),
        absl::StrCat(NameOf(spec.op), ": ", kernel.status().message()));
  }
  NoteWeights((*kernel)->weight_bytes());
  return *std::move(kernel);
}

void CudaBackend::NoteWeights(size_t bytes) {
  bytes = (bytes + kPageBytes - 1) / kPageBytes * kPageBytes;
  size_t largest = largest_weights_.load();
  while (bytes > largest && bytes <= kManagedSlotBytesMax &&
         !largest_weights_.compare_exchange_weak(largest, bytes)) {
  }
}

absl::Status CudaBackend::Attach(std::span<std::byte> memory) {
  LAYERD_CHECK(block_ == nullptr, "a block is attached");
  ASSIGN_OR_RETURN(block_, DeviceBlock::Make(memory, memory_));
  if (memory_ != CudaMemory::kManaged) return absl::OkStatus();
  const size_t bytes =
      std::clamp<size_t>(largest_weights_, kPageBytes, kManagedSlotBytesMax);
  managed_.emplace(device_.compute.get(), copies_.get());
  const absl::Status made = managed_->Make(kManagedSlots, bytes);
  if (!made.ok()) Detach();
  return made;
}

void CudaBackend::Detach() {
  if (block_ == nullptr) return;
  // A job that ended early may have left copies.
  cudaStreamSynchronize(copies_.get());
  cudaStreamSynchronize(device_.compute.get());
  for (Slot& slot : slots_) slot.weights = {};
  managed_.reset();
  block_.reset();
}

absl::Status CudaBackend::CopyIn(std::byte* to,
                                 std::span<const std::byte> from) {
  if (from.empty()) return absl::OkStatus();
  // What the last job brought may still be on its way from the same bytes.
  RETURN_IF_ERROR(FromCuda(cudaEventSynchronize(input_copied_.get()),
                           "cudaEventSynchronize"));
  cuda::HostWrites(to, from.size());
  if (to != from.data()) std::memcpy(to, from.data(), from.size());
  if (!block_->staged()) return absl::OkStatus();
  RETURN_IF_ERROR(
      FromCuda(cudaMemcpyAsync(block_->OnDevice(to), to, from.size(),
                               cudaMemcpyHostToDevice, device_.compute.get()),
               "cudaMemcpyAsync"));
  return FromCuda(cudaEventRecord(input_copied_.get(), device_.compute.get()),
                  "cudaEventRecord");
}

absl::Status CudaBackend::CopyOut(std::span<std::byte> to,
                                  const std::byte* from) {
  if (to.empty()) return absl::OkStatus();
  if (block_->staged()) {
    std::byte* const host = const_cast<std::byte*>(from);
    RETURN_IF_ERROR(
        FromCuda(cudaMemcpyAsync(host, block_->OnDevice(from), to.size(),
                                 cudaMemcpyDeviceToHost, device_.compute.get()),
                 "cudaMemcpyAsync"));
    RETURN_IF_ERROR(
        FromCuda(cudaEventRecord(input_copied_.get(), device_.compute.get()),
                 "cudaEventRecord"));
    RETURN_IF_ERROR(FromCuda(cudaEventSynchronize(input_copied_.get()),
                             "cudaEventSynchronize"));
  }
  cuda::HostReads(from, to.size());
  if (to.data() != from) std::memcpy(to.data(), from, to.size());
  return absl::OkStatus();
}

// Kernels ask for as much more.
std::byte* AlignedUp(std::byte* memory) {
  const auto address = reinterpret_cast<uintptr_t>(memory);
  constexpr uintptr_t kMask = cuda::kScratchAlignment - 1;
  return reinterpret_cast<std::byte*>((address + kMask) & ~kMask);
}

DeviceMemory CudaBackend::OnDevice(const PartMemory& memory) const {
  DeviceMemory device;
  for (size_t i = 0; i < memory.inputs.size(); ++i) {
    device.inputs[i] = block_->OnDevice(memory.inputs[i]);
  }
  device.output = block_->OnDevice(memory.outputs[0]);
  device.scratch = AlignedUp(block_->OnDevice(memory.scratch));
  device.decoded = AlignedUp(block_->OnDevice(memory.decoded));
  return device;
}

CudaKernel& AsOurs(Kernel& kernel) {
  auto* const ours = dynamic_cast<CudaKernel*>(&kernel);
  LAYERD_CHECK(ours != nullptr, "a kernel of another backend");
  return *ours;
}

// All that is in the extent of the part, if it reads any of it.
std::span<const std::byte> WeightsOf(const CudaKernel& kernel,
                                     const PartMemory& memory) {
  const size_t bytes = kernel.weight_bytes();
  if (bytes == 0) return {};
  return {memory.weights,
          memory.weights_bytes != 0 ? memory.weights_bytes : bytes};
}

absl::Status CudaBackend::CopyWeights(Slot& slot,
                                      std::span<const std::byte> weights) {
  // The room on the device is free when that on the host is, and a caller may
  // use one extent in two tickets.
  for (const Slot& other : slots_) {
    if (&other == &slot || other.weights.empty()) continue;
    if (other.weights.data() >= weights.data() + weights.size() ||
        weights.data() >= other.weights.data() + other.weights.size()) {
      continue;
    }
    RETURN_IF_ERROR(
        FromCuda(cudaStreamWaitEvent(copies_.get(), other.done.get(), 0),
                 "cudaStreamWaitEvent"));
  }
  slot.copies = true;
  RETURN_IF_ERROR(RecordTime(slot.copy_begun, copies_));
  RETURN_IF_ERROR(FromCuda(
      cudaMemcpyAsync(block_->OnDevice(weights.data()), weights.data(),
                      weights.size(), cudaMemcpyHostToDevice, copies_.get()),
      "cudaMemcpyAsync"));
  RETURN_IF_ERROR(FromCuda(cudaEventRecord(slot.copied.get(), copies_.get()),
                           "cudaEventRecord"));
  return FromCuda(
      cudaStreamWaitEvent(device_.compute.get(), slot.copied.get(), 0),
      "cudaStreamWaitEvent");
}

absl::StatusOr<std::byte*> CudaBackend::SendWeights(Slot& slot,
                                                    const PartMemory& memory) {
  const std::span<const std::byte> weights = slot.weights;
  if (InManagedSlot(weights)) {
    return managed_->Put(weights, memory.weights_are_new);
  }
  if (block_->staged() && memory.weights_are_new && !weights.empty()) {
    RETURN_IF_ERROR(CopyWeights(slot, weights));
  }
  return block_->OnDevice(memory.weights);
}

absl::Status CudaBackend::BringWeights(Kernel& kernel,
                                       const PartMemory& memory) {
  const std::span<const std::byte> weights = WeightsOf(AsOurs(kernel), memory);
  if (InManagedSlot(weights)) {
    return managed_->Put(weights, memory.weights_are_new).status();
  }
  if (!block_->staged() || !memory.weights_are_new || weights.empty()) {
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(FromCuda(
      cudaMemcpyAsync(block_->OnDevice(weights.data()), weights.data(),
                      weights.size(), cudaMemcpyHostToDevice, copies_.get()),
      "cudaMemcpyAsync"));
  return FromCuda(cudaStreamSynchronize(copies_.get()),
                  "cudaStreamSynchronize");
}

absl::Status CudaBackend::Queue(CudaKernel& kernel, const PartMemory& memory,
                                Slot& slot) {
  slot.weights = WeightsOf(kernel, memory);
  slot.copies = false;
  DeviceMemory device = OnDevice(memory);
  ASSIGN_OR_RETURN(device.weights, SendWeights(slot, memory));
  RETURN_IF_ERROR(RecordTime(slot.begun, device_.compute));
  device.fault = slots_.FaultOf(slot);
  RETURN_IF_ERROR(kernel.Launch(device_, device));
  if (managed_) RETURN_IF_ERROR(managed_->NoteReader());
  return FromCuda(cudaEventRecord(slot.done.get(), device_.compute.get()),
                  "cudaEventRecord");
}

void CudaBackend::NoteEnd(const Slot& slot) {
  NoteError(
      FromCuda(cudaEventSynchronize(slot.done.get()), "cudaEventSynchronize"));
  NoteError(slots_.TakeFault(slot));
}

Slot& CudaBackend::TakeSlot() {
  Slot& slot = slots_.Next();
  if (slot.is_open) NoteEnd(slot);
  slot.ticket = ++last_ticket_;
  slot.is_open = true;
  return slot;
}

absl::StatusOr<Ticket> CudaBackend::Enqueue(Kernel& kernel,
                                            const PartMemory& memory) {
  CudaKernel& ours = AsOurs(kernel);
  LAYERD_CHECK(block_ != nullptr, "no memory is attached");
  Slot& slot = TakeSlot();
  const absl::Status queued = Queue(ours, memory, slot);
  if (!queued.ok()) {
    // Nobody gets a ticket for what may be half queued.
    cudaStreamSynchronize(copies_.get());
    cudaStreamSynchronize(device_.compute.get());
    slot.weights = {};
    slot.ticket = 0;
    slot.is_open = false;
    return queued;
  }
  return Ticket{slot.ticket};
}

bool CudaBackend::Completed(Ticket ticket) {
  Slot* const slot = slots_.Find(ticket);
  if (slot == nullptr) return true;  // Waited for since.
  const cudaError_t error = cudaEventQuery(slot->done.get());
  if (error == cudaErrorNotReady) return false;
  NoteError(FromCuda(error, "cudaEventQuery"));
  slot->weights = {};
  return true;
}

absl::Status CudaBackend::Wait(Ticket ticket) {
  if (Slot* const slot = slots_.Find(ticket)) {
    NoteEnd(*slot);
    slot->weights = {};
    slot->is_open = false;
  }
  return std::exchange(first_error_, absl::OkStatus());
}

}  // namespace

absl::StatusOr<std::unique_ptr<Backend>> MakeCudaBackend(
    const CudaOptions& options) {
  return CudaBackend::Make(options);
}

absl::StatusOr<CudaPartTimes> CudaPartTimesOf(const Backend& backend,
                                              Ticket ticket) {
  const auto* const ours = dynamic_cast<const CudaBackend*>(&backend);
  LAYERD_CHECK(ours != nullptr, "another backend");
  return ours->TimesOf(ticket);
}

absl::StatusOr<CudaRates> ProbeCudaRates() {
  RETURN_IF_ERROR(cuda::FindDevice().status());
  return cuda::ProbeRates();
}

}  // namespace layerd
