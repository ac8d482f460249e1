#include "daemon/rt/freed_memory.h"

#include <malloc.h>

#include <algorithm>
#include <thread>

namespace layerd {
namespace {

constexpr int kKeptBytes = 2 << 20;
constexpr unsigned kHeapsMin = 2;
constexpr unsigned kHeapsMax = 4;

}  // namespace

void KeepFreedMemory() {
  mallopt(M_MMAP_THRESHOLD, kKeptBytes);
  mallopt(M_TRIM_THRESHOLD, kKeptBytes);
  mallopt(M_ARENA_MAX,
          static_cast<int>(std::clamp(std::thread::hardware_concurrency(),
                                      kHeapsMin, kHeapsMax)));
}

void ReturnFreedMemory() { malloc_trim(0); }

}  // namespace layerd
