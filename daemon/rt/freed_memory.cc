#include "daemon/rt/freed_memory.h"

#include <malloc.h>

namespace layerd {
namespace {

constexpr int kKeptBytes = 2 << 20;

}  // namespace

void KeepFreedMemory() {
  mallopt(M_MMAP_THRESHOLD, kKeptBytes);
  mallopt(M_TRIM_THRESHOLD, kKeptBytes);
}

}  // namespace layerd
