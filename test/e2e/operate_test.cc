// An operator at work: budgets, loading and unloading while layerd runs.
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <memory>
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

namespace layerd {
namespace {

constexpr int kChanges = 12;

struct Served : ServedDigits {
  using ServedDigits::ServedDigits;

  Ended Layerctl(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), kLayerctl);
    arguments.insert(arguments.end(), {"--address", daemon->address()});
    return Run(arguments);
  }
};

std::string WordAfter(const std::string& json, const std::string& key) {
  const std::string quoted = "\"" + key + "\": ";
  const size_t found = json.find(quoted);
  INFO(key << " in " << json);
  REQUIRE(found != std::string::npos);
  const size_t begin = found + quoted.size();
  return json.substr(begin, json.find_first_of(",\n}", begin) - begin);
}

// It is stopped, and answers all of them once it goes on.
TEST_CASE("Who waits for layerd is told what for") {
  struct Row {
    std::vector<std::string> arguments;
    const char* words;
  };
  const std::vector<Row> rows = {
      {{"budget"}, "one after the other, beside its requests"},
      {{"budget", "--weights", "64MiB"}, "layerd plans its memory anew"},
      {{"load", "digits"}, "packs, loads and unloads models"},
      {{"unload", "digits"}, "packs, loads and unloads models"}};
  Served served;
  served.daemon->program().Signal(SIGSTOP);
  std::vector<std::unique_ptr<Program>> waiting;
  for (const Row& row : rows) {
    std::vector<std::string> command{kLayerctl};
    command.insert(command.end(), row.arguments.begin(), row.arguments.end());
    command.insert(command.end(), {"--address", served.daemon->address()});
    waiting.push_back(std::make_unique<Program>(command));
  }

  for (size_t i = 0; i < rows.size(); ++i) {
    while (waiting[i]->Err().empty()) std::this_thread::yield();
    CHECK_THAT(waiting[i]->Err(), Catch::Contains("still waiting: ") &&
                                      Catch::Contains(rows[i].words));
  }
  served.daemon->program().Signal(SIGCONT);
  for (const auto& program : waiting) CHECK(program->Wait().status == 0);
}

TEST_CASE("budget tells what memory is spent on") {
  Served served;
  const Ended text = served.Layerctl({"budget"});
  CHECK(text.status == 0);
  CHECK_THAT(text.out, Catch::Contains("digits/1") &&
                           Catch::Contains("1 MiB more saves"));
  const Ended json = served.Layerctl({"budget", "--json"});
  CHECK(json.status == 0);
  CHECK(WordAfter(json.out, "memory_budget_bytes") == "null");
  CHECK(WordAfter(json.out, "ring_bytes") == "0");
}

TEST_CASE("What budget sums up has what decoding takes") {
  TestRepository repository;
  AddNarrowDigits(&repository);
  DaemonProcess daemon(repository);
  REQUIRE(daemon.WaitUntilReady());
  const Ended budget =
      Run({kLayerctl, "budget", "--json", "--address", daemon.address()});
  REQUIRE(budget.status == 0);
  const auto bytes = [&](const char* key) {
    return std::stoul(WordAfter(budget.out, key));
  };
  CHECK(bytes("decode_bytes") > 0);
  CHECK(bytes("total_bytes") ==
        bytes("ring_bytes") + bytes("head_bytes") + bytes("decode_bytes") +
            bytes("table_bytes") + bytes("arena_bytes"));
}

TEST_CASE("A layer file for other kernels is laid out for these, once") {
  TestRepository repository;
  REQUIRE(Run({kLayerctl, "pack", kDigitsOnnx, "-o",
               repository.LayersPath("digits"), "--kernels", "cuda"})
              .status == 0);
  for (const char* log : {"repacking model.layers", "READY"}) {
    DaemonProcess daemon(repository);
    REQUIRE(daemon.WaitUntilReady());
    WireClient client(daemon.address());
    const auto logits = AskDigit(&client, "digits", 1);
    REQUIRE(logits.ok());
    CHECK(Agrees(*logits, ExpectedLogits(1)));
    const bool repacks =
        daemon.program().Err().find("repacking") != std::string::npos;
    CHECK(repacks == (log == std::string("repacking model.layers")));
  }
}

TEST_CASE("A cache with a bound keeps what serves, and not what did") {
  TestRepository repository;
  const auto packed = [&] {
    const std::filesystem::directory_iterator folder(repository.cache_path());
    return std::count_if(begin(folder), end(folder), [](const auto& entry) {
      return entry.path().extension() == ".layers";
    });
  };
  const auto serve = [&](const DaemonOptions& options) {
    repository.AddOnnx("digits", ReadFile(kDigitsOnnx));  // Of another time.
    DaemonProcess daemon(repository, options);
    REQUIRE(daemon.WaitUntilReady());
    WireClient client(daemon.address());
    CHECK(AskDigit(&client, "digits", 1).ok());
  };
  serve({});
  serve({});
  CHECK(packed() == 2);
  serve({.flags = {"--cache-max-bytes", "4KiB"}});
  CHECK(packed() == 1);
}

