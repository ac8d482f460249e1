// A model whose files change while it serves.
#include <atomic>
#include <filesystem>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "test/catch/catch.h"
#include "test/e2e/conversation.h"
#include "test/e2e/daemon_process.h"
#include "test/e2e/digits.h"
#include "test/e2e/program.h"
#include "test/e2e/served_digits.h"
#include "test/scratch/scratch_folder.h"

namespace layerd {
namespace {

struct Served : ServedDigits {
  using ServedDigits::ServedDigits;

  // An ONNX file in the place of the layer file.
  void Replace(const std::string& onnx) {
    std::filesystem::remove(repository.LayersPath("digits"));
    repository.AddOnnx("digits", onnx);
  }
  std::vector<std::string> LoadCommand() const {
    return {kLayerctl, "load", "digits", "--address", daemon->address()};
  }
};

TEST_CASE("A model answers while what is to replace it is packed") {
  const ScratchFolder folder;
  DaemonOptions options;
  options.layerd = LayerdWithEndlessPacker(folder);
  Served served(options);
  served.Replace(ReadFile(kDigitsOnnx));

  Program load(served.LoadCommand());
  admin::ModelStatus status;
  while (status.reason().find("packing") == std::string::npos) {
    status = AskStatusOf(&*served.client, "digits");
    REQUIRE(status.state() == "READY");
  }
  CHECK_THAT(status.reason(), Catch::Contains("LOADING: packing model.onnx"));
  CHECK(served.IsWell());
  CHECK(served.daemon->Terminate().status == 0);
  CHECK(load.Wait().status == 1);
}

TEST_CASE("Files that cannot be packed replace nothing, and it is said why") {
  Served served;
  served.Replace("no network");

  const Ended load = Run(served.LoadCommand());
  CHECK(load.status == 1);
  CHECK_THAT(load.err, Catch::Contains("what was loaded before answers"));
  const admin::ModelStatus status = AskStatusOf(&*served.client, "digits");
  CHECK(status.state() == "READY");
  CHECK_THAT(status.reason(), Catch::Contains("its new files are UNAVAILABLE"));
  CHECK_THAT(served.daemon->program().Err(),
             Catch::Contains("its new files are UNAVAILABLE"));
  CHECK(served.IsWell());

  // Nor does asking again; good ones do.
  CHECK(Run(served.LoadCommand()).status == 1);
  CHECK(served.IsWell());
  served.Replace(ReadFile(kDigitsOnnx));
  CHECK(Run(served.LoadCommand()).status == 0);
  CHECK(AskStatusOf(&*served.client, "digits").reason().empty());
  CHECK(served.IsWell());
}

TEST_CASE("A model that kept its place after a failed load can be unloaded") {
  Served served;
  served.Replace("no network");
  REQUIRE(Run(served.LoadCommand()).status == 1);
  CHECK(Run({kLayerctl, "unload", "digits", "--address",
             served.daemon->address()})
            .status == 0);
  const admin::ModelStatus status = AskStatusOf(&*served.client, "digits");
  CHECK(status.state() == "UNAVAILABLE");
  CHECK(status.reason() == "unloaded");
}

TEST_CASE(
    "A version that cannot be loaded leaves unnamed requests to another") {
  Served served;
  const std::string second = served.repository.models_path() + "/digits/2";
  std::filesystem::create_directories(second);
  WriteFile(second + "/model.onnx", "no network");
  CHECK(Run(served.LoadCommand()).status == 1);
  CHECK(served.IsWell());
}

TEST_CASE("A version whose folder is gone goes with the next load") {
  Served served;
  const std::string models = served.repository.models_path() + "/digits/";
  std::filesystem::rename(models + "1", models + "2");
  const Ended load = Run(served.LoadCommand());
  INFO(load.err);
  CHECK(load.status == 0);
  const admin::StatusResponse status = AskStatus(&*served.client);
  REQUIRE(status.models_size() == 1);
  CHECK(status.models(0).version() == "2");
  CHECK(served.IsWell());
}

TEST_CASE("Who empties the cache takes nothing from what serves") {
  // Which would write what it has measured there.
  Served served({.flags = {"--measure-costs", "false"}});
  const auto layerctl = [&](const std::vector<std::string>& words) {
    std::vector<std::string> line{kLayerctl};
    line.insert(line.end(), words.begin(), words.end());
    line.insert(line.end(), {"--address", served.daemon->address()});
    const Ended ended = Run(line);
    INFO(ended.err);
    CHECK(ended.status == 0);
  };
  served.Replace(ReadFile(kDigitsOnnx));
  layerctl({"load", "digits"});

  std::filesystem::remove_all(served.repository.cache_path());

  CHECK(served.IsWell());
  layerctl({"budget", "--weights", "190KiB"});
  CHECK(served.IsWell());
  layerctl({"load", "digits"});  // Which has nothing to do.
  CHECK(served.IsWell());
  CHECK_FALSE(std::filesystem::exists(served.repository.cache_path()));
  layerctl({"unload", "digits"});
  layerctl({"load", "digits"});
  CHECK(served.IsWell());
  CHECK(std::filesystem::exists(served.repository.cache_path()));
}

TEST_CASE("No request fails while its model is replaced") {
  Served served;
  std::atomic<bool> over{false};
  std::atomic<int> right{0}, wrong{0};
  std::vector<std::thread> askers;
  for (int i = 0; i < 4; ++i) {
    askers.emplace_back([&] {
      WireClient client(served.daemon->address());
      for (size_t digit = 0; !over.load(); digit = (digit + 1) % kDigits) {
        const auto logits = AskDigit(&client, "digits", digit);
        const bool well = logits.ok() && Agrees(*logits, ExpectedLogits(digit));
        (well ? right : wrong) += 1;
      }
    });
  }
  for (int change = 0; change < 12; ++change) {
    // The same file of another time, in the place of the one that serves.
    const std::string path = served.repository.LayersPath("digits");
    WriteFile(path + ".new", DigitsLayers());
    std::filesystem::rename(path + ".new", path);
    const Ended load = Run(served.LoadCommand());
    INFO(load.err);
    CHECK(load.status == 0);
  }
  over.store(true);
  for (std::thread& asker : askers) asker.join();
  CHECK(right.load() > 0);
  CHECK(wrong.load() == 0);
}

}  // namespace
}  // namespace layerd
