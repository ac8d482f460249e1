#include "daemon/plan/program_check.h"

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "test/catch/catch.h"

namespace layerd {
namespace {

TensorType Elements(int64_t count, int64_t stride = 1) {
  return {DataType::kF32, {count}, {stride}};
}

void AddCopy(Program* program, uint32_t from, uint32_t to) {
  const auto layer = static_cast<uint32_t>(program->layers.size());
  program->layers.push_back({"copy", Copy{}, {from}, {to}});
  program->parts.push_back({layer, {0, 1}, {0, 1}, {}, {}, 0});
}

// Every other element of a buffer is written by a layer of its own.
Program InPieces(uint32_t pieces) {
  Program program;
  program.buffers = {{4}, {uint64_t{8} * pieces}, {uint64_t{4} * pieces}};
  program.tensors = {{"x", Elements(1), 0, 0},
                     {"all", Elements(pieces, 2), 1, 0},
                     {"y", Elements(pieces), 2, 0}};
  program.inputs = {0};
  program.outputs = {2};
  for (uint32_t i = 0; i < pieces; ++i) {
    program.tensors.push_back({"piece", Elements(1), 1, uint64_t{8} * i});
    AddCopy(&program, 0, 3 + i);
  }
  return program;
}

// As many layers as there are pieces read them all.
Program ReadByManyLayers(uint32_t pieces) {
  Program program = InPieces(pieces);
  for (uint32_t i = 0; i < pieces; ++i) AddCopy(&program, 1, 2);
  return program;
}

// One layer does, of half as many parts.
Program ReadByManyParts(uint32_t pieces) {
  Program program = InPieces(pieces);
  AddCopy(&program, 1, 2);
  Part part = program.parts.back();
  program.parts.pop_back();
  for (uint32_t i = 0; i < pieces; i += 2) {
    part.rows = {i, 2};
    program.parts.push_back(part);
  }
  return program;
}

TEST_CASE("How many steps it takes to see what was written is bounded") {
  CHECK(CheckProgram(ReadByManyLayers(1000)).message() == "");
  CHECK_THAT(std::string(CheckProgram(ReadByManyLayers(5000)).message()),
             Catch::Contains("steps to see that layers wrote"));
}

TensorType Numbers(int64_t count, int64_t stride) {
  return {DataType::kI64, {count}, {stride}};
}

// Rows of x lie in the buffer of the numbers that name them, as behind a
// concatenation: `rows_stride` apart, from `rows_place` on.
Program GatherBeside(int64_t count, int64_t rows_stride, uint64_t rows_place) {
  const auto bytes = static_cast<uint64_t>(16 * (count + 1));
  Program program;
  program.buffers = {{32}, {bytes}, {bytes}, {bytes}};
  program.tensors = {{"x", Numbers(4, 1), 0, 0},
                     {"given", Numbers(count, 1), 1, 0},
                     {"numbers", Numbers(count, 2), 2, 0},
                     {"rows", Numbers(count, rows_stride), 2, rows_place},
                     {"y", Numbers(count, 1), 3, 0}};
  program.inputs = {0, 1};
  program.outputs = {4};
  AddCopy(&program, 1, 2);
  program.layers.push_back({"gather", Gather{}, {0, 2}, {3}});
  program.parts.push_back({1, {0, 1}, {0, 1}, {}, {}, 0});
  AddCopy(&program, 3, 4);
  return program;
}

TEST_CASE("Rows are not gathered over the numbers that name them") {
  struct Row {
    const char* name;
    int64_t count, stride;
    uint64_t place;
    const char* message;
  };
  const char* const kOver = "\"rows\" is written over the numbers of its rows";
  const auto row = GENERATE_COPY(values<Row>({
      {"in turns", 3, 2, 8, ""},
      {"behind them", 1, 1, 8, ""},
      {"over all of them", 3, 2, 0, kOver},
      {"over the second", 3, 2, 16, kOver},
      {"the second over the second", 2, 1, 8, kOver},
      {"in more turns than anybody looks at", 2'000'000, 2, 8, kOver},
  }));
  INFO(row.name);
  const absl::Status checked =
      CheckProgram(GatherBeside(row.count, row.stride, row.place));
  CHECK_THAT(std::string(checked.message()), Catch::Contains(row.message));
  CHECK(checked.ok() == (*row.message == '\0'));
}

TEST_CASE("However many parts a layer has, its inputs are looked up once") {
  CHECK(CheckProgram(ReadByManyParts(6000)).message() == "");
}

TEST_CASE("Every layer has its inputs looked up, cut or not") {
  for (const bool cut : {false, true}) {
    Program program = cut ? ReadByManyParts(100) : ReadByManyLayers(100);
    program.parts.erase(program.parts.begin() + 50);  // A piece.
    program.layers.erase(program.layers.begin() + 50);
    for (Part& part : program.parts) part.layer -= part.layer > 50;
    CHECK_THAT(std::string(CheckProgram(program).message()),
               Catch::Contains("is read before it is written"));
  }
}

// Writes the tensors of one buffer, each from nothing but the first number of
// x, and reads the last of them.
Program WrittenThenRead(uint64_t buffer_floats,
                        const std::vector<Tensor>& tensors) {
  Program program;
  program.buffers = {{4}, {4 * buffer_floats}, {4 * buffer_floats}};
  program.tensors = {{"x", Elements(1), 0, 0}};
  program.inputs = {0};
  const auto add = [&](Tensor tensor, uint32_t buffer, int64_t stride_factor) {
    tensor.buffer = buffer;
    for (int64_t& stride : tensor.type.strides) stride *= stride_factor;
    if (buffer == 0) tensor.offset_bytes = 0;
    program.tensors.push_back(tensor);
    return static_cast<uint32_t>(program.tensors.size() - 1);
  };
  for (size_t i = 0; i + 1 < tensors.size(); ++i) {
    const uint32_t from = add(tensors[i], 0, 0);
    AddCopy(&program, from, add(tensors[i], 1, 1));
  }
  Tensor answer = tensors.back();
  answer.offset_bytes = 0;
  answer.type.strides.assign(answer.type.shape.size(), 1);
  for (size_t d = answer.type.shape.size(); d-- > 1;) {
    answer.type.strides[d - 1] = answer.type.strides[d] * answer.type.shape[d];
  }
  const uint32_t read = add(tensors.back(), 1, 1);
  const uint32_t y = add(answer, 2, 1);
  AddCopy(&program, read, y);
  program.outputs = {y};
  return program;
}

Tensor Pixels(const char* name, int64_t pixels, int64_t channels,
              int64_t of_channels, int64_t first_channel) {
  return {name,
          {DataType::kF32, {pixels, channels}, {of_channels, 1}},
          1,
          4 * static_cast<uint64_t>(first_channel)};
}

constexpr char kUnwritten[] = "is read before it is written";

// Of another request, maybe to another model: an arena serves them all.
TEST_CASE("What lies between the rows of what was written is not read") {
  const std::vector<Tensor> halves = {Pixels("left", 5, 3, 7, 0),
                                      Pixels("right", 5, 4, 7, 3)};
  const Tensor whole = Pixels("whole", 5, 7, 7, 0);
  const Tensor inside = Pixels("pixels but the last", 4, 7, 7, 0);
  const auto check = [](const std::vector<Tensor>& tensors) {
    return std::string(CheckProgram(WrittenThenRead(100, tensors)).message());
  };
  CHECK(check({halves[0], halves[1], whole}) == "");
  CHECK(check({halves[1], halves[0], whole}) == "");
  CHECK(check({halves[0], halves[0]}) == "");
  CHECK(check({halves[0], Pixels("one of it", 5, 1, 7, 2)}) == "");
  CHECK(check({halves[0], Pixels("some of its rows", 2, 3, 7, 14)}) == "");
  CHECK(check({halves[0], halves[1], inside}) == "");
  CHECK_THAT(check({halves[0], inside}), Catch::Contains(kUnwritten));
  CHECK_THAT(check({halves[0], whole}), Catch::Contains(kUnwritten));
  CHECK_THAT(check({halves[1], whole}), Catch::Contains(kUnwritten));
  CHECK_THAT(check({halves[0], Pixels("one more", 5, 4, 7, 0)}),
             Catch::Contains(kUnwritten));
  CHECK_THAT(check({halves[0], Pixels("row behind", 6, 3, 7, 0)}),
             Catch::Contains(kUnwritten));
}

// The innermost dimension first, each going past all inside it.
Tensor RandomTensor(std::mt19937& random, int64_t buffer_floats) {
  const auto upto = [&](int64_t most) {
    return static_cast<int64_t>(random() % static_cast<uint64_t>(most + 1));
  };
  Tensor tensor{"t", {DataType::kF32, {}, {}}, 1, 0};
  int64_t reach = 1;
  for (int64_t d = upto(3); d > 0; --d) {
    const int64_t stride = reach + (upto(1) == 0 ? 0 : upto(4));
    const int64_t size = 1 + upto(3);
    if (reach + (size - 1) * stride > buffer_floats) break;
    tensor.type.shape.push_back(size);
    tensor.type.strides.push_back(stride);
    reach += (size - 1) * stride;
  }
  tensor.offset_bytes = 4 * static_cast<uint64_t>(upto(buffer_floats - reach));
  return tensor;
}

std::vector<size_t> PlacesOf(const Tensor& tensor) {
  std::vector<size_t> places = {tensor.offset_bytes / 4};
  for (size_t d = 0; d < tensor.type.shape.size(); ++d) {
    std::vector<size_t> more;
    for (int64_t i = 0; i < tensor.type.shape[d]; ++i) {
      for (const size_t place : places) {
        more.push_back(place + static_cast<size_t>(i * tensor.type.strides[d]));
      }
    }
    places = std::move(more);
  }
  return places;
}

TEST_CASE("A tensor may be read just where all its elements were written") {
  constexpr int64_t kFloats = 40;
  size_t accepted = 0, refused = 0;
  for (uint32_t seed = 0; seed < 4000; ++seed) {
    INFO("seed " << seed);
    std::mt19937 random(seed);
    std::vector<Tensor> tensors;
    for (uint32_t writes = 1 + random() % 8; writes > 0; --writes) {
      tensors.push_back(RandomTensor(random, kFloats));
    }
    std::vector<bool> written(kFloats);
    for (const Tensor& tensor : tensors) {
      for (const size_t place : PlacesOf(tensor)) written[place] = true;
    }
    tensors.push_back(RandomTensor(random, kFloats));
    const std::vector<size_t> read = PlacesOf(tensors.back());
    const bool is_sound = std::all_of(read.begin(), read.end(),
                                      [&](size_t p) { return written[p]; });
    const absl::Status checked =
        CheckProgram(WrittenThenRead(kFloats, tensors));
    INFO(checked);
    REQUIRE(checked.ok() == is_sound);
    ++(is_sound ? accepted : refused);
  }
  CHECK(accepted > 500);
  CHECK(refused > 500);
}

// As networks of dense blocks have them: many pictures in one, large, that are
// read again and again. Without a step for each of their rows.
TEST_CASE("Ranges of the channels of a large picture are looked up at once") {
  constexpr int64_t kPixels = 1'000'000, kRanges = 20;
  Program program =
      WrittenThenRead(kPixels * kRanges, {Pixels("a", kPixels, 1, kRanges, 0),
                                          Pixels("b", kPixels, 1, kRanges, 0)});
  const uint32_t x = program.layers[0].inputs[0];
  const uint32_t y = program.layers.back().outputs[0];
  for (int64_t c = 1; c < kRanges; ++c) {
    const auto next = static_cast<uint32_t>(program.tensors.size());
    program.tensors.push_back(Pixels("range", kPixels, 1, kRanges, c));
    AddCopy(&program, x, next);
    AddCopy(&program, next, y);
  }
  CHECK(CheckProgram(program).message() == "");
}

}  // namespace
}  // namespace layerd
