#ifndef LAYERD_TEST_GPU_ATTACHED_BACKEND_H_
#define LAYERD_TEST_GPU_ATTACHED_BACKEND_H_

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "kernels/backend.h"

namespace layerd {

// A device backend for callers whose memory lies anywhere: each part is carried
// into an attached block and back, one at a time, at the same distance from 256
// bytes. Everything around is guarded, and everything the part must not write
// is compared, also on the device.
//
// Threading: as Backend.
class AttachedBackend final : public Backend {
 public:
  explicit AttachedBackend(std::unique_ptr<Backend> inner,
                           size_t block_bytes = 16 << 20);
  ~AttachedBackend() override;

  KernelKey key() const override { return inner_->key(); }
  absl::StatusOr<std::vector<WeightLayout>> WeightLayouts(
      const PartSpec& spec) const override {
    return inner_->WeightLayouts(spec);
  }
  absl::StatusOr<std::unique_ptr<Kernel>> Prepare(
      const PartSpec& spec) override;
  absl::StatusOr<Ticket> Enqueue(Kernel& kernel,
                                 const PartMemory& memory) override;
  bool Completed(Ticket) override { return true; }
  absl::Status Wait(Ticket) override { return absl::OkStatus(); }

 private:
  struct Placed {
    const std::byte* of = nullptr;  // The caller's.
    size_t offset = 0, bytes = 0;
  };

  size_t Place(const std::byte* memory, size_t bytes, size_t alignment);

  std::unique_ptr<Backend> inner_;
  struct Free {
    void operator()(std::byte* memory) const;
  };
  std::unique_ptr<std::byte[], Free> block_;
  size_t block_bytes_;
  size_t used_bytes_ = 0;
  std::vector<Placed> placed_;
  uint64_t last_ticket_ = 0;
};

}  // namespace layerd

#endif  // LAYERD_TEST_GPU_ATTACHED_BACKEND_H_
