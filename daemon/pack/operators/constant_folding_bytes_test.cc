// Weights of bytes that a file makes floating node by node.

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "daemon/pack/graph/element_type.h"
#include "daemon/pack/import/imported_graph.h"
#include "daemon/pack/import/onnx_test_model.h"
#include "test/catch/catch.h"

namespace layerd {
namespace {

using Ints = std::vector<int64_t>;
using Floats = std::vector<float>;
using Words = std::vector<std::string>;

void SetBytes(onnx::TensorProto* tensor, onnx::TensorProto::DataType type,
              const std::string& bytes) {
  tensor->set_data_type(type);
  tensor->set_raw_data(bytes);
}

// Of a model that answers "y".
Graph Answering(TestModel& model) {
  model.Input("x", {1});
  model.Output("y");
  return Imported(model);
}

// What the first node reads, with nothing left to compute.
const Constant& ConstantRead(const Graph& graph) {
  const auto value = static_cast<size_t>(graph.nodes[0].inputs[0]);
  const int constant = graph.values[value].constant;
  REQUIRE(constant >= 0);
  return graph.constants[static_cast<size_t>(constant)];
}

// The model answers with these numbers, which stay bytes of its file.
void CheckInFile(TestModel& model, const Floats& numbers) {
  const Graph graph = Answering(model);
  const Constant& constant = ConstantRead(graph);
  CHECK(constant.file >= 0);
  Floats elements(numbers.size());
  REQUIRE(graph.ReadF32(constant, 0, elements).ok());
  CHECK(elements == numbers);
}

TEST_CASE("Bytes that a Cast makes floating and a Mul scales stay in a file") {
  constexpr int64_t kRows = 2, kColumns = 1000;  // More than small ones.
  struct Scaling {
    Ints shape;
    std::function<float(int64_t row, int64_t column)> scale;
  };
  const auto by_row = [](int64_t row, int64_t) { return row + 0.5f; };
  const auto by_column = [](int64_t, int64_t column) { return column + 0.5f; };
  const auto by_none = [](int64_t, int64_t) { return 0.25f; };
  const auto row = GENERATE_COPY(values<Scaling>({
      {{}, by_none},
      {{1, 1}, by_none},
      {{kRows, 1}, by_row},
      {{kColumns}, by_column},
      {{1, kColumns}, by_column},
  }));
  const bool is_first = GENERATE(true, false);
  std::string bytes;
  Floats scales, expected;
  for (int64_t k = 0; k < kRows * kColumns; ++k) {
    bytes.push_back(static_cast<char>(k % 251 - 125));
    expected.push_back(static_cast<float>(k % 251 - 125) *
                       row.scale(k / kColumns, k % kColumns));
  }
  for (int64_t k = 0; k < CountOf(row.shape); ++k) {
    scales.push_back(row.scale(k, k));
  }
  TestModel m(13);
  SetBytes(m.Weights("w", {kRows, kColumns}, {}), onnx::TensorProto::INT8,
           bytes);
  SetInt(m.Add("Cast", {"w"}, {"f"}), "to", onnx::TensorProto::FLOAT);
  m.Weights("s", row.shape, scales);
  m.Add("Mul", is_first ? Words{"f", "s"} : Words{"s", "f"}, {"y"});
  CheckInFile(m, expected);
}

TEST_CASE("Bytes stay in a file where zero points are taken off before") {
  constexpr int64_t kRows = 2, kColumns = 1000;  // More than small ones.
  struct Shapes {
    Ints zeros, scales;
  };
  const auto row = GENERATE(values<Shapes>({
      {{}, {}},
      {{}, {kRows, 1}},
      {{1}, {kColumns}},
      {{kRows, 1}, {}},
      {{kColumns}, {1}},
      {{kRows, 1}, {kRows, 1}},
      {{1, kColumns}, {kColumns}},
  }));
  const bool are_zeros_cast = GENERATE(true, false);
  INFO(row.zeros.size() << " " << row.scales.size());
  const auto place = [](const Ints& shape, int64_t k) {
    const int64_t count = CountOf(shape);
    return count == 1 ? 0 : count == kRows ? k / kColumns : k % kColumns;
  };
  std::string bytes, zeros;
  Floats wide_zeros, scales, expected;
  for (int64_t k = 0; k < CountOf(row.zeros); ++k) {
    zeros.push_back(static_cast<char>(k % 7 + 3));
    wide_zeros.push_back(static_cast<float>(k % 7 + 3));
  }
  for (int64_t k = 0; k < CountOf(row.scales); ++k) {
    scales.push_back(static_cast<float>(k) + 0.3f);
  }
  for (int64_t k = 0; k < kRows * kColumns; ++k) {
    bytes.push_back(static_cast<char>(k % 251));
    expected.push_back(
        (static_cast<float>(k % 251) - wide_zeros[place(row.zeros, k)]) *
        scales[place(row.scales, k)]);
  }
  TestModel m(13);
  SetBytes(m.Weights("w", {kRows, kColumns}, {}), onnx::TensorProto::UINT8,
           bytes);
  SetInt(m.Add("Cast", {"w"}, {"f"}), "to", onnx::TensorProto::FLOAT);
  if (are_zeros_cast) {
    SetBytes(m.Weights("z", row.zeros, {}), onnx::TensorProto::UINT8, zeros);
    SetInt(m.Add("Cast", {"z"}, {"zf"}), "to", onnx::TensorProto::FLOAT);
  } else {
    m.Weights("zf", row.zeros, wide_zeros);
  }
  m.Add("Sub", {"f", "zf"}, {"centred"});
  m.Weights("s", row.scales, scales);
  m.Add("Mul", {"centred", "s"}, {"y"});
  CheckInFile(m, expected);
}

TEST_CASE("What is taken off bytes otherwise is computed") {
  constexpr int64_t kRows = 2, kColumns = 1000;  // More than small ones.
  struct Taken {
    const char* name;
    Ints shape;
    float first;
    Ints scales;
  };
  const auto row = GENERATE(values<Taken>({
      {"a fraction", {}, 0.5f, {}},
      {"too large", {}, 3e9f, {}},
      {"one for each", {kRows, kColumns}, 1, {}},
      {"along another axis than the scales", {kRows, 1}, 1, {kColumns}},
      {"more than bytes", {kRows, 1, 1}, 1, {}},
  }));
  INFO(row.name);
  std::string bytes;
  for (int64_t k = 0; k < kRows * kColumns; ++k) {
    bytes.push_back(static_cast<char>(k % 100));
  }
  Floats zeros;
  for (int64_t k = 0; k < CountOf(row.shape); ++k) {
    zeros.push_back(row.first + static_cast<float>(k % 5));
  }
  TestModel m(13);
  SetBytes(m.Weights("w", {kRows, kColumns}, {}), onnx::TensorProto::INT8,
           bytes);
  SetInt(m.Add("Cast", {"w"}, {"f"}), "to", onnx::TensorProto::FLOAT);
  m.Weights("z", row.shape, zeros);
  m.Add("Sub", {"f", "z"}, {"centred"});
  m.Weights("s", row.scales,
            Floats(static_cast<size_t>(CountOf(row.scales)), 2));
  m.Add("Mul", {"centred", "s"}, {"y"});
  const Graph graph = Answering(m);
  const Constant& constant = ConstantRead(graph);
  CHECK(constant.file < 0);
  Floats elements(static_cast<size_t>(constant.element_count()));
  REQUIRE(graph.ReadF32(constant, 0, elements).ok());
  const size_t run = elements.size() / zeros.size();
  for (size_t k = 0; k < elements.size(); ++k) {
    const auto byte = static_cast<float>(k % bytes.size() % 100);
    REQUIRE(elements[k] == (byte - zeros[k / run]) * 2);
  }
}

TEST_CASE("What scales bytes otherwise is computed") {
  const auto row = GENERATE(values<std::pair<Ints, Ints>>({
      {{2, 3}, {2, 3}},        // A scale for each element.
      {{4, 1, 1}, {4, 2, 3}},  // More of them than bytes.
  }));
  TestModel m(13);
  SetBytes(m.Weights("w", {2, 3}, {}), onnx::TensorProto::INT8, "\1\2\3\4\5\6");
  SetInt(m.Add("Cast", {"w"}, {"f"}), "to", onnx::TensorProto::FLOAT);
  m.Weights("s", row.first, Floats(static_cast<size_t>(CountOf(row.first)), 3));
  m.Add("Mul", {"f", "s"}, {"y"});
  const Graph graph = Answering(m);
  const Constant& constant = ConstantRead(graph);
  CHECK(constant.file < 0);
  CHECK(constant.shape == row.second);
  Floats elements(6);
  REQUIRE(graph.ReadF32(constant, 0, elements).ok());
  CHECK(elements == Floats{3, 6, 9, 12, 15, 18});
}

TEST_CASE(
    "A table of bytes with a scale for each row is no work for requests") {
  constexpr int64_t kRows = int64_t{1} << 20;
  TestModel model(13);
  model.Input("at", {2}, onnx::TensorProto::INT64);
  SetBytes(model.Weights("w", {kRows, 4}, {}), onnx::TensorProto::INT8,
           std::string(4 * kRows, '\1'));
  model.Weights("s", {kRows, 1}, Floats(kRows, 0.5f));
  SetInt(model.Add("Cast", {"w"}, {"f"}), "to", onnx::TensorProto::FLOAT);
  model.Add("Mul", {"f", "s"}, {"table"});
  model.Add("Gather", {"table", "at"}, {"y"});
  model.Output("y");
  const auto graph = model.Import();
  INFO(graph.status());
  REQUIRE(graph.ok());
  REQUIRE_FALSE(graph->nodes.empty());
  for (const Node& node : graph->nodes) {
    INFO(node.op_type);
    const Value& y = graph->values[static_cast<size_t>(node.outputs[0])];
    CHECK(CountOf(*y.shape) <= 2 * 4);
  }
}

}  // namespace
}  // namespace layerd
