// layerd and layerctl with a plugin whose device is the twin, and what they say
// where something of a device is missing.

#include <dlfcn.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "test/catch/catch.h"
#include "test/e2e/daemon_process.h"
#include "test/e2e/digits.h"
#include "test/e2e/program.h"
#include "test/scratch/scratch_folder.h"

namespace layerd {
namespace {

using Environment = std::map<std::string, std::string>;

constexpr char kOnTwin[] = "test/gpu/liblayerd_cuda_on_twin.so";
constexpr char kOnDevice[] = "kernels/cuda/liblayerd_cuda.so";
constexpr char kDigit[] = "test/models/digits/samples/d7.npy";

Ended Layerctl(std::vector<std::string> arguments,
               const Environment& environment = {}) {
  arguments.insert(arguments.begin(), kLayerctl);
  return Run(arguments, {.environment = environment});
}

// A sound one, with the twin as device.
Environment OnTwin(const std::string& twin = "") {
  return {{"LAYERD_CUDA_LIBRARY", kOnTwin}, {"LAYERD_TWIN", twin}};
}

std::vector<float> Logits(const std::string& npy) {
  std::vector<float> logits(kClasses);
  const size_t bytes = kClasses * sizeof(float);
  REQUIRE(npy.size() > bytes);
  std::memcpy(logits.data(), npy.data() + npy.size() - bytes, bytes);
  return logits;
}

TEST_CASE("layerctl runs on a device, from any budget with the same bits") {
  const ScratchFolder folder;
  const std::string path = folder / "cuda.layers";
  REQUIRE(Layerctl({"pack", kDigitsOnnx, "-o", path, "--kernels", "cuda",
                    "--extent-bytes-max", "16KiB"})
              .status == 0);
  const auto answer = [&](const std::string& backend, const std::string& memory,
                          const std::string& budget) {
    INFO(backend << ", " << memory << ", " << budget);
    const std::string to = folder / "y.npy";
    const Ended run =
        Layerctl({"run", path, "--input", kDigit, "--output", "logits=" + to,
                  "--backend", backend, "--cuda-memory", memory, "--budget",
                  budget, "--repeat", "3"},
                 OnTwin(memory == "probe" ? "integrated" : ""));
    CHECK(run.err == "");
    REQUIRE(run.status == 0);
    return ReadFile(to);
  };

  const std::vector<float> right = Logits(answer("reference", "probe", "all"));
  for (const char* memory : {"probe", "staged", "mapped", "managed"}) {
    const std::string resident = answer("cuda", memory, "all");
    CHECK(answer("cuda", memory, "100KiB") == resident);
    CHECK(Agrees(Logits(resident), right));
  }
}

TEST_CASE("layerd packs for a device that is there, and answers from it") {
  TestRepository repository;
  repository.AddOnnx("digits", ReadFile(kDigitsOnnx));
  DaemonProcess daemon(
      repository, {.flags = {"--backend", "auto"}, .environment = OnTwin()});
  REQUIRE(daemon.WaitUntilReady());
  WireClient client(daemon.address());
  for (size_t digit = 0; digit < 20; ++digit) {
    const auto logits = AskDigit(&client, "digits", digit);
    REQUIRE(logits.ok());
    CHECK(Agrees(*logits, ExpectedLogits(digit)));
  }
  CHECK_THAT(daemon.program().Err(), !Catch::Contains("on the CPU"));
}

// A machine, and what it says is missing.
struct Lack {
  Environment environment;
  const char* message;
};

bool HasDriver() {
  void* const driver = dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL);
  if (driver != nullptr) dlclose(driver);
  return driver != nullptr;
}

std::vector<Lack> Lacks() {
  std::vector<Lack> lacks{
      {{{"LAYERD_CUDA_LIBRARY", "/nowhere/none.so"}}, "/nowhere/none.so"},
      {{{"LAYERD_CUDA_LIBRARY", "libm.so.6"}}, "of another layerd"},
      {OnTwin("no_driver"), "no NVIDIA driver"},
      {OnTwin("no_device"), "no NVIDIA device"},
      {OnTwin("no_code"), "not built for this device"},
  };
  if (HasDriver()) return lacks;
  // NVIDIA's own libraries say so too.
  lacks.push_back({{}, "there is no libcuda.so.1"});
  lacks.push_back({{{"LAYERD_CUDA_LIBRARY", kOnDevice}}, "no NVIDIA driver"});
  return lacks;
}

TEST_CASE("A backend that is asked for and lacks something is exit 3") {
  const ScratchFolder folder;
  const std::string path = folder / "cuda.layers";
  REQUIRE(
      Layerctl({"pack", kDigitsOnnx, "-o", path, "--kernels", "cuda"}).status ==
      0);
  for (const Lack& lack : Lacks()) {
    INFO(lack.message);
    const Ended run =
        Layerctl({"run", path, "--input", kDigit, "--backend", "cuda"},
                 lack.environment);
    CHECK(run.status == 3);
    CHECK_THAT(run.err, Catch::Contains(lack.message));
    const Ended daemon = Run({kLayerd, "--repository", folder / "", "--backend",
                              "cuda", "--listen", "127.0.0.1:0"},
                             {.environment = lack.environment});
    CHECK(daemon.status == 3);
    CHECK_THAT(daemon.err, Catch::Contains("backend cuda") &&
                               Catch::Contains(lack.message));
  }
}

TEST_CASE("auto computes on the CPU then, and says why") {
  for (const Lack& lack : Lacks()) {
    INFO(lack.message);
    TestRepository repository;
    repository.AddLayers("digits", DigitsLayers());
    DaemonProcess daemon(repository, {.flags = {"--backend", "auto"},
                                      .environment = lack.environment});
    REQUIRE(daemon.WaitUntilReady());
    CHECK_THAT(daemon.program().Err(),
               Catch::Contains("computing on the CPU: ") &&
                   Catch::Contains(lack.message));
    WireClient client(daemon.address());
    const auto logits = AskDigit(&client, "digits", 3);
    REQUIRE(logits.ok());
    CHECK(Agrees(*logits, ExpectedLogits(3)));
  }
}

}  // namespace
}  // namespace layerd
