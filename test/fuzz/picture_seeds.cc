// Writes the inputs that picture_fuzz begins with into a folder.

#include <cstdint>
#include <string>
#include <vector>

#include "test/fuzz/seed_folder.h"
#include "test/scratch/picture_files.h"

namespace layerd {
namespace {

constexpr int kHeight = 5, kWidth = 9;
constexpr uint8_t kApp1 = 0xe1;

// Edges in all directions.
std::vector<uint8_t> Samples(int channels) {
  std::vector<uint8_t> samples;
  for (int i = 0; i < kHeight * kWidth * channels; ++i) {
    samples.push_back(static_cast<uint8_t>(37 * i));
  }
  return samples;
}

}  // namespace

void WriteSeeds(const SeedFolder& folder) {
  struct Kind {
    const char* name;
    Channels channels;
    int count;
  };
  for (const Kind& kind :
       {Kind{"grey", Channels::kGrey, 1}, Kind{"rgb", Channels::kRgb, 3}}) {
    const std::string jpeg =
        JpegOf(kWidth, kHeight, kind.channels, Samples(kind.count));
    folder.Write(std::string(kind.name) + ".jpg", jpeg);
    folder.Write(std::string(kind.name) + "_odd.jpg",
                 std::string(jpeg).insert(jpeg.find("\xff\xdb"), "??"));
    folder.Write(std::string(kind.name) + ".png",
                 PngOf(kWidth, kHeight, kind.channels, Samples(kind.count)));
  }
  folder.Write("rgba.png", PngOf(kWidth, kHeight, Channels::kRgba, Samples(4)));
  const std::string cmyk = JpegOf(kWidth, kHeight, Channels::kCmyk, Samples(4));
  folder.Write("cmyk.jpg", cmyk);
  const std::string grey = JpegOf(kWidth, kHeight, Channels::kGrey, Samples(1));
  for (uint16_t value = 0; value <= 9; ++value) {
    const ExifOptions exif{.little = value % 2 == 0, .value = value};
    folder.Write("exif" + std::to_string(value) + ".jpg",
                 WithSegment(grey, kApp1, ExifOf(exif)));
  }
}

}  // namespace layerd
