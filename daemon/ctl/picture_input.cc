#include "daemon/ctl/picture_input.h"

#include <sys/stat.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "config/status_macros.h"
#include "daemon/ctl/failure.h"
#include "daemon/ctl/fit_picture.h"
#include "kernels/half.h"

namespace layerd {
namespace {

constexpr char kNpyMagic[] = "\x93NUMPY";
constexpr int64_t kColours = 3;
constexpr float kImagenetMean[kColours] = {0.485f, 0.456f, 0.406f};
constexpr float kImagenetDeviation[kColours] = {0.229f, 0.224f, 0.225f};

// How a tensor holds one picture.
struct Layout {
  int64_t channels, height, width;
  bool channels_first;
};

bool IsChannelCount(int64_t size) { return size == 1 || size == kColours; }

std::optional<Layout> LayoutOf(const ArrayPort& port) {
  std::vector<int64_t> shape = port.shape;
  if (shape.size() == 4 && shape[0] == 1) shape.erase(shape.begin());
  if (shape.size() != 3) return std::nullopt;
  Layout layout{shape[0], shape[1], shape[2], true};
  if (!IsChannelCount(layout.channels)) {
    layout = {shape[2], shape[0], shape[1], false};
  }
  if (!IsChannelCount(layout.channels) || layout.height < 1 ||
      layout.width < 1 || layout.height > kPicturePixelsMax / layout.width) {
    return std::nullopt;
  }
  return layout;
}

bool IsPixelType(DataType dtype) {
  return dtype == DataType::kF32 || dtype == DataType::kF16 ||
         dtype == DataType::kU8;
}

// What "default" means for a port, and whether it can hold what was asked for.
absl::StatusOr<std::string> PixelsFor(const std::string& pixels, DataType dtype,
                                      int64_t channels) {
  const bool is_bytes = dtype == DataType::kU8;
  if (pixels == "default") {
    return std::string(is_bytes ? "raw" : channels == 1 ? "unit" : "imagenet");
  }
  if (is_bytes && pixels != "raw") {
    return UsageError(absl::StrFormat(
        "--pixels %s: UINT8 holds the values of --pixels raw only", pixels));
  }
  if (pixels == "imagenet" && channels == 1) {
    return UsageError("--pixels imagenet is for three channels, not for grey");
  }
  return pixels;
}

float ValueOf(float sample, const std::string& pixels, int64_t channel) {
  if (pixels == "unit") return sample / 255;
  if (pixels == "signed") return sample / 127.5f - 1;
  if (pixels == "raw") return sample;
  return (sample / 255 - kImagenetMean[channel]) / kImagenetDeviation[channel];
}

const char* WordsOf(const std::string& pixels) {
  if (pixels == "unit") return "values from 0 to 1";
  if (pixels == "signed") return "values from -1 to 1";
  if (pixels == "raw") return "values from 0 to 255";
  return "values as ImageNet's networks take them";
}

void Append(float value, DataType dtype, std::string* bytes) {
  const auto append = [bytes](auto element) {
    bytes->append(reinterpret_cast<const char*>(&element), sizeof(element));
  };
  if (dtype == DataType::kU8) {
    append(static_cast<uint8_t>(std::lround(value)));
  } else if (dtype == DataType::kF16) {
    append(HalfFromFloat(value));
  } else {
    append(value);
  }
}

Array ArrayOf(const std::vector<float>& fitted, const ArrayPort& port,
              const Layout& layout, const std::string& pixels) {
  Array array{port.dtype, port.shape, ""};
  array.bytes.reserve(fitted.size() * SizeOf(port.dtype));
  const int64_t count = static_cast<int64_t>(fitted.size());
  const int64_t pixel_count = count / layout.channels;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t channel =
        layout.channels_first ? i / pixel_count : i % layout.channels;
    const int64_t pixel =
        layout.channels_first ? i % pixel_count : i / layout.channels;
    Append(ValueOf(fitted[pixel * layout.channels + channel], pixels, channel),
           port.dtype, &array.bytes);
  }
  return array;
}

absl::StatusOr<PictureInput> Make(std::string_view contents,
                                  const ArrayPort& port,
                                  const std::string& pixels_asked) {
  const std::optional<Layout> layout = LayoutOf(port);
  if (!layout || !IsPixelType(port.dtype)) {
    return UsageError(absl::StrFormat(
        "is a picture, and input '%s' takes %s; a picture goes to FP32, FP16 "
        "or UINT8 [1, C, H, W] or [1, H, W, C] with C of 1 or 3; give "
        "--input %s=x.npy",
        port.name, ToString({port.dtype, port.shape, PlainStrides(port.shape)}),
        port.name));
  }
  ASSIGN_OR_RETURN(const std::string pixels,
                   PixelsFor(pixels_asked, port.dtype, layout->channels));
  ASSIGN_OR_RETURN(const Picture picture,
                   DecodePicture(contents, layout->channels));
  return PictureInput{
      ArrayOf(FitPicture(picture, layout->height, layout->width), port, *layout,
              pixels),
      absl::StrFormat("%d x %d%s, seen as %s, fitted to %d x %d, %s (--pixels)",
                      picture.width, picture.height,
                      picture.turned ? " turned as its EXIF says" : "",
                      layout->channels == 1 ? "grey" : "RGB", layout->width,
                      layout->height, WordsOf(pixels)),
      picture.warning};
}

// Nothing of a file that is none or cannot be read.
std::string HeadOf(const std::string& path) {
  struct stat there;
  if (stat(path.c_str(), &there) != 0 || !S_ISREG(there.st_mode)) return "";
  std::string head(kPictureHeadBytes, '\0');
  std::ifstream file(path, std::ios::binary);
  file.read(head.data(), static_cast<std::streamsize>(head.size()));
  head.resize(static_cast<size_t>(file.gcount()));
  return head;
}

// One byte more than is taken tells a file that is too long.
absl::StatusOr<std::string> ReadPictureFile(const std::string& path) {
  struct stat there;
  std::ifstream file(path, std::ios::binary);
  if (!file || stat(path.c_str(), &there) != 0) {
    return UsageError(absl::StrCat(path, ": cannot be read"));
  }
  const uint64_t bytes =
      std::min(static_cast<uint64_t>(there.st_size), kPictureFileBytesMax + 1);
  std::string contents(bytes, '\0');
  if (!file.read(contents.data(), static_cast<std::streamsize>(bytes))) {
    return UsageError(absl::StrCat(path, ": cannot be read"));
  }
  return contents;
}

}  // namespace

