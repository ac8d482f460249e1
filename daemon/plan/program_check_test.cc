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

// Every other element of a buffer is written by a layer of its own, and as
// many layers read them all.
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
  for (uint32_t i = 0; i < pieces; ++i) AddCopy(&program, 1, 2);
  return program;
}

TEST_CASE("How many pieces of buffers inputs may lie in is bounded") {
  CHECK(CheckProgram(InPieces(1000)).message() == "");
  CHECK_THAT(std::string(CheckProgram(InPieces(5000)).message()),
             Catch::Contains("pieces that layers wrote"));
}

}  // namespace
}  // namespace layerd
