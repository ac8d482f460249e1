// Tables: rows that are looked up by number, read tile by tile from the drive.

#include <cstdlib>
#include <filesystem>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "config/check.h"
#include "daemon/plan/row_lookup.h"
#include "loader/store/layer_file_writer.h"
#include "test/catch/catch.h"
#include "test/sim/forwarding_backend.h"
#include "test/sim/test_engine.h"

namespace layerd {
namespace {

constexpr int64_t kRows = 1000;
constexpr int64_t kColumns = 384;  // 1536 bytes: a row lies in 1 or 2 tiles.
constexpr uint64_t kRowBytes = kColumns * sizeof(float);

// y[i, :] = table[ids[i], :], element (r, c) of the table is r + c / 1000.
struct TableModel {
  explicit TableModel(int64_t ids, int64_t rows = kRows,
                      int64_t columns = kColumns)
      : count(ids), rows(rows), columns(columns) {
    const uint64_t row_bytes = columns * sizeof(float);
    program.buffers = {{count * sizeof(int64_t)}, {count * row_bytes}};
    program.tensors = {
        {"ids", {DataType::kI64, {count}, {1}}, 0, 0},
        {"y", {DataType::kF32, {count, columns}, {columns, 1}}, 1, 0}};
    program.inputs = {0};
    program.outputs = {1};
    program.layers = {{"embedding", Gather{0}, {0}, {1}}};
    program.extents = {{0, RoundUpToPage(rows * row_bytes), kTableTileBytes}};
    Part& part = program.parts.emplace_back();
    part.channels = part.rows = {0, 1};
    part.weights = {{WeightLayout::Plain(DataType::kF32, {rows, columns}), 0}};
    part.table = 0;
  }

  std::string Write(const std::string& name) const {
    const std::string path =
        std::string(std::getenv("TEST_TMPDIR")) + "/" + name;
    manifest::Manifest manifest;
    program.WriteTo(&manifest);
    const KernelKey key = MakeReferenceBackend()->key();
    manifest.mutable_kernel_key()->set_backend(key.backend);
    std::vector<float> table(rows * columns);
    for (size_t i = 0; i < table.size(); ++i) {
      table[i] = At(static_cast<int64_t>(i) / columns, i % columns);
    }
    auto writer = LayerFileWriter::Create(path, manifest, 64 << 10);
    LAYERD_CHECK(writer.ok());
    // In pieces, as a packer writes what it cannot hold.
    const auto bytes = std::as_bytes(std::span(table));
    LAYERD_CHECK((*writer)->AppendPiece(bytes.first(64 << 10), false).ok());
    LAYERD_CHECK((*writer)->AppendPiece(bytes.subspan(64 << 10), true).ok());
    LAYERD_CHECK((*writer)->Commit().ok());
    return path;
  }

  static float At(int64_t row, int64_t column) {
    return static_cast<float>(row) + static_cast<float>(column) / 1000;
  }