const std::vector<std::string>& PixelChoices() {
  static const auto& choices = *new std::vector<std::string>{
      "default", "imagenet", "unit", "signed", "raw"};
  return choices;
}

absl::StatusOr<PictureInput> InputOfPicture(std::string_view contents,
                                            const std::string& path,
                                            const ArrayPort& port,
                                            const std::string& pixels) {
  absl::StatusOr<PictureInput> input = Make(contents, port, pixels);
  if (!input.ok()) {
    return UsageError(
        absl::StrCat(path, ": ", std::string(input.status().message())));
  }
  for (std::string* words : {&input->remark, &input->warning}) {
    if (!words->empty()) *words = absl::StrCat(path, ": ", *words);
  }
  return input;
}

absl::StatusOr<PictureInput> ReadPictureOrNpy(const std::string& path,
                                              const ArrayPort& port,
                                              const std::string& pixels) {
  const std::string head = HeadOf(path);
  if (IsPicture(head)) {
    ASSIGN_OR_RETURN(const std::string contents, ReadPictureFile(path));
    return InputOfPicture(contents, path, port, pixels);
  }
  if (!head.empty() && !head.starts_with(kNpyMagic)) {
    return UsageError(
        absl::StrCat(path, ": is neither a JPEG nor a PNG nor a .npy file"));
  }
  ASSIGN_OR_RETURN(Array array, ReadArray(path, port));
  return PictureInput{std::move(array), ""};
}

}  // namespace layerd
