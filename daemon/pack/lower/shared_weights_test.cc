// What cutting does with weights that are not one extent for one part: those
// that several layers share, and tables.

#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "daemon/pack/lower/cut.h"
#include "daemon/pack/lower/lower.h"
#include "daemon/pack/network/network_sketch.h"
#include "daemon/plan/program_check.h"
#include "kernels/reference/reference_backend.h"
#include "test/catch/catch.h"

namespace layerd {
namespace {

Program Cut(const Network& network, const CutLimits& limits = {}) {
  const auto backend = MakeReferenceBackend();
  const auto program = Cut(Lower(network), limits, *backend);
  REQUIRE(program.status().message() == "");
  REQUIRE(CheckProgram(*program).message() == "");
  return *program;
}

TEST_CASE("Weights that two layers share are one extent, read twice") {
  NetworkSketch s;
  const int first = s.FullyConnected(s.Input("x", {3, 64}), 64);
  const int between = s.FullyConnected(first, 64);
  s.Output(s.FullyConnectedAs(first, between));

  const Program program = Cut(s.network());

  CHECK(program.extents.size() == 2);
  CHECK(program.reads == std::vector<uint32_t>{0, 1, 0});
}

TEST_CASE("Shared weights are shared part by part") {
  NetworkSketch s;
  const int first = s.FullyConnected(s.Input("x", {3, 64}), 64);
  s.Output(s.FullyConnectedAs(first, first));

  const Program program = Cut(s.network(), {.extent_bytes_max = 8 << 10});

  CHECK(program.extents.size() == 4);
  CHECK(program.reads == std::vector<uint32_t>{0, 1, 2, 3, 0, 1, 2, 3});
}

TEST_CASE("The same weights with another bias are other extents") {
  NetworkSketch s;
  const int first = s.FullyConnected(s.Input("x", {3, 64}), 64);
  s.Output(s.FullyConnectedAs(first, first));
  Operation& second = s.network().nodes[1];
  OperatorOf<FullyConnected>(second)->has_bias = true;
  second.weights.push_back(Weight::Vector(std::vector<float>(64, 1.0f)));

  CHECK(Cut(s.network()).extents.size() == 2);
}

TEST_CASE("The same weights at another scale are other extents") {
  NetworkSketch s;
  const int first = s.FullyConnected(s.Input("x", {3, 64}), 64);
  s.Output(s.FullyConnectedAs(first, first));
  s.network().nodes[1].weights[0].output_scale.assign(64, 2.0f);

  CHECK(Cut(s.network()).extents.size() == 2);
}

TEST_CASE("A constant of which few rows are gathered is a table") {
  NetworkSketch s;
  const int ids = s.Input("ids", {2, 8}, DataType::kI64);
  const int rows = s.Gather(1000, 384, ids);
  s.Output(s.FullyConnected(rows, 16));

  const Program program = Cut(s.network());

  REQUIRE(program.extents.size() == 2);
  CHECK(program.parts[0].table == 1);
  CHECK_FALSE(program.parts[0].read);
  CHECK(program.extents[1].stored_bytes == 1000 * 384 * 4);
  CHECK(program.extents[1].tile_bytes == kTableTileBytes);
  CHECK(program.reads == std::vector<uint32_t>{0});
  CHECK(program.Tables() == std::vector<bool>{false, true});
}

TEST_CASE("A table may be of bytes") {
  NetworkSketch s;
  const int ids = s.Input("ids", {2, 8}, DataType::kI64);
  const int rows = s.Gather(1000, 384, ids);
  s.Output(rows);
  const DataType dtype = GENERATE(DataType::kI8, DataType::kU8);
  s.network().nodes[0].weights[0].dtype = dtype;
  s.network().values[static_cast<size_t>(rows)].dtype = dtype;

  const Program program = Cut(s.network());

  CHECK(program.parts[0].table);
  CHECK(program.extents.back().stored_bytes == 94 * 4096);
}

TEST_CASE("A constant of which many rows are gathered streams") {
  NetworkSketch s;
  const int ids = s.Input("ids", {100}, DataType::kI64);
  s.Output(s.Gather(1000, 384, ids));

  const Program program = Cut(s.network());

  CHECK(program.parts[0].read == 0);
  CHECK_FALSE(program.parts[0].table);
}

TEST_CASE("A small constant that is gathered from streams") {
  NetworkSketch s;
  const int ids = s.Input("ids", {1}, DataType::kI64);
  s.Output(s.Gather(100, 384, ids));

  CHECK(Cut(s.network()).parts[0].read == 0);
}

}  // namespace
}  // namespace layerd
