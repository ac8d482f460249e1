#ifndef LAYERD_DAEMON_CTL_PICTURE_H_
#define LAYERD_DAEMON_CTL_PICTURE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace layerd {

// Limits of what a picture file may ask of us.
inline constexpr uint64_t kPictureFileBytesMax = uint64_t{64} << 20;
inline constexpr int64_t kPicturePixelsMax = int64_t{1} << 27;

// Samples of 8 bits, row by row, the channels of a pixel side by side: red,
// green, blue, or grey alone.
struct Picture {
  int64_t height = 0, width = 0, channels = 0;
  std::vector<uint8_t> samples;
  bool turned = false;       // As its file says that the camera was held.
  std::string warning = {};  // What the decoder found odd in the file.
};

// Tells from its first bytes whether a file is a JPEG or a PNG, as names lie.
inline constexpr size_t kPictureHeadBytes = 8;
bool IsPicture(std::string_view head);

// Decodes a whole JPEG or PNG file to 3 channels, or to 1: then the luma of
// BT.601, as most tools make grey of colours. What is transparent is seen
// before white. A JPEG whose EXIF says how the camera was held is turned.
//
// The file is believed nothing: both limits are checked before memory is taken,
// and a file that is cut off or damaged is refused rather than half seen. What
// is odd in a JPEG and spoils no pixel (bytes between its segments) is a
// warning.
//
// REQUIRES: `channels` is 1 or 3.
// Errors:   UsageError(), without a path.
absl::StatusOr<Picture> DecodePicture(std::string_view contents,
                                      int64_t channels,
                                      int64_t pixels_max = kPicturePixelsMax);

}  // namespace layerd

#endif  // LAYERD_DAEMON_CTL_PICTURE_H_
