// Writes the inputs that picture_fuzz begins with into a folder.

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

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

void Write(const std::string& folder, const std::string& name,
           const std::string& bytes) {
  std::ofstream(folder + "/" + name, std::ios::binary) << bytes;
}

void WriteAll(const std::string& folder) {
  struct Kind {
    const char* name;
    Channels channels;
    int count;
  };
  for (const Kind& kind :
       {Kind{"grey", Channels::kGrey, 1}, Kind{"rgb", Channels::kRgb, 3}}) {
    const std::string jpeg =
        JpegOf(kWidth, kHeight, kind.channels, Samples(kind.count));
    Write(folder, std::string(kind.name) + ".jpg", jpeg);
    Write(folder, std::string(kind.name) + "_odd.jpg",
          std::string(jpeg).insert(jpeg.find("\xff\xdb"), "??"));
    Write(folder, std::string(kind.name) + ".png",
          PngOf(kWidth, kHeight, kind.channels, Samples(kind.count)));
  }
  Write(folder, "rgba.png",
        PngOf(kWidth, kHeight, Channels::kRgba, Samples(4)));
  const std::string cmyk = JpegOf(kWidth, kHeight, Channels::kCmyk, Samples(4));
  Write(folder, "cmyk.jpg", cmyk);
  const std::string grey = JpegOf(kWidth, kHeight, Channels::kGrey, Samples(1));
  for (uint16_t value = 0; value <= 9; ++value) {
    const ExifOptions exif{.little = value % 2 == 0, .value = value};
    Write(folder, "exif" + std::to_string(value) + ".jpg",
          WithSegment(grey, kApp1, ExifOf(exif)));
  }
}

}  // namespace
}  // namespace layerd

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
    return 2;
  }
  layerd::WriteAll(argv[1]);
  return 0;
}
