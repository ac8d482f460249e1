#include "loader/store/crc32c.h"

#include <isa-l/crc.h>

#include <algorithm>

namespace layerd {

uint32_t Crc32c(std::span<const std::byte> bytes) {
  return ExtendCrc32c(0, bytes);
}

uint32_t ExtendCrc32c(uint32_t crc32c, std::span<const std::byte> more) {
  constexpr size_t kPieceBytesMax = 1 << 30;  // ISA-L counts in int.
  uint32_t state = ~crc32c;
  while (!more.empty()) {
    const auto piece = more.first(std::min(more.size(), kPieceBytesMax));
    // ISA-L reads only; its parameter lacks a const.
    auto* bytes = const_cast<unsigned char*>(
        reinterpret_cast<const unsigned char*>(piece.data()));
    state = crc32_iscsi(bytes, static_cast<int>(piece.size()), state);
    more = more.subspan(piece.size());
  }
  return ~state;
}

}  // namespace layerd
