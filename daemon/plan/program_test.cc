#include "daemon/plan/program.h"

#include <functional>
#include <limits>
#include <string>

#include "test/catch/catch.h"
#include "test/kernels/part_sketches.h"

namespace layerd {
namespace {

WeightPiece Piece(std::vector<int64_t> shape, uint64_t offset_bytes) {
  return {WeightLayout::Plain(DataType::kF32, std::move(shape)), offset_bytes};
}

// picture [1, 3, 4, 4] -> channels last -> 1x1 convolution to 8 channels, cut
// into two channel ranges of two row ranges each -> plain. The convolution
// "again" uses the first extent a second time.
Program SmallProgram() {
  Convolution conv;
  conv.strides = conv.dilations = {1, 1};
  conv.pads_begin = conv.pads_end = {0, 0};
  conv.has_bias = true;
  conv.activation = {ActivationKind::kClip, 0, 6};

  Program program;
  program.buffers = {{192}, {192}, {512}, {512}, {256}};
  program.tensors = {
      {"picture", PlainType({1, 3, 4, 4}), 0, 0},
      {"picture.nhwc", ChannelsLast({1, 3, 4, 4}), 1, 0},
      {"y", ChannelsLast({1, 8, 4, 4}), 2, 0},
      {"answer", PlainType({1, 8, 4, 4}), 3, 0},
      {"again", ChannelsLast({1, 4, 4, 4}), 4, 0},
      {"answer2", PlainType({1, 4, 4, 4}), 3, 0},
  };
  program.inputs = {0};
  program.outputs = {3, 5};
  program.layers = {{"to nhwc", Copy{}, {0}, {1}},
                    {"conv", conv, {1}, {2}},
                    {"to nchw", Copy{}, {2}, {3}},
                    {"conv2", conv, {1}, {4}},
                    {"to nchw 2", Copy{}, {4}, {5}}};
  program.extents = {{0, 4096}, {4096, 8192}};
  program.reads = {0, 1, 0};
  const std::vector<WeightPiece> weights = {Piece({4, 3, 1, 1}, 0),
                                            Piece({4}, 256)};
  program.parts = {{0, {0, 1}, {0, 1}, {}, {}, 0},
                   {1, {0, 4}, {0, 3}, 0, weights, 288},
                   {1, {0, 4}, {3, 1}, 0, weights, 96},
                   {1, {4, 4}, {0, 2}, 1, weights, 192},
                   {1, {4, 4}, {2, 2}, 1, weights, 192},
                   {2, {0, 1}, {0, 1}, {}, {}, 0},
                   {3, {0, 4}, {0, 4}, 2, weights, 384},
                   {4, {0, 1}, {0, 1}, {}, {}, 0}};
  return program;
}

manifest::Manifest ManifestOf(const Program& program) {
  manifest::Manifest manifest;
  program.WriteTo(&manifest);
  return manifest;
}

TEST_CASE("A program comes back from its manifest as it was") {
  const manifest::Manifest manifest = ManifestOf(SmallProgram());

  const auto program = Program::Parse(manifest);

  REQUIRE(program.status().message() == "");
  CHECK(ManifestOf(*program).SerializeAsString() ==
        manifest.SerializeAsString());
}

TEST_CASE("Row parts hold one extent, and an extent may be read twice") {
  const auto program = Program::Parse(ManifestOf(SmallProgram()));

  REQUIRE(program.ok());
  CHECK(program->parts[1].read == 0);
  CHECK(program->parts[2].read == 0);
  CHECK(program->parts[6].read == 2);
  CHECK(program->reads[0] == program->reads[2]);
}

TEST_CASE("SpecOf shows a part the whole tensors and its own share") {
  const Program program = SmallProgram();

  const PartSpec spec = program.SpecOf(program.parts[4]);

  CHECK(std::get<Convolution>(spec.op).activation.beta == 6);
  CHECK(spec.inputs == std::vector{ChannelsLast({1, 3, 4, 4})});
  CHECK(spec.outputs == std::vector{ChannelsLast({1, 8, 4, 4})});
  CHECK(spec.channels == Range{4, 4});
  CHECK(spec.rows == Range{2, 2});
  CHECK(spec.weights[1].offset_bytes == 256);
}

// Its third layer in two parts, of 3 and 5 of its 8 rows: the channels.
Program WithCutCopy() {
  Program program = SmallProgram();
  program.parts[5].rows = {0, 3};
  program.parts.insert(program.parts.begin() + 6, {2, {0, 1}, {3, 5}, {}, {}});
  return program;
}

TEST_CASE("SpecOf shows rows of a layer without weights as a smaller layer") {
  const auto program = Program::Parse(ManifestOf(WithCutCopy()));
  REQUIRE(program.status().message() == "");

  const PartSpec spec = program->SpecOf(program->parts[6]);
  const Program::Places places = program->PlacesOf(program->parts[6]);

  CHECK(spec.inputs[0].shape == std::vector<int64_t>{1, 5, 4, 4});
  CHECK(spec.inputs[0].strides == ChannelsLast({1, 8, 4, 4}).strides);
  CHECK(spec.outputs[0].strides == PlainType({1, 8, 4, 4}).strides);
  CHECK(spec.alignment_bytes == 4);
  CHECK(places.inputs[0].buffer == 2);
  CHECK(places.inputs[0].offset_bytes == 12);
  CHECK(places.outputs[0].buffer == 3);
  CHECK(places.outputs[0].offset_bytes == 3 * 16 * 4);
}

TEST_CASE("Rows of a layer without weights are there once, and all of them") {
  struct Row {
    const char* name;
    Range first, second;
    const char* message;
  };
  const auto row = GENERATE(values<Row>({
      {"one left out", {0, 3}, {4, 4}, "rows [4, +4): row 3 of 8 is next"},
      {"one twice", {0, 3}, {2, 6}, "rows [2, +6): row 3 of 8 is next"},
      {"the last missing", {0, 3}, {3, 4}, "out of order"},
      {"too many", {0, 3}, {3, 6}, "rows [3, +6): row 3 of 8 is next"},
      {"too many that overflow",
       {0, 3},
       {3, std::numeric_limits<int64_t>::max()},
       "row 3 of 8 is next"},
      {"none", {0, 0}, {0, 8}, "rows [0, +0): row 0 of 8 is next"},
      {"after the whole layer", {0, 1}, {1, 7}, "out of order"},
  }));
  INFO(row.name);
  Program program = WithCutCopy();
  program.parts[5].rows = row.first;
  program.parts[6].rows = row.second;

  const auto parsed = Program::Parse(ManifestOf(program));

  CHECK_THAT(std::string(parsed.status().message()),
             Catch::Contains(row.message));
}

struct Spoiled {
  const char* name;
  std::function<void(manifest::Manifest&)> spoil;
  const char* message;
};

// Each row spoils one field and gives words of the refusal.
const Spoiled kSpoiled[] = {
    {"more buffers than anybody places",
     [](auto& m) {
       for (int i = 0; i < 1 << 17; ++i) m.add_buffers();
     },
     "131077 buffers, at most 131072 are allowed"},
    {"tensor in no buffer",
     [](auto& m) { m.mutable_tensors(1)->set_buffer(9); },
     "tensor 1 \"picture.nhwc\": buffer 9 of 5"},
    {"tensor past its buffer",
     [](auto& m) { m.mutable_tensors(1)->set_offset_bytes(4); },
     "[4, +192) ends past its buffer of 192 bytes"},
    {"tensor offset that would overflow",
     [](auto& m) { m.mutable_tensors(1)->set_offset_bytes(~0ull & ~3ull); },
     "ends past its buffer"},
    {"tensor between elements",
     [](auto& m) { m.mutable_tensors(4)->set_offset_bytes(2); },
     "offset 2 is not a multiple of its 4-byte elements"},
    {"negative dimension",
     [](auto& m) { m.mutable_tensors(2)->set_shape(1, -8); },
     "dimension 1 has size -8"},
    {"negative stride",
     [](auto& m) { m.mutable_tensors(2)->set_strides(1, -1); },
     "dimension 1 has size 8 and stride -1"},
    {"stride that would overflow",
     [](auto& m) {
       m.mutable_tensors(2)->set_strides(1,
                                         std::numeric_limits<int64_t>::max());
     },
     "is too large to address"},
    {"too many elements",
     [](auto& m) {
       m.mutable_tensors(2)->set_shape(0, int64_t{1} << 40);
       m.mutable_tensors(2)->set_strides(0, 0);
     },
     "dimension 0 has size 1099511627776"},
    {"no elements, but a layer",
     [](auto& m) { m.mutable_tensors(2)->set_shape(1, 0); },
     "layer 1 \"conv\": dimension 1 has size 0"},
    {"no elements, rank without strides",
     [](auto& m) { m.mutable_tensors(2)->add_shape(0); },
     "5 sizes and 4 strides"},
    {"no elements, negative dimension",
     [](auto& m) {
       m.mutable_tensors(2)->set_shape(1, 0);
       m.mutable_tensors(2)->set_shape(2, -8);
     },
     "dimension 2 has size -8"},
    {"rank without strides",
     [](auto& m) { m.mutable_tensors(2)->add_shape(1); },
     "5 sizes and 4 strides"},
    {"rank 9",
     [](auto& m) {
       for (int d = 0; d < 5; ++d) {
         m.mutable_tensors(2)->add_shape(1);
         m.mutable_tensors(2)->add_strides(1);
       }
     },
     "9 sizes and 9 strides, at most 8"},
    {"no datatype", [](auto& m) { m.mutable_tensors(2)->set_dtype(13); },
     "datatype 13 is unknown"},
    {"datatype beyond a byte",
     [](auto& m) { m.mutable_tensors(2)->set_dtype(256 + 11); },
     "datatype 0 is unknown"},
    {"huge buffer", [](auto& m) { m.mutable_buffers(0)->set_bytes(~0ull); },
     "buffer 0: 18446744073709551615 bytes"},
    {"input out of range", [](auto& m) { m.set_inputs(0, 6); },
     "input 0: tensor 6 of 6"},
    {"output in another order", [](auto& m) { m.set_outputs(0, 2); },
     "output 0 \"y\" is not row-major"},
    {"layer without operator",
     [](auto& m) { m.mutable_layers(1)->clear_operator(); },
     "layer 1: operator: missing"},
    {"activation of tomorrow",
     [](auto& m) {
       m.mutable_layers(1)
           ->mutable_convolution()
           ->mutable_activation()
           ->set_kind(200);
     },
     "layer 1: activation: 200 does not exist"},
    {"layer with a tensor out of range",
     [](auto& m) { m.mutable_layers(1)->set_inputs(0, 6); },
     "layer 1 \"conv\": tensor 6 of 6"},
    {"layer without output",
     [](auto& m) { m.mutable_layers(1)->clear_outputs(); }, "no output"},
    {"output written on the spot",
     [](auto& m) { m.mutable_tensors(2)->set_strides(1, 0); },
     "overlaps itself"},
    {"extents with a gap",
     [](auto& m) { m.mutable_extents(1)->set_offset_bytes(8192); },
     "extent 1: offset 8192, but the one before ends at 4096"},
    {"extent off the page",
     [](auto& m) { m.mutable_extents(1)->set_stored_bytes(5000); },
     "extent 1: 5000 bytes"},
    {"empty extent", [](auto& m) { m.mutable_extents(1)->set_stored_bytes(0); },
     "extent 1: 0 bytes"},
    {"extent that would overflow",
     [](auto& m) { m.mutable_extents(1)->set_stored_bytes(~0ull & ~4095ull); },
     "extent 1:"},
    {"table past the extents",
     [](auto& m) { m.mutable_parts(1)->set_table(2); }, "table: extent 2 of 2"},
    {"table that is streamed",
     [](auto& m) { m.mutable_parts(1)->set_table(1); },
     "read 1: extent 1 is a table"},
    {"table that nobody looks up in",
     [](auto& m) {
       m.mutable_parts(7)->set_table(1);
       m.set_reads(1, 0);
       m.mutable_extents(1)->set_tile_bytes(4096);
     },
     "a table, but nothing"},
    {"table without small tiles",
     [](auto& m) {
       m.mutable_parts(7)->set_table(1);
       m.set_reads(1, 0);
     },
     "extent 1: a table without tiles of its own"},
    {"extent that nobody reads", [](auto& m) { m.set_reads(1, 0); },
     "extent 1 is never read"},
    {"read of no extent", [](auto& m) { m.set_reads(2, 2); },
     "read 2: extent 2 of 2"},
    {"read that nobody uses", [](auto& m) { m.add_reads(1); },
     "read 3: no part uses it"},
    {"reads out of order",
     [](auto& m) {
       m.mutable_parts(1)->set_read(1);
       m.mutable_parts(2)->set_read(1);
     },
     "read 1 of 3: read 0 was not used yet"},
    {"read out of range", [](auto& m) { m.mutable_parts(6)->set_read(~0u); },
     "read 4294967295 of 3"},
    {"weights without a read",
     [](auto& m) { m.mutable_parts(1)->clear_read(); }, "2 weights, but no"},
    {"read without weights", [](auto& m) { m.mutable_parts(0)->set_read(0); },
     "it waits for a read"},
    {"weight off its grid",
     [](auto& m) {
       m.mutable_parts(1)->mutable_weights(1)->set_offset_bytes(4);
     },
     "weight 1: offset 4 is not a multiple of 256"},
    {"int8 without scales",
     [](auto& m) {
       m.mutable_parts(1)->mutable_weights(0)->mutable_layout()->set_dtype(6);
     },
     "part 1 of layer"},
    {"weights of no datatype",
     [](auto& m) {
       m.mutable_parts(1)->mutable_weights(0)->mutable_layout()->set_dtype(99);
     },
     "datatype 99 is unknown"},
    {"weight past its extent",
     [](auto& m) {
       m.mutable_parts(1)->mutable_weights(1)->set_offset_bytes(4096);
     },
     "weight 1: [4096, +16) ends past its extent of 4096 bytes"},
    {"weight that would overflow",
     [](auto& m) {
       m.mutable_parts(1)->mutable_weights(1)->set_offset_bytes(~0ull &
                                                                ~255ull);
     },
     "ends past its extent"},
    {"weight whose strides leave the extent",
     [](auto& m) {
       m.mutable_parts(1)->mutable_weights(1)->mutable_layout()->set_strides(
           0, 4000);
     },
     "reaches element"},
    {"block that does not divide",
     [](auto& m) {
       auto* layout = m.mutable_parts(1)->mutable_weights(0)->mutable_layout();
       layout->add_block_dimensions(0);
       layout->add_block_sizes(3);
     },
     "blocks of 3 do not divide 4 in dimension 0"},
    {"block of nothing",
     [](auto& m) {
       auto* layout = m.mutable_parts(1)->mutable_weights(0)->mutable_layout();
       layout->add_block_dimensions(0);
       layout->add_block_sizes(0);
     },
     "inner block of 0 in dimension 0"},
    {"block without a size",
     [](auto& m) {
       m.mutable_parts(1)
           ->mutable_weights(0)
           ->mutable_layout()
           ->add_block_dimensions(0);
     },
     "1 dimensions of blocks and 0 sizes"},
    {"less than its shape",
     [](auto& m) {
       m.mutable_parts(1)
           ->mutable_weights(0)
           ->mutable_layout()
           ->set_padded_shape(0, 3);
     },
     "dimension 0 is padded from 4 to 3"},
    {"part of no layer", [](auto& m) { m.mutable_parts(0)->set_layer(5); },
     "part 0: layer 5 of 5"},
    {"layers out of order", [](auto& m) { m.mutable_parts(0)->set_layer(1); },
     "out of order"},
    {"rows twice", [](auto& m) { m.mutable_parts(2)->set_row_first(2); },
     "rows [2, +1): row 3 of 4 is next"},
    {"too many rows", [](auto& m) { m.mutable_parts(2)->set_row_count(2); },
     "rows [3, +2)"},
    {"rows that would overflow",
     [](auto& m) {
       m.mutable_parts(2)->set_row_count(std::numeric_limits<int64_t>::max());
     },
     "row 3 of 4 is next"},
    {"channels left out",
     [](auto& m) { m.mutable_parts(3)->set_channel_first(5); },
     "channels [5, +4): channel 4 of 8 is next"},
    {"channels that change between rows",
     [](auto& m) { m.mutable_parts(4)->set_channel_count(3); },
     "channels [4, +3)"},
    {"last part missing", [](auto& m) { m.mutable_parts()->RemoveLast(); },
     "layer 4 \"to nchw 2\": no part computes channel 0, row 0"},
    {"part too many", [](auto& m) { *m.add_parts() = m.parts(7); },
     "out of order"},
    {"read before written",
     [](auto& m) { m.mutable_layers(2)->set_inputs(0, 3); },
     "tensor 3 \"answer\" is read before it is written"},
    {"input that nobody gives", [](auto& m) { m.clear_inputs(); },
     "tensor 0 \"picture\" is read before it is written"},
};

TEST_CASE("Program refuses an unsound manifest and says why") {
  for (const Spoiled& row : kSpoiled) {
    INFO(row.name);
    manifest::Manifest manifest = ManifestOf(SmallProgram());
    row.spoil(manifest);

    const auto program = Program::Parse(manifest);

    REQUIRE(absl::IsInvalidArgument(program.status()));
    CHECK_THAT(std::string(program.status().message()),
               Catch::Contains(row.message));
  }
}

TEST_CASE("A tensor is written when its ranges are, whoever wrote them") {
  Program program;
  program.buffers = {{32}, {64}};
  program.tensors = {{"x", PlainType({8}), 0, 0},
                     {"left", PlainType({8}), 1, 0},
                     {"right", PlainType({8}), 1, 32},
                     {"both", PlainType({16}), 1, 0}};
  program.inputs = {0};
  program.outputs = {3};
  program.layers = {{"a", Copy{}, {0}, {1}}, {"b", Copy{}, {0}, {2}}};
  program.parts = {{0, {0, 1}, {0, 1}, {}, {}, 0},
                   {1, {0, 1}, {0, 1}, {}, {}, 0}};

  CHECK(Program::Parse(ManifestOf(program)).ok());

  program.layers.pop_back();
  program.parts.pop_back();
  CHECK_THAT(
      std::string(Program::Parse(ManifestOf(program)).status().message()),
      Catch::Contains("\"both\" is read before it is written"));
}

// The middle columns of three rows are two pieces and what an input has;
// between them lies what nobody has written yet.
TEST_CASE("What lies between the rows of a tensor need not be written") {
  const auto rows = [](int64_t count, int64_t columns) {
    return TensorType{DataType::kF32, {count, columns}, {8, 1}};
  };
  Program program;
  program.buffers = {{16}, {96}, {12}};
  program.tensors = {
      {"x", PlainType({1, 4}), 0, 0}, {"first", rows(1, 4), 1, 8},
      {"second", rows(1, 4), 1, 40},  {"third", rows(1, 4), 1, 72},
      {"middle", rows(3, 4), 1, 8},   {"column", rows(3, 1), 1, 20},
      {"y", PlainType({3, 1}), 2, 0}};
  program.inputs = {0};
  program.outputs = {6};
  program.layers = {{"a", Copy{}, {0}, {1}},
                    {"b", Copy{}, {0}, {2}},
                    {"c", Copy{}, {0}, {3}},
                    {"d", Copy{}, {5}, {6}}};
  for (uint32_t layer = 0; layer < 4; ++layer) {
    program.parts.push_back({layer, {0, 1}, {0, 1}, {}, {}, 0});
  }

  CHECK(Program::Parse(ManifestOf(program)).status().message() == "");

  SECTION("but a row must be") { program.layers[1].outputs = {1}; }
  SECTION("and so must the end of each") {
    program.tensors[5].offset_bytes = 24;
  }
  CHECK_FALSE(Program::Parse(ManifestOf(program)).ok());
}

TEST_CASE(
    "What has no elements is written by nobody, and may be all there is") {
  Program program;
  program.buffers = {{0}, {0}};
  program.tensors = {{"past", PlainType({1, 2, 0, 4}), 0, 0},
                     {"none", PlainType({0}), 1, 0}};
  program.inputs = {0};
  program.outputs = {1};

  const auto parsed = Program::Parse(ManifestOf(program));

  REQUIRE(parsed.status().message() == "");
  CHECK(parsed->tensors[0].type.shape == std::vector<int64_t>{1, 2, 0, 4});
}

}  // namespace
}  // namespace layerd
