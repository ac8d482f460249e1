// Operators of ONNX Runtime's quantisation, in numbers that can be checked by
// hand: steps of 1/2 and of 1/4, zero points that are not 0.

#include <algorithm>
#include <cmath>
#include <set>

#include "daemon/pack/import/onnx_test_model.h"
#include "kernels/reference/reference_backend.h"
#include "test/catch/catch.h"
#include "test/sim/imported_answers.h"

namespace layerd {
namespace {

using Floats = std::vector<float>;
using Shape = std::vector<int64_t>;

onnx::NodeProto* Microsoft(TestModel& model, const std::string& op_type,
                           const std::vector<std::string>& inputs,
                           const std::string& output) {
  onnx::NodeProto* node = model.Add(op_type, inputs, {output});
  node->set_domain("com.microsoft");
  return node;
}

void Byte(TestModel& model, const std::string& name, uint8_t value) {
  onnx::TensorProto* tensor = model.Weights(name, {}, {});
  tensor->set_data_type(onnx::TensorProto::UINT8);
  tensor->set_raw_data(std::string(1, static_cast<char>(value)));
}

// Inputs "a" and "b", quantised in steps of 1/2 around 100 and of 1/4 around 7;
// answers are in steps of 1/2 around 100.
class Quantised {
 public:
  explicit Quantised(Shape shape) : model(13), shape_(std::move(shape)) {
    model.Weights("half", {}, {0.5f});
    model.Weights("quarter", {}, {0.25f});
    Byte(model, "hundred", 100);
    Byte(model, "seven", 7);
    AddInput("a", "half", "hundred");
    AddInput("b", "quarter", "seven");
  }

  Floats Answer(const Floats& a, const Floats& b) {
    model.Add("DequantizeLinear", {"q", "half", "hundred"}, {"y"});
    model.Output("y");
    return ImportedAnswers(model, {a, b}, *MakeReferenceBackend())[0];
  }

  TestModel model;

 private:
  void AddInput(const std::string& name, const std::string& scale,
                const std::string& zero) {
    model.Input(name, shape_);
    model.Add("QuantizeLinear", {name, scale, zero}, {"q" + name});
  }

