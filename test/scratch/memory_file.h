#ifndef LAYERD_TEST_SCRATCH_MEMORY_FILE_H_
#define LAYERD_TEST_SCRATCH_MEMORY_FILE_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "loader/io/unique_fd.h"

namespace layerd {

// A file in memory that can be opened by its path, for tests that make
// thousands of them.
class MemoryFile {
 public:
  MemoryFile();

  const std::string& path() const { return path_; }

  // The file is `bytes`, and then zeros up to `file_bytes`.
  void Replace(std::string_view bytes, uint64_t file_bytes);
  void Replace(std::string_view bytes) { Replace(bytes, bytes.size()); }

  void Write(uint64_t offset_bytes, std::string_view bytes);

 private:
  UniqueFd fd_;
  std::string path_;
};

}  // namespace layerd

#endif  // LAYERD_TEST_SCRATCH_MEMORY_FILE_H_
