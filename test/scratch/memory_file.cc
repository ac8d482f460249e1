#include "test/scratch/memory_file.h"

#include <sys/mman.h>
#include <unistd.h>

#include "config/check.h"

namespace layerd {

MemoryFile::MemoryFile()
    : fd_(memfd_create("layerd", MFD_CLOEXEC)),
      path_("/proc/self/fd/" + std::to_string(fd_.get())) {
  LAYERD_CHECK(fd_);
}

void MemoryFile::Replace(std::string_view bytes, uint64_t file_bytes) {
  LAYERD_CHECK(ftruncate(fd_.get(), 0) == 0);
  Write(0, bytes);
  LAYERD_CHECK(ftruncate(fd_.get(), static_cast<off_t>(file_bytes)) == 0);
}

void MemoryFile::Write(uint64_t offset_bytes, std::string_view bytes) {
  LAYERD_CHECK(pwrite(fd_.get(), bytes.data(), bytes.size(),
                      static_cast<off_t>(offset_bytes)) ==
               static_cast<ssize_t>(bytes.size()));
}

}  // namespace layerd
