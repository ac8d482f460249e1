#include "daemon/ctl/answers.h"

#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <limits>

#include "absl/strings/str_cat.h"
#include "daemon/ctl/array_files.h"
#include "daemon/ctl/failure.h"
#include "test/catch/catch.h"

namespace layerd {
namespace {

template <typename Number>
Array ArrayOf(DataType dtype, std::vector<int64_t> shape,
              const std::vector<Number>& numbers) {
  std::string bytes(numbers.size() * sizeof(Number), '\0');
  std::memcpy(bytes.data(), numbers.data(), bytes.size());
  return {dtype, std::move(shape), std::move(bytes)};
}

// A .npy file that goes away with the test.
class NpyFile {
 public:
  explicit NpyFile(const Array& array)
      : path_(std::filesystem::temp_directory_path() /
              absl::StrCat("layerd_answers_test_", getpid(), ".npy")) {
    REQUIRE(WriteNpy(path_, array).ok());
  }
  ~NpyFile() { std::filesystem::remove(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

TEST_CASE("The top classes are the largest, and NaN is none of them") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Array array =
      ArrayOf<float>(DataType::kF32, {1, 5, 1}, {0.5, nan, 3, -1, 0.5});

  const auto top = TopClasses(array, {.top = 3, .labels = {"zero", "", "two"}});

  REQUIRE(top.size() == 3);
  CHECK(top[0].index == 2);
  CHECK(top[0].label == "two");
  CHECK(top[1].index == 0);
  CHECK(top[2].index == 4);  // Equal values keep their order.
  CHECK(top[2].label.empty());
}

TEST_CASE("Only a vector has top classes") {
  const std::vector<float> numbers{1, 2, 3, 4};
  CHECK(TopClasses(ArrayOf(DataType::kF32, {2, 2}, numbers), {}).empty());
  CHECK(TopClasses(ArrayOf(DataType::kF32, {4}, numbers), {}).size() == 4);
}

TEST_CASE("Elements are numbers, whatever their datatype") {
  struct Row {
    const char* name;
    Array array;
    double number;
  };
  const auto row = GENERATE(values<Row>({
      {"half", ArrayOf<uint16_t>(DataType::kF16, {1}, {0xC500}), -5},
      {"bfloat16", ArrayOf<uint16_t>(DataType::kBF16, {1}, {0x3FC0}), 1.5},
      {"double", ArrayOf<double>(DataType::kF64, {1}, {0.1}), 0.1},
      {"signed byte", ArrayOf<int8_t>(DataType::kI8, {1}, {-3}), -3},
      {"unsigned byte", ArrayOf<uint8_t>(DataType::kU8, {1}, {253}), 253},
      {"long", ArrayOf<int64_t>(DataType::kI64, {1}, {-70000}), -70000},
      {"bool of a foreign server", ArrayOf<uint8_t>(DataType::kBool, {1}, {7}),
       1},
  }));
  INFO(row.name);

  CHECK(NumbersOf(row.array) == std::vector<double>{row.number});
}

TEST_CASE("Made-up inputs are the same for the same seed, and in range") {
  const DataType dtype =
      GENERATE(DataType::kBool, DataType::kU8, DataType::kI8, DataType::kI64,
               DataType::kF16, DataType::kF32, DataType::kF64);
  INFO(NameOf(dtype));
  const ArrayPort port{"x", dtype, {2, 50}};

  const Array one = RandomArray(port, 1).value();

  CHECK(one.bytes == RandomArray(port, 1)->bytes);
  CHECK(one.bytes != RandomArray(port, 2)->bytes);
  CHECK(one.bytes.size() == 100 * SizeOf(dtype));
  for (const double number : NumbersOf(one)) {
    CHECK(number >= 0);
    CHECK(number <= 127);
  }
}

TEST_CASE("An input is taken with exactly its datatype and shape") {
  const NpyFile file(ArrayOf<float>(DataType::kF32, {1, 2}, {1, 2}));
  const std::vector<std::string> paths{file.path()};

  CHECK(ReadInputs(paths, {{"x", DataType::kF32, {1, 2}}})->size() == 1);
  const auto wrong = GENERATE(values<ArrayPort>({
      {"x", DataType::kF32, {2, 1}},
      {"x", DataType::kF32, {2}},
      {"x", DataType::kF64, {1}},
      {"x", DataType::kI32, {1, 2}},
  }));
  const auto inputs = ReadInputs(paths, {wrong});
  CHECK(ExitCodeOf(inputs.status()) == 2);
  CHECK_THAT(std::string(inputs.status().message()),
             Catch::Contains("holds FP32 [1, 2], and input 'x' takes"));
}

TEST_CASE("Every input is needed, and the missing one is named") {
  const auto inputs =
      ReadInputs({}, {{"onnx::Shape_422", DataType::kF32, {1, 2}}});

  CHECK(ExitCodeOf(inputs.status()) == 2);
  CHECK_THAT(std::string(inputs.status().message()),
             Catch::Contains("--input onnx::Shape_422=x.npy is missing"));
}

TEST_CASE("An answer shows type, shape and the best classes with labels") {
  const NamedArray output{
      "logits", ArrayOf<float>(DataType::kF32, {1, 3}, {0.25, 2, -1})};

  CHECK(AnswerText(output, {.top = 2, .labels = {"cat", "dog"}}) ==
        "logits  FP32 [1, 3]\n"
        "      1  2             dog\n"
        "      0  0.25          cat\n");
}

TEST_CASE("Small outputs have their values in JSON, large ones do not") {
  const std::vector<float> numbers(65, 1);
  JsonWriter json;
  json.BeginArray();
  AddAnswer({"y", ArrayOf<float>(DataType::kF32, {2, 1, 2}, {1, 2, 3, 4})}, {},
            &json);
  AddAnswer({"z", ArrayOf(DataType::kF32, {5, 13}, numbers)}, {}, &json);
  json.EndArray();
  const std::string text = json.Finish();

  CHECK_THAT(text, Catch::Contains("\"values\": [1.0, 2.0, 3.0, 4.0]"));
  CHECK_THAT(text, Catch::Contains("\"shape\": [5, 13]"));
  CHECK_THAT(text, !Catch::Contains("\"values\": [1.0, 1.0"));
}

}  // namespace
}  // namespace layerd
