#include "loader/store/tile_table.h"

#include <string>
#include <vector>

#include "loader/store/crc32c.h"
#include "test/catch/catch.h"

namespace layerd {
namespace {

constexpr uint64_t kPage = kPageBytes;
constexpr uint32_t kTile = 2 * kPageBytes;

// Three extents of 1, 2 and 3 pages: tiles of 1 | 2 | 2 1 pages.
const std::vector<Extent> kExtents = {
    {0, kPage}, {kPage, 2 * kPage}, {3 * kPage, 3 * kPage}};
const StreamLocation kStream = {3 * kPage, 6 * kPage, kTile, 4};
constexpr uint64_t kFileBytes = 9 * kPage;

absl::StatusOr<TileTable> Parse(
    const StreamLocation& stream = kStream,
    const std::vector<Extent>& extents = kExtents,
    const std::vector<uint32_t>& sums = std::vector<uint32_t>(4)) {
  return TileTable::Parse(stream, extents, std::as_bytes(std::span(sums)),
                          kFileBytes);
}

TEST_CASE("TileTable refuses an unsound stream and says why") {
  struct Row {
    const char* name;
    StreamLocation stream;
    const char* message;
  };
  const auto row = GENERATE(values<Row>({
      {"offset off the page",
       {4097, 6 * kPage, kTile, 4},
       "4097 is not 4 KiB-aligned"},
      {"size off the page",
       {3 * kPage, 6 * kPage - 1, kTile, 4},
       "24575 bytes are no multiple of 4 KiB"},
      {"would overflow",
       {~0ull & ~4095ull, 6 * kPage, kTile, 4},
       "past the file"},
      {"too long", {3 * kPage, 7 * kPage, kTile, 4}, "past the file of 36864"},
      {"tiles of 0", {3 * kPage, 6 * kPage, 0, 4}, "tiles of 0 bytes"},
      {"small tiles", {3 * kPage, 6 * kPage, 2048, 4}, "tiles of 2048 bytes"},
      {"odd tiles", {3 * kPage, 6 * kPage, 12288, 4}, "tiles of 12288 bytes"},
      {"large tiles",
       {3 * kPage, 6 * kPage, 512 << 10, 4},
       "tiles of 524288 bytes"},
      {"tiles too few",
       {3 * kPage, 6 * kPage, kTile, 3},
       "it has 3 tiles, but its 3 extents have 4"},
      {"stream too short",
       {3 * kPage, 5 * kPage, kTile, 4},
       "extent 2: [12288, +12288) ends past the stream of 20480"},
  }));
  INFO(row.name);

  const auto table = Parse(row.stream);

  REQUIRE(absl::IsDataLoss(table.status()));
  CHECK_THAT(std::string(table.status().message()),
             Catch::Contains("stream") && Catch::Contains(row.message));
}

TEST_CASE("TileTable refuses unsound extents and names the first") {
  struct Row {
    const char* name;
    std::vector<Extent> extents;
    const char* message;
  };
  const auto row = GENERATE(values<Row>({
      {"empty", {{0, 0}, {0, 6 * kPage}}, "extent 0: its 0 bytes"},
      {"size off the page", {{0, 100}}, "extent 0: its 100 bytes"},
      {"offset off the page",
       {{0, kPage}, {kPage + 512, 4 * kPage}},
       "extent 1: its offset 4608 is not 4 KiB-aligned"},
      {"overlapping",
       {{0, 2 * kPage}, {kPage, 5 * kPage}},
       "extent 1: it begins at offset 4096 of the stream, before the end"},
      {"a gap",
       {{0, kPage}, {2 * kPage, 4 * kPage}},
       "extent 1: it begins at offset 8192 of the stream, past the end"},
      {"out of order",
       {{kPage, 5 * kPage}, {0, kPage}},
       "extent 0: it begins at offset 4096"},
      {"out of the stream",
       {{0, kPage}, {kPage, 6 * kPage}},
       "extent 1: [4096, +24576) ends past"},
      {"would overflow",
       {{0, kPage}, {kPage, ~0ull & ~4095ull}},
       "extent 1: [4096, +18446744073709547520) ends past"},
      {"too few",
       {{0, kPage}},
       "it has 24576 bytes, but its 1 extents have 4096"},
      {"none", {}, "it has 24576 bytes, but its 0 extents have 0"},
  }));
  INFO(row.name);

  const auto table = Parse(kStream, row.extents);

  REQUIRE(absl::IsDataLoss(table.status()));
  CHECK_THAT(std::string(table.status().message()),
             Catch::Contains(row.message));
}

TEST_CASE("TileTable refuses tiles of an extent's own that cannot be") {
  const uint32_t own = GENERATE(1, 2048, 12288, 2 * kTile, 1u << 31);
  INFO(own);
  std::vector<Extent> extents = kExtents;
  extents[1].tile_bytes = own;

  const auto table = Parse(kStream, extents);

  REQUIRE(absl::IsDataLoss(table.status()));
  CHECK_THAT(std::string(table.status().message()),
             Catch::Contains("extent 1: its tiles of " + std::to_string(own)));
}

TEST_CASE("An extent may have smaller tiles than the stream") {
  std::vector<Extent> extents = kExtents;
  extents[1].tile_bytes = kPage;
  StreamLocation stream = kStream;
  stream.tile_count = 5;

  const TileTable table =
      *Parse(stream, extents, std::vector<uint32_t>(stream.tile_count));

  CHECK(table.TilesOf(1).first == 1);
  CHECK(table.TilesOf(1).count == 2);
  CHECK(table.offset_bytes(2) == 2 * kPage);
  CHECK(table.stored_bytes(2) == kPage);
  CHECK(table.TilesOf(2).first == 3);
  CHECK(table.stored_bytes(3) == kTile);
  CHECK(table.tile_bytes() == kTile);
}

TEST_CASE("TileTable refuses a table that is not 4 bytes a tile") {
  const auto table = Parse(kStream, kExtents, std::vector<uint32_t>(3));

  CHECK(absl::IsDataLoss(table.status()));
}

TEST_CASE("Tiles never span two extents, and the last one is shorter") {
  const TileTable table = *Parse();

  REQUIRE(table.tile_count() == 4);
  REQUIRE(table.extent_count() == 3);
  const size_t firsts[] = {0, 1, 2}, counts[] = {1, 1, 2};
  for (size_t extent = 0; extent < 3; ++extent) {
    CHECK(table.TilesOf(extent).first == firsts[extent]);
    CHECK(table.TilesOf(extent).count == counts[extent]);
  }
  const size_t extents[] = {0, 1, 2, 2};
  const uint64_t offsets[] = {0, kPage, 3 * kPage, 5 * kPage};
  const uint64_t bytes[] = {kPage, 2 * kPage, 2 * kPage, kPage};
  for (size_t tile = 0; tile < 4; ++tile) {
    CHECK(table.ExtentOf(tile) == extents[tile]);
    CHECK(table.offset_bytes(tile) == offsets[tile]);
    CHECK(table.stored_bytes(tile) == bytes[tile]);
  }
}

TEST_CASE("A model without weights has no tiles") {
  const auto table = Parse({3 * kPage, 0, kTile, 0}, {}, {});

  REQUIRE(table.ok());
  CHECK(table->tile_count() == 0);
  CHECK(table->extent_count() == 0);
}

TEST_CASE("Verify names tile, offset and extent of what it finds") {
  std::vector<std::byte> page(kPage, std::byte{7});
  const TileTable table = *Parse(kStream, kExtents, {0, 0, 0, Crc32c(page)});
  REQUIRE(table.Verify(3, page).ok());

  page[1234] ^= std::byte{16};
  const absl::Status status = table.Verify(3, page);

  REQUIRE(absl::IsDataLoss(status));
  CHECK_THAT(std::string(status.message()),
             Catch::Contains("tile 3 at offset 32768") &&
                 Catch::Contains("extent 2") && Catch::Contains("expected"));
}

}  // namespace
}  // namespace layerd
