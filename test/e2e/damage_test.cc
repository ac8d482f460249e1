#include <fcntl.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <random>

#include "loader/store/layer_file_reader.h"
#include "loader/store/superblock.h"
#include "test/catch/catch.h"
#include "test/e2e/conversation.h"
#include "test/e2e/daemon_process.h"
#include "test/e2e/digits.h"

namespace layerd {
namespace {

DaemonOptions WithBudget(const std::string& weight_budget) {
  return {.flags = {"--weight-budget", weight_budget}};
}

// Streams, so that weights are read at each request.
const DaemonOptions kStreaming = WithBudget("256KiB");

std::string Flipped(std::string bytes, uint64_t offset, int bit = 0) {
  bytes[offset] = static_cast<char>(bytes[offset] ^ (1 << bit));
  return bytes;
}

void FlipInPlace(const std::string& path, uint64_t offset) {
  const char damaged = Flipped(ReadFile(path), offset)[offset];
  const UniqueFd file(open(path.c_str(), O_WRONLY));
  REQUIRE(pwrite(file.get(), &damaged, 1, static_cast<off_t>(offset)) == 1);
  REQUIRE(fsync(file.get()) == 0);
}

std::string OnlyLayerFileIn(const std::string& folder) {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".layers") paths.push_back(entry.path());
  }
  REQUIRE(paths.size() == 1);
  return paths.front();
}

Superblock SuperblockOf(const std::string& bytes) {
  Superblock superblock;
  std::memcpy(&superblock, bytes.data(), sizeof(superblock));
  return superblock;
}

std::string OfNewerVersion(std::string bytes) {
  Superblock superblock = SuperblockOf(bytes);
  superblock.version = kFormatVersion + 1;
  superblock.crc32c = SuperblockCrc32c(superblock);
  std::memcpy(bytes.data(), &superblock, sizeof(superblock));
  return bytes;
}

// Where the tiles of a layer file lie.
struct Tiles {
  explicit Tiles(const std::string& bytes) {
    WriteFile(folder / "file", bytes);
    auto opened = LayerFileReader::Open(folder / "file");
    REQUIRE(opened.ok());
    reader = *std::move(opened);
  }
  size_t count() const { return reader->tiles().tile_count(); }
  uint64_t OffsetInFile(size_t tile) const {
    return reader->stream().offset_bytes + reader->tiles().offset_bytes(tile);
  }
  ScratchFolder folder;
  std::unique_ptr<LayerFileReader> reader;
};

TEST_CASE("A file that cannot be opened is refused with its reason, alone") {
  const std::string& good = DigitsLayers();
  const Superblock superblock = SuperblockOf(good);
  const uint64_t manifest = superblock.manifest_offset_bytes();
  const uint64_t table = superblock.tile_table_offset_bytes();
  struct Row {
    const char* name;
    std::string bytes;
    const char* reason;
  };
  const std::vector<Row> rows = {
      {"superblock", Flipped(good, 40), "superblock"},
      {"unused", Flipped(good, 2000), "superblock"},
      {"magic", Flipped(good, 0), "magic is damaged"},
      {"manifest", Flipped(good, manifest + 100), "manifest"},
      {"table", Flipped(good, table + 4), "tile table"},
      {"padding", Flipped(good, superblock.stream.offset_bytes - 1),
       "tile table"},
      {"half", good.substr(0, good.size() / 2), "truncated"},
      {"short", good.substr(0, good.size() - 1), "truncated"},
      {"stub", good.substr(0, 100), "truncated"},
      {"long", good + '\0', "follow the stream"},
      {"empty", "", "the file is empty"},
      {"foreign", std::string(8192, 'G'), "no layer file"},
      {"newer", OfNewerVersion(good), "newer than this layerd"},
  };
  TestRepository repository;
  for (const Row& row : rows) repository.AddLayers(row.name, row.bytes);
  repository.AddLayers("good", good);
  DaemonProcess daemon(repository, kStreaming);
  REQUIRE(daemon.WaitUntilReady());
  WireClient client(daemon.address());

  for (const Row& row : rows) {
    INFO(row.name);
    const auto answer = AskDigit(&client, row.name, 0);
    CHECK(absl::IsUnavailable(answer.status()));
    CHECK_THAT(std::string(answer.status().message()),
               Catch::Contains(row.reason) &&
                   !Catch::Contains(repository.models_path()));
    const admin::ModelStatus status = AskStatusOf(&client, row.name);
    CHECK(status.state() == "UNAVAILABLE");
    CHECK_THAT(status.reason(), Catch::Contains(row.reason));
  }
  const auto answer = AskDigit(&client, "good", 0);
  REQUIRE(answer.ok());
  CHECK(Agrees(*answer, ExpectedLogits(0)));
}

TEST_CASE("A damaged tile fails the request that needs it, and its model") {
  const Tiles tiles(DigitsLayers());
  const size_t last = tiles.count() - 1;
  const std::string budget = GENERATE("256KiB", "all");
  const size_t tile = GENERATE_COPY(size_t{0}, last / 2, last);
  INFO("budget " << budget << ", tile " << tile);
  TestRepository repository;
  repository.AddLayers("bad",
                       Flipped(DigitsLayers(), tiles.OffsetInFile(tile), 3));
  repository.AddLayers("good", DigitsLayers());
  DaemonProcess daemon(repository, WithBudget(budget));
  REQUIRE(daemon.WaitUntilReady());
  WireClient client(daemon.address());
  const auto check_words = [tile](const auto& text) {
    CHECK_THAT(std::string(text),
               Catch::Contains("tile " + std::to_string(tile) + " at") &&
                   Catch::Contains("layer \""));
  };

  const auto affected = AskDigit(&client, "bad", 0);
  CHECK(absl::IsDataLoss(affected.status()));
  check_words(affected.status().message());

  const auto later = AskDigit(&client, "bad", 1);
  CHECK(absl::IsUnavailable(later.status()));
  check_words(later.status().message());
  const admin::ModelStatus status = AskStatusOf(&client, "bad");
  CHECK(status.state() == "UNAVAILABLE");
  check_words(status.reason());
  CHECK(AskStatus(&client).loading().checksum_errors() > 0);

  for (size_t digit = 0; digit < 10; ++digit) {
    const auto answer = AskDigit(&client, "good", digit);
    REQUIRE(answer.ok());
    CHECK(Agrees(*answer, ExpectedLogits(digit)));
  }
  CHECK(daemon.program().Number("status", "Pid") > 0);
}