TEST_CASE("A budget too small is refused with the least that would do") {
  Served served;
  const Ended refused = served.Layerctl({"budget", "4096", "--json"});
  CHECK(refused.status == 1);
  const std::string least = WordAfter(refused.out, "minimum_budget_bytes");
  CHECK(served.Layerctl({"budget", least}).status == 0);
  CHECK(AskDigit(&*served.client, "digits", 1).ok());
  CHECK(served.Layerctl({"budget", "lots"}).status == 2);
}

TEST_CASE("Who loads a model hears by the code why that was not done") {
  Served served;
  const auto load = [&](const std::string& name) {
    const Ended ended = served.Layerctl({"load", name, "--json"});
    CHECK(ended.status == 1);
    return ended.out;
  };
  std::string damaged = DigitsLayers();
  damaged[40] ^= 1;  // Of the superblock.
  served.repository.AddLayers("damaged", damaged);
  CHECK(WordAfter(load("damaged"), "code") == "\"DATA_LOSS\"");
  served.repository.AddOnnx("none", "no model");
  CHECK(WordAfter(load("none"), "code") == "\"UNAVAILABLE\"");

  // One more needs more of both budgets, at a level of its own.
  const std::string tight =
      WordAfter(served.Layerctl({"budget", "4096", "--json"}).out,
                "minimum_budget_bytes");
  REQUIRE(served.Layerctl({"budget", tight}).status == 0);
  served.repository.AddLayers("more", DigitsLayers());
  served.repository.Configure("more", "priority: 1\n");
  const std::string refused = load("more");
  CHECK(WordAfter(refused, "code") == "\"RESOURCE_EXHAUSTED\"");
  const std::string least = WordAfter(refused, "minimum_budget_bytes");
  CHECK(absl::IsUnavailable(AskDigit(&*served.client, "more", 1).status()));
  REQUIRE(served.Layerctl({"budget", least}).status == 0);
  CHECK(served.Layerctl({"load", "more"}).status == 0);
  CHECK(AskDigit(&*served.client, "more", 1).ok());
}

TEST_CASE("Budgets change while requests come, and none fails") {
  Served served;
  const Ended tight =
      served.Layerctl({"budget", "--weights", "4096", "--json"});
  const std::string least = WordAfter(tight.out, "minimum_budget_bytes");
  std::atomic<bool> over{false};
  std::atomic<int> right{0}, wrong{0};
  std::thread asker([&] {
    WireClient client(served.daemon->address());
    for (size_t digit = 0; !over.load(); digit = (digit + 1) % kDigits) {
      const auto logits = AskDigit(&client, "digits", digit);
      const bool well = logits.ok() && Agrees(*logits, ExpectedLogits(digit));
      (well ? right : wrong) += 1;
    }
  });
  for (int change = 0; change < kChanges; ++change) {
    const std::string size = change % 2 == 0 ? least : "all";
    CHECK(served.Layerctl({"budget", "--weights", size}).status == 0);
  }
  over.store(true);
  asker.join();
  CHECK(right.load() > 0);
  CHECK(wrong.load() == 0);
}

TEST_CASE("A model goes and comes again") {
  Served served;
  CHECK(served.Layerctl({"unload", "digits"}).status == 0);
  CHECK(absl::IsUnavailable(AskDigit(&*served.client, "digits", 1).status()));
  CHECK(served.Layerctl({"load", "digits"}).status == 0);
  CHECK(AskDigit(&*served.client, "digits", 1).ok());

  served.repository.AddLayers("later", DigitsLayers());
  CHECK(served.Layerctl({"load", "later", "--json"}).status == 0);
  CHECK(AskDigit(&*served.client, "later", 2).ok());

  const Ended nobody = served.Layerctl({"load", "nobody"});
  CHECK(nobody.status == 1);
  CHECK_THAT(nobody.err, Catch::Contains("no model 'nobody'"));
  CHECK(served.Layerctl({"unload", "nobody"}).status == 1);
}

TEST_CASE("Without a version the highest that is loaded answers") {
  Served served;
  namespace fs = std::filesystem;
  const fs::path model = fs::path(served.repository.models_path()) / "digits";
  const auto answered_by = [&] {
    const auto answer = Infer(&*served.client, DigitRequest("digits", 1));
    REQUIRE(answer.ok());
    return answer->model_version();
  };
  const auto versions_listed = [&] {
    inference::ModelMetadataRequest request;
    request.set_name("digits");
    const auto bytes =
        served.client->Ask("/inference.GRPCInferenceService/ModelMetadata",
                           request.SerializeAsString());
    REQUIRE(bytes.ok());
    inference::ModelMetadataResponse response;
    REQUIRE(response.ParseFromString(*bytes));
    return response.versions_size();
  };

  fs::create_directory(model / "2");
  WriteFile(model / "2" / "model.onnx", "no model");
  CHECK(served.Layerctl({"load", "digits"}).status == 1);
  CHECK(answered_by() == "1");
  CHECK(versions_listed() == 1);

  fs::remove(model / "2" / "model.onnx");
  fs::copy_file(model / "1" / "model.layers", model / "2" / "model.layers");
  CHECK(served.Layerctl({"load", "digits"}).status == 0);
  CHECK(answered_by() == "2");
  CHECK(versions_listed() == 2);
}

