#include <malloc.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <iostream>

#include "daemon/pack/import/onnx_test_model.h"
#include "loader/store/layer_file_reader.h"
#include "test/catch/catch.h"
#include "test/e2e/daemon_process.h"
#include "test/e2e/digits.h"
#include "test/e2e/program.h"
#include "test/e2e/tiny_onnx.h"
#include "test/scratch/scratch_folder.h"

namespace layerd {
namespace {

Ended Layerctl(std::vector<std::string> arguments,
               const ProgramOptions& options = {}) {
  arguments.insert(arguments.begin(), kLayerctl);
  return Run(arguments, options);
}

Ended Pack(const std::string& onnx, const std::string& layers,
           const ProgramOptions& options = {}) {
  return Layerctl({"pack", onnx, "-o", layers}, options);
}

TEST_CASE("Packing the same network twice gives the same bytes") {
  const ScratchFolder folder;
  REQUIRE(Pack(kDigitsOnnx, folder / "a.layers").status == 0);
  REQUIRE(Pack(kDigitsOnnx, folder / "b.layers").status == 0);
  CHECK(ReadFile(folder / "a.layers") == ReadFile(folder / "b.layers"));
}

TEST_CASE("inspect tells what is in a layer file") {
  const ScratchFolder folder;
  WriteFile(folder / "m.layers", DigitsLayers());
  const Ended text = Layerctl({"inspect", folder / "m.layers"});
  CHECK(text.status == 0);
  CHECK_THAT(text.out, Catch::Contains("image") && Catch::Contains("logits"));
  const Ended json = Layerctl({"inspect", "--json", folder / "m.layers"});
  CHECK(json.status == 0);
  CHECK_THAT(json.out, Catch::Contains("440936"));
}

TEST_CASE("verify passes a sound file and names a damaged tile") {
  const ScratchFolder folder;
  const std::string path = folder / "m.layers";
  WriteFile(path, DigitsLayers());
  CHECK(Layerctl({"verify", path}).status == 0);

  const auto reader = LayerFileReader::Open(path);
  REQUIRE(reader.ok());
  const size_t tile = (*reader)->tiles().tile_count() / 3;
  std::string damaged = DigitsLayers();
  damaged[(*reader)->stream().offset_bytes +
          (*reader)->tiles().offset_bytes(tile)] ^= 1;
  WriteFile(path, damaged);
  const Ended verify = Layerctl({"verify", path});
  CHECK(verify.status == 1);
  CHECK_THAT(verify.err,
             Catch::Contains("tile " + std::to_string(tile) + " at") &&
                 Catch::Contains("layer"));
}

TEST_CASE("inspect and verify refuse what is no sound layer file") {
  struct Row {
    const char* name;
    std::string bytes;
    const char* message;
  };
  const Row row = GENERATE(
      values<Row>({{"empty", "", "empty"},
                   {"foreign", std::string(5000, 'x'), "no layer file"},
                   {"cut", DigitsLayers().substr(0, 100'000), "truncated"}}));
  INFO(row.name);
  const ScratchFolder folder;
  WriteFile(folder / "m.layers", row.bytes);
  for (const char* command : {"inspect", "verify"}) {
    const Ended ended = Layerctl({command, folder / "m.layers"});
    CHECK(ended.status == 1);
    CHECK_THAT(ended.err, Catch::Contains(row.message));
  }
}

TEST_CASE("A network that is not supported leaves no file") {
  const ScratchFolder folder;
  WriteFile(folder / "m.onnx", OneNodeOnnx("Bernoulli", "coin"));
  const Ended pack = Pack(folder / "m.onnx", folder / "m.layers");
  CHECK(pack.status == 1);
  CHECK_THAT(pack.err, Catch::Contains("coin") &&
                           Catch::Contains("Bernoulli") &&
                           Catch::Contains("opset 13"));
  CHECK(folder.Names() == std::vector<std::string>{"m.onnx"});
}

TEST_CASE("Narrow weights make smaller files that run from any budget") {
  const ScratchFolder folder;
  for (const char* weights : {"f16", "bf16", "i8"}) {
    INFO(weights);
    const std::string path = folder / "m.layers";
    const Ended pack =
        Layerctl({"pack", kDigitsOnnx, "-o", path, "--weights", weights});
    REQUIRE(pack.err == "");
    CHECK(pack.status == 0);
    CHECK(ReadFile(path).size() <
          (weights == std::string("i8") ? 0.4 : 0.65) * DigitsLayers().size());
    CHECK_THAT(Layerctl({"inspect", path}).out, Catch::Contains(weights));

    std::vector<std::string> run{"run", path, "--input",
                                 "test/models/digits/samples/d0.npy"};
    std::vector<std::string> tight = run;
    run.insert(run.end(), {"--output", "logits=" + folder / "all.npy"});
    tight.insert(tight.end(), {"--output", "logits=" + folder / "tight.npy",
                               "--budget", "128KiB", "--threads", "1"});
    run.insert(run.end(), {"--threads", "1"});
    CHECK(Layerctl(run).err == "");
    CHECK(Layerctl(tight).err == "");
    CHECK(ReadFile(folder / "all.npy") == ReadFile(folder / "tight.npy"));
  }
}

TEST_CASE("repack makes a file for a GPU one for this processor") {
  const ScratchFolder folder;
  const std::string path = folder / "m.layers";
  const auto packed = [](std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--extent-bytes-max", "64KiB",
                                       "--part-flops-max", "200000000"});
    return Layerctl(arguments).status;
  };
  REQUIRE(packed({"pack", kDigitsOnnx, "-o", path, "--kernels", "cuda"}) == 0);
  REQUIRE(packed({"pack", kDigitsOnnx, "-o", folder / "ours.layers"}) == 0);
  const std::string before = ReadFile(path);

  const Ended beside =
      Layerctl({"repack", path, "-o", folder / "other.layers", "--json"});
  CHECK(beside.status == 0);
  CHECK_THAT(beside.out, Catch::Contains("\"kernels_before\": \"cuda any"));
  CHECK(ReadFile(path) == before);
  CHECK(Layerctl({"repack", path}).status == 0);
  CHECK(ReadFile(path) == ReadFile(folder / "other.layers"));
  CHECK(ReadFile(path) == ReadFile(folder / "ours.layers"));
  CHECK(Layerctl({"repack", kDigitsOnnx}).status == 1);
}

TEST_CASE("Packing narrow weights says what they cost in answers") {
  const ScratchFolder folder;
  const std::string path = folder / "m.layers";
  const Ended random = Layerctl({"pack", kDigitsOnnx, "-o", path, "--weights",
                                 "i8", "--json", "--accuracy", "3"});
  CHECK(random.status == 0);
  CHECK_THAT(random.out, Catch::Contains("\"largest_difference_pct\"") &&
                             Catch::Contains("\"mean_difference\"") &&
                             Catch::Contains("\"inputs\": 3") &&
                             Catch::Contains("\"seeded\": true"));
  const Ended given =
      Layerctl({"pack", kDigitsOnnx, "-o", path, "--weights", "f16", "--input",
                "test/models/digits/samples/d0.npy"});
  CHECK(given.status == 0);
  CHECK_THAT(given.out, Catch::Contains("f16 costs logits") &&
                            Catch::Contains("in 1 of 1 rows, over 1 given"));
  const Ended wide = Layerctl({"pack", kDigitsOnnx, "-o", path, "--json"});
  CHECK_THAT(wide.out, Catch::Contains("\"accuracy\": null"));
  CHECK(folder.Names() == std::vector<std::string>{"m.layers"});
}

TEST_CASE("A file whose answers cannot be compared stays, and that is said") {
  const ScratchFolder folder;
  const std::string path = folder / "m.layers";
  const std::vector<std::string> pack = {
      "pack", kDigitsOnnx, "-o", path, "--weights", "i8", "--json"};
  std::vector<std::string> with_input = pack;
  with_input.insert(with_input.end(), {"--input", folder / "none.npy"});
  const Ended missing = Layerctl(with_input);
  CHECK(missing.status == 2);
  CHECK_THAT(missing.err, Catch::Contains("m.layers is packed and stays") &&
                              Catch::Contains("none.npy"));
  CHECK_THAT(missing.out, Catch::Contains("\"error\""));
  CHECK(Layerctl({"verify", path}).status == 0);
  CHECK(folder.Names() == std::vector<std::string>{"m.layers"});
}

TEST_CASE("A drive that is full after packing leaves what is packed") {
  // ThreadSanitizer writes a file of its own as it starts.
  if (std::getenv("TSAN_OPTIONS") != nullptr) {
    std::cout << "SKIPPED: no file limits under ThreadSanitizer\n";
    return;
  }
  const ScratchFolder folder;
  const std::string path = folder / "m.layers";
  std::vector<std::string> pack = {"pack",      kDigitsOnnx, "-o",    path,
                                   "--weights", "i8",        "--json"};
  // The I8 file fits, the F32 one to compare it with does not.
  const uint64_t most = DigitsLayers().size() / 2;
  const Ended full = Layerctl(pack, {.file_bytes_max = most});
  CHECK(full.status == 1);
  CHECK_THAT(full.err, Catch::Contains("m.layers is packed and stays") &&
                           Catch::Contains("--accuracy 0"));
  CHECK_THAT(full.out, Catch::Contains("\"error\""));
  CHECK(Layerctl({"verify", path}).status == 0);
  CHECK(folder.Names() == std::vector<std::string>{"m.layers"});

  pack.insert(pack.end(), {"--accuracy", "0"});
  CHECK(Layerctl(pack, {.file_bytes_max = most}).status == 0);
}

TEST_CASE("Packing never holds the weights of a network") {
#if defined(__SANITIZE_ADDRESS__)
  constexpr uint64_t kOfSanitizer = 5;  // Its shadow, and what it keeps.
#else
  constexpr uint64_t kOfSanitizer = 1;
#endif
  constexpr int kLayers = 900;
  constexpr uint64_t kLayerBytes = 144 << 10;
  constexpr uint64_t kMost = (96 << 20) + 2 * kLayerBytes;
  static_assert(kLayers * kLayerBytes > kMost);
  const ScratchFolder folder;
  WriteFile(folder / "m.onnx", SlowOnnx(kLayers));
  // A child begins with what its parent has, and that counts in its peak.
  malloc_trim(0);

  const Ended packed = Pack(folder / "m.onnx", folder / "m.layers");

  CHECK(packed.status == 0);
  CHECK(packed.peak_bytes > 0);
  CHECK(packed.peak_bytes < kMost * kOfSanitizer);
}

TEST_CASE("Where the file does not fit, the old one stays") {
  const ScratchFolder folder;
  WriteFile(folder / "m.layers", "the old file");
  // Cut off before the last page, in the weights, and at the header.
  std::vector<uint64_t> rooms = {DigitsLayers().size() - 4096, 200'000, 4096};
  // ThreadSanitizer writes a file of its own as it starts.
  if (std::getenv("TSAN_OPTIONS") != nullptr) rooms.resize(1);
  for (const uint64_t room : rooms) {
    INFO("room for " << room);
    const Ended pack = Pack(kDigitsOnnx, folder / "m.layers",
                            ProgramOptions{.file_bytes_max = room});
    INFO(pack.err);
    CHECK(pack.status == 1);
    CHECK(pack.err != "");
    CHECK(ReadFile(folder / "m.layers") == "the old file");
    CHECK(folder.Names() == std::vector<std::string>{"m.layers"});
  }
}

// The test's own tmpfs, seen by nobody else; needs a user namespace.
TEST_CASE("A full disk leaves the old file") {
  const ScratchFolder folder;
  const std::string script =
      "cd \"$1\" && mount -t tmpfs -o size=300k none . && cd \"$1\" || exit\n"
      "head -c 100000 /dev/urandom >m.layers\n"
      "old=$(cksum <m.layers)\n"
      "\"$2\" pack \"$3\" -o m.layers\n"
      "echo status $?\n"
      "[ \"$old\" = \"$(cksum <m.layers)\" ] && echo kept $(ls -A)\n";
  const Ended ended = Run({"/usr/bin/unshare", "--user", "--map-root-user",
                           "--mount", "/bin/sh", "-c", script, "sh",
                           folder.path(), std::filesystem::absolute(kLayerctl),
                           std::filesystem::absolute(kDigitsOnnx)});
  if (ended.out == "") {
    std::printf("SKIPPED: no user namespace with a tmpfs here: %s\n",
                ended.err.c_str());
    return;
  }
  INFO(ended.err);
  CHECK_THAT(ended.err, Catch::Contains("No space left on device"));
  CHECK(ended.out == "status 1\nkept m.layers\n");
}

TEST_CASE("layerctl tells usage from failure") {
  CHECK(Layerctl({}).status == 2);
  CHECK(Layerctl({"pakc", "x"}).status == 2);
  CHECK(Layerctl({"pack"}).status == 2);
  CHECK(Layerctl({"verify", "--quickly", "x"}).status == 2);
  CHECK(Layerctl({"verify", "/none/m.layers"}).status != 0);
  CHECK(Layerctl({"--help"}).status == 0);
}

TEST_CASE("run answers as ONNX Runtime does, without a daemon") {
  const ScratchFolder folder;
  WriteFile(folder / "m.layers", DigitsLayers());
  const Ended run =
      Layerctl({"run", folder / "m.layers", "--input",
                "image=test/models/digits/samples/d7.npy", "--output",
                "logits=" + folder / "y.npy", "--budget", "200KiB", "--json"});
  INFO(run.err);
  REQUIRE(run.status == 0);
  CHECK_THAT(run.out,
             Catch::Contains("latency_ms") && Catch::Contains("read_bytes"));
  const std::string npy = ReadFile(folder / "y.npy");
  std::vector<float> logits(kClasses);
  std::memcpy(logits.data(), npy.data() + npy.size() - kClasses * sizeof(float),
              kClasses * sizeof(float));
  CHECK(std::max_element(logits.begin(), logits.end()) - logits.begin() == 7);
}

TEST_CASE("A budget that is too small says which would do") {
  const ScratchFolder folder;
  WriteFile(folder / "m.layers", DigitsLayers());
  const Ended run = Layerctl({"run", folder / "m.layers", "--input",
                              "test/models/digits/samples/d7.npy", "--budget",
                              "4KiB", "--json"});
  CHECK(run.status == 1);
  CHECK_THAT(run.out, Catch::Contains("minimum_budget_bytes"));
}

TEST_CASE("layerctl talks to a daemon") {
  TestRepository repository;
  repository.AddLayers("digits", DigitsLayers());
  repository.AddLayers("damaged", "layers?");
  DaemonProcess daemon(repository);
  REQUIRE(daemon.WaitUntilReady());
  const bool by_socket = GENERATE(false, true);
  const std::string address =
      by_socket ? daemon.socket_address() : daemon.address();

  const Ended status = Layerctl({"status", "--address", address});
  CHECK(status.status == 0);
  const Ended models = Layerctl({"models", "--json", "--address", address});
  CHECK(models.status == 0);
  CHECK_THAT(models.out,
             Catch::Contains("\"digits\"") && Catch::Contains("UNAVAILABLE"));
  const ScratchFolder folder;
  const Ended infer = Layerctl(
      {"infer", "digits", "test/models/digits/samples/d3.npy", "--output",
       "logits=" + folder / "y.npy", "--json", "--address", address});
  INFO(infer.err);
  CHECK(infer.status == 0);
  CHECK(folder.Names() == std::vector<std::string>{"y.npy"});
  CHECK(Layerctl({"infer", "damaged", "test/models/digits/samples/d3.npy",
                  "--address", address})
            .status == 1);
  CHECK(Layerctl({"infer", "none", "test/models/digits/samples/d3.npy",
                  "--address", address})
            .status == 1);
}

TEST_CASE("status of no daemon is 1") {
  const ScratchFolder folder;
  CHECK(Layerctl({"status", "--address", "unix:" + folder / "none"}).status ==
        1);
}

TEST_CASE("A device that is missing is exit 3, and packing for it needs none") {
  const ScratchFolder folder;
  const ProgramOptions nothing{
      .environment = {{"LAYERD_CUDA_LIBRARY", folder / "none.so"}}};
  const std::string path = folder / "cuda.layers";
  REQUIRE(
      Layerctl({"pack", kDigitsOnnx, "-o", path, "--kernels", "cuda"}, nothing)
          .status == 0);
  CHECK_THAT(Layerctl({"inspect", path}).out, Catch::Contains("cuda"));

  const Ended run = Layerctl({"run", path, "--backend", "cuda"}, nothing);
  const Ended daemon = Run({kLayerd, "--repository", folder / "", "--backend",
                            "cuda", "--listen", "127.0.0.1:0"},
                           nothing);

  CHECK(run.status == 3);
  CHECK_THAT(run.err, Catch::Contains("none.so"));
  CHECK(daemon.status == 3);
  CHECK_THAT(daemon.err,
             Catch::Contains("backend cuda") && Catch::Contains("none.so"));
}

TEST_CASE("Packed for a GPU, parts are as coarse as extents of 1 MiB allow") {
  const ScratchFolder folder;
  TestModel model(13);
  model.Input("x", {1, 1024});
  model.Weights("large", {1024, 1024}, std::vector<float>(1 << 20, 0.5f));
  model.Weights("small", {1024, 200}, std::vector<float>(200 << 10, 0.25f));
  model.Add("MatMul", {"x", "large"}, {"h"});
  model.Add("MatMul", {"h", "small"}, {"y"});
  model.Output("y");
  WriteFile(folder / "m.onnx", model.proto.SerializeAsString());
  const auto packed = [&](const char* kernels) {
    return Layerctl({"pack", folder / "m.onnx", "-o", folder / "m.layers",
                     "--kernels", kernels, "--json"})
        .out;
  };
  const std::string cuda = packed("cuda");
  CHECK(NumberIn(cuda, "largest_extent_bytes") <= 1 << 20);
  CHECK(NumberIn(cuda, "extents") <= 6);  // Four of the large one, or five.
  CHECK(NumberIn(cuda, "parts") == NumberIn(cuda, "extents"));
  CHECK(NumberIn(packed("cpu"), "parts") > 20);
}

TEST_CASE("A plan for a GPU needs none, and knows its copies") {
  const ScratchFolder folder;
  const std::string path = folder / "cuda.layers";
  REQUIRE(Layerctl({"pack", kDigitsOnnx, "-o", path, "--kernels", "cuda",
                    "--extent-bytes-max", "16KiB"})
              .status == 0);
  const auto machine = [&](const std::string& name, const std::string& rate) {
    WriteFile(folder / name,
              R"({"isa": "avx2", "cores": 4, "flops_per_s": 4e10,
                  "memory_bytes_per_s": 6e9, "crc_bytes_per_s": 5e9,
                  "drive_bytes_per_s": 2e9, "first_read_us": 100,
                  "launch_us": 5, "device_base_bytes": 314572800,
                  "copy_bytes_per_s": )" +
                  rate + "}");
    return folder / name;
  };
  const std::string slow = machine("slow.json", "1e8");
  const std::string fast = machine("fast.json", "12e9");
  const auto plan = [&](std::vector<std::string> options) {
    options.insert(options.begin(), {"plan", path, "--budget", "100KiB"});
    const Ended ended = Layerctl(options);
    INFO(ended.err);
    REQUIRE(ended.status == 0);
    return ended.out;
  };

  CHECK_THAT(plan({}), Catch::Contains("takes 512 MiB beside all budgets") &&
                           Catch::Contains("copied to it at 2861 MiB/s") &&
                           Catch::Contains("guessed"));
  CHECK_THAT(plan({"--machine", slow}),
             Catch::Contains("takes 300 MiB") &&
                 Catch::Contains("copied to it at 95 MiB/s") &&
                 Catch::Contains("a launch is 5.0 us") &&
                 !Catch::Contains("guessed"));
  CHECK_THAT(plan({"--cuda-memory", "mapped"}),
             Catch::Contains("where the drive puts them"));
  const auto warm_ms = [&](const std::string& file, const char* memory) {
    return NumberIn(
        plan({"--machine", file, "--cuda-memory", memory, "--json"}),
        "predicted_warm_ms");
  };
  CHECK(warm_ms(slow, "staged") > 2 * warm_ms(fast, "staged"));
  CHECK(warm_ms(slow, "mapped") == warm_ms(fast, "mapped"));
  CHECK_THAT(plan({"--curve", "--machine", fast}),
             Catch::Contains("budget MiB"));
  CHECK(Layerctl({"plan", path, "--cuda-memory", "fast"}).status == 2);
}

}  // namespace
}  // namespace layerd