  Shape shape_;
};

const std::vector<std::string> kOfBoth = {
    "qa", "half", "hundred", "qb", "quarter", "seven", "half", "hundred"};
const std::vector<std::string> kOfOne = {"qa", "half", "hundred", "half",
                                         "hundred"};
const Floats kA = {1, -2, 3.5f, 60};
const Floats kB = {0.25f, 1, 2.5f, 40};

Floats Rounded(const Floats& numbers) {
  Floats rounded;
  for (const float number : numbers) {
    const float steps = std::nearbyint(number / 0.5f);
    rounded.push_back(0.5f * std::clamp(steps, -100.0f, 155.0f));
  }
  return rounded;
}

TEST_CASE("Sums and products of quantised numbers are quantised again") {
  const std::string op = GENERATE("QLinearAdd", "QLinearMul");
  INFO(op);
  Quantised network({1, 4});
  Microsoft(network.model, op, kOfBoth, "q");
  Floats expected;
  for (size_t i = 0; i < kA.size(); ++i) {
    expected.push_back(op == "QLinearAdd" ? kA[i] + kB[i] : kA[i] * kB[i]);
  }
  CHECK(network.Answer(kA, kB) == Rounded(expected));
}

TEST_CASE("Functions of quantised numbers are quantised again") {
  struct Row {
    const char* op_type;
    float (*function)(float);
  };
  const Row row = GENERATE(values<Row>({
      {"QLinearSigmoid", [](float x) { return 1 / (1 + std::exp(-x)); }},
      {"QLinearLeakyRelu", [](float x) { return x < 0 ? 0.25f * x : x; }},
  }));
  INFO(row.op_type);
  Quantised network({1, 4});
  onnx::NodeProto* node = Microsoft(network.model, row.op_type, kOfOne, "q");
  if (std::string(row.op_type) == "QLinearLeakyRelu") {
    SetFloat(node, "alpha", 0.25f);
  }
  Floats expected;
  for (const float x : kA) expected.push_back(row.function(x));
  CHECK(network.Answer(kA, kB) == Rounded(expected));
}

TEST_CASE("Pools of quantised numbers average what they mean") {
  const std::string op =
      GENERATE("QLinearAveragePool", "QLinearGlobalAveragePool");
  INFO(op);
  Quantised network({1, 1, 2, 2});
  onnx::NodeProto* node = Microsoft(network.model, op, kOfOne, "q");
  if (op == "QLinearAveragePool") {
    SetInts(node, "kernel_shape", {2, 2});
    SetInt(node, "channels_last", 0);
  }
  CHECK(network.Answer({1, 2, 3, 5}, kB) == Rounded({2.75f}));
}

TEST_CASE("A pool whose channels come last is refused") {
  Quantised network({1, 2, 2, 1});
  SetInt(Microsoft(network.model, "QLinearGlobalAveragePool", kOfOne, "q"),
         "channels_last", 1);
  network.model.Output("q");
  const auto graph = network.model.Import();
  CHECK(absl::IsUnimplemented(graph.status()));
  CHECK_THAT(std::string(graph.status().message()),
             Catch::Contains("com.microsoft.QLinearGlobalAveragePool") &&
                 Catch::Contains("channels come last"));
}

TEST_CASE("What is joined has one scale afterwards") {
  Quantised network({1, 4});
  SetInt(Microsoft(network.model, "QLinearConcat",
                   {"half", "hundred", "qa", "half", "hundred", "qb", "quarter",
                    "seven"},
                   "q"),
         "axis", 1);
  Floats expected = kA;
  expected.insert(expected.end(), kB.begin(), kB.end());
  CHECK(network.Answer(kA, kB) == Rounded(expected));
}

TEST_CASE("A softmax of quantised numbers sums to 1, in steps") {
  Quantised network({1, 4});
  onnx::NodeProto* node =
      Microsoft(network.model, "QLinearSoftmax", kOfOne, "q");
  SetInt(SetInt(node, "axis", -1), "opset", 13);
  CHECK(network.Answer({0, 0, -50, -50}, kB) == Floats{0.5f, 0.5f, 0, 0});
}

TEST_CASE("Of quantised numbers one or the other is taken") {
  Quantised network({1, 4});
  network.model.Add("Less", {"a", "b"}, {"less"});
  std::vector<std::string> inputs = {"less"};
  inputs.insert(inputs.end(), kOfBoth.begin(), kOfBoth.end());
  Microsoft(network.model, "QLinearWhere", inputs, "q");
  CHECK(network.Answer({1, 5, 1, 5}, {2, 2, 2, 2}) == Floats{1, 2, 1, 2});
}

TEST_CASE("A quantised matrix product has a bias in steps of its own") {
  const bool is_quantised = GENERATE(true, false);
  INFO(is_quantised);
  Quantised network({2, 2});
  onnx::TensorProto* bias = network.model.Ints("bias", {2}, {});
  bias->set_data_type(onnx::TensorProto::INT32);
  const int32_t steps[] = {8, -16};  // Of 2 * 0.5 * 0.25.
  bias->set_raw_data(std::string(reinterpret_cast<const char*>(steps), 8));
  std::vector<std::string> inputs = {"qa",      "half",  "hundred", "qb",
                                     "quarter", "seven", "bias"};
  if (is_quantised) inputs.insert(inputs.end(), {"half", "hundred"});
  onnx::NodeProto* node =
      Microsoft(network.model, "QGemm", inputs, is_quantised ? "q" : "float");
  SetInt(SetFloat(node, "alpha", 2), "transB", 1);
  if (!is_quantised) {
    network.model.Add("QuantizeLinear", {"float", "half", "hundred"}, {"q"});
  }
  // 2 * [1 2; 3 -1] * transpose([1 1; -1 0.5]) + [2 -4]
  CHECK(network.Answer({1, 2, 3, -1}, {1, 1, -1, 0.5f}) ==
        Floats{8, -4, 6, -11});
}

TEST_CASE("Quantising by another domain's word is quantising") {
  Quantised network({1, 4});
  Microsoft(network.model, "DequantizeLinear", {"qa", "half", "hundred"}, "x");
  Microsoft(network.model, "QuantizeLinear", {"x", "half", "hundred"}, "q");
  CHECK(network.Answer(kA, kB) == Rounded(kA));
}

// Row r of 256 elements holds r modulo 100, in halves around 7.
onnx::NodeProto* AddRows(TestModel& model, int64_t rows, int64_t looked_up) {
  onnx::TensorProto* table = model.Weights("table", {rows, 256}, {});
  table->set_data_type(onnx::TensorProto::UINT8);
  std::string bytes;
  for (int64_t r = 0; r < rows; ++r) {
    bytes.append(256, static_cast<char>(r % 100));
  }
  table->set_raw_data(bytes);
  Byte(model, "seven", 7);
  model.Weights("half", {}, {0.5f});
  model.Add("DequantizeLinear", {"table", "half", "seven"}, {"numbers"});
  model.Input("x", {looked_up});
  SetInt(model.Add("Cast", {"x"}, {"ids"}), "to", onnx::TensorProto::INT64);
  return model.Add("Gather", {"numbers", "ids"}, {"y"});
}

TEST_CASE("Few rows of a large table in bytes are looked up as bytes") {
  TestModel model(13);
  AddRows(model, 2000, 2);
  model.Add("Gather", {"numbers", "ids"}, {"again"});
  model.Output("y");
  model.Output("again");

  const auto graph = model.Import();
  REQUIRE(graph.ok());
  std::set<int> tables;
  for (const Node& node : graph->nodes) {
    if (node.op_type != "Gather") continue;
    const Value& table = graph->values[static_cast<size_t>(node.inputs[0])];
    CHECK(table.dtype == DataType::kU8);
    tables.insert(table.constant);
  }
  CHECK(tables.size() == 1);

  const auto answers =
      ImportedAnswers(model, {{103, 1999}}, *MakeReferenceBackend());
  for (const Floats& answer : answers) {
    CHECK(answer[0] == -2);
    CHECK(answer[511] == 46);
  }
}

TEST_CASE("Rows in bytes may have a scale each") {
  TestModel model(13);
  onnx::NodeProto* gather = AddRows(model, 2000, 2);
  Floats scales;
  for (int r = 0; r < 2000; ++r) scales.push_back(static_cast<float>(r));
  model.Weights("scales", {2000, 1}, scales);
  SetInt(model.Add("Cast", {"table"}, {"bytes"}), "to",
         onnx::TensorProto::FLOAT);
  model.Add("Mul", {"bytes", "scales"}, {"scaled"});
  gather->set_input(0, "scaled");
  model.Output("y");

  const auto graph = model.Import();
  REQUIRE(graph.ok());
  CHECK(std::any_of(
      graph->nodes.begin(), graph->nodes.end(), [&](const Node& node) {
        return node.op_type == "Gather" &&
               graph->values[static_cast<size_t>(node.inputs[0])].dtype ==
                   DataType::kU8;
      }));
  const auto answers =
      ImportedAnswers(model, {{103, 1999}}, *MakeReferenceBackend());
  CHECK(answers[0][0] == 3 * 103);
  CHECK(answers[0][511] == 99 * 1999);
}

TEST_CASE(
    "A table of which many rows are looked up, or a small one, is floats") {
  const auto [rows, looked_up] =
      GENERATE(table<int64_t, int64_t>({{2000, 1001}, {1000, 2}}));
  TestModel model(13);
  AddRows(model, rows, looked_up);
  model.Output("y");
  const auto graph = model.Import();
  REQUIRE(graph.ok());
  CHECK(Sketch(*graph) == "Cast(x) -> ids; Gather(numbers, ids) -> y");
}

TEST_CASE("A name of another domain is no operator of ONNX's") {
  TestModel model(13);
  model.Input("x", {1, 4});
  model.Add("com.microsoft.QGemm", {"x"}, {"y"});
  model.Output("y");
  CHECK(absl::IsUnimplemented(model.Import().status()));
}

TEST_CASE("A fused product ends in the activation that it names") {
  struct Row {
    const char* activation;
    float (*function)(float x);
  };
  const auto row = GENERATE(values<Row>({
      {"Elu", [](float x) { return x < 0 ? 0.5f * std::expm1(x) : x; }},
      {"LeakyRelu", [](float x) { return x < 0 ? 0.5f * x : x; }},
      {"Softplus", [](float x) { return std::log1p(std::exp(x)); }},
      {"Softsign", [](float x) { return x / (1 + std::abs(x)); }},
      {"ThresholdedRelu", [](float x) { return x > 0.5f ? x : 0; }},
  }));
  INFO(row.activation);
  const Floats x = {-2, 0.25f, 3};
  TestModel model(13);
  model.Input("x", {3, 1});
  model.Weights("one", {1, 1}, {1});
  onnx::NodeProto* node = Microsoft(model, "FusedGemm", {"x", "one"}, "y");
  SetString(node, "activation", row.activation);
  SetFloat(node, "activation_alpha", 0.5f);
  model.Output("y");

  const auto y = ImportedAnswers(model, {x}, *MakeReferenceBackend())[0];

  REQUIRE(y.size() == x.size());
  for (size_t i = 0; i < x.size(); ++i) {
    CHECK(y[i] == Approx(row.function(x[i])));
  }
}

// Two queries that find all keys alike.
TEST_CASE("A query that looks back sees as many keys as its place says") {
  TestModel model(17);
  model.Weights("q", {1, 2, 1}, {0, 0});
  model.Input("x", {1, 3, 1});
  onnx::NodeProto* node =
      Microsoft(model, "MultiHeadAttention", {"q", "x", "x"}, "y");
  SetInt(SetInt(node, "num_heads", 1), "unidirectional", 1);
  model.Output("y");

  const auto y =
      ImportedAnswers(model, {{1, 3, 7}}, *MakeReferenceBackend())[0];

  REQUIRE(y.size() == 2);
  CHECK(y[0] == Approx(1));
  CHECK(y[1] == Approx(2));
}

}  // namespace
}  // namespace layerd
