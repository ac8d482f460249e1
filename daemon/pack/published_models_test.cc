// Networks that others trained: packed, run part by part, and compared with
// answers that were not ours.

#include <cmath>
#include <cstring>
#include <filesystem>
#include <iostream>

#include "daemon/pack/graph/half_float.h"
#include "daemon/pack/packer.h"
#include "kernels/cpu/cpu_backend.h"
#include "kernels/reference/reference_backend.h"
#include "onnx.pb.h"
#include "test/catch/catch.h"
#include "test/scratch/scratch_folder.h"
#include "test/sim/run_program.h"

namespace layerd {
namespace {

constexpr char kDigits[] = "test/models/digits/";

// |got - want| <= atol * max(1, max|want|) + rtol * |want| everywhere, and the
// root mean square of the differences small beside the spread of `want`, which
// rejects an answer that is merely small or flat.
struct Tolerance {
  double rtol, atol, rms;
};

void CheckAgrees(const std::vector<float>& got, const std::vector<float>& want,
                 const Tolerance& tolerance) {
  REQUIRE(got.size() == want.size());
  double largest = 0, sum = 0, sum_squares = 0, error_squares = 0;
  for (const double number : want) {
    largest = std::max(largest, std::abs(number));
    sum += number;
    sum_squares += number * number;
  }
  size_t apart = 0;
  for (size_t i = 0; i < want.size(); ++i) {
    const double error = std::abs(double{got[i]} - want[i]);
    error_squares += error * error;
    const bool close = error <= tolerance.atol * std::max(1.0, largest) +
                                    tolerance.rtol * std::abs(double{want[i]});
    apart += close ? 0 : 1;  // A NaN is not close.
  }
  const double count = static_cast<double>(want.size());
  const double deviation =
      std::sqrt(std::max(0.0, sum_squares / count - sum / count * sum / count));
  CHECK(apart == 0);
  CHECK(std::sqrt(error_squares / count) <=
        tolerance.rms * deviation + tolerance.rtol / 10 * largest);
}

std::vector<float> Floats(const std::vector<std::byte>& bytes, bool half) {
  std::vector<float> numbers(bytes.size() / (half ? 2 : 4));
  for (size_t i = 0; i < numbers.size(); ++i) {
    if (half) {
      uint16_t bits;
      std::memcpy(&bits, &bytes[2 * i], sizeof(bits));
      numbers[i] = FloatOfF16(bits);
    } else {
      std::memcpy(&numbers[i], &bytes[4 * i], sizeof(float));
    }
  }
  return numbers;
}

std::vector<std::byte> Bytes(const std::string& text) {
  const auto* bytes = reinterpret_cast<const std::byte*>(text.data());
  return {bytes, bytes + text.size()};
}

// The elements of a .npy file.
std::vector<std::byte> ReadNpy(const std::string& path) {
  const std::string text = ReadFile(path);
  const size_t header =
      10 + static_cast<uint8_t>(text[8]) + 256 * static_cast<uint8_t>(text[9]);
  return Bytes(text.substr(header));
}

std::vector<std::byte> ReadTensor(const std::string& path, bool* half) {
  onnx::TensorProto tensor;
  REQUIRE(tensor.ParseFromString(ReadFile(path)));
  *half = tensor.data_type() == onnx::TensorProto::FLOAT16;
  return Bytes(tensor.raw_data());
}

std::unique_ptr<Backend> EitherBackend() {
  return GENERATE(true, false) ? MakeCpuBackend(1) : MakeReferenceBackend();
}

TEST_CASE("The digits network reads a hundred digits as it was trained to") {
  const std::unique_ptr<Backend> backend = EitherBackend();
  ScratchFolder folder;
  const std::string path = folder / "digits.layers";
  const std::string digits = kDigits;
  REQUIRE(Pack(digits + "digits.onnx", path, {}, *backend, nullptr).ok());
  const std::vector<std::byte> images = ReadNpy(digits + "images.npy");
  const auto expected = Floats(ReadNpy(digits + "expected.npy"), false);
  REQUIRE(images.size() == 100 * 64 * sizeof(float));

  for (size_t i = 0; i < 100; i += 9) {
    const auto first = images.begin() + i * 64 * sizeof(float);
    const auto outputs =
        RunLayerFile(path, {{first, first + 64 * sizeof(float)}}, *backend);
    REQUIRE(outputs.ok());
    CheckAgrees(Floats((*outputs)[0], false),
                {expected.begin() + i * 10, expected.begin() + (i + 1) * 10},
                {1e-3, 1e-4, 0.01});
  }
}

// shared/models beside the checkout, where somebody put it.
std::string SharedModels() {
  const std::filesystem::path digits =
      std::filesystem::canonical(std::string(kDigits) + "digits.onnx");
  return digits.parent_path()
             .parent_path()
             .parent_path()
             .parent_path()
             .parent_path() /
         "shared/models";
}

TEST_CASE("Published networks answer as ONNX Runtime does") {
  struct Row {
    const char* name;
    Tolerance tolerance;
  };
  const Row row = GENERATE(values<Row>({
      {"mnist-cntk", {1e-3, 1e-4, 0.01}},
      {"squeezenet-fp16", {1e-2, 1e-2, 0.05}},
  }));
  const std::string folder = SharedModels() + "/" + row.name;
  if (!std::filesystem::exists(folder + "/model.onnx")) {
    std::cout << "SKIPPED: " << row.name << " is not in ../shared/models\n";
    return;
  }
  INFO(row.name);
  const std::unique_ptr<Backend> backend = EitherBackend();
  ScratchFolder scratch;
  const std::string path = scratch / "model.layers";
  REQUIRE(Pack(folder + "/model.onnx", path, {}, *backend, nullptr).ok());

  for (const char* set : {"/test_data_set_0", "/test_data_set_1"}) {
    bool half = false;
    const auto input = ReadTensor(folder + set + "/input_0.pb", &half);
    const auto want = ReadTensor(folder + set + "/output_0.pb", &half);

    const auto outputs = RunLayerFile(path, {input}, *backend);

    REQUIRE(outputs.ok());
    const std::vector<float> got = Floats((*outputs)[0], half);
    const std::vector<float> expected = Floats(want, half);
    CheckAgrees(got, expected, row.tolerance);
    CHECK(std::max_element(got.begin(), got.end()) - got.begin() ==
          std::max_element(expected.begin(), expected.end()) -
              expected.begin());
  }
}

}  // namespace
}  // namespace layerd
