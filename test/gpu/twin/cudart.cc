// The runtime's C functions, over Machine. The signatures are the header's:
// one that drifts does not link or compile.
#include <cstring>
#include <mutex>

#include "absl/strings/str_format.h"
#include "cuda_runtime_api.h"
#include "test/gpu/twin/machine.h"

namespace layerd::twin {
namespace {

class Entry {
 public:
  Entry() : machine_(Machine::Get()), lock_(machine_.mutex()) {}
  Machine* operator->() const { return &machine_; }

 private:
  Machine& machine_;
  std::lock_guard<std::recursive_mutex> lock_;
};

bool MayAllocate(const Entry& machine) {
  // A countdown; negative never ends.
  static int used = 0;
  static const Machine* of = nullptr;
  if (of != &*machine.operator->()) {
    of = machine.operator->();
    used = 0;
  }
  const int left = machine->options().allocations_left;
  return left < 0 || used++ < left;
}

cudaError_t Allocate(void** memory, size_t bytes, Machine::Kind kind) {
  const Entry machine;
  if (bytes == 0) return cudaErrorInvalidValue;
  if (!MayAllocate(machine)) return cudaErrorMemoryAllocation;
  *memory = machine->Allocate(bytes, kind);
  return cudaSuccess;
}

}  // namespace
}  // namespace layerd::twin

using layerd::twin::Call;
using layerd::twin::Entry;
using layerd::twin::Machine;

