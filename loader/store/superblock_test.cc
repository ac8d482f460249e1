#include "loader/store/superblock.h"

#include <string>

#include "test/catch/catch.h"

namespace layerd {
namespace {

constexpr uint64_t kFileBytes = 5 * kPageBytes;

// Two pages of stream behind one of manifest and one of tile table.
Superblock Sound() {
  Superblock superblock = NewSuperblock();
  superblock.extent_count = 1;
  superblock.manifest_bytes = 100;
  superblock.stream = {3 * kPageBytes, 2 * kPageBytes, 4096, 2};
  return superblock;
}

absl::StatusOr<Superblock> Parse(const Superblock& superblock,
                                 uint64_t file_bytes = kFileBytes) {
  return ParseSuperblock(std::as_bytes(std::span(&superblock, 1)), file_bytes);
}

Superblock Sealed(Superblock superblock) {
  superblock.crc32c = SuperblockCrc32c(superblock);
  return superblock;
}

TEST_CASE("A sound superblock comes back as it was") {
  const auto parsed = Parse(Sealed(Sound()));

  REQUIRE(parsed.ok());
  CHECK(parsed->extent_count == 1);
  CHECK(parsed->manifest_bytes == 100);
  CHECK(parsed->manifest_offset_bytes() == kPageBytes);
  CHECK(parsed->tile_table_offset_bytes() == 2 * kPageBytes);
  CHECK(parsed->tile_table_bytes() == 8);
  CHECK(parsed->file_bytes() == kFileBytes);
}

TEST_CASE("A superblock with right checksum and wrong fields is refused") {
  struct Row {
    const char* name;
    void (*spoil)(Superblock*);
    absl::StatusCode code;
    const char* message;
  };
  constexpr auto kDataLoss = absl::StatusCode::kDataLoss;
  const auto row = GENERATE(values<Row>({
      {"newer", [](Superblock* s) { s->version = 2; },
       absl::StatusCode::kFailedPrecondition, "version 2 is newer"},
      {"version 0", [](Superblock* s) { s->version = 0; }, kDataLoss,
       "no format version 0"},
      {"manifest too large",
       [](Superblock* s) { s->manifest_bytes = kManifestBytesMax + 1; },
       kDataLoss, "67108865 bytes of manifest"},
      {"manifest overflows", [](Superblock* s) { s->manifest_bytes = ~0ull; },
       kDataLoss, "bytes of manifest"},
      {"too many extents",
       [](Superblock* s) { s->extent_count = kExtentCountMax + 1; }, kDataLoss,
       "1048577 extents"},
      {"too many tiles", [](Superblock* s) { s->stream.tile_count = ~0u; },
       kDataLoss, "4294967295 tiles"},
      {"stream overflows",
       [](Superblock* s) { s->stream.stored_bytes = ~0ull - 4095; }, kDataLoss,
       "bytes of stream"},
      {"stream in the table",
       [](Superblock* s) { s->stream.offset_bytes -= kPageBytes; }, kDataLoss,
       "begins at offset 8192"},
      {"manifest longer",
       [](Superblock* s) { s->manifest_bytes = kPageBytes + 1; }, kDataLoss,
       "tile table ends at 16384"},
      {"stream longer", [](Superblock* s) { s->stream.stored_bytes += 4096; },
       kDataLoss, "truncated: 20480 of 24576 bytes"},
      {"stream shorter", [](Superblock* s) { s->stream.stored_bytes -= 4096; },
       kDataLoss, "4096 bytes follow the stream"},
      {"unused byte", [](Superblock* s) { s->zeros[7] = std::byte{1}; },
       kDataLoss, "not zero"},
  }));
  INFO(row.name);
  Superblock superblock = Sound();
  row.spoil(&superblock);

  const auto parsed = Parse(Sealed(superblock));

  CHECK(parsed.status().code() == row.code);
  CHECK_THAT(std::string(parsed.status().message()),
             Catch::Contains(row.message));
}

TEST_CASE("A damaged magic is damage, and another magic is another file") {
  Superblock damaged = Sealed(Sound());
  damaged.magic[2] ^= 4;
  Superblock foreign{};
  foreign.magic = {'\x7f', 'E', 'L', 'F'};

  CHECK(absl::IsDataLoss(Parse(damaged).status()));
  CHECK(absl::IsInvalidArgument(Parse(foreign).status()));
}

TEST_CASE("A damaged version is damage, and no newer version") {
  Superblock damaged = Sealed(Sound());
  damaged.version = 3;

  CHECK(absl::IsDataLoss(Parse(damaged).status()));
}

TEST_CASE("A file of less than a page is refused by what it begins with") {
  struct Row {
    std::string bytes;
    absl::StatusCode code;
    const char* message;
  };
  const auto row = GENERATE(values<Row>({
      {"", absl::StatusCode::kDataLoss, "empty"},
      {"lay", absl::StatusCode::kDataLoss, "truncated: 3 bytes"},
      {"layerd\r\n....", absl::StatusCode::kDataLoss, "truncated: 12 bytes"},
      {"layerd\n\n....", absl::StatusCode::kInvalidArgument, "no layer file"},
      {"hello", absl::StatusCode::kInvalidArgument, "no layer file"},
  }));
  INFO(row.bytes);

  const absl::Status status =
      ParseSuperblock(std::as_bytes(std::span(row.bytes)), row.bytes.size())
          .status();

  CHECK(status.code() == row.code);
  CHECK_THAT(std::string(status.message()), Catch::Contains(row.message));
}

}  // namespace
}  // namespace layerd
