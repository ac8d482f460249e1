#include "daemon/ctl/picture.h"

#include <png.h>
#include <turbojpeg.h>

#include <memory>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "config/check.h"
#include "config/status_macros.h"
#include "daemon/ctl/failure.h"
#include "daemon/ctl/upright_picture.h"

namespace layerd {
namespace {

constexpr std::string_view kJpegMagic = "\xff\xd8\xff";
constexpr std::string_view kPngMagic = "\x89PNG\r\n\x1a\n";
static_assert(kPngMagic.size() == kPictureHeadBytes);
constexpr int64_t kColours = 3;

const unsigned char* BytesOf(std::string_view contents) {
  return reinterpret_cast<const unsigned char*>(contents.data());
}

// Memory for an RGB picture of a size that a file's header tells.
absl::StatusOr<Picture> EmptyPicture(int64_t height, int64_t width,
                                     int64_t pixels_max) {
  // Neither library takes or tells more than 2^31 - 1 for a side.
  if (height < 1 || width < 1 || height * width > pixels_max) {
    return UsageError(
        absl::StrFormat("%d x %d pixels; a picture has from 1 to %d of them",
                        width, height, pixels_max));
  }
  return Picture{height, width, kColours,
                 std::vector<uint8_t>(height * width * kColours)};
}

struct CloseJpeg {
  void operator()(tjhandle decoder) const { tjDestroy(decoder); }
};
using JpegDecoder = std::unique_ptr<std::remove_pointer_t<tjhandle>, CloseJpeg>;

absl::Status JpegError(const JpegDecoder& decoder) {
  return UsageError(
      absl::StrCat("damaged JPEG: ", tjGetErrorStr2(decoder.get())));
}

absl::StatusOr<Picture> DecodeSoundJpeg(std::string_view contents,
                                        int64_t pixels_max) {
  // A warning means missing or spoiled pixels; endless scans are an attack.
  constexpr int kFlags =
      TJFLAG_ACCURATEDCT | TJFLAG_STOPONWARNING | TJFLAG_LIMITSCANS;
  const JpegDecoder decoder(tjInitDecompress());
  LAYERD_CHECK(decoder != nullptr);
  int width = 0, height = 0, subsampling = 0, colours = 0;
  if (tjDecompressHeader3(decoder.get(), BytesOf(contents), contents.size(),
                          &width, &height, &subsampling, &colours) != 0) {
    return JpegError(decoder);
  }
  if (colours == TJCS_CMYK || colours == TJCS_YCCK) {
    return UsageError("a JPEG for print (CMYK); RGB and grey are taken");
  }
  ASSIGN_OR_RETURN(Picture picture, EmptyPicture(height, width, pixels_max));
  if (tjDecompress2(decoder.get(), BytesOf(contents), contents.size(),
                    picture.samples.data(), width, 0, height, TJPF_RGB,
                    kFlags) != 0) {
    return JpegError(decoder);
  }
  return picture;
}

// The file without what lies between the segments before its first scan.
std::string SegmentsOf(std::string_view jpeg) {
  constexpr uint8_t kMark = 0xff, kScan = 0xda;
  const auto byte = [jpeg](size_t at) {
    return static_cast<uint8_t>(jpeg[at]);
  };
  std::string segments(jpeg.substr(0, 2));
  size_t at = 2;
  while (at + 4 <= jpeg.size()) {
    if (byte(at) != kMark || byte(at + 1) == kMark || byte(at + 1) == 0) {
      ++at;
      continue;
    }
    const size_t bytes = 2 + (byte(at + 2) << 8 | byte(at + 3));
    if (byte(at + 1) == kScan || bytes > jpeg.size() - at) break;
    segments += jpeg.substr(at, bytes);
    at += bytes;
  }
  return segments.append(jpeg.substr(at));
}

// Of several warnings the decoder tells the first, so what that is about is
// taken away, and no other one may come.
absl::StatusOr<Picture> DecodeJpeg(std::string_view contents,
                                   int64_t pixels_max) {
  constexpr char kOdd[] = "extraneous bytes";
  absl::StatusOr<Picture> picture = DecodeSoundJpeg(contents, pixels_max);
  const std::string why(picture.status().message());
  if (picture.ok() || why.find(kOdd) == why.npos) return picture;
  picture = DecodeSoundJpeg(SegmentsOf(contents), pixels_max);
  if (picture.ok()) {
    picture->warning =
        absl::StrCat(kOdd, " between the JPEG's segments are left out");
  }
  return picture;
}

absl::StatusOr<Picture> DecodePng(std::string_view contents,
                                  int64_t pixels_max) {
  png_image image = {};
  image.version = PNG_IMAGE_VERSION;
  const std::unique_ptr<png_image, decltype(&png_image_free)> freed(
      &image, &png_image_free);
  const auto error = [&image] {
    return UsageError(absl::StrCat("damaged PNG: ", image.message));
  };
  if (!png_image_begin_read_from_memory(&image, contents.data(),
                                        contents.size())) {
    return error();
  }
  ASSIGN_OR_RETURN(Picture picture,
                   EmptyPicture(image.height, image.width, pixels_max));
  image.format = PNG_FORMAT_RGB;
  // Else libpng takes 16-bit samples for linear light.
  image.flags |= PNG_IMAGE_FLAG_16BIT_sRGB;
  const png_color white = {255, 255, 255};
  if (!png_image_finish_read(&image, &white, picture.samples.data(), 0,
                             nullptr)) {
    return error();
  }
  return picture;
}

void MakeGrey(Picture* picture) {
  const std::vector<uint8_t>& rgb = picture->samples;
  std::vector<uint8_t> grey(rgb.size() / kColours);
  for (size_t i = 0; i < grey.size(); ++i) {
    const uint8_t* at = &rgb[i * kColours];
    grey[i] = static_cast<uint8_t>(
        (299 * at[0] + 587 * at[1] + 114 * at[2] + 500) / 1000);
  }
  picture->samples = std::move(grey);
  picture->channels = 1;
}

}  // namespace

bool IsPicture(std::string_view head) {
  return head.starts_with(kJpegMagic) || head.starts_with(kPngMagic);
}

absl::StatusOr<Picture> DecodePicture(std::string_view contents,
                                      int64_t channels, int64_t pixels_max) {
  LAYERD_CHECK(channels == 1 || channels == kColours);
  if (contents.size() > kPictureFileBytesMax) {
    return UsageError(absl::StrFormat("%d bytes, at most %d are a picture",
                                      contents.size(), kPictureFileBytesMax));
  }
  if (!IsPicture(contents)) return UsageError("is neither a JPEG nor a PNG");
  const bool is_png = contents.starts_with(kPngMagic);
  ASSIGN_OR_RETURN(Picture picture, is_png ? DecodePng(contents, pixels_max)
                                           : DecodeJpeg(contents, pixels_max));
  if (channels == 1) MakeGrey(&picture);
  const int orientation = is_png ? kUpright : OrientationOf(contents);
  picture.turned = orientation != kUpright;
  return Upright(std::move(picture), orientation);
}

}  // namespace layerd