extern "C" {

cudaError_t CUDARTAPI cudaGetDeviceCount(int* count) {
  const Entry machine;
  if (machine->options().no_driver) return cudaErrorInsufficientDriver;
  if (machine->options().no_device) return cudaErrorNoDevice;
  *count = 1;
  return cudaSuccess;
}

cudaError_t CUDARTAPI cudaDeviceGetAttribute(int* value, cudaDeviceAttr name,
                                             int) {
  const Entry machine;
  switch (name) {
    case cudaDevAttrComputeCapabilityMajor:
      *value = 8;
      return cudaSuccess;
    case cudaDevAttrComputeCapabilityMinor:
      *value = 7;
      return cudaSuccess;
    case cudaDevAttrIntegrated:
      *value = machine->options().integrated;
      return cudaSuccess;
    case cudaDevAttrCanMapHostMemory:
      *value = 1;
      return cudaSuccess;
    default:
      machine->Alarm(absl::StrFormat("attribute %d is not the twin's", name));
      return cudaErrorInvalidValue;
  }
}

cudaError_t CUDARTAPI cudaFuncGetAttributes(cudaFuncAttributes* attributes,
                                            const void*) {
  const Entry machine;
  *attributes = {};
  return machine->options().no_code ? cudaErrorNoKernelImageForDevice
                                    : cudaSuccess;
}

const char* CUDARTAPI cudaGetErrorString(cudaError_t error) {
  switch (error) {
    case cudaSuccess:
      return "no error";
    case cudaErrorInsufficientDriver:
      return "CUDA driver version is insufficient for CUDA runtime version";
    case cudaErrorMemoryAllocation:
      return "out of memory";
    case cudaErrorNoKernelImageForDevice:
      return "no kernel image is available for execution on the device";
    default:
      return "an error of the twin";
  }
}

cudaError_t CUDARTAPI cudaPeekAtLastError() { return cudaSuccess; }

cudaError_t CUDARTAPI cudaMalloc(void** memory, size_t bytes) {
  return layerd::twin::Allocate(memory, bytes, Machine::Kind::kDevice);
}

cudaError_t CUDARTAPI cudaHostAlloc(void** memory, size_t bytes, unsigned) {
  return layerd::twin::Allocate(memory, bytes, Machine::Kind::kPageLocked);
}

cudaError_t CUDARTAPI cudaMallocManaged(void** memory, size_t bytes,
                                        unsigned flags) {
  if (flags != cudaMemAttachHost) {
    const Entry machine;
    machine->Alarm("managed memory that every stream may touch");
  }
  return layerd::twin::Allocate(memory, bytes, Machine::Kind::kManaged);
}

cudaError_t CUDARTAPI cudaStreamAttachMemAsync(cudaStream_t stream,
                                               void* memory, size_t bytes,
                                               unsigned flags) {
  const Entry machine;
  Call call{.name = "cudaStreamAttachMemAsync",
            .stream = stream,
            .pointers = {memory},
            .bytes = bytes};
  if (!machine->Admit(call)) return cudaSuccess;
  if (flags != cudaMemAttachHost && flags != cudaMemAttachSingle) {
    machine->Alarm("managed memory is given to every stream");
    return cudaErrorInvalidValue;
  }
  machine->AttachManaged(call.pointers[0], call.bytes, call.stream,
                         flags == cudaMemAttachHost);
  return cudaSuccess;
}

cudaError_t CUDARTAPI cudaFree(void* memory) {
  const Entry machine;
  return machine->Free(memory, Machine::Kind::kDevice) ? cudaSuccess
                                                       : cudaErrorInvalidValue;
}

cudaError_t CUDARTAPI cudaFreeHost(void* memory) {
  const Entry machine;
  return machine->Free(memory, Machine::Kind::kPageLocked)
             ? cudaSuccess
             : cudaErrorInvalidValue;
}

cudaError_t CUDARTAPI cudaHostRegister(void* memory, size_t bytes,
                                       unsigned flags) {
  const Entry machine;
  if (!layerd::twin::MayAllocate(machine)) return cudaErrorMemoryAllocation;
  return machine->Register(memory, bytes, (flags & cudaHostRegisterMapped) != 0)
             ? cudaSuccess
             : cudaErrorHostMemoryAlreadyRegistered;
}

cudaError_t CUDARTAPI cudaHostUnregister(void* memory) {
  const Entry machine;
  return machine->Unregister(memory) ? cudaSuccess
                                     : cudaErrorHostMemoryNotRegistered;
}

cudaError_t CUDARTAPI cudaHostGetDevicePointer(void** device, void* host,
                                               unsigned) {
  const Entry machine;
  if (!machine->IsMapped(host)) return cudaErrorInvalidValue;
  *device = host;
  return cudaSuccess;
}

cudaError_t CUDARTAPI cudaStreamCreateWithFlags(cudaStream_t* stream,
                                                unsigned flags) {
  const Entry machine;
  if (flags != cudaStreamNonBlocking) {
    machine->Alarm("a stream that waits for the legacy stream");
  }
  *stream = machine->CreateStream();
  return cudaSuccess;
}

cudaError_t CUDARTAPI cudaStreamDestroy(cudaStream_t stream) {
  const Entry machine;
  machine->DestroyStream(stream);
  return cudaSuccess;
}

cudaError_t CUDARTAPI cudaStreamSynchronize(cudaStream_t stream) {
  const Entry machine;
  Call call{.name = "cudaStreamSynchronize", .stream = stream};
  if (machine->Admit(call)) machine->Synchronize(call.stream);
  return cudaSuccess;
}

cudaError_t CUDARTAPI cudaStreamWaitEvent(cudaStream_t stream,
                                          cudaEvent_t event, unsigned) {
  const Entry machine;
  Call call{.name = "cudaStreamWaitEvent", .stream = stream, .event = event};
  if (machine->Admit(call)) machine->WaitFor(call.stream, call.event);
  return cudaSuccess;
}

cudaError_t CUDARTAPI cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  const Entry machine;
  *event = machine->CreateEvent();
  return cudaSuccess;
}

cudaError_t CUDARTAPI cudaEventDestroy(cudaEvent_t event) {
  const Entry machine;
  machine->DestroyEvent(event);
  return cudaSuccess;
}

