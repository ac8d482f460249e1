#include "daemon/ctl/picture.h"

#include <cstdlib>
#include <string>

#include "daemon/ctl/failure.h"
#include "test/catch/catch.h"
#include "test/scratch/picture_files.h"

namespace layerd {
namespace {

using Samples = std::vector<uint8_t>;

// Red and blue above green and white.
const Samples kFour = {255, 0, 0, 0, 0, 255, 0, 255, 0, 255, 255, 255};

std::string MessageOf(const std::string& contents) {
  const auto picture = DecodePicture(contents, 3);
  CHECK(ExitCodeOf(picture.status()) == 2);
  return std::string(picture.status().message());
}

TEST_CASE("A PNG is what was written, and grey is its luma") {
  const std::string file = PngOf(2, 2, Channels::kRgb, kFour);

  const auto rgb = DecodePicture(file, 3);
  const auto grey = DecodePicture(file, 1);

  REQUIRE(rgb.ok());
  CHECK(rgb->height == 2);
  CHECK(rgb->width == 2);
  CHECK(rgb->channels == 3);
  CHECK(rgb->samples == kFour);
  REQUIRE(grey.ok());
  CHECK(grey->channels == 1);
  CHECK(grey->samples == Samples{76, 29, 150, 255});
}

TEST_CASE("A grey PNG keeps its values, also as RGB") {
  const std::string file = PngOf(3, 1, Channels::kGrey, {0, 7, 200});
  CHECK(DecodePicture(file, 1)->samples == Samples{0, 7, 200});
  CHECK(DecodePicture(file, 3)->samples ==
        Samples{0, 0, 0, 7, 7, 7, 200, 200, 200});
}

TEST_CASE("What is transparent in a PNG is white") {
  const std::string file =
      PngOf(2, 1, Channels::kRgba, {9, 9, 9, 0, 9, 8, 7, 255});
  CHECK(DecodePicture(file, 3)->samples == Samples{255, 255, 255, 9, 8, 7});
}

TEST_CASE("A JPEG is nearly what was written") {
  Samples red;
  for (int i = 0; i < 6 * 4; ++i) red.insert(red.end(), {200, 30, 10});

  const auto rgb = DecodePicture(JpegOf(6, 4, Channels::kRgb, red), 3);
  const auto grey =
      DecodePicture(JpegOf(6, 4, Channels::kGrey, Samples(24, 120)), 1);

  REQUIRE(rgb.ok());
  CHECK(rgb->width == 6);
  CHECK(rgb->height == 4);
  REQUIRE(rgb->samples.size() == red.size());
  for (size_t i = 0; i < red.size(); ++i) {
    CHECK(std::abs(rgb->samples[i] - red[i]) <= 2);
  }
  REQUIRE(grey.ok());
  CHECK(grey->samples == Samples(24, 120));
}

TEST_CASE("Every prefix of a picture is refused, and nothing else happens") {
  const std::string file = GENERATE(PngOf(2, 2, Channels::kRgb, kFour),
                                    JpegOf(2, 2, Channels::kRgb, kFour));
  // A PNG's last chunk holds nothing, so its lack is not missed.
  const size_t last = file[0] == '\x89' ? 12 : 0;
  for (size_t bytes = 0; bytes + last < file.size(); ++bytes) {
    INFO(bytes << " of " << file.size() << " bytes");
    CHECK(ExitCodeOf(DecodePicture(file.substr(0, bytes), 3).status()) == 2);
  }
}

TEST_CASE("Any spoiled byte is survived") {
  const std::string file = GENERATE(PngOf(2, 2, Channels::kRgb, kFour),
                                    JpegOf(2, 2, Channels::kRgb, kFour));
  for (size_t at = 0; at < file.size(); ++at) {
    for (const char flip : {'\x01', '\x80', '\xff'}) {
      std::string spoiled = file;
      spoiled[at] ^= flip;
      const auto picture = DecodePicture(spoiled, 3);
      if (!picture.ok()) CHECK(ExitCodeOf(picture.status()) == 2);
    }
  }
}

TEST_CASE("What is odd in a JPEG and spoils nothing is a warning") {
  const std::string file = JpegOf(2, 2, Channels::kRgb, kFour);
  const auto plain = DecodePicture(file, 3);
  REQUIRE(plain.ok());
  CHECK(plain->warning.empty());
  const size_t tables = file.find("\xff\xdb");
  const auto with_odd_bytes = [&](const std::string& jpeg) {
    return jpeg.substr(0, tables) + "??" + jpeg.substr(tables);
  };
  const auto odd = DecodePicture(with_odd_bytes(file), 3);
  REQUIRE(odd.ok());
  CHECK_THAT(odd->warning, Catch::Contains("extraneous bytes"));
  CHECK(odd->samples == plain->samples);
  // Nor does it hide what does.
  CHECK_THAT(MessageOf(with_odd_bytes(file.substr(0, file.size() - 4))),
             Catch::Contains("damaged JPEG"));
}

TEST_CASE("A JPEG is turned as its EXIF says") {
  Samples red_left;
  for (int i = 0; i < 8 * 4; ++i) {
    red_left.insert(red_left.end(), {uint8_t(i % 8 < 4 ? 250 : 0), 0, 0});
  }
  const std::string file = JpegOf(8, 4, Channels::kRgb, red_left);
  const auto picture =
      DecodePicture(WithSegment(file, 0xe1, ExifOf({.value = 6})), 3);
  REQUIRE(picture.ok());
  CHECK(picture->turned);
  CHECK(picture->width == 4);
  CHECK(picture->height == 8);
  CHECK(picture->samples.front() > 200);  // What was left is above.
  CHECK(picture->samples[3 * 4 * 8 - 3] < 50);
  CHECK_FALSE(DecodePicture(file, 3)->turned);
}

TEST_CASE("Other kinds are refused") {
  CHECK_THAT(MessageOf("GIF89a......"), Catch::Contains("neither a JPEG"));
  CHECK_THAT(MessageOf("BM.........."), Catch::Contains("neither a JPEG"));
  CHECK_THAT(MessageOf(""), Catch::Contains("neither a JPEG"));
}

TEST_CASE("A JPEG for print is refused") {
  const std::string file = JpegOf(1, 1, Channels::kRgb, {1, 2, 3});
  CHECK(DecodePicture(file, 3).ok());
  const std::string print = JpegOf(1, 1, Channels::kCmyk, {1, 2, 3, 4});
  CHECK_THAT(MessageOf(print), Catch::Contains("CMYK"));
}

TEST_CASE("A header of a huge picture takes no memory") {
  // The frame header FF C0, length, precision; then height and width.
  std::string file = JpegOf(2, 2, Channels::kRgb, kFour);
  const size_t frame = file.find("\xff\xc0");
  REQUIRE(frame != std::string::npos);
  file.replace(frame + 5, 4, "\xff\xdc\xff\xdc");

  CHECK_THAT(MessageOf(file), Catch::Contains("65500 x 65500 pixels"));
}

TEST_CASE("A file that is too long is not looked at") {
  std::string file = PngOf(2, 2, Channels::kRgb, kFour);
  file.resize(kPictureFileBytesMax + 1);
  CHECK_THAT(MessageOf(file), Catch::Contains("at most 67108864"));
}

}  // namespace
}  // namespace layerd
