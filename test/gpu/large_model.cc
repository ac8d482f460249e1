#include "test/gpu/large_model.h"

#include <fstream>
#include <vector>

#include "absl/strings/str_cat.h"
#include "config/check.h"
#include "daemon/pack/import/onnx_test_model.h"
#include "daemon/pack/packer.h"
#include "test/gpu/device_model.h"

namespace layerd {
namespace {

constexpr int64_t kWidth = 1024;
constexpr int kLayers = 10;

// Small enough that answers stay near one.
std::vector<float> Numbers(int layer) {
  std::vector<float> numbers(kWidth * kWidth);
  for (size_t i = 0; i < numbers.size(); ++i) {
    const size_t mixed = (i * 2654435761u + 977 * layer) % 1009;
    numbers[i] = (static_cast<float>(mixed) / 1008 - 0.5f) / 8;
  }
  return numbers;
}

}  // namespace

std::string WriteLargeModel(const Backend& backend) {
  TestModel model(13);
  model.Input("x0", {1, kWidth});
  for (int layer = 0; layer < kLayers; ++layer) {
    const std::string weights = absl::StrCat("w", layer);
    const std::string product = absl::StrCat("p", layer);
    model.Weights(weights, {kWidth, kWidth}, Numbers(layer));
    model.Add("MatMul", {absl::StrCat("x", layer), weights}, {product});
    model.Add("Tanh", {product}, {absl::StrCat("x", layer + 1)});
  }
  model.Output(absl::StrCat("x", kLayers));
  const std::string onnx = TestFile("large.onnx");
  std::ofstream(onnx, std::ios::binary) << model.proto.SerializeAsString();
  PackOptions options;
  options.kernels = "cuda";
  options.extent_bytes_max = 1 << 20;
  const std::string path = TestFile("large.layers");
  const auto packed = Pack(onnx, path, options, backend, nullptr);
  LAYERD_CHECK(packed.ok(), std::string(packed.status().message()));
  return path;
}

}  // namespace layerd