TEST_CASE("A bit that flips while the model serves is found") {
  const Tiles tiles(DigitsLayers());
  TestRepository repository;
  repository.AddLayers("digits", DigitsLayers());
  DaemonProcess daemon(repository, kStreaming);
  REQUIRE(daemon.WaitUntilReady());
  WireClient client(daemon.address());
  REQUIRE(AskDigit(&client, "digits", 0).ok());

  FlipInPlace(repository.LayersPath("digits"),
              tiles.OffsetInFile(tiles.count() / 2));

  CHECK(absl::IsDataLoss(AskDigit(&client, "digits", 0).status()));
  CHECK(absl::IsUnavailable(AskDigit(&client, "digits", 0).status()));
}

TEST_CASE("Beside its ONNX file a damaged layer file is packed again") {
  TestRepository repository;
  repository.AddLayers("digits", Flipped(DigitsLayers(), 5000));
  repository.AddOnnx("digits", ReadFile(kDigitsOnnx));
  DaemonProcess daemon(repository);
  REQUIRE(daemon.WaitUntilReady());
  WireClient client(daemon.address());

  const auto answer = AskDigit(&client, "digits", 0);
  INFO(answer.status());
  REQUIRE(answer.ok());
  CHECK(Agrees(*answer, ExpectedLogits(0)));
}

void CheckAnswers(WireClient* client) {
  const auto answer = AskDigit(client, "digits", 0);
  INFO(answer.status());
  REQUIRE(answer.ok());
  CHECK(Agrees(*answer, ExpectedLogits(0)));
}

// In the cache, while it serves; a request comes upon it.
void DamageCachedFile(const TestRepository& repository, WireClient* client) {
  const Tiles tiles(DigitsLayers());
  REQUIRE(AskDigit(client, "digits", 0).ok());
  FlipInPlace(OnlyLayerFileIn(repository.cache_path()),
              tiles.OffsetInFile(tiles.count() / 2));
  REQUIRE(absl::IsDataLoss(AskDigit(client, "digits", 0).status()));
}

TEST_CASE("Loading a model whose cached file was damaged packs it again") {
  const std::string way =
      GENERATE("as it is", "unloaded before", "as more urgent");
  INFO(way);
  TestRepository repository;
  repository.AddOnnx("digits", ReadFile(kDigitsOnnx));
  DaemonProcess daemon(repository, kStreaming);
  REQUIRE(daemon.WaitUntilReady());
  WireClient client(daemon.address());
  DamageCachedFile(repository, &client);

  const auto layerctl = [&](const char* command) {
    return Run({kLayerctl, command, "digits", "--address", daemon.address()})
        .status;
  };
  if (way == "unloaded before") REQUIRE(layerctl("unload") == 0);
  if (way == "as more urgent") repository.Configure("digits", "priority: 1\n");
  REQUIRE(layerctl("load") == 0);
  CheckAnswers(&client);
}

TEST_CASE("What was found damaged in the cache is packed again by a restart") {
  const bool unloaded = GENERATE(false, true);
  INFO((unloaded ? "unloaded before" : "as it is"));
  TestRepository repository;
  repository.AddOnnx("digits", ReadFile(kDigitsOnnx));
  {
    DaemonProcess daemon(repository, kStreaming);
    REQUIRE(daemon.WaitUntilReady());
    WireClient client(daemon.address());
    DamageCachedFile(repository, &client);
    if (unloaded) {
      REQUIRE(
          Run({kLayerctl, "unload", "digits", "--address", daemon.address()})
              .status == 0);
    }
  }
  DaemonProcess daemon(repository, kStreaming);
  REQUIRE(daemon.WaitUntilReady());
  WireClient client(daemon.address());
  CheckAnswers(&client);
}

// Sixty bits all over the file: header, weights and the zeros between.
TEST_CASE("No flipped bit leads to an answer") {
  const uint32_t seed = std::random_device()();
  INFO("seed " << seed);
  std::mt19937 random(seed);
  const size_t models = 60;
  const size_t stride = DigitsLayers().size() / models;
  TestRepository repository;
  for (size_t i = 0; i < models; ++i) {
    repository.AddLayers("m" + std::to_string(i),
                         Flipped(DigitsLayers(), i * stride + random() % stride,
                                 static_cast<int>(random() % 8)));
  }
  repository.AddLayers("good", DigitsLayers());
  DaemonProcess daemon(repository, kStreaming);
  REQUIRE(daemon.WaitUntilReady());
  WireClient client(daemon.address());

  for (size_t i = 0; i < models; ++i) {
    const std::string name = "m" + std::to_string(i);
    const absl::Status status = AskDigit(&client, name, 0).status();
    INFO(name << ": " << status);
    CHECK((absl::IsDataLoss(status) || absl::IsUnavailable(status)));
    CHECK(AskStatusOf(&client, name).state() == "UNAVAILABLE");
    CHECK(AskStatusOf(&client, name).reason() != "");
  }
  CHECK(AskDigit(&client, "good", 0).ok());
}

}  // namespace
}  // namespace layerd