cudaError_t CUDARTAPI cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  const Entry machine;
  Call call{.name = "cudaEventRecord", .stream = stream, .event = event};
  if (machine->Admit(call)) machine->Record(call.event, call.stream);
  return cudaSuccess;
}

cudaError_t CUDARTAPI cudaEventQuery(cudaEvent_t event) {
  const Entry machine;
  Call call{.name = "cudaEventQuery", .stream = nullptr, .event = event};
  if (!machine->Admit(call)) return cudaSuccess;
  return machine->IsDone(call.event) ? cudaSuccess : cudaErrorNotReady;
}

cudaError_t CUDARTAPI cudaEventSynchronize(cudaEvent_t event) {
  const Entry machine;
  Call call{.name = "cudaEventSynchronize", .stream = nullptr, .event = event};
  if (machine->Admit(call)) machine->Synchronize(call.event);
  return cudaSuccess;
}

cudaError_t CUDARTAPI cudaEventElapsedTime(float* time, cudaEvent_t begin,
                                           cudaEvent_t end) {
  const Entry machine;
  *time = machine->options().timed
              ? static_cast<float>(machine->MillisecondsBetween(begin, end))
              : static_cast<float>(machine->Random() % 1000 + 1) / 1000;
  return cudaSuccess;
}

cudaError_t CUDARTAPI cudaMemGetInfo(size_t* free, size_t* total) {
  const Entry machine;
  *total = size_t{8} << 30;
  *free = *total - machine->counters().device_bytes;
  return cudaSuccess;
}

cudaError_t CUDARTAPI cudaRuntimeGetVersion(int* version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}
cudaError_t CUDARTAPI cudaDriverGetVersion(int* version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}

cudaError_t CUDARTAPI cudaMemcpyAsync(void* to, const void* from, size_t bytes,
                                      cudaMemcpyKind kind,
                                      cudaStream_t stream) {
  const Entry machine;
  Call call{.name = "cudaMemcpyAsync",
            .stream = stream,
            .pointers = {to, const_cast<void*>(from)},
            .bytes = bytes};
  if (!machine->Admit(call)) return cudaSuccess;
  to = call.pointers[0];
  from = call.pointers[1];
  bytes = call.bytes;
  const void* const device = kind == cudaMemcpyHostToDevice ? to : from;
  const void* const host = kind == cudaMemcpyHostToDevice ? from : to;
  if (kind != cudaMemcpyHostToDevice && kind != cudaMemcpyDeviceToHost) {
    machine->Alarm("a copy that is neither to the device nor from it");
    return cudaErrorInvalidValue;
  }
  if (!machine->IsPageLocked(host, bytes)) {
    machine->Alarm("a copy of host memory that is not page-locked");
  }
  if (!machine->IsDeviceVisible(device, bytes)) {
    machine->Alarm("a copy of memory that is not the device's");
    return cudaErrorInvalidValue;
  }
  ++machine->counters().copies;
  machine->counters().copied_bytes += bytes;
  machine->Enqueue(call.stream,
                   kind == cudaMemcpyHostToDevice ? "the copy to the device"
                                                  : "the copy to the host",
                   {{to, bytes, true}, {from, bytes, false}},
                   [=] { std::memcpy(to, from, bytes); });
  return cudaSuccess;
}

cudaError_t CUDARTAPI cudaMemsetAsync(void* to, int value, size_t bytes,
                                      cudaStream_t stream) {
  const Entry machine;
  Call call{.name = "cudaMemsetAsync",
            .stream = stream,
            .pointers = {to},
            .bytes = bytes};
  if (!machine->Admit(call)) return cudaSuccess;
  if (!machine->IsDeviceVisible(to, bytes)) {
    machine->Alarm("memory that is not the device's is set");
    return cudaErrorInvalidValue;
  }
  machine->Enqueue(call.stream, "cudaMemsetAsync", {{to, bytes, true}},
                   [=] { std::memset(to, value, bytes); });
  return cudaSuccess;
}

}  // extern "C"
