#include "daemon/ctl/upright_picture.h"

#include <string>
#include <vector>

#include "test/catch/catch.h"
#include "test/scratch/picture_files.h"

namespace layerd {
namespace {

constexpr uint8_t kApp1 = 0xe1;

// Segments alone: nobody decodes it.
const std::string kJpeg = "\xff\xd8\xff\xda";

int Orientation(const std::string& exif) {
  return OrientationOf(WithSegment(kJpeg, kApp1, exif));
}

TEST_CASE("Each of the eight ways to hold a camera is turned back") {
  // Rows from above. Each orientation says where the stored picture's first
  // row and column were: at the top, right, bottom or left.
  const Picture upright{2, 3, 1, {1, 2, 3, 0, 5, 0}};
  struct Row {
    int orientation;
    Picture stored;
  };
  const std::vector<Row> rows = {
      {1, {2, 3, 1, {1, 2, 3, 0, 5, 0}}}, {2, {2, 3, 1, {3, 2, 1, 0, 5, 0}}},
      {3, {2, 3, 1, {0, 5, 0, 3, 2, 1}}}, {4, {2, 3, 1, {0, 5, 0, 1, 2, 3}}},
      {5, {3, 2, 1, {1, 0, 2, 5, 3, 0}}}, {6, {3, 2, 1, {3, 0, 2, 5, 1, 0}}},
      {7, {3, 2, 1, {0, 3, 5, 2, 0, 1}}}, {8, {3, 2, 1, {0, 1, 5, 2, 0, 3}}},
  };
  for (const Row& row : rows) {
    INFO("orientation " << row.orientation);
    const Picture turned = Upright(row.stored, row.orientation);
    CHECK(turned.height == upright.height);
    CHECK(turned.width == upright.width);
    CHECK(turned.samples == upright.samples);
  }
  // The channels of a pixel stay together.
  CHECK(Upright({1, 2, 3, {1, 2, 3, 4, 5, 6}}, 2).samples ==
        std::vector<uint8_t>{4, 5, 6, 1, 2, 3});
}

TEST_CASE("EXIF of either byte order is read") {
  const bool little = GENERATE(true, false);
  for (uint16_t value = 1; value <= 8; ++value) {
    CHECK(Orientation(ExifOf({.little = little, .value = value})) == value);
  }
}

TEST_CASE("What is no orientation is upright") {
  const auto exif = GENERATE(values<ExifOptions>({
      {.value = 0},
      {.value = 9},
      {.value = 0xffff},
      {.tag = 0x113, .value = 6},
      {.type = 4, .value = 6},
      {.count = 2, .value = 6},
      {.count = 0xffffffff, .value = 6},
  }));
  CHECK(Orientation(ExifOf(exif)) == kUpright);
  CHECK(OrientationOf(kJpeg) == kUpright);
  CHECK(OrientationOf("") == kUpright);
}

TEST_CASE("Only the first EXIF counts, and none behind the header") {
  const std::string six = ExifOf({.value = 6}), three = ExifOf({.value = 3});
  CHECK(OrientationOf(
            WithSegment(WithSegment(kJpeg, kApp1, three), kApp1, six)) == 6);
  CHECK(OrientationOf(WithSegment(WithSegment(kJpeg, kApp1, three), kApp1,
                                  "http://ns.adobe.com/xap/1.0/")) == 3);
  CHECK(OrientationOf(kJpeg + WithSegment(kJpeg, kApp1, six)) == kUpright);
  // Fill bytes, and bytes between segments, are passed over as decoders do.
  std::string odd = WithSegment(kJpeg, kApp1, six);
  CHECK(OrientationOf(odd.insert(2, "??\xff\xff")) == 6);
}

TEST_CASE("EXIF that is cut off is upright, and nothing past it is read") {
  const std::string whole = WithSegment(kJpeg, kApp1, ExifOf({.value = 6}));
  const size_t end = whole.size() - 2;  // Of the segment.
  for (size_t bytes = 0; bytes < end; ++bytes) {
    // On the heap, whose end a sanitizer watches.
    const std::vector<char> cut(whole.begin(), whole.begin() + bytes);
    CHECK(OrientationOf({cut.data(), cut.size()}) == kUpright);
  }
  // The segment ends, and the file goes on.
  const std::string exif = ExifOf({.value = 6});
  for (size_t bytes = 0; bytes < exif.size() - 8; ++bytes) {
    INFO(bytes);
    CHECK(Orientation(exif.substr(0, bytes)) == kUpright);
  }
}

TEST_CASE("Any spoiled byte of EXIF is survived") {
  const std::string whole = WithSegment(kJpeg, kApp1, ExifOf({.value = 6}));
  for (size_t at = 0; at < whole.size(); ++at) {
    for (const char flip : {'\x01', '\x7f', '\x80', '\xff'}) {
      std::string spoiled = whole;
      spoiled[at] ^= flip;
      const int orientation = OrientationOf(spoiled);
      CHECK(orientation >= 1);
      CHECK(orientation <= 8);
    }
  }
}

TEST_CASE("A list at the end of all numbers is not looked for there") {
  std::string exif = ExifOf({.value = 6});
  for (const char* offset : {"\xff\xff\xff\xff", "\xfe\xff\xff\x7f"}) {
    exif.replace(10, 4, offset, 4);
    CHECK(Orientation(exif) == kUpright);
  }
}

}  // namespace
}  // namespace layerd
