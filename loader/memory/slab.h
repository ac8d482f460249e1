#ifndef LAYERD_LOADER_MEMORY_SLAB_H_
#define LAYERD_LOADER_MEMORY_SLAB_H_

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace layerd {

// The one block of memory that the daemon takes at start: rings, heads and
// arenas are sub-ranges of it.
//
// Anonymous memory, 2 MiB-aligned, with huge pages asked for (MADV_HUGEPAGE:
// the same O_DIRECT reads are two to three times faster into them), committed
// by touching, locked where the limits allow (mlock2, never mlockall). What
// was refused is in warnings(), a line each, with what to do about it. It can
// grow and shrink at its end, within the addresses that were reserved.
//
// Costs what was asked for, rounded up to 4 KiB: a rest of less than 2 MiB at
// the end lies in small pages, and so does a slab that is smaller than that. It
// is not inherited by child processes.
//
// Threading: sub-ranges are handed out by one thread before the others start.
class Slab {
 public:
  // Zeroed. RESOURCE_EXHAUSTED if the memory is not to be had: also if that
  // would end a process (AvailableMemoryBytes()).
  // REQUIRES: bytes > 0.
  static absl::StatusOr<std::unique_ptr<Slab>> Allocate(size_t bytes);
  // Addresses for `bytes_max`, and no memory yet.
  static absl::StatusOr<std::unique_ptr<Slab>> Reserve(size_t bytes_max);
  ~Slab();
  Slab(const Slab&) = delete;
  Slab& operator=(const Slab&) = delete;

  // Takes or gives back memory at the end: what is below the smaller of both
  // sizes keeps its bytes and its address. If the memory is not to be had, the
  // slab is as it was.
  // REQUIRES: bytes > 0; nobody uses what is given back, nor does the kernel.
  absl::Status Resize(size_t bytes);

  std::span<std::byte> memory() const { return memory_; }
  size_t reserved_bytes() const { return reserved_.size(); }
  bool locked() const { return locked_; }
  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  explicit Slab(std::span<std::byte> reserved) : reserved_(reserved) {}

  absl::Status Grow(size_t bytes);
  void Shrink(size_t bytes);
  void AskForHugePages();
  void Lock();

  std::span<std::byte> reserved_;
  std::span<std::byte> memory_;  // Its beginning.
  bool locked_ = false;
  std::vector<std::string> warnings_;
};

}  // namespace layerd

#endif  // LAYERD_LOADER_MEMORY_SLAB_H_
