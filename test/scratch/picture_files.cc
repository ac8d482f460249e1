#include "test/scratch/picture_files.h"

#include <png.h>
#include <turbojpeg.h>

#include "config/check.h"

namespace layerd {
namespace {

constexpr char kBadChannels[] = "no such file has these channels";

uint32_t PngFormat(Channels channels) {
  switch (channels) {
    case Channels::kGrey:
      return PNG_FORMAT_GRAY;
    case Channels::kRgb:
      return PNG_FORMAT_RGB;
    case Channels::kRgba:
      return PNG_FORMAT_RGBA;
    case Channels::kCmyk:
      break;
  }
  LAYERD_CHECK(false, kBadChannels);
  return 0;
}

int JpegFormat(Channels channels) {
  switch (channels) {
    case Channels::kGrey:
      return TJPF_GRAY;
    case Channels::kRgb:
      return TJPF_RGB;
    case Channels::kCmyk:
      return TJPF_CMYK;
    case Channels::kRgba:
      break;
  }
  LAYERD_CHECK(false, kBadChannels);
  return 0;
}

// The lowest bytes of `number`.
std::string Bytes(uint32_t number, int count, bool little) {
  std::string bytes;
  for (int i = 0; i < count; ++i) {
    const int byte = little ? i : count - 1 - i;
    bytes += static_cast<char>(number >> (8 * byte));
  }
  return bytes;
}

}  // namespace

std::string PngOf(int width, int height, Channels channels,
                  const std::vector<uint8_t>& samples) {
  png_image image = {};
  image.version = PNG_IMAGE_VERSION;
  image.width = width;
  image.height = height;
  image.format = PngFormat(channels);
  png_alloc_size_t bytes = 1 << 20;
  std::string file(bytes, '\0');
  LAYERD_CHECK(png_image_write_to_memory(&image, file.data(), &bytes, 0,
                                         samples.data(), 0, nullptr));
  file.resize(bytes);
  return file;
}

std::string JpegOf(int width, int height, Channels channels,
                   const std::vector<uint8_t>& samples) {
  const tjhandle encoder = tjInitCompress();
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  const int subsampling =
      channels == Channels::kGrey ? TJSAMP_GRAY : TJSAMP_444;
  LAYERD_CHECK(tjCompress2(encoder, samples.data(), width, 0, height,
                           JpegFormat(channels), &bytes, &size, subsampling,
                           100, TJFLAG_ACCURATEDCT) == 0);
  std::string file(reinterpret_cast<char*>(bytes), size);
  tjFree(bytes);
  tjDestroy(encoder);
  return file;
}

std::string WithSegment(const std::string& jpeg, uint8_t kind,
                        const std::string& content) {
  const std::string segment =
      '\xff' + std::string(1, static_cast<char>(kind)) +
      Bytes(static_cast<uint32_t>(content.size()) + 2, 2, /*little=*/false) +
      content;
  return jpeg.substr(0, 2) + segment + jpeg.substr(2);
}

std::string ExifOf(const ExifOptions& options) {
  const auto number = [&](uint32_t value, int count) {
    return Bytes(value, count, options.little);
  };
  return std::string("Exif\0\0", 6) + (options.little ? "II" : "MM") +
         number(42, 2) + number(8, 4) + number(1, 2) + number(options.tag, 2) +
         number(options.type, 2) + number(options.count, 4) +
         number(options.value, 2) + number(0, 2) + number(0, 4);
}

}  // namespace layerd
