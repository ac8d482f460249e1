#include "test/gpu/attached_backend.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "config/check.h"
#include "config/status_macros.h"
#include "test/kernels/wrapped_kernel.h"

namespace layerd {
namespace {

constexpr size_t kGuardBytes = 512;
constexpr std::byte kGuard{0xa5};

}  // namespace

void AttachedBackend::Free::operator()(std::byte* memory) const {
  std::free(memory);
}

AttachedBackend::AttachedBackend(std::unique_ptr<Backend> inner,
                                 size_t block_bytes)
    : inner_(std::move(inner)),
      block_(static_cast<std::byte*>(std::aligned_alloc(4096, block_bytes))),
      block_bytes_(block_bytes) {
  const absl::Status attached = inner_->Attach({block_.get(), block_bytes});
  LAYERD_CHECK(attached.ok(), std::string(attached.message()));
}

AttachedBackend::~AttachedBackend() { inner_->Detach(); }

absl::StatusOr<std::unique_ptr<Kernel>> AttachedBackend::Prepare(
    const PartSpec& spec) {
  ASSIGN_OR_RETURN(std::unique_ptr<Kernel> inner, inner_->Prepare(spec));
  return std::make_unique<WrappedKernel>(std::move(inner), spec);
}

size_t AttachedBackend::Place(const std::byte* memory, size_t bytes,
                              size_t alignment) {
  for (const Placed& placed : placed_) {
    if (placed.of == memory && placed.bytes == bytes) return placed.offset;
  }
  const size_t rest = reinterpret_cast<uintptr_t>(memory) % alignment;
  size_t offset =
      (used_bytes_ + kGuardBytes + alignment - 1) / alignment * alignment +
      rest;
  used_bytes_ = offset + bytes + kGuardBytes;
  LAYERD_CHECK(used_bytes_ <= block_bytes_, "the block is too small");
  placed_.push_back({memory, offset, bytes});
  return offset;
}

absl::StatusOr<Ticket> AttachedBackend::Enqueue(Kernel& kernel,
                                                const PartMemory& memory) {
  auto& ours = dynamic_cast<WrappedKernel&>(kernel);
  const PartSpec& spec = ours.spec();
  used_bytes_ = 0;
  placed_.clear();
  std::byte* const block = block_.get();
  std::vector<const std::byte*> inputs;
  for (size_t i = 0; i < spec.inputs.size(); ++i) {
    inputs.push_back(block +
                     Place(memory.inputs[i], spec.inputs[i].span_bytes(), 256));
  }
  const size_t y_bytes = spec.outputs[0].span_bytes();
  const size_t y = Place(memory.outputs[0], y_bytes, 256);
  const size_t before_weights = used_bytes_;
  const size_t weights =
      Place(memory.weights, std::max<size_t>(ours.weight_bytes(), 1), 4096);
  const size_t scratch_bytes = ours.scratch_bytes();
  const size_t scratch =
      Place(memory.scratch, std::max<size_t>(scratch_bytes, 1), 64);
  const size_t decoded_bytes = ours.decoded_bytes();
  const size_t decoded =
      Place(memory.decoded, std::max<size_t>(decoded_bytes, 1), 64);

  std::vector<std::byte> image(used_bytes_ + kGuardBytes, kGuard);
  for (const Placed& placed : placed_) {
    if (placed.offset < scratch && placed.of != nullptr) {
      std::memcpy(&image[placed.offset], placed.of, placed.bytes);
    }
  }
  std::fill_n(&image[scratch], scratch_bytes, std::byte{0xff});
  std::fill_n(&image[decoded], decoded_bytes, std::byte{0xff});
  // All but the weights: those the backend brings over itself.
  const std::span<const std::byte> all(image);
  const size_t behind = weights + ours.weight_bytes();
  RETURN_IF_ERROR(inner_->CopyIn(block, all.first(before_weights)));
  std::copy(image.begin() + before_weights, image.begin() + behind,
            block + before_weights);
  RETURN_IF_ERROR(inner_->CopyIn(block + behind, all.subspan(behind)));

  std::byte* const outputs[] = {block + y};
  PartMemory inside{
      .inputs = inputs,
      .weights = memory.weights == nullptr ? nullptr : block + weights,
      .outputs = outputs,
      .scratch = block + scratch,
      .decoded = block + decoded};
  ASSIGN_OR_RETURN(const Ticket ticket, inner_->Enqueue(ours.inner(), inside));
  RETURN_IF_ERROR(inner_->Wait(ticket));

  std::vector<std::byte> after(image.size());
  RETURN_IF_ERROR(
      inner_->CopyOut(std::span(after).first(before_weights), block));
  RETURN_IF_ERROR(
      inner_->CopyOut(std::span(after).subspan(behind), block + behind));
  for (size_t i = 0; i < after.size(); ++i) {
    const bool free = (i >= y && i < y + y_bytes) ||
                      (i >= scratch && i < scratch + scratch_bytes) ||
                      (i >= decoded && i < decoded + decoded_bytes) ||
                      (i >= before_weights && i < behind);
    if (!free && after[i] != image[i]) {
      return absl::InternalError("a part wrote what is not its own");
    }
  }
  std::copy_n(&after[y], y_bytes, memory.outputs[0]);
  return Ticket{++last_ticket_};
}

}  // namespace layerd
