#ifndef LAYERD_LOADER_STORE_PAGE_BUFFER_H_
#define LAYERD_LOADER_STORE_PAGE_BUFFER_H_

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>

#include "config/check.h"
#include "loader/store/format.h"

namespace layerd {

// Memory that begins on a page and is whole pages long, as O_DIRECT asks; all
// zero at first.
class PageBuffer {
 public:
  explicit PageBuffer(size_t bytes_min)
      : bytes_(RoundUpToPage(bytes_min)),
        memory_(static_cast<std::byte*>(
            std::aligned_alloc(kPageBytes, bytes_ > 0 ? bytes_ : kPageBytes))) {
    LAYERD_CHECK(memory_ != nullptr, "out of memory");
    std::memset(memory_.get(), 0, bytes_);
  }

  std::span<std::byte> bytes() { return {memory_.get(), bytes_}; }
  std::span<const std::byte> bytes() const { return {memory_.get(), bytes_}; }

 private:
  struct Free {
    void operator()(std::byte* memory) const { std::free(memory); }
  };

  size_t bytes_;
  std::unique_ptr<std::byte, Free> memory_;
};

}  // namespace layerd

#endif  // LAYERD_LOADER_STORE_PAGE_BUFFER_H_