TEST_CASE("stats counts what was answered, and what was refused") {
  Served served;
  for (size_t digit = 0; digit < 5; ++digit) {
    REQUIRE(AskDigit(&*served.client, "digits", digit).ok());
  }
  CHECK(!Infer(&*served.client, RawRequest("digits", "image", {1}, {})).ok());
  const Ended stats = served.Layerctl({"stats", "digits", "--json"});
  REQUIRE(stats.status == 0);
  CHECK(WordAfter(stats.out, "successes") == "5");
  CHECK(WordAfter(stats.out, "failures") == "1");
  CHECK(std::stod(WordAfter(stats.out, "mean_infer_ms")) > 0);
  CHECK(served.Layerctl({"stats", "nobody"}).status == 1);
}

TEST_CASE("Who asks for a model that cannot serve is counted with it") {
  Served served;
  REQUIRE(served.Layerctl({"unload", "digits"}).status == 0);
  for (const char* version : {"", "1", "9"}) {
    inference::ModelInferRequest request = DigitRequest("digits", 0);
    request.set_model_version(version);
    CHECK(!Infer(&*served.client, request).ok());
  }
  const Ended stats = served.Layerctl({"stats", "digits", "--json"});
  REQUIRE(stats.status == 0);
  CHECK(WordAfter(stats.out, "failures") == "2");  // There is no version 9.
}

TEST_CASE("watch tells of each version what it answered, and what it did not") {
  // Whose runs would count as well.
  Served served({.flags = {"--measure-costs", "false"}});
  namespace fs = std::filesystem;
  const fs::path model = fs::path(served.repository.models_path()) / "digits";
  fs::create_directory(model / "2");
  fs::copy_file(model / "1" / "model.layers", model / "2" / "model.layers");
  REQUIRE(served.Layerctl({"load", "digits"}).status == 0);
  for (const char* version : {"1", "2", "2"}) {
    inference::ModelInferRequest request = DigitRequest("digits", 0);
    request.set_model_version(version);
    REQUIRE(Infer(&*served.client, request).ok());
  }
  CHECK(!Infer(&*served.client, RawRequest("digits", "image", {1}, {})).ok());

  std::string first, second = "\"failed\": 0\n";
  // A refusal may be traced when its client has heard it.
  for (int i = 0; i < 100 && WordAfter(second, "failed") == "0"; ++i) {
    const Ended watch = served.Layerctl({"watch", "--count", "1", "--json"});
    REQUIRE(watch.status == 0);
    const size_t end_of_first = watch.out.find('}');
    first = watch.out.substr(0, end_of_first);
    second = watch.out.substr(end_of_first);
  }
  CHECK(WordAfter(first, "version") == "\"1\"");
  CHECK(WordAfter(first, "answered") == "1");
  CHECK(WordAfter(first, "failed") == "0");
  CHECK(WordAfter(second, "answered") == "2");
  CHECK(WordAfter(second, "failed") == "1");
}

TEST_CASE("An idle daemon measures what its models cost, once for all") {
  Served served;
  const auto measured = [&] {
    return WordAfter(served.Layerctl({"budget", "--json"}).out,
                     "costs_measured") == "true";
  };
  while (!measured()) std::this_thread::yield();
  CHECK(AskDigit(&*served.client, "digits", 1).ok());

  served.client.reset();
  served.daemon.reset();
  served.daemon.emplace(served.repository);
  REQUIRE(served.daemon->WaitUntilReady());
  CHECK(measured());
}

TEST_CASE("What models cost is measured again when that is asked for") {
  Served served;
  namespace fs = std::filesystem;
  const auto profile = [&]() -> std::string {
    std::error_code not_there_yet;
    for (const auto& entry : fs::directory_iterator(
             served.repository.cache_path(), not_there_yet)) {
      const std::string path = entry.path();
      if (path.ends_with(".costs.json")) return path;
    }
    return "";
  };
  while (profile().empty()) std::this_thread::yield();
  const std::string path = profile();
  WriteFile(path, "of another machine");

  CHECK(served.Layerctl({"measure", "nobody"}).status == 1);
  CHECK(served.Layerctl({"measure", "digits"}).status == 0);
  while (ReadFile(path) == "of another machine") std::this_thread::yield();
  CHECK_THAT(ReadFile(path), Catch::StartsWith("{"));
  CHECK(AskDigit(&*served.client, "digits", 1).ok());
}

}  // namespace
}  // namespace layerd
