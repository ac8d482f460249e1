#include "loader/memory/slab.h"

#include <sys/mman.h>
#include <sys/resource.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <string>

#include "absl/memory/memory.h"
#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "config/check.h"
#include "config/status_macros.h"
#include "loader/memory/available_memory.h"
#include "loader/store/format.h"

namespace layerd {
namespace {

constexpr size_t kHugePageBytes = 2 << 20;
// MADV_COLLAPSE of Linux 6.1; older ones refuse it, and nothing is lost.
constexpr int kMadviseCollapse = 25;

absl::Status NoMemory(size_t bytes, const std::string& why) {
  return absl::ResourceExhaustedError(absl::StrFormat(
      "%d bytes of memory are not to be had (%s): lower the memory budget or "
      "raise the limits of the process (ulimit -v, the cgroup's)",
      bytes, why));
}
absl::Status NoMemory(size_t bytes, int error) {
  return NoMemory(bytes, std::strerror(error));
}

// Empty if nothing could be mapped. Aligned to 2 MiB by mapping more and
// giving back what sticks out; address space costs nothing.
std::span<std::byte> ReserveAligned(size_t bytes) {
  const size_t mapped_bytes = bytes + kHugePageBytes;
  if (mapped_bytes < bytes) return {};
  void* mapped = mmap(nullptr, mapped_bytes, PROT_NONE,
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

// 0, or an errno.
int Populate(std::span<std::byte> memory) {
  if (madvise(memory.data(), memory.size(), MADV_POPULATE_WRITE) == 0) return 0;
  if (errno != EINVAL) return errno;
  for (size_t at = 0; at < memory.size(); at += kPageBytes) {
    *static_cast<volatile std::byte*>(&memory[at]) = std::byte{0};
  }
  return 0;
}

void GiveBack(std::span<std::byte> memory) {
  munlock(memory.data(), memory.size());
  madvise(memory.data(), memory.size(), MADV_DONTNEED);
  mprotect(memory.data(), memory.size(), PROT_NONE);
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
  ASSIGN_OR_RETURN(std::unique_ptr<Slab> slab, Reserve(bytes));
  RETURN_IF_ERROR(slab->Resize(bytes));
  return slab;
}

absl::StatusOr<std::unique_ptr<Slab>> Slab::Reserve(size_t bytes_max) {
  LAYERD_CHECK(bytes_max > 0);
  errno = ENOMEM;
  if (RoundUpToPage(bytes_max) < bytes_max) return NoMemory(bytes_max, errno);
  const std::span<std::byte> reserved =
      ReserveAligned(RoundUpToPage(bytes_max));
  if (reserved.empty()) return NoMemory(bytes_max, errno);
  // A child that copied these pages would cost twice the memory, and reads in
  // flight would land on one side only.
  madvise(reserved.data(), reserved.size(), MADV_DONTFORK);
  return absl::WrapUnique(new Slab(reserved));
}

Slab::~Slab() { munmap(reserved_.data(), reserved_.size()); }

absl::Status Slab::Resize(size_t bytes) {
  LAYERD_CHECK(bytes > 0);
  if (bytes > reserved_.size()) return NoMemory(bytes, ENOMEM);
  const size_t rounded = RoundUpToPage(bytes);
  if (rounded > memory_.size()) {
    RETURN_IF_ERROR(Grow(rounded));
  } else if (rounded < memory_.size()) {
    Shrink(rounded);
  }
  Lock();
  return absl::OkStatus();
}

absl::Status Slab::Grow(size_t bytes) {
  const std::span<std::byte> before = memory_;
  const std::span<std::byte> added =
      reserved_.subspan(before.size(), bytes - before.size());
  const auto available = AvailableMemoryBytes();
  if (available && added.size() > *available) {
    return NoMemory(bytes, absl::StrFormat("%d are free", *available));
  }
  warnings_.clear();
  memory_ = reserved_.first(bytes);
  int error = mprotect(added.data(), added.size(), PROT_READ | PROT_WRITE) == 0
                  ? 0
                  : errno;
  if (error == 0) {
    AskForHugePages();
    error = Populate(added);
  }
  if (error != 0) {
    GiveBack(added);
    memory_ = before;
    return NoMemory(bytes, error);
  }
  // What was the rest at the end lies in small pages, amidst huge ones now.
  const size_t rest = before.size() % kHugePageBytes;
  if (rest > 0 && before.size() - rest + kHugePageBytes <= bytes) {
    madvise(memory_.data() + before.size() - rest, kHugePageBytes,
            kMadviseCollapse);
  }
  return absl::OkStatus();
}

void Slab::Shrink(size_t bytes) {
  GiveBack(memory_.subspan(bytes));
  memory_ = memory_.first(bytes);
  warnings_.clear();
  AskForHugePages();
}

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
