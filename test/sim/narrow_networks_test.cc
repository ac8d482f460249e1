// Networks packed with f16, bf16 and i8 weights, through the whole engine: the
// answers of every budget are those of all weights decoded once, bit for bit.

#include <random>
#include <string>
#include <vector>

#include "daemon/pack/decode_layer_file.h"
#include "daemon/pack/import/onnx_test_model.h"
#include "daemon/pack/packer.h"
#include "kernels/cpu/cpu_backend.h"
#include "test/catch/catch.h"
#include "test/scratch/scratch_folder.h"
#include "test/sim/test_engine.h"

namespace layerd {
namespace {

constexpr char kDigitsOnnx[] = "test/models/digits/digits.onnx";

class Drawer {
 public:
  std::vector<float> Draw(size_t count, float most) {
    std::uniform_real_distribution<float> number(-most, most);
    std::vector<float> numbers(count);
    for (float& one : numbers) one = number(random_);
    return numbers;
  }

 private:
  std::mt19937 random_{5};
};

// 4 MiB of weights in residual blocks of 3x3, 1x1 and depthwise convolutions,
// and a classifier: what a middle-sized picture network is made of.
std::string MiddleSizedOnnx() {
  Drawer drawer;
  TestModel model(13);
  model.Input("x", {1, 3, 20, 20});
  std::string last = "x";
  int64_t channels = 3;
  const auto conv = [&](const std::string& name, int64_t outputs,
                        int64_t window, int64_t groups) {
    const int64_t inputs = channels / groups;
    const size_t count = outputs * inputs * window * window;
    model.Weights(name + "_w", {outputs, inputs, window, window},
                  drawer.Draw(count, 3.0f / (inputs * window * window)));
    model.Weights(name + "_b", {outputs}, drawer.Draw(outputs, 0.1f));
    onnx::NodeProto* node =
        model.Add("Conv", {last, name + "_w", name + "_b"}, {name});
    SetInts(node, "pads", std::vector<int64_t>(4, window / 2));
    SetInt(node, "group", groups);
    model.Add("Relu", {name}, {name + "_r"});
    last = name + "_r";
    channels = outputs;
  };
  conv("stem", 64, 3, 1);
  for (int block = 0; block < 3; ++block) {
    const std::string name = "block" + std::to_string(block);
    const std::string before = last;
    conv(name + "_wide", 256, 3, 1);
    conv(name + "_each", 256, 3, 256);
    conv(name + "_narrow", 64, 3, 1);
    model.Add("Add", {last, before}, {name + "_sum"});
    last = name + "_sum";
  }
  model.Add("GlobalAveragePool", {last}, {"pooled"});
  model.Add("Flatten", {"pooled"}, {"flat"});
  model.Weights("classes_w", {100, 64}, drawer.Draw(6400, 0.2f));
  SetInt(model.Add("Gemm", {"flat", "classes_w"}, {"y"}), "transB", 1);
  model.Output("y");
  return model.proto.SerializeAsString();
}

void CheckEveryBudget(const std::string& onnx, const std::string& weights,
                      int threads) {
  INFO(weights << ", " << threads << " threads");
  const ScratchFolder folder;
  const std::string path = folder / "m.layers";
  PackOptions options;
  options.weights = weights;
  const auto report = Pack(onnx, path, options, *MakeCpuBackend(1), nullptr);
  REQUIRE(report.status().ToString() == "OK");
  REQUIRE(DecodeLayerFile(path, folder / "twin.layers").ok());
  TestEngine twin({.threads = threads}, Drive::kAuto, MakeCpuBackend(threads));
  REQUIRE(twin.Load(folder / "twin.layers", "m", 3).ToString() == "OK");
  TestEngine roomy({.threads = threads}, Drive::kAuto, MakeCpuBackend(threads));
  REQUIRE(roomy.Load(path, "m", 3).ToString() == "OK");
  CHECK(twin->memory().decode_bytes == 0);
  CHECK(roomy->memory().decode_bytes > 0);
  CHECK(roomy->memory().ring_bytes == 0);

  const uint64_t least = roomy.MinimumWeightBytes();
  const uint64_t all = roomy->memory().weight_memory_bytes();
  for (const uint64_t budget :
       {least, least + 8192, (least + all) / 2, all - 4096, all}) {
    INFO(budget << " bytes, of " << least << " to " << all);
    TestEngine engine({.weight_budget_bytes = budget, .threads = threads},
                      Drive::kAuto, MakeCpuBackend(threads));
    REQUIRE(engine.Load(path, "m", 3).ToString() == "OK");
    CHECK(engine->memory().weight_memory_bytes() <= budget);
    for (uint32_t seed = 0; seed < 3; ++seed) {
      const TestAnswer answer = engine.Ask("m", seed);
      REQUIRE(answer.status.ToString() == "OK");
      CHECK(answer.outputs == twin.Ask("m", seed).outputs);
    }
  }
}

TEST_CASE("Digits answer bit for bit from every budget, however stored") {
  for (const char* weights : {"f16", "bf16", "i8"}) {
    for (const int threads : {1, 2}) {
      CheckEveryBudget(kDigitsOnnx, weights, threads);
    }
  }
}

TEST_CASE("A middle-sized network answers so as well") {
  const ScratchFolder folder;
  WriteFile(folder / "m.onnx", MiddleSizedOnnx());
  for (const char* weights : {"f16", "bf16", "i8"}) {
    for (const int threads : {1, 2}) {
      CheckEveryBudget(folder / "m.onnx", weights, threads);
    }
  }
}

}  // namespace
}  // namespace layerd