  const int64_t count, rows, columns;
  Program program;
};

struct Answer {
  absl::Status status;
  JobStats stats;
  std::vector<float> y;
};

Answer Ask(TestEngine& engine, const std::vector<int64_t>& ids,
           int64_t columns = kColumns) {
  Answer answer;
  answer.y.resize(ids.size() * columns);
  answer.status =
      engine->Run(engine->Find("m", ""), {std::as_bytes(std::span(ids))},
                  {std::as_writable_bytes(std::span(answer.y))}, &answer.stats);
  return answer;
}

void CheckRows(const Answer& answer, const std::vector<int64_t>& ids) {
  REQUIRE(answer.status.message() == "");
  for (size_t i = 0; i < ids.size(); ++i) {
    const int64_t row = ids[i] < 0 ? ids[i] + kRows : ids[i];
    for (int64_t c = 0; c < kColumns; ++c) {
      REQUIRE(answer.y[i * kColumns + c] == TableModel::At(row, c));
    }
  }
}

std::vector<int64_t> SomeIds(int64_t count) {
  std::vector<int64_t> ids;
  for (int64_t i = 0; i < count; ++i) ids.push_back((i * 577 + 3) % kRows);
  return ids;
}

TEST_CASE("A request reads the tiles of its rows, and no others") {
  const Drive drive = GENERATE(Drive::kSim, Drive::kPread, Drive::kAuto);
  const uint64_t budget_bytes =
      GENERATE(uint64_t{8 << 10}, uint64_t{128 << 10}, kAll);
  INFO("drive " << static_cast<int>(drive) << ", budget " << budget_bytes);
  TestEngine engine({.weight_budget_bytes = budget_bytes}, drive);
  REQUIRE(engine.Load(TableModel(16).Write("rows.layers"), "m", 3).ok());
  std::vector<int64_t> ids = SomeIds(16);
  ids[3] = -1;
  ids[4] = 0;

  const Answer answer = Ask(engine, ids);

  CheckRows(answer, ids);
  const auto& tables = engine->Plan().plan.models.at(0).tables;
  const RowLookup most =
      RowLookupOf(TableModel(16).program, 0, tables.at(0).cache.bytes);
  CHECK(answer.stats.read_bytes <= most.bytes);
  CHECK(answer.stats.read_bytes <= 16 * 2 * 4096);
  CHECK(answer.stats.read_bytes >= 16 * kRowBytes);
  CHECK(engine->loading().lookups > 0);
  CHECK(engine->memory().table_bytes <=
        std::min(budget_bytes, RoundUpToPage(kRows * kRowBytes)));
}

TEST_CASE("Rows that are there are not read again") {
  TestEngine engine({.weight_budget_bytes = 128 << 10}, Drive::kAuto);
  REQUIRE(engine.Load(TableModel(16).Write("again.layers"), "m", 3).ok());

  CheckRows(Ask(engine, SomeIds(16)), SomeIds(16));
  const Answer again = Ask(engine, SomeIds(16));

  CheckRows(again, SomeIds(16));
  CHECK(again.stats.read_bytes == 0);
}

TEST_CASE("A device that takes no rows fails the request and not the model") {
  struct Device final : ForwardingBackend {
    using ForwardingBackend::ForwardingBackend;
    absl::Status CopyIn(std::byte* to,
                        std::span<const std::byte> from) override {
      if (fails && from.size() >= kRowBytes) {
        return absl::InternalError("no rows today");
      }
      return inner_->CopyIn(to, from);
    }
    bool fails = true;
  };
  auto made = std::make_unique<Device>(MakeReferenceBackend());
  Device& device = *made;
  TestEngine engine({}, Drive::kSim, std::move(made));
  REQUIRE(engine.Load(TableModel(16).Write("device.layers"), "m", 3).ok());

  CHECK_THAT(std::string(Ask(engine, SomeIds(16)).status.message()),
             Catch::Contains("layer \"embedding\": no rows today"));
  device.fails = false;
  CheckRows(Ask(engine, SomeIds(16)), SomeIds(16));
}

TEST_CASE("A row is looked up with a cache of one row, in turns") {
  TestEngine engine({.weight_budget_bytes = 8 << 10}, Drive::kSim);
  REQUIRE(engine.Load(TableModel(200).Write("turns.layers"), "m", 3).ok());
  REQUIRE(engine->memory().table_bytes == 8 << 10);

  for (int request = 0; request < 2; ++request) {
    CheckRows(Ask(engine, SomeIds(200)), SomeIds(200));
  }
}

TEST_CASE("A row of more tiles than a turn is worth is looked up whole") {
  constexpr int64_t kWide = 300 * 1024;  // Floats: 300 tiles.
  TestEngine engine({}, GENERATE(Drive::kSim, Drive::kAuto));
  REQUIRE(
      engine.Load(TableModel(2, 4, kWide).Write("wide.layers"), "m", 3).ok());

  const Answer answer = Ask(engine, {3, 1}, kWide);

  REQUIRE(answer.status.message() == "");
  for (int64_t c = 0; c < kWide; ++c) {
    REQUIRE(answer.y[c] == TableModel::At(3, c));
    REQUIRE(answer.y[kWide + c] == TableModel::At(1, c));
  }
}

TEST_CASE("An index that is in no row fails its request, and no other") {
  struct Row {
    int64_t index;
    const char* message;
  };
  const auto row = GENERATE(
      values<Row>({{kRows, "index 1000 at place 5 is in no row"},
                   {-kRows - 1, "index -1001 at place 5 is in no row"},
                   {int64_t{1} << 62, "index 4611686018427387904 at place 5"},
                   {std::numeric_limits<int64_t>::min(),
                    "which has 1000: give 0 to 999"}}));
  TestEngine engine({}, Drive::kAuto);
  REQUIRE(engine.Load(TableModel(16).Write("outside.layers"), "m", 3).ok());
  std::vector<int64_t> ids = SomeIds(16);
  ids[5] = row.index;

  const Answer refused = Ask(engine, ids);

  REQUIRE(absl::IsInvalidArgument(refused.status));
  CHECK_THAT(
      std::string(refused.status.message()),
      Catch::Contains("layer \"embedding\"") && Catch::Contains(row.message));
  CHECK(refused.stats.read_bytes == 0);
  CheckRows(Ask(engine, SomeIds(16)), SomeIds(16));
}

TEST_CASE("A damaged tile fails its model when a row of it is asked for") {
  TestEngine engine({}, Drive::kAuto);
  const std::string path = TableModel(1).Write("damaged.layers");
  DamageLastByte(path);  // Of the last row.
  REQUIRE(engine.Load(path, "m", 3).ok());
  CheckRows(Ask(engine, {0}), {0});

  const Answer damaged = Ask(engine, {kRows - 1});

  REQUIRE(absl::IsDataLoss(damaged.status));
  CHECK_THAT(std::string(damaged.status.message()),
             Catch::Contains("layer \"embedding\": tile 374 at offset"));
  CHECK(absl::IsUnavailable(Ask(engine, {0}).status));
}

TEST_CASE("A drive that fails under a lookup makes its model unavailable") {
  TestEngine engine({}, Drive::kSim);
  const std::string path = TableModel(16).Write("eio.layers");
  const uint64_t table =
      std::filesystem::file_size(path) - RoundUpToPage(kRows * kRowBytes);
  engine.AddFault(
      {.kind = SimFault::Kind::kError, .offset_bytes = table + 3 * kRowBytes});
  REQUIRE(engine.Load(path, "m", 3).ok());

  const Answer failed = Ask(engine, SomeIds(16));

  REQUIRE(absl::IsInternal(failed.status));
  CHECK_THAT(std::string(failed.status.message()),
             Catch::Contains("layer \"embedding\": tile 1 at offset"));
  CHECK(absl::IsUnavailable(Ask(engine, SomeIds(16)).status));
}

}  // namespace
}  // namespace layerd
