#include "config/check.h"

#include <cstdio>
#include <cstdlib>

namespace layerd {

void CheckFailed(const char* file, int line, const char* condition,
                 std::string_view note) {
  const int note_bytes = static_cast<int>(note.size());
  if (note.empty()) {
    std::fprintf(stderr, "%s:%d: check failed: %s\n", file, line, condition);
  } else {
    std::fprintf(stderr, "%s:%d: check failed: %s (%.*s)\n", file, line,
                 condition, note_bytes, note.data());
  }
  std::abort();
}

}  // namespace layerd
