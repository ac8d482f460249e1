// The writer and the reader of layer files, who must understand each other and
// nobody else.

#include <random>
#include <string>
#include <vector>

#include "config/status_macros.h"
#include "loader/store/forged_file.h"
#include "loader/store/layer_file_reader.h"
#include "loader/store/layer_file_writer.h"
#include "loader/store/page_buffer.h"
#include "test/catch/catch.h"
#include "test/scratch/memory_file.h"
#include "test/scratch/peak_memory.h"
#include "test/scratch/scratch_folder.h"

namespace layerd {
namespace {

constexpr uint32_t kTileBytes = 8 << 10;

void AddExtent(uint64_t stored_bytes, manifest::Manifest* manifest) {
  uint64_t offset_bytes = 0;
  if (manifest->extents_size() > 0) {
    const auto& last = *manifest->extents().rbegin();
    offset_bytes = last.offset_bytes() + last.stored_bytes();
  }
  manifest::Extent* extent = manifest->add_extents();
  extent->set_offset_bytes(offset_bytes);
  extent->set_stored_bytes(stored_bytes);
}

manifest::Part* AddPart(uint32_t layer, int64_t row_first,
                        manifest::Manifest* manifest) {
  manifest::Part* part = manifest->add_parts();
  part->set_layer(layer);
  part->set_row_first(row_first);
  part->set_row_count(4);
  return part;
}

// Everything the format can say about extents: two parts over rows share read
// 0, which is held while a part without weights runs between them; extent 0 is
// read twice; extent 2 is longer than two tiles.
manifest::Manifest EveryKindOfRead() {
  manifest::Manifest manifest;
  manifest.mutable_identity()->set_name("small");
  manifest.mutable_options()->add_shapes()->set_name("input");
  for (const char* name : {"conv", "relu", "fc", "tied"}) {
    manifest.add_layers()->set_name(name);
  }
  AddExtent(4 << 10, &manifest);
  AddExtent(16 << 10, &manifest);
  AddExtent(20 << 10, &manifest);
  for (const uint32_t extent : {0, 1, 0, 2}) manifest.add_reads(extent);
  AddPart(0, 0, &manifest)->set_read(0);
  AddPart(1, 0, &manifest);
  AddPart(0, 4, &manifest)->set_read(0);
  AddPart(2, 0, &manifest)->set_read(1);
  AddPart(3, 0, &manifest)->set_read(2);
  AddPart(2, 4, &manifest)->set_read(3);
  return manifest;
}

// What the writer is given for an extent: the last page is not full.
std::string Weights(const manifest::Extent& extent) {
  std::mt19937 random(static_cast<uint32_t>(extent.offset_bytes()));
  std::string bytes(extent.stored_bytes() - 100, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

absl::Status Write(const std::string& path,
                   const manifest::Manifest& manifest) {
  auto writer = LayerFileWriter::Create(path, manifest, kTileBytes);
  if (!writer.ok()) return writer.status();
  for (const manifest::Extent& extent : manifest.extents()) {
    const std::string weights = Weights(extent);
    RETURN_IF_ERROR((*writer)->AppendExtent(std::as_bytes(std::span(weights))));
  }
  return (*writer)->Commit();
}

std::string WrittenBytes() {
  const ScratchFolder folder;
  REQUIRE(Write(folder / "small.layers", EveryKindOfRead()).ok());
  return ReadFile(folder / "small.layers");
}

std::string ReadExtent(const LayerFileReader& file, size_t extent) {
  PageBuffer buffer(file.extents()[extent].stored_bytes);
  REQUIRE(file.ReadStream(file.extents()[extent].offset_bytes, buffer.bytes())
              .ok());
  return {reinterpret_cast<const char*>(buffer.bytes().data()),
          buffer.bytes().size()};
}

TEST_CASE("What was written is read: shared, held and twice-read extents") {
  const ScratchFolder folder;
  const std::string path = folder / "small.layers";
  const manifest::Manifest manifest = EveryKindOfRead();
  REQUIRE(Write(path, manifest).ok());

  const auto file = LayerFileReader::Open(path);

  REQUIRE(file.ok());
  CHECK((*file)->manifest().DebugString() == manifest.DebugString());
  CHECK((*file)->tiles().tile_count() == 1 + 2 + 3);
  CHECK((*file)->file_bytes() == (4 + 4 + 4 + 40) << 10);
  for (int i = 0; i < manifest.extents_size(); ++i) {
    std::string expected = Weights(manifest.extents(i));
    expected.resize(manifest.extents(i).stored_bytes());
    CHECK((ReadExtent(**file, i) == expected));
  }
  CHECK(VerifyLayerFile(path, nullptr).ok());
}

TEST_CASE("A file larger than any buffer between is read as written") {
  const ScratchFolder folder;
  const std::string path = folder / "large.layers";
  manifest::Manifest manifest;
  for (const uint64_t pages : {1, 300, 511, 512, 513, 2}) {
    AddExtent(pages * kPageBytes, &manifest);
  }
  REQUIRE(Write(path, manifest).ok());
  const auto file = LayerFileReader::Open(path);
  REQUIRE(file.ok());

  for (int i = 0; i < manifest.extents_size(); ++i) {
    INFO("extent " << i);
    std::string expected = Weights(manifest.extents(i));
    expected.resize(manifest.extents(i).stored_bytes());
    CHECK((ReadExtent(**file, i) == expected));
  }

  std::vector<uint64_t> heard;
  REQUIRE(VerifyLayerFile(path, [&heard](uint64_t done, uint64_t all) {
            heard.push_back(done);
            heard.push_back(all);
          }).ok());
  CHECK(heard.size() > 4);
  CHECK(heard[heard.size() - 2] == (*file)->file_bytes());
  CHECK(heard.back() == (*file)->file_bytes());
}

TEST_CASE("A model without weights is a file without a stream") {
  const ScratchFolder folder;
  const std::string path = folder / "relu.layers";
  manifest::Manifest manifest;
  manifest.add_layers()->set_name("relu");
  REQUIRE(Write(path, manifest).ok());

  const auto file = LayerFileReader::Open(path);

  REQUIRE(file.ok());
  CHECK((*file)->extents().empty());
  CHECK(VerifyLayerFile(path, nullptr).ok());
}

TEST_CASE("Same manifest and weights, same bytes") {
  // In parentheses: nobody wants to see the bytes.
  CHECK((WrittenBytes() == WrittenBytes()));
}

TEST_CASE("The writer follows the format's page, byte by byte") {
  const ScratchFolder folder;
  manifest::Manifest manifest;
  AddExtent(4 << 10, &manifest);
  AddExtent(12 << 10, &manifest);
  auto writer =
      LayerFileWriter::Create(folder / "zeros.layers", manifest, kTileBytes);
  REQUIRE(writer.ok());
  REQUIRE((*writer)->AppendExtent({}).ok());
  REQUIRE((*writer)->AppendExtent({}).ok());
  REQUIRE((*writer)->Commit().ok());

  CHECK((ReadFile(folder / "zeros.layers") ==
         ForgedFile::Of(manifest, kTileBytes).Bytes()));
}

TEST_CASE("Every flipped bit is DATA_LOSS") {
  const std::string sound = WrittenBytes();
  MemoryFile file;
  file.Replace(sound);
  REQUIRE(VerifyLayerFile(file.path(), nullptr).ok());
  const uint32_t seed = 20240607;
  INFO("seed " << seed);
  std::mt19937 random(seed);

  // One bit of every byte; all eight where magic, version and sizes are.
  size_t missed = 0;
  for (size_t at = 0; at < sound.size(); ++at) {
    const int bit_first = at < 64 ? 0 : static_cast<int>(random() % 8);
    const int bit_last = at < 64 ? 7 : bit_first;
    for (int bit = bit_first; bit <= bit_last; ++bit) {
      const char flipped = static_cast<char>(sound[at] ^ (1 << bit));
      file.Write(at, {&flipped, 1});
      const absl::Status status = VerifyLayerFile(file.path(), nullptr);
      if (!absl::IsDataLoss(status)) {
        ++missed;
        UNSCOPED_INFO("byte " << at << " bit " << bit << ": "
                              << status.ToString());
      }
    }
    file.Write(at, {&sound[at], 1});
  }
  CHECK(missed == 0);
}

TEST_CASE("Damage is named by tile, offset, extent and layer") {
  struct Row {
    uint64_t offset_bytes;  // Of the damage.
    const char* message;
  };
  const auto row = GENERATE(values<Row>({
      {4096 + 20, "manifest at offset 4096: crc32c is"},
      {8192 + 3, "tile table at offset 8192: crc32c is"},
      {12288 + 1, "layer \"conv\": tile 0 at offset 12288"},
      {16384 + 8192, "layer \"fc\": tile 2 at offset 24576"},
      {32768 + 20479, "layer \"fc\": tile 5 at offset 49152"},
  }));
  MemoryFile file;
  file.Replace(WrittenBytes());
  file.Write(row.offset_bytes, "!");

  const absl::Status status = VerifyLayerFile(file.path(), nullptr);

  REQUIRE(absl::IsDataLoss(status));
  CHECK_THAT(std::string(status.message()),
             Catch::Contains(file.path()) && Catch::Contains(row.message));
}

TEST_CASE("A file cut off anywhere, or too long, is DATA_LOSS") {
  const std::string sound = WrittenBytes();
  MemoryFile file;
  for (size_t bytes = 0; bytes <= sound.size() + kPageBytes; bytes += 2048) {
    for (const size_t file_bytes : {bytes, bytes + 1}) {
      if (file_bytes == sound.size()) continue;
      INFO("cut to " << file_bytes << " of " << sound.size());
      file.Replace(std::string_view(sound).substr(0, file_bytes), file_bytes);
      CHECK(absl::IsDataLoss(LayerFileReader::Open(file.path()).status()));
    }
  }
}

// Each row has right checksums, so only the field that it spoils is wrong.
TEST_CASE("A file with right checksums and unsound contents is refused") {
  struct Row {
    const char* name;
    void (*spoil)(ForgedFile*);
    const char* message;
  };
  const auto row = GENERATE(values<Row>({
      {"no protobuf", [](ForgedFile* f) { f->manifest.back() = '\xff'; },
       "no manifest"},
      {"extents that do not match",
       [](ForgedFile* f) { f->superblock.extent_count = 2; },
       "lists 3 extents, the superblock 2"},
      {"tiles that do not match",
       [](ForgedFile* f) {
         f->superblock.stream.tile_count = 5;
         f->tile_crc32c.pop_back();
       },
       "it has 5 tiles, but its 3 extents have 6"},
      {"tiles of an odd size",
       [](ForgedFile* f) { f->superblock.stream.tile_bytes = 8191; },
       "tiles of 8191 bytes"},
      {"padding", [](ForgedFile* f) { f->padding = 1; },
       "manifest at offset 4096: its padding is not zero"},
      {"stream off its place",
       [](ForgedFile* f) { f->superblock.stream.offset_bytes += kPageBytes; },
       "the tile table ends at 12288"},
  }));
  INFO(row.name);
  ForgedFile forged = ForgedFile::Of(EveryKindOfRead(), kTileBytes);
  MemoryFile file;
  file.Replace(forged.Bytes());
  REQUIRE(VerifyLayerFile(file.path(), nullptr).ok());
  row.spoil(&forged);
  file.Replace(forged.Bytes());

  const absl::Status status = LayerFileReader::Open(file.path()).status();

  REQUIRE(absl::IsDataLoss(status));
  CHECK_THAT(std::string(status.message()), Catch::Contains(row.message));
}

TEST_CASE("Extents that overlap are refused with right checksums, too") {
  manifest::Manifest manifest = EveryKindOfRead();
  manifest.mutable_extents(1)->set_offset_bytes(0);
  MemoryFile file;
  file.Replace(ForgedFile::Of(manifest, kTileBytes).Bytes());

  const absl::Status status = LayerFileReader::Open(file.path()).status();

  REQUIRE(absl::IsDataLoss(status));
  CHECK_THAT(std::string(status.message()),
             Catch::Contains("extent 1: it begins at offset 0"));
}

// Field 15 is nobody's: groups in it that begin, and end, inside each other.
TEST_CASE("A manifest that nests deeper than any of ours is refused") {
  const int depth = GENERATE(20, 1500);
  ForgedFile forged = ForgedFile::Of(manifest::Manifest(), kTileBytes);
  forged.manifest = std::string(depth, '\x7b') + std::string(depth, '\x7c');
  forged.superblock.manifest_bytes = forged.manifest.size();
  forged.superblock.stream.offset_bytes = 2 * kPageBytes;
  MemoryFile file;
  file.Replace(forged.Bytes());

  const absl::Status status = LayerFileReader::Open(file.path()).status();

  REQUIRE(absl::IsDataLoss(status));
  CHECK_THAT(std::string(status.message()), Catch::Contains("no manifest"));
}

// A field of Protobuf whose length is known.
std::string Field(char tag, const std::string& bytes) {
  std::string field(1, tag);
  size_t size = bytes.size();
  for (; size >= 128; size /= 128) field += static_cast<char>(size % 128 + 128);
  return field + static_cast<char>(size) + bytes;
}

std::string Repeated(const std::string& piece, size_t bytes) {
  std::string all;
  all.reserve(bytes + piece.size());
  while (all.size() < bytes) all += piece;
  return all;
}

// Fields that are short in the file and long in memory: the parser would make
// several hundred MiB of each of these.
TEST_CASE("A manifest that would take much memory is refused without it") {
  constexpr size_t kMiB = 1 << 20;
  constexpr char kParts = 0x52, kWeights = 0x3a, kTensors = 0x2a, kShape = 0x1a;
  struct Row {
    const char* name;
    std::string manifest;
  };
  const Row row = GENERATE_COPY(
      Row{"empty parts", Repeated(Field(kParts, ""), 12 * kMiB)},
      Row{"parts of empty weights",
          Repeated(Field(kParts, Repeated(Field(kWeights, ""), 8)), 12 * kMiB)},
      Row{"a shape without end",
          Field(kTensors, Field(kShape, std::string(40 * kMiB, 1)))},
      Row{"fields that nobody knows", Repeated("\x78\x01", 20 * kMiB)},
      Row{"numbers for messages", Repeated("\x08\x01", 20 * kMiB)});
  INFO(row.name);
  ForgedFile forged = ForgedFile::Of(manifest::Manifest(), kTileBytes);
  forged.manifest = row.manifest;
  forged.superblock.manifest_bytes = forged.manifest.size();
  forged.superblock.stream.offset_bytes =
      kPageBytes + RoundUpToPage(forged.manifest.size());
  MemoryFile file;
  file.Replace(forged.Bytes());
  const uint64_t before = PeakMemoryBytes();

  const absl::Status status = LayerFileReader::Open(file.path()).status();

  CHECK(absl::IsInvalidArgument(status));
  CHECK_THAT(std::string(status.message()),
             Catch::StartsWith(file.path()) &&
                 Catch::Contains("bytes of memory allowed"));
  CHECK(PeakMemoryBytes() - before < 200 * kMiB);
}

TEST_CASE("What is no layer file of ours is refused by its kind") {
  const ScratchFolder folder;
  ForgedFile newer = ForgedFile::Of(EveryKindOfRead(), kTileBytes);
  newer.superblock.version = 2;
  WriteFile(folder / "newer", newer.Bytes());
  WriteFile(folder / "empty", "");
  WriteFile(folder / "foreign", std::string(100'000, 'x'));
  WriteFile(folder / "short", "PK");
  struct Row {
    std::string path;
    absl::StatusCode code;
  };
  for (const Row& row : std::vector<Row>{
           {folder / "newer", absl::StatusCode::kFailedPrecondition},
           {folder / "empty", absl::StatusCode::kDataLoss},
           {folder / "foreign", absl::StatusCode::kInvalidArgument},
           {folder / "short", absl::StatusCode::kInvalidArgument},
           {folder / "none", absl::StatusCode::kNotFound},
           {folder.path(), absl::StatusCode::kInvalidArgument},
       }) {
    INFO(row.path);
    const absl::Status status = LayerFileReader::Open(row.path).status();
    CHECK(status.code() == row.code);
    CHECK_THAT(std::string(status.message()), Catch::StartsWith(row.path));
  }
}

TEST_CASE("A name that no reader would take is refused when writing") {
  const ScratchFolder folder;
  manifest::Manifest manifest;
  manifest.add_layers()->set_name("\xff\xfe");

  CHECK(absl::IsInvalidArgument(Write(folder / "odd.layers", manifest)));
  CHECK(folder.Names().empty());
}

TEST_CASE("A writer that gives up leaves the old file and nothing else") {
  const ScratchFolder folder;
  WriteFile(folder / "small.layers", "old");
  {
    auto writer = LayerFileWriter::Create(folder / "small.layers",
                                          EveryKindOfRead(), kTileBytes);
    REQUIRE(writer.ok());
    REQUIRE((*writer)->AppendExtent({}).ok());
  }
  CHECK(ReadFile(folder / "small.layers") == "old");
  CHECK(folder.Names() == std::vector<std::string>{"small.layers"});
}

}  // namespace
}  // namespace layerd
