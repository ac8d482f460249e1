#ifndef LAYERD_TEST_SCRATCH_PICTURE_FILES_H_
#define LAYERD_TEST_SCRATCH_PICTURE_FILES_H_

#include <cstdint>
#include <string>
#include <vector>

namespace layerd {

// How samples of 8 bits lie side by side.
enum class Channels { kGrey, kRgb, kRgba, kCmyk };

// Whole files. What cannot be written fails the test: a PNG of kCmyk, a JPEG of
// kRgba.
std::string PngOf(int width, int height, Channels channels,
                  const std::vector<uint8_t>& samples);
std::string JpegOf(int width, int height, Channels channels,
                   const std::vector<uint8_t>& samples);

// A JPEG with that segment before all others; 0xe1 is APP1.
std::string WithSegment(const std::string& jpeg, uint8_t kind,
                        const std::string& content);

// EXIF that says how the camera was held, as the content of an APP1 segment.
struct ExifOptions {
  bool little = true;
  uint16_t tag = 0x112, type = 3;
  uint32_t count = 1;
  uint16_t value = 1;
};
std::string ExifOf(const ExifOptions& options);

}  // namespace layerd

#endif  // LAYERD_TEST_SCRATCH_PICTURE_FILES_H_
