#ifndef LAYERD_TEST_GPU_TWIN_TWIN_H_
#define LAYERD_TEST_GPU_TWIN_TWIN_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "cuda_runtime_api.h"

// The twin of an NVIDIA device: who links it in place of cudart, cuDNN and
// cuBLASLt runs the same host code on a CPU, under a watcher that is stricter
// than the hardware. What it proves and what not: README.md.
//
// One device for the whole process; Reset() makes a new one.
//
// Threading: all functions from any thread.
namespace layerd::twin {

struct Options {
  uint32_t seed = 0;          // Of the schedule.
  uint32_t library_seed = 0;  // Of what the libraries offer.
  // As the hardware is: what the probe of the memory strategy looks at.
  bool integrated = false;
  // Of 100 questions to a library at plan time, how many it answers with
  // NOT_SUPPORTED; always the same ones for a seed.
  int not_supported_percent = 0;
  // How many further calls that allocate succeed; negative: all.
  int allocations_left = -1;
  // Events tell times: copies and kernels take a millisecond for 10 MB that
  // they touch, and 10 us. Else they tell anything.
  bool timed = false;
  // cudaGetDeviceCount() answers that there is no driver.
  bool no_driver = false;
  bool no_device = false;  // Likewise that there is a driver, for nothing.
  // Kernels were compiled for other devices.
  bool no_code = false;
};

// A call on its way into the twin. A hook may change it: that is how mutants
// do what a faulty host would have done.
struct Call {
  std::string_view name;  // "cudaMemcpyAsync", or that of a kernel.
  cudaStream_t stream = nullptr;
  cudaEvent_t event = nullptr;
  // Copies: to, from. Kernels: y, x0 to x3. Fused convolution: y, x, weights,
  // z, bias, workspace. cublasLtMatmul: d, a, b, c, bias, workspace.
  void* pointers[6] = {};
  void* descriptor = nullptr;  // Of a convolution.
  size_t bytes = 0;            // Of a copy, of the workspace; a math type.
  bool drop = false;           // It never happens, and answers success.
};
using Hook = std::function<void(Call&)>;

// Forgets everything. REQUIRES: nothing of the old device is used again.
void Reset(const Options& options);
void SetHook(Hook hook);

// What was done wrong since Reset(), a line each: races, memory that is not
// the device's, misalignment, too small a workspace, broken guards.
std::vector<std::string> Alarms();
std::string FirstAlarm();  // "" if there is none.

// Looks at the bytes around every allocation; alarms tell.
void CheckGuards();
// Runs everything that is queued.
void Drain();

struct Counters {
  uint64_t allocations = 0;   // And what frees, registers, unregisters.
  uint64_t device_waits = 0;  // That wait for all streams.
  uint64_t copies = 0;
  uint64_t copied_bytes = 0;
  uint64_t kernels = 0, convolutions = 0, products = 0;
  uint64_t device_bytes = 0;  // Allocated now,
  uint64_t device_bytes_most = 0;
};
Counters counters();

// The host itself, and the drive: a read of the drive is a write of the host
// from its submission until it is reaped.
void HostWrites(const void* begin, size_t bytes);
void HostReads(const void* begin, size_t bytes);
void DriveBegins(const void* begin, size_t bytes);
void DriveEnds(const void* begin, size_t bytes);

}  // namespace layerd::twin

#endif  // LAYERD_TEST_GPU_TWIN_TWIN_H_
