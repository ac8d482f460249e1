// Nothing is allocated to compute a part, but by the library itself. Alone,
// because it counts every operator new of the process.

#include <dlfcn.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <new>

#include "config/check.h"
#include "kernels/cpu/cpu_backend.h"
#include "test/catch/catch.h"
#include "test/kernels/cases.h"
#include "test/kernels/test_layer.h"
#include "test/sim/forwarding_backend.h"

namespace {

std::atomic<bool> counting{false};
std::atomic<uint64_t> ours{0};
std::atomic<uint64_t> of_library{0};

bool IsLibrary(const void* caller) {
  Dl_info info;
  return dladdr(caller, &info) != 0 && info.dli_fname != nullptr &&
         std::strstr(info.dli_fname, "libdnnl") != nullptr;
}

void* Counted(size_t bytes, const void* caller) {
  if (counting) ++(IsLibrary(caller) ? of_library : ours);
  return std::malloc(bytes);
}

void* Must(void* memory) {
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

// All of them, or a sanitizer sees its own half of a pair.
void* operator new(size_t bytes) {
  return Must(Counted(bytes, __builtin_return_address(0)));
}
void* operator new[](size_t bytes) {
  return Must(Counted(bytes, __builtin_return_address(0)));
}
void* operator new(size_t bytes, const std::nothrow_t&) noexcept {
  return Counted(bytes, __builtin_return_address(0));
}
void* operator new[](size_t bytes, const std::nothrow_t&) noexcept {
  return Counted(bytes, __builtin_return_address(0));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, size_t) noexcept { std::free(memory); }

namespace layerd {
namespace {

// More where it generates no loops for a case and takes plain ones: all on
// 64-bit ARM, some without AVX-512.
#if defined(__aarch64__)
const uint64_t kOfLibraryMost = 200;
#else
const uint64_t kOfLibraryMost = __builtin_cpu_supports("avx512f") ? 20 : 50;
#endif

// Counts between Enqueue() and completion of the backend inside.
class CountingBackend : public ForwardingBackend {
 public:
  explicit CountingBackend(int threads)
      : ForwardingBackend(MakeCpuBackend(threads)) {}

  absl::StatusOr<Ticket> Enqueue(Kernel& kernel,
                                 const PartMemory& memory) override {
    // Once before: the library makes its threads and their buffers.
    const absl::Status warm = inner_->Enqueue(kernel, memory).status();
    LAYERD_CHECK(warm.ok());
    counting = true;
    absl::StatusOr<Ticket> ticket = inner_->Enqueue(kernel, memory);
    counting = false;
    return ticket;
  }
  absl::Status Wait(Ticket ticket) override {
    counting = true;
    const absl::Status status = inner_->Wait(ticket);
    counting = false;
    return status;
  }
};

TEST_CASE("The counter counts") {
  ours = 0;
  counting = true;
  ::operator delete(::operator new(4));  // Not elided, as new int is.
  counting = false;
  CHECK(ours == 1);
}

TEST_CASE("Computing a part allocates nothing of ours") {
  for (const int threads : {1, 2}) {
    CountingBackend backend(threads);
    for (const TestLayer& layer : AllCases()) {
      INFO(threads << " threads, " << NameOf(layer.whole.op) << ", "
                   << layer.name);
      ours = 0;
      of_library = 0;
      REQUIRE(Run(backend, layer).status.ok());
      CHECK(ours == 0);
      CHECK(of_library < kOfLibraryMost);
    }
  }
}

}  // namespace
}  // namespace layerd
