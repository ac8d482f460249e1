#include "kernels/cuda/make_device.h"

#include <cstdlib>
#include <cstring>
#include <string>

#include "absl/strings/str_format.h"
#include "config/status_macros.h"
#include "kernels/cuda/operands.h"
#include "kernels/cuda/status.h"

namespace layerd::cuda {
namespace {

absl::StatusOr<int> Attribute(cudaDeviceAttr attribute) {
  int value = 0;
  RETURN_IF_ERROR(FromCuda(cudaDeviceGetAttribute(&value, attribute, 0),
                           "cudaDeviceGetAttribute"));
  return value;
}

absl::StatusOr<UniqueCudnn> MakeCudnnHandle() {
  cudnnHandle_t handle = nullptr;
  RETURN_IF_ERROR(FromCudnn(cudnnCreate(&handle), "cudnnCreate"));
  return UniqueCudnn(handle);
}

// Page-locked host memory, and device memory, for a measurement.
struct ProbeBuffers {
  static constexpr size_t kBytes = 4 << 20;
  void* host = nullptr;
  void* device = nullptr;
  ~ProbeBuffers() {
    if (host != nullptr) cudaFreeHost(host);
    if (device != nullptr) cudaFree(device);
  }

  absl::Status Make() {
    RETURN_IF_ERROR(FromCuda(cudaHostAlloc(&host, kBytes, cudaHostAllocMapped),
                             "cudaHostAlloc"));
    std::memset(host, 0, kBytes);
    return FromCuda(cudaMalloc(&device, kBytes), "cudaMalloc");
  }
  absl::Status CopyHalf(cudaStream_t stream) const {
    return FromCuda(cudaMemcpyAsync(device, host, kBytes / 2,
                                    cudaMemcpyHostToDevice, stream),
                    "cudaMemcpyAsync");
  }
};

// How long `work` keeps the stream busy: the fastest of some runs.
template <typename Work>
absl::StatusOr<float> Milliseconds(cudaStream_t stream, Work work) {
  cudaEvent_t raw[2] = {};
  RETURN_IF_ERROR(FromCuda(cudaEventCreateWithFlags(&raw[0], 0), "event"));
  const UniqueEvent begin(raw[0]);
  RETURN_IF_ERROR(FromCuda(cudaEventCreateWithFlags(&raw[1], 0), "event"));
  const UniqueEvent end(raw[1]);
  float least = 0;
  for (int run = 0; run < 5; ++run) {
    RETURN_IF_ERROR(FromCuda(cudaEventRecord(begin.get(), stream), "record"));
    RETURN_IF_ERROR(work());
    RETURN_IF_ERROR(FromCuda(cudaEventRecord(end.get(), stream), "record"));
    RETURN_IF_ERROR(FromCuda(cudaEventSynchronize(end.get()), "wait"));
    float time = 0;
    RETURN_IF_ERROR(FromCuda(
        cudaEventElapsedTime(&time, begin.get(), end.get()), "elapsed"));
    least = run == 0 || time < least ? time : least;
  }
  return least;
}

// Half of a buffer.
constexpr size_t kHalf = ProbeBuffers::kBytes / 2;

// A kernel that reads so much and writes it to `to`.
absl::Status Read(const void* from, void* to, size_t bytes,
                  cudaStream_t stream) {
  const auto floats = static_cast<int64_t>(bytes / sizeof(float));
  Operands operands;
  operands.rank = 1;
  operands.shape[0] = operands.count = floats;
  operands.y.data = to;
  operands.y.strides[0] = operands.x[0].strides[0] = 1;
  operands.y.span_bytes = operands.x[0].span_bytes = floats * 4;
  operands.x[0].data = const_cast<void*>(from);
  return FromCuda(LaunchElementwise(operands, {}, stream), "launch");
}

}  // namespace

absl::StatusOr<DeviceFacts> FindDevice() {
  // Kernels are loaded when first used: some hundred MiB less of memory. Must
  // be said before the first call.
  setenv("CUDA_MODULE_LOADING", "LAZY", 0);
  int count = 0;
  const cudaError_t error = cudaGetDeviceCount(&count);
  if (error != cudaSuccess && error != cudaErrorNoDevice) {
    return absl::UnavailableError(absl::StrFormat(
        "no NVIDIA driver that fits: %s", cudaGetErrorString(error)));
  }
  if (count == 0) return absl::UnavailableError("there is no NVIDIA device");
  ASSIGN_OR_RETURN(const int major,
                   Attribute(cudaDevAttrComputeCapabilityMajor));
  ASSIGN_OR_RETURN(const int minor,
                   Attribute(cudaDevAttrComputeCapabilityMinor));
  ASSIGN_OR_RETURN(const int integrated, Attribute(cudaDevAttrIntegrated));
  ASSIGN_OR_RETURN(const int maps, Attribute(cudaDevAttrCanMapHostMemory));
  if (const cudaError_t code = FindDeviceCode(); code != cudaSuccess) {
    return absl::UnavailableError(absl::StrFormat(
        "it was not built for this device, of compute capability %d.%d: %s",
        major, minor, cudaGetErrorString(code)));
  }
  return DeviceFacts{major * 10 + minor, integrated != 0, maps != 0};
}

absl::StatusOr<UniqueStream> MakeStream() {
  cudaStream_t stream = nullptr;
  // Apart from the legacy stream, which waits for all others.
  RETURN_IF_ERROR(
      FromCuda(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking),
               "cudaStreamCreateWithFlags"));
  return UniqueStream(stream);
}

