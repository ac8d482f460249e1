#ifndef LAYERD_KERNELS_CUDA_HOST_ACCESS_H_
#define LAYERD_KERNELS_CUDA_HOST_ACCESS_H_

#include <cstddef>

namespace layerd::cuda {

// Who watches what the host itself does with memory that the device may use:
// the twin's race detector. Null in a real process.
struct HostWatcher {
  void (*writes)(const void* begin, size_t bytes) = nullptr;
  void (*reads)(const void* begin, size_t bytes) = nullptr;
};
inline HostWatcher host_watcher;

inline void HostWrites(const void* begin, size_t bytes) {
  if (host_watcher.writes != nullptr) host_watcher.writes(begin, bytes);
}
inline void HostReads(const void* begin, size_t bytes) {
  if (host_watcher.reads != nullptr) host_watcher.reads(begin, bytes);
}

}  // namespace layerd::cuda

#endif  // LAYERD_KERNELS_CUDA_HOST_ACCESS_H_
