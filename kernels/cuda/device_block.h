#ifndef LAYERD_KERNELS_CUDA_DEVICE_BLOCK_H_
#define LAYERD_KERNELS_CUDA_DEVICE_BLOCK_H_

#include <cstddef>
#include <memory>
#include <span>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kernels/cuda/cuda_backend.h"

namespace layerd::cuda {

// The attached block and where the device sees it: the same bytes (mapped), or
// a twin in the device's memory (staged). Page-locked while it exists.
//
// Threading: made and destroyed while nothing is queued; then immutable.
class DeviceBlock {
 public:
  // `host` outlives the block.
  static absl::StatusOr<std::unique_ptr<DeviceBlock>> Make(
      std::span<std::byte> host, CudaMemory memory);
  ~DeviceBlock();
  DeviceBlock(const DeviceBlock&) = delete;
  DeviceBlock& operator=(const DeviceBlock&) = delete;

  bool staged() const { return twin_ != nullptr; }

  // Where the device sees a byte of the block.
  // REQUIRES: it is one (or null, which stays null).
  std::byte* OnDevice(const std::byte* host) const;

 private:
  explicit DeviceBlock(std::span<std::byte> host) : host_(host) {}

  std::span<std::byte> host_;
  bool registered_ = false;
  std::byte* twin_ = nullptr;
  std::byte* device_ = nullptr;
};

}  // namespace layerd::cuda

#endif  // LAYERD_KERNELS_CUDA_DEVICE_BLOCK_H_
