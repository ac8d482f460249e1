#include "daemon/pack/lower/cut.h"

#include <string>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "daemon/pack/graph/graph_sketch.h"
#include "daemon/pack/network/translate.h"
#include "daemon/plan/program_check.h"
#include "kernels/reference/reference_backend.h"
#include "test/catch/catch.h"

namespace layerd {
namespace {

// Channels of the parts of one convolution of `channels` with `bytes` each.
std::vector<int64_t> PartsOf(GraphSketch* sketch, const CutLimits& limits) {
  const Graph graph = sketch->Take();
  const Lowered lowered = Lower(*Translate(graph));
  const auto program = Cut(lowered, limits, *MakeReferenceBackend());
  REQUIRE(program.ok());
  std::vector<int64_t> channels;
  for (const Part& part : program->parts) {
    if (part.read) channels.push_back(part.channels.count);
  }
  return channels;
}

struct Row {
  const char* name;
  int64_t inputs, channels, kernel, groups;
  CutLimits limits;
  std::vector<int64_t> parts;
};

TEST_CASE("Convolutions are cut by bytes, in equal pieces of whole blocks") {
  const auto row = GENERATE(values<Row>({
      {"fits", 64, 64, 1, 1, {64 << 10, 1 << 30}, {64}},
      {"into equal pieces",
       256,
       512,
       1,
       1,
       {128 << 10, 1 << 30},
       {96, 96, 96, 96, 96, 32}},
      {"evenly", 256, 256, 1, 1, {192 << 10, 1 << 30}, {128, 128}},
      {"a block is never cut", 512, 64, 3, 1, {16 << 10, 1 << 30}, {32, 32}},
      {"few channels", 512, 10, 3, 1, {16 << 10, 1 << 30}, {10}},
      {"an odd number", 64, 100, 1, 1, {16 << 10, 1 << 30}, {32, 32, 32, 4}},
      {"depthwise",
       4096,
       4096,
       3,
       4096,
       {64 << 10, 1 << 30},
       {1376, 1376, 1344}},
      {"whole groups", 60, 120, 3, 5, {4 << 10, 1 << 30}, {48, 48, 24}},
  }));
  INFO(row.name);
  GraphSketch sketch;
  const int x = sketch.Input("x", {1, row.inputs, 4, 4});
  sketch.Output(sketch.Conv("y", x, row.channels, row.kernel, 1, row.kernel / 2,
                            row.groups, true));

  CHECK(PartsOf(&sketch, row.limits) == row.parts);
}

TEST_CASE("Work is cut over rows that share the extent of their channels") {
  GraphSketch sketch;
  const int x = sketch.Input("x", {1, 64, 10, 4});
  sketch.Output(sketch.Conv("y", x, 64, 3, 1, 1));
  const Graph graph = sketch.Take();
  constexpr uint64_t kRowFlops = 2 * 9 * 4 * 64 * 32;
  constexpr uint64_t kRowWork = kRowFlops + 4 * 32 * 64;  // And its writing.

  const auto program = Cut(Lower(*Translate(graph)), {9 << 10, 4 * kRowWork},
                           *MakeReferenceBackend());

  REQUIRE(program.ok());
  CHECK(CheckProgram(*program).ok());
  std::vector<std::string> parts;
  for (const Part& part : program->parts) {
    if (!part.read) continue;
    parts.push_back(absl::StrCat(part.channels.first, "+", part.channels.count,
                                 " rows ", part.rows.first, "+",
                                 part.rows.count, " read ", *part.read));
    CHECK(part.work_flops == part.rows.count * kRowFlops);
  }
  CHECK(parts == std::vector<std::string>{
                     "0+32 rows 0+4 read 0", "0+32 rows 4+4 read 0",
                     "0+32 rows 8+2 read 0", "32+32 rows 0+4 read 1",
                     "32+32 rows 4+4 read 1", "32+32 rows 8+2 read 1"});
  CHECK(program->extents.size() == 2);
}

TEST_CASE("Exponentials behind a convolution count as work") {
  const auto [kind, parts] =
      GENERATE(table<ActivationKind, std::vector<int64_t>>(
          {{ActivationKind::kRelu, {5, 5}},
           {ActivationKind::kHardSwish, {5, 5}},
           {ActivationKind::kAbs, {5, 5}},
           {ActivationKind::kMish, {4, 4, 2}}}));
  GraphSketch sketch;
  const int x = sketch.Input("x", {1, 64, 10, 4});
  sketch.Output(sketch.Conv("y", x, 64, 3, 1, 1));
  const Graph graph = sketch.Take();
  Lowered lowered = Lower(*Translate(graph));
  for (Layer& layer : lowered.program.layers) {
    auto* conv = std::get_if<Convolution>(&layer.op);
    if (conv != nullptr) conv->activation.kind = kind;
  }
  constexpr uint64_t kRowWork = 4 * 64 * (2 * 9 * 64 + 64);

  const auto program =
      Cut(lowered, {1 << 20, 5 * kRowWork}, *MakeReferenceBackend());

  REQUIRE(program.ok());
  std::vector<int64_t> rows;
  for (const Part& part : program->parts) {
    if (part.read) rows.push_back(part.rows.count);
  }
  CHECK(rows == parts);
}

TEST_CASE("Bytes count as work where they take longer than sums") {
  GraphSketch sketch;
  const int x = sketch.Input("x", {1, 8, 12, 4});
  sketch.Output(sketch.Conv("y", x, 24, 1));
  const Graph graph = sketch.Take();
  constexpr uint64_t kRowBytes = 4 * (8 + 24) * sizeof(float);

  const auto program =
      Cut(Lower(*Translate(graph)), {9 << 10, 5 * kRowBytes * 40},
          *MakeReferenceBackend());

  REQUIRE(program.ok());
  std::vector<int64_t> rows;
  for (const Part& part : program->parts) {
    if (part.read) rows.push_back(part.rows.count);
  }
  CHECK(rows == std::vector<int64_t>{4, 4, 4});
}

TEST_CASE("Layers without weights are cut over rows by the bytes they move") {
  GraphSketch sketch;
  const int x = sketch.Input("x", {1, 16, 20, 10});
  sketch.Output(sketch.Relu("y", x));
  const Graph graph = sketch.Take();
  constexpr uint64_t kRowBytes = 2 * 16 * 10 * sizeof(float);

  const auto program =
      Cut(Lower(*Translate(graph)), {9 << 10, 8 * kRowBytes * 80},
          *MakeReferenceBackend());

  REQUIRE(program.ok());
  CHECK(CheckProgram(*program).ok());
  std::vector<std::string> rows;
  for (const Part& part : program->parts) {
    if (!std::holds_alternative<Unary>(program->layers[part.layer].op)) {
      continue;
    }
    rows.push_back(absl::StrCat(part.rows.first, "+", part.rows.count));
    CHECK(part.work_flops == static_cast<uint64_t>(part.rows.count) * 16 * 10);
  }
  CHECK(rows == std::vector<std::string>{"0+7", "7+7", "14+6"});
}

// Each part of a few channels would read all lines of the picture.
TEST_CASE("Channels of a picture are cut in whole lines of a cache") {
  GraphSketch sketch;
  const int x =
      sketch.Conv("x", sketch.Input("image", {1, 8, 8, 8}), 40, 1);
  const int scale = sketch.Random("scale", {40});
  const int bias = sketch.Random("bias", {40});
  sketch.Output(sketch.Add("y", "InstanceNormalization", {x, scale, bias},
                           {1, 40, 8, 8}, {{"epsilon", 1e-5f}}));
  const Graph graph = sketch.Take();
  constexpr uint64_t kChannelBytes = 2 * 8 * 8 * sizeof(float);
  const auto [channels, parts] = GENERATE(table<uint64_t, std::string>(
      {{5, "0+16 16+16 32+8"}, {39, "0+16 16+16 32+8"}, {40, "0+1"}}));

  const auto program = Cut(Lower(*Translate(graph)),
                           {9 << 10, channels * kChannelBytes * 80},
                           *MakeReferenceBackend());

  REQUIRE(program.ok());
  CHECK(CheckProgram(*program).ok());
  std::vector<std::string> rows;
  for (const Part& part : program->parts) {
    const Layer& layer = program->layers[part.layer];
    if (!std::holds_alternative<LayerNorm>(layer.op)) continue;
    rows.push_back(absl::StrCat(part.rows.first, "+", part.rows.count));
  }
  CHECK(absl::StrJoin(rows, " ") == parts);
}

TEST_CASE("A convolution with a kernel of run time is whole, or cut by rows") {
  GraphSketch sketch;
  const int x = sketch.Input("x", {1, 2, 6, 6});
  const int w = sketch.Input("w", {3, 2, 3, 3});
  const std::vector<int64_t> ones = {1, 1};
  sketch.Output(sketch.Add("y", "Conv", {x, w}, {1, 3, 4, 4},
                           {{"kernel_shape", std::vector<int64_t>{3, 3}},
                            {"strides", ones},
                            {"dilations", ones},
                            {"pads", std::vector<int64_t>(4, 0)},
                            {"group", int64_t{1}}}));
  const Graph graph = sketch.Take();
  const Lowered lowered = Lower(*Translate(graph));
  const uint64_t flops = GENERATE(1 << 30, 1);

  const auto program = Cut(lowered, {64 << 10, flops}, *MakeReferenceBackend());

  REQUIRE(program.ok());
  CHECK(CheckProgram(*program).ok());
  int64_t rows = 0;
  for (const Part& part : program->parts) {
    const Layer& layer = program->layers[part.layer];
    if (std::holds_alternative<Convolution>(layer.op)) rows += part.rows.count;
  }
  CHECK(rows == 4);
}

TEST_CASE("Fully connected layers are cut in blocks of sixteen") {
  GraphSketch sketch;
  const int x = sketch.Input("x", {1, 1024});
  const int weights = sketch.Random("w", {1024, 40});
  sketch.Output(sketch.Add("y", "MatMul", {x, weights}, {1, 40}));

  CHECK(PartsOf(&sketch, {16 << 10, 1 << 30}) ==
        std::vector<int64_t>{16, 16, 8});
}

TEST_CASE("Fully connected layers of many rows fill whole tiles") {
  GraphSketch sketch;
  const int x = sketch.Input("x", {20, 1024});
  const int weights = sketch.Random("w", {1024, 80});
  sketch.Output(sketch.Add("y", "MatMul", {x, weights}, {20, 80}));

  CHECK(PartsOf(&sketch, {16 << 10, 1 << 30}) ==
        std::vector<int64_t>{32, 32, 16});
}

TEST_CASE("Work of a fully connected layer is cut over channels") {
  GraphSketch sketch;
  const int x = sketch.Input("x", {20, 1024});
  const int weights = sketch.Random("w", {1024, 128});
  sketch.Output(sketch.Add("y", "MatMul", {x, weights}, {20, 128}));

  CHECK(PartsOf(&sketch, {1 << 20, (2 * 1024 + 64) * 20 * 64}) ==
        std::vector<int64_t>{64, 64});
}

TEST_CASE("Extents are whole pages and pieces lie on the grid") {
  GraphSketch sketch;
  const int x = sketch.Input("x", {1, 100, 4, 4});
  sketch.Output(sketch.Conv("y", x, 70, 1));
  const Graph graph = sketch.Take();

  const auto program = Cut(Lower(*Translate(graph)), {16 << 10, 1 << 30},
                           *MakeReferenceBackend());

  REQUIRE(program.ok());
  REQUIRE(program->extents.size() == 3);
  CHECK(program->extents[0] == Extent{0, 16384});  // 32 * 101 * 4, rounded up.
  CHECK(program->extents[2] == Extent{32768, 4096});
  CHECK(program->parts[1].weights[1].offset_bytes == 12800);
  CHECK(program->parts[3].weights[1].offset_bytes == 2560);  // 6 * 400, up.
}

TEST_CASE("Work is counted, not measured") {
  GraphSketch sketch;
  const int x = sketch.Input("x", {1, 6, 8, 8});
  const int grouped = sketch.Conv("c", x, 4, 3, 2, 1, 2);
  sketch.Output(sketch.Relu("y", grouped));
  const Graph graph = sketch.Take();

  const auto program = Cut(Lower(*Translate(graph)), {16 << 10, 1 << 30},
                           *MakeReferenceBackend());

  REQUIRE(program.ok());
  // 4 channels of 4 x 4 pixels, each of 3 channels of 3 x 3, doubled.
  CHECK(program->parts[1].work_flops == 4 * 16 * 3 * 9 * 2);
  CHECK(program->parts.back().work_flops == 64);
}

TEST_CASE("What no backend can compute is named by its node") {
  GraphSketch sketch;
  const int x = sketch.Input("x", {1, 3, 4, 4});
  sketch.Output(
      sketch.Add("odd one", "Pad", {x}, {1, 3, 9, 9},
                 {{"mode", std::string("reflect")},
                  {"pads", GraphSketch::Shape{0, 0, 5, 5, 0, 0, 0, 0}},
                  {"value", 0.0f}}));
  const Graph graph = sketch.Take();

  const auto program =
      Cut(Lower(*Translate(graph)), {}, *MakeReferenceBackend());

  CHECK_THAT(std::string(program.status().message()),
             Catch::Contains("node \"odd one\" (Pad, opset 13)"));
}

}  // namespace
}  // namespace layerd
