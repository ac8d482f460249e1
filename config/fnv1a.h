#ifndef LAYERD_CONFIG_FNV1A_H_
#define LAYERD_CONFIG_FNV1A_H_

#include <cstdint>
#include <string_view>

namespace layerd {

// The FNV-1a hash: names a file by what is in it or how it was made, and
// protects nothing.
constexpr uint64_t Fnv1a(std::string_view text) {
  uint64_t hash = 14695981039346656037u;
  for (const char c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  }
  return hash;
}
// As its authors have it: file names must not change.
static_assert(Fnv1a("a") == 0xaf63dc4c8601ec8cu);

}  // namespace layerd

#endif  // LAYERD_CONFIG_FNV1A_H_
