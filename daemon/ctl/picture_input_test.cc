#include "daemon/ctl/picture_input.h"

#include <fstream>

#include "daemon/ctl/failure.h"
#include "daemon/ctl/fit_picture.h"
#include "test/catch/catch.h"
#include "test/scratch/picture_files.h"
#include "test/scratch/scratch_folder.h"

namespace layerd {
namespace {

using Floats = std::vector<float>;

std::string RgbPng(int width, int height, const std::vector<uint8_t>& rgb) {
  return PngOf(width, height, Channels::kRgb, rgb);
}

Floats NumbersFor(const ArrayPort& port, const std::string& pixels) {
  const auto input = InputOfPicture(
      RgbPng(2, 2, {255, 0, 51, 255, 255, 102, 255, 0, 51, 255, 255, 102}),
      "x.png", port, pixels);
  REQUIRE(input.ok());
  CHECK(input->array.dtype == port.dtype);
  CHECK(input->array.shape == port.shape);
  const std::vector<double> numbers = NumbersOf(input->array);
  return Floats(numbers.begin(), numbers.end());
}

std::string ErrorFor(const ArrayPort& port, const std::string& pixels) {
  const auto input =
      InputOfPicture(RgbPng(1, 1, {1, 2, 3}), "x.png", port, pixels);
  CHECK(ExitCodeOf(input.status()) == 2);
  CHECK_THAT(std::string(input.status().message()),
             Catch::StartsWith("x.png: "));
  return std::string(input.status().message());
}

void CheckClose(const Floats& got, const Floats& want) {
  REQUIRE(got.size() == want.size());
  for (size_t i = 0; i < got.size(); ++i) {
    INFO("element " << i);
    CHECK(got[i] == Approx(want[i]).margin(1e-5));
  }
}

TEST_CASE("A picture of the right size stays as it is") {
  CHECK(FitPicture({2, 2, 1, {1, 2, 3, 250}}, 2, 2) == Floats{1, 2, 3, 250});
}

TEST_CASE("A pixel of a smaller picture is the mean of its area") {
  CHECK(FitPicture({2, 2, 1, {10, 20, 30, 41}}, 1, 1) == Floats{25.25});
  // One and a half pixels a side: shares of 4, 2, 2 and 1 of 9.
  CHECK(FitPicture({3, 3, 1, {90, 0, 0, 0, 0, 0, 0, 0, 9}}, 2, 2) ==
        Floats{40, 0, 0, 4});
  CHECK(FitPicture({2, 2, 3, {1, 2, 3, 3, 6, 9, 1, 2, 3, 3, 6, 9}}, 1, 1) ==
        Floats{2, 4, 6});
}

TEST_CASE("Of a picture of another form the middle is left") {
  CHECK(FitPicture({2, 4, 1, {1, 2, 3, 4, 5, 6, 7, 8}}, 2, 2) ==
        Floats{2, 3, 6, 7});
  CHECK(FitPicture({4, 1, 1, {1, 2, 3, 4}}, 2, 1) == Floats{2, 3});
  // Between two pixels the cut falls on the earlier one.
  CHECK(FitPicture({1, 4, 1, {1, 2, 3, 4}}, 1, 1) == Floats{2});
  // First to 2 x 4, then cut.
  CHECK(FitPicture({4, 8, 1, {1, 1, 2, 2, 3, 3, 4, 4, 1, 1, 2, 2, 3, 3, 4, 4,
                              5, 5, 6, 6, 7, 7, 8, 8, 5, 5, 6, 6, 7, 7, 8, 8}},
                   2, 2) == Floats{2, 3, 6, 7});
}

TEST_CASE("A picture that is too small grows, bilinear between centres") {
  CHECK(FitPicture({1, 1, 1, {7}}, 2, 3) == Floats{7, 7, 7, 7, 7, 7});
  CHECK(FitPicture({1, 2, 1, {0, 100}}, 2, 4) ==
        Floats{0, 25, 75, 100, 0, 25, 75, 100});
}

TEST_CASE("A very long picture costs what is left of it") {
  const Picture line{1, 1 << 20, 1, std::vector<uint8_t>(1 << 20, 9)};
  const Picture column{1 << 20, 1, 1, std::vector<uint8_t>(1 << 20, 9)};
  CHECK(FitPicture(line, 224, 224) == Floats(224 * 224, 9));
  CHECK(FitPicture(column, 224, 224) == Floats(224 * 224, 9));
}

TEST_CASE("Values are what --pixels says, channels where the model has them") {
  const ArrayPort first{"x", DataType::kF32, {1, 3, 2, 2}};
  CheckClose(NumbersFor(first, "raw"),
             {255, 255, 255, 255, 0, 255, 0, 255, 51, 102, 51, 102});
  CheckClose(NumbersFor(first, "unit"),
             {1, 1, 1, 1, 0, 1, 0, 1, 0.2, 0.4, 0.2, 0.4});
  CheckClose(NumbersFor(first, "signed"),
             {1, 1, 1, 1, -1, 1, -1, 1, -0.6, -0.2, -0.6, -0.2});
  const Floats imagenet = {2.248908f,  2.248908f,  2.248908f,  2.248908f,
                           -2.035714f, 2.428571f,  -2.035714f, 2.428571f,
                           -0.915556f, -0.026667f, -0.915556f, -0.026667f};
  CheckClose(NumbersFor(first, "imagenet"), imagenet);
  CheckClose(NumbersFor(first, "default"), imagenet);
}

TEST_CASE("Each kind of input has its default") {
  const Floats side_by_side = {255, 0, 51, 255, 255, 102,
                               255, 0, 51, 255, 255, 102};
  // The luma of the two pixels.
  const Floats grey = {82 / 255.f, 238 / 255.f, 82 / 255.f, 238 / 255.f};
  CheckClose(NumbersFor({"x", DataType::kU8, {1, 2, 2, 3}}, "default"),
             side_by_side);
  CheckClose(NumbersFor({"x", DataType::kF16, {2, 2, 3}}, "raw"), side_by_side);
  CheckClose(NumbersFor({"x", DataType::kF32, {1, 2, 2}}, "default"), grey);
  CheckClose(NumbersFor({"x", DataType::kF32, {1, 1, 2, 2}}, "default"), grey);
  CheckClose(NumbersFor({"x", DataType::kF32, {1, 2, 2, 1}}, "default"), grey);
}

TEST_CASE("A person is told what was made of the picture") {
  const auto input =
      InputOfPicture(RgbPng(1, 1, {1, 2, 3}), "x.png",
                     {"x", DataType::kF32, {1, 3, 2, 4}}, "default");
  REQUIRE(input.ok());
  CHECK(input->remark ==
        "x.png: 1 x 1, seen as RGB, fitted to 4 x 2, values as ImageNet's "
        "networks take them (--pixels)");
}

TEST_CASE("What is odd about a picture's file is said with its path") {
  std::string jpeg = JpegOf(1, 1, Channels::kRgb, {1, 2, 3});
  jpeg.insert(jpeg.find("\xff\xdb"), "??");
  const auto input =
      InputOfPicture(jpeg, "x.jpg", {"x", DataType::kF32, {3, 1, 1}}, "raw");
  REQUIRE(input.ok());
  CHECK_THAT(input->warning, Catch::StartsWith("x.jpg: ") &&
                                 Catch::Contains("extraneous bytes"));
}

TEST_CASE("An input that is no picture's is named, with what it takes") {
  const ArrayPort port = GENERATE(values<ArrayPort>({
      {"x", DataType::kI64, {1, 3, 2, 2}},
      {"x", DataType::kF32, {1, 128}},
      {"x", DataType::kF32, {2, 3, 2, 2}},
      {"x", DataType::kF32, {1, 4, 2, 2}},
      {"x", DataType::kF32, {1, 3, 0, 2}},
      {"x", DataType::kF32, {1, 3, int64_t{1} << 40, int64_t{1} << 40}},
  }));
  CHECK_THAT(ErrorFor(port, "default"),
             Catch::Contains("input 'x' takes") &&
                 Catch::Contains("give --input x=x.npy"));
}

TEST_CASE("Values that an input cannot hold are refused") {
  CHECK_THAT(ErrorFor({"x", DataType::kU8, {1, 3, 2, 2}}, "unit"),
             Catch::Contains("UINT8"));
  CHECK_THAT(ErrorFor({"x", DataType::kF32, {1, 1, 2, 2}}, "imagenet"),
             Catch::Contains("three channels"));
}

TEST_CASE("The kind of a file is in its bytes, not in its name") {
  const ScratchFolder folder;
  const std::string path = folder / "x.npy";
  const ArrayPort port{"x", DataType::kF32, {1, 1, 1}};
  const auto read = [&](const std::string& contents) {
    std::ofstream(path, std::ios::binary) << contents;
    return ReadPictureOrNpy(path, port, "default");
  };
  CHECK_FALSE(read(RgbPng(1, 1, {1, 2, 3}))->remark.empty());
  const auto array = FormatNpy({DataType::kF32, {1, 1, 1}, "1234"});
  CHECK(read(*array)->array.bytes == "1234");
  CHECK(read(*array)->remark.empty());
  CHECK_THAT(std::string(read("GIF89a").status().message()),
             Catch::Contains("neither a JPEG nor a PNG nor a .npy file"));
  CHECK(ExitCodeOf(read("").status()) == 2);
  CHECK(ExitCodeOf(
            ReadPictureOrNpy(folder / "none", port, "default").status()) == 2);
}

}  // namespace
}  // namespace layerd
