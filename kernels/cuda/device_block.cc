#include "kernels/cuda/device_block.h"

#include "absl/memory/memory.h"
#include "config/check.h"
#include "config/status_macros.h"
#include "cuda_runtime_api.h"
#include "kernels/cuda/status.h"

namespace layerd::cuda {

absl::StatusOr<std::unique_ptr<DeviceBlock>> DeviceBlock::Make(
    std::span<std::byte> host, CudaMemory memory) {
  auto block = absl::WrapUnique(new DeviceBlock(host));
  const bool staged = memory != CudaMemory::kMapped;
  RETURN_IF_ERROR(FromCuda(cudaHostRegister(host.data(), host.size(),
                                            staged ? cudaHostRegisterDefault
                                                   : cudaHostRegisterMapped),
                           "cudaHostRegister"));
  block->registered_ = true;
  void* device = nullptr;
  if (!staged) {
    RETURN_IF_ERROR(FromCuda(cudaHostGetDevicePointer(&device, host.data(), 0),
                             "cudaHostGetDevicePointer"));
    block->device_ = static_cast<std::byte*>(device);
    return block;
  }
  RETURN_IF_ERROR(FromCuda(cudaMalloc(&device, host.size()), "cudaMalloc"));
  block->device_ = block->twin_ = static_cast<std::byte*>(device);
  return block;
}

DeviceBlock::~DeviceBlock() {
  if (twin_ != nullptr) cudaFree(twin_);
  if (registered_) cudaHostUnregister(host_.data());
}

std::byte* DeviceBlock::OnDevice(const std::byte* host) const {
  if (host == nullptr) return nullptr;
  LAYERD_CHECK(host >= host_.data() && host <= host_.data() + host_.size(),
               "memory of a part outside of the attached block");
  return device_ + (host - host_.data());
}

}  // namespace layerd::cuda
