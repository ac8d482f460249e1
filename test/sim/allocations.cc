#include "test/sim/allocations.h"

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

std::atomic<uint64_t> allocations{0};

void* CountedMalloc(size_t bytes) {
  allocations.fetch_add(1);
  return std::malloc(bytes);
}

void* Must(void* memory) {
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

// All of them, or a sanitizer sees its own half of a pair.
void* operator new(size_t bytes) { return Must(CountedMalloc(bytes)); }
void* operator new[](size_t bytes) { return Must(CountedMalloc(bytes)); }
void* operator new(size_t bytes, const std::nothrow_t&) noexcept {
  return CountedMalloc(bytes);
}
void* operator new[](size_t bytes, const std::nothrow_t&) noexcept {
  return CountedMalloc(bytes);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, size_t) noexcept { std::free(memory); }

namespace layerd {

uint64_t Allocations() { return allocations.load(); }

}  // namespace layerd
