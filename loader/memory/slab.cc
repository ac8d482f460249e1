#include "loader/memory/slab.h"

#include <sys/mman.h>
#include <sys/resource.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>

#include "absl/memory/memory.h"
#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "config/check.h"
#include "config/status_macros.h"
#include "loader/store/format.h"

namespace layerd {
namespace {

constexpr size_t kHugePageBytes = 2 << 20;

absl::Status NoMemory(size_t bytes, int error) {
  return absl::ResourceExhaustedError(absl::StrFormat(
      "%d bytes of memory are not to be had (%s): lower the memory budget or "
      "raise the limits of the process (ulimit -v, the cgroup's)",
      bytes, std::strerror(error)));
}

// Empty if nothing could be mapped. Aligned to 2 MiB by mapping more and
// giving back what sticks out; address space costs nothing.
std::span<std::byte> MapAligned(size_t bytes) {
  const size_t mapped_bytes = bytes + kHugePageBytes;
  if (mapped_bytes < bytes) return {};
  void* mapped = mmap(nullptr, mapped_bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED) return {};
  auto* const begin = static_cast<std::byte*>(mapped);
  const size_t before_bytes =
      -reinterpret_cast<uintptr_t>(begin) % kHugePageBytes;
  const size_t after_bytes = mapped_bytes - before_bytes - bytes;
  if (before_bytes > 0) munmap(begin, before_bytes);
  if (after_bytes > 0) munmap(begin + before_bytes + bytes, after_bytes);
  return {begin + before_bytes, bytes};
}

bool HugePagesAreOff() {
  std::ifstream file("/sys/kernel/mm/transparent_hugepage/enabled");
  std::string modes;
  return std::getline(file, modes) &&
         modes.find("[never]") != std::string::npos;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Slab>> Slab::Allocate(size_t bytes) {
  LAYERD_CHECK(bytes > 0);
  errno = ENOMEM;
  if (RoundUpToPage(bytes) < bytes) return NoMemory(bytes, errno);
  const std::span<std::byte> memory = MapAligned(RoundUpToPage(bytes));
  if (memory.empty()) return NoMemory(bytes, errno);
  auto slab = absl::WrapUnique(new Slab(memory));
  // A child that copied these pages would cost twice the memory, and reads in
  // flight would land on one side only.
  madvise(memory.data(), memory.size(), MADV_DONTFORK);
  slab->AskForHugePages();
  RETURN_IF_ERROR(slab->Commit());
  slab->Lock();
  return slab;
}

Slab::~Slab() { munmap(memory_.data(), memory_.size()); }

void Slab::AskForHugePages() {
  const size_t huge_bytes = memory_.size() - memory_.size() % kHugePageBytes;
  // The rest may merge with a neighbour's mapping, and become huge with it.
  if (huge_bytes < memory_.size()) {
    madvise(memory_.data() + huge_bytes, memory_.size() - huge_bytes,
            MADV_NOHUGEPAGE);
  }
  if (huge_bytes == 0) return;
  const int error =
      madvise(memory_.data(), huge_bytes, MADV_HUGEPAGE) == 0 ? 0 : errno;
  if (error == 0 && !HugePagesAreOff()) return;
  warnings_.push_back(absl::StrFormat(
      "no huge pages (%s): reading is two to three times slower; write "
      "'madvise' to /sys/kernel/mm/transparent_hugepage/enabled",
      error == 0 ? "switched off" : std::strerror(error)));
}

absl::Status Slab::Commit() {
  if (madvise(memory_.data(), memory_.size(), MADV_POPULATE_WRITE) == 0) {
    return absl::OkStatus();
  }
  if (errno != EINVAL) return NoMemory(memory_.size(), errno);
  for (size_t at = 0; at < memory_.size(); at += kPageBytes) {
    *static_cast<volatile std::byte*>(&memory_[at]) = std::byte{0};
  }
  return absl::OkStatus();
}

void Slab::Lock() {
  locked_ = mlock2(memory_.data(), memory_.size(), 0) == 0;
  if (locked_) return;
  const int error = errno;
  rlimit limit{};
  getrlimit(RLIMIT_MEMLOCK, &limit);
  warnings_.push_back(absl::StrFormat(
      "%d bytes of memory are not locked (%s, limit %d): they may be swapped "
      "out; raise 'ulimit -l' or LimitMEMLOCK= of the unit",
      memory_.size(), std::strerror(error), limit.rlim_cur));
}

}  // namespace layerd
