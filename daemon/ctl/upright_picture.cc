#include "daemon/ctl/upright_picture.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "config/check.h"

namespace layerd {
namespace {

constexpr uint8_t kMark = 0xff;
constexpr uint8_t kApp1 = 0xe1, kScan = 0xda, kEnd = 0xd9;
constexpr std::string_view kExif("Exif\0\0", 6);
constexpr size_t kEntryBytes = 12;
constexpr uint64_t kOrientationTag = 0x112, kShort = 3;

// Numbers of either byte order; nothing past the end.
class Numbers {
 public:
  Numbers(std::string_view bytes, bool little)
      : bytes_(bytes), little_(little) {}

  std::optional<uint64_t> At(uint64_t offset, size_t size) const {
    if (offset > bytes_.size() || size > bytes_.size() - offset) {
      return std::nullopt;
    }
    uint64_t number = 0;
    for (size_t i = 0; i < size; ++i) {
      const size_t at = offset + (little_ ? size - 1 - i : i);
      number = number << 8 | static_cast<uint8_t>(bytes_[at]);
    }
    return number;
  }

 private:
  std::string_view bytes_;
  bool little_;
};

// Of a TIFF file, which EXIF is: the tag in its first list.
int OrientationInTiff(std::string_view tiff) {
  const bool little = tiff.starts_with(std::string_view("II*\0", 4));
  if (!little && !tiff.starts_with(std::string_view("MM\0*", 4))) {
    return kUpright;
  }
  const Numbers numbers(tiff, little);
  const uint64_t list = numbers.At(4, 4).value_or(0);
  const uint64_t entries = numbers.At(list, 2).value_or(0);
  for (uint64_t i = 0; i < entries; ++i) {
    const uint64_t entry = list + 2 + i * kEntryBytes;
    const auto tag = numbers.At(entry, 2);
    if (!tag) return kUpright;
    if (*tag != kOrientationTag) continue;
    const uint64_t value = numbers.At(entry + 8, 2).value_or(0);
    const bool sound = numbers.At(entry + 2, 2) == kShort &&
                       numbers.At(entry + 4, 4) == 1 && value >= 1 &&
                       value <= 8;
    return sound ? static_cast<int>(value) : kUpright;
  }
  return kUpright;
}

}  // namespace

// As decoders do: what lies between segments is passed over.
int OrientationOf(std::string_view jpeg) {
  const Numbers numbers(jpeg, /*little=*/false);
  size_t at = 2;
  while (at < jpeg.size()) {
    if (static_cast<uint8_t>(jpeg[at++]) != kMark) continue;
    while (numbers.At(at, 1) == kMark) ++at;
    const uint64_t kind = numbers.At(at++, 1).value_or(kEnd);
    if (kind == kScan || kind == kEnd) return kUpright;
    // Stuffed bytes, and markers that stand alone.
    if (kind <= 1 || (kind >= 0xd0 && kind < kEnd)) continue;
    const uint64_t bytes = numbers.At(at, 2).value_or(0);
    if (bytes < 2 || bytes > jpeg.size() - at) return kUpright;
    const std::string_view segment = jpeg.substr(at + 2, bytes - 2);
    if (kind == kApp1 && segment.starts_with(kExif)) {
      return OrientationInTiff(segment.substr(kExif.size()));
    }
    at += bytes;
  }
  return kUpright;
}

Picture Upright(Picture picture, int orientation) {
  LAYERD_CHECK(orientation >= 1 && orientation <= 8);
  if (orientation == kUpright) return picture;
  const bool on_its_side = orientation >= 5;
  const bool from_below = orientation == 3 || orientation == 4 ||
                          orientation == 6 || orientation == 7;
  const bool from_right = orientation == 2 || orientation == 3 ||
                          orientation == 7 || orientation == 8;
  Picture upright = picture;
  if (on_its_side) std::swap(upright.height, upright.width);
  auto to = upright.samples.begin();
  for (int64_t y = 0; y < upright.height; ++y) {
    for (int64_t x = 0; x < upright.width; ++x) {
      int64_t row = on_its_side ? x : y, column = on_its_side ? y : x;
      if (from_below) row = picture.height - 1 - row;
      if (from_right) column = picture.width - 1 - column;
      const auto from = picture.samples.begin() +
                        (row * picture.width + column) * picture.channels;
      to = std::copy(from, from + picture.channels, to);
    }
  }
  return upright;
}

}  // namespace layerd
