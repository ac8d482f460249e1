#ifndef LAYERD_TEST_KERNELS_PAGE_MEMORY_H_
#define LAYERD_TEST_KERNELS_PAGE_MEMORY_H_

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "config/check.h"

namespace layerd {

struct FreePages {
  void operator()(std::byte* memory) const { std::free(memory); }
};
using PageMemory = std::unique_ptr<std::byte[], FreePages>;

// Begins on a page and is at least one page long; every byte is `fill`. With
// all bits set it is full of NaNs in every floating type.
inline PageMemory AllocatePages(size_t bytes, std::byte fill = std::byte{0}) {
  constexpr size_t kPage = 4096;
  const size_t rounded = (bytes / kPage + 1) * kPage;
  PageMemory memory(
      static_cast<std::byte*>(std::aligned_alloc(kPage, rounded)));
  LAYERD_CHECK(memory != nullptr);
  std::memset(memory.get(), std::to_integer<int>(fill), rounded);
  return memory;
}

}  // namespace layerd

#endif  // LAYERD_TEST_KERNELS_PAGE_MEMORY_H_
