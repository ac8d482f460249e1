#include "daemon/plan/program_check.h"

#include <cstdint>
#include <string>

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

TEST_CASE("How many pieces of buffers inputs may lie in is bounded") {
  CHECK(CheckProgram(ReadByManyLayers(1000)).message() == "");
  CHECK_THAT(std::string(CheckProgram(ReadByManyLayers(5000)).message()),
             Catch::Contains("pieces that layers wrote"));
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

}  // namespace
}  // namespace layerd