absl::Status MakeDevice(Device* device) {
  ASSIGN_OR_RETURN(device->compute, MakeStream());
  ASSIGN_OR_RETURN(device->cudnn, MakeCudnnHandle());
  RETURN_IF_ERROR(
      FromCudnn(cudnnSetStream(device->cudnn.get(), device->compute.get()),
                "cudnnSetStream"));
  ASSIGN_OR_RETURN(device->planning_cudnn, MakeCudnnHandle());
  cublasLtHandle_t lt = nullptr;
  RETURN_IF_ERROR(FromCublas(cublasLtCreate(&lt), "cublasLtCreate"));
  device->lt.reset(lt);
  void* zeros = nullptr;
  constexpr size_t kBytes = Device::kZerosMax * sizeof(float);
  RETURN_IF_ERROR(FromCuda(cudaMalloc(&zeros, kBytes), "cudaMalloc"));
  device->zeros.reset(static_cast<std::byte*>(zeros));
  RETURN_IF_ERROR(
      FromCuda(cudaMemsetAsync(zeros, 0, kBytes, device->compute.get()),
               "cudaMemsetAsync"));
  return FromCuda(cudaStreamSynchronize(device->compute.get()),
                  "cudaStreamSynchronize");
}

absl::StatusOr<CudaRates> ProbeRates() {
  constexpr int kLaunches = 64;
  ASSIGN_OR_RETURN(const UniqueStream stream, MakeStream());
  ProbeBuffers buffers;
  RETURN_IF_ERROR(buffers.Make());
  auto* const device = static_cast<std::byte*>(buffers.device);
  ASSIGN_OR_RETURN(const float copy_ms, Milliseconds(stream.get(), [&] {
                     return buffers.CopyHalf(stream.get());
                   }));
  ASSIGN_OR_RETURN(const float launches_ms, Milliseconds(stream.get(), [&] {
                     for (int i = 0; i < kLaunches; ++i) {
                       RETURN_IF_ERROR(Read(device, device + kHalf,
                                            sizeof(float), stream.get()));
                     }
                     return absl::OkStatus();
                   }));
  return CudaRates{kHalf / (1e-3 * copy_ms), 1e-3 * launches_ms / kLaunches};
}

absl::StatusOr<CudaMemory> ProbeMemory(const DeviceFacts& facts) {
  if (!facts.integrated || !facts.maps_host_memory) return CudaMemory::kStaged;
  ASSIGN_OR_RETURN(const UniqueStream stream, MakeStream());
  ProbeBuffers buffers;
  RETURN_IF_ERROR(buffers.Make());
  void* mapped = nullptr;
  RETURN_IF_ERROR(
      FromCuda(cudaHostGetDevicePointer(&mapped, buffers.host, 0), "mapped"));
  auto* const device = static_cast<std::byte*>(buffers.device);
  ASSIGN_OR_RETURN(const float read_mapped, Milliseconds(stream.get(), [&] {
                     return Read(mapped, device + kHalf, kHalf, stream.get());
                   }));
  ASSIGN_OR_RETURN(const float copy_and_read, Milliseconds(stream.get(), [&] {
                     const absl::Status copied = buffers.CopyHalf(stream.get());
                     return copied.ok() ? Read(device, device + kHalf, kHalf,
                                               stream.get())
                                        : copied;
                   }));
  return read_mapped <= copy_and_read ? CudaMemory::kMapped
                                      : CudaMemory::kStaged;
}

}  // namespace layerd::cuda
