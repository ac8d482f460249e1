// Weights that a model itself has in bytes stay bytes in its layer file.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "daemon/pack/import/onnx_test_model.h"
#include "daemon/pack/packer.h"
#include "daemon/plan/program.h"
#include "kernels/cpu/cpu_backend.h"
#include "kernels/reference/reference_backend.h"
#include "loader/store/layer_file_reader.h"
#include "test/catch/catch.h"
#include "test/scratch/scratch_folder.h"
#include "test/sim/run_program.h"

namespace layerd {
namespace {

using Floats = std::vector<float>;
using Shape = std::vector<int64_t>;

size_t CountOf(const Shape& shape) {
  size_t count = 1;
  for (const int64_t size : shape) count *= static_cast<size_t>(size);
  return count;
}

// Bytes, and what they mean: byte i less `zero`, times scale i / run.
struct Bytes {
  Shape shape;
  int64_t axis;  // Of the scales; -1: one for all.
  bool is_unsigned = false;
  int zero = 0;

  int64_t Steps(size_t i) const {
    const auto mixed = static_cast<int64_t>(i * 2654435761u >> 7 & 0xff);
    return is_unsigned ? mixed : mixed - 128;
  }
  int64_t scale_count() const {
    return axis < 0 ? 1 : shape[static_cast<size_t>(axis)];
  }
  static float Scale(int64_t i) {
    return 0.0037f * static_cast<float>(i % 5 + 1);
  }
  float Meant(size_t i) const {
    size_t run = 1;
    for (size_t d = shape.size(); d-- > static_cast<size_t>(axis + 1);) {
      run *= static_cast<size_t>(shape[d]);
    }
    const auto channel = static_cast<int64_t>(i / run) % scale_count();
    return static_cast<float>(Steps(i) - zero) * Scale(channel);
  }
};

// "w", as bytes that are dequantised or as the numbers that these mean.
void AddDequantised(TestModel& m, const Bytes& w, bool is_bytes) {
  if (!is_bytes) {
    Floats numbers;
    for (size_t i = 0; i < CountOf(w.shape); ++i) numbers.push_back(w.Meant(i));
    m.Weights("w", w.shape, numbers);
    return;
  }
  const auto type =
      w.is_unsigned ? onnx::TensorProto::UINT8 : onnx::TensorProto::INT8;
  std::string steps;
  for (size_t i = 0; i < CountOf(w.shape); ++i) {
    steps.push_back(static_cast<char>(w.Steps(i)));
  }
  onnx::TensorProto* bytes = m.Weights("bytes", w.shape, {});
  bytes->set_data_type(type);
  bytes->set_raw_data(steps);
  const Shape of_scales = w.axis < 0 ? Shape{} : Shape{w.scale_count()};
  Floats scales;
  for (int64_t i = 0; i < w.scale_count(); ++i) {
    scales.push_back(Bytes::Scale(i));
  }
  m.Weights("scale", of_scales, scales);
  onnx::TensorProto* zero = m.Weights("zero", of_scales, {});
  zero->set_data_type(type);
  zero->set_raw_data(std::string(scales.size(), static_cast<char>(w.zero)));
  SetInt(m.Add("DequantizeLinear", {"bytes", "scale", "zero"}, {"w"}), "axis",
         std::max<int64_t>(w.axis, 0));
}

// The same, spelled out: Cast, Sub, Mul.
void AddSpelled(TestModel& m, const Bytes& w, bool is_bytes) {
  if (!is_bytes) return AddDequantised(m, w, false);
  AddDequantised(m, w, true);
  auto* nodes = m.proto.mutable_graph()->mutable_node();
  nodes->RemoveLast();
  Shape along(w.shape.size(), 1);
  if (w.axis >= 0) along[static_cast<size_t>(w.axis)] = w.scale_count();
  auto* scale = m.proto.mutable_graph()->mutable_initializer(1);
  scale->mutable_dims()->Assign(along.begin(), along.end());
  SetInt(m.Add("Cast", {"bytes"}, {"steps"}), "to", onnx::TensorProto::FLOAT);
  m.Weights("none", {}, {static_cast<float>(w.zero)});
  m.Add("Sub", {"steps", "none"}, {"centred"});
  m.Add("Mul", {"centred", "scale"}, {"w"});
}

struct Fixture {
  void Pack(const TestModel& model, const std::string& name,
            const PackOptions& options) {
    WriteFile(folder / "model.onnx", model.proto.SerializeAsString());
    const auto packed = layerd::Pack(folder / "model.onnx", folder / name,
                                     options, *backend, nullptr);
    REQUIRE(packed.status().ToString() == "OK");
  }

  DataType StoredType(const std::string& name) {
    const auto file = LayerFileReader::Open(folder / name);
    REQUIRE(file.status().ToString() == "OK");
    const auto program = Program::Parse((*file)->manifest());
    REQUIRE(program.status().ToString() == "OK");
    for (const Part& part : program->parts) {
      if (!part.weights.empty()) return part.weights[0].layout.dtype;
    }
    return DataType::kBool;
  }

  Floats Answer(const std::string& name, size_t inputs) {
    std::mt19937 random(7);
    std::uniform_real_distribution<float> unit(-1, 1);
    Floats x(inputs);
    for (float& number : x) number = unit(random);
    const auto* bytes = reinterpret_cast<const std::byte*>(x.data());
    const auto outputs = RunLayerFile(
        folder / name, {{bytes, bytes + x.size() * sizeof(float)}}, *backend);
    REQUIRE(outputs.status().ToString() == "OK");
    Floats y((*outputs)[0].size() / sizeof(float));
    std::memcpy(y.data(), (*outputs)[0].data(), (*outputs)[0].size());
    return y;
  }

  ScratchFolder folder;
  std::unique_ptr<Backend> backend = MakeReferenceBackend();
};

struct Row {
  const char* name;
  const char* op_type;
  Shape x;
  Bytes w;
  int64_t groups = 1;
};

TestModel ModelOf(const Row& row, bool is_bytes, bool is_spelled) {
  TestModel model(13);
  model.Input("x", row.x);
  (is_spelled ? AddSpelled : AddDequantised)(model, row.w, is_bytes);
  onnx::NodeProto* node = model.Add(row.op_type, {"x", "w"}, {"y"});
  if (row.groups > 1) SetInt(node, "group", row.groups);
  if (row.op_type == std::string("Gemm")) SetInt(node, "transB", 1);
  model.Output("y");
  return model;
}

TEST_CASE("Bytes of a model are stored as they are, with the bits of f32") {
  const auto row = GENERATE(values<Row>({
      {"by channel", "Conv", {1, 16, 6, 6}, {{48, 16, 3, 3}, 0}},
      {"one scale", "Conv", {1, 16, 6, 6}, {{48, 4, 3, 3}, -1}, 4},
      {"unsigned", "Conv", {1, 32, 6, 6}, {{48, 32, 1, 1}, 0, true, 128}},
      {"by columns", "MatMul", {3, 40}, {{40, 32}, 1}},
      {"by rows", "Gemm", {3, 40}, {{32, 40}, 0}},
      {"transposed", "ConvTranspose", {1, 16, 5, 5}, {{16, 32, 2, 2}, 1}},
      {"transposed in groups",
       "ConvTranspose",
       {1, 16, 5, 5},
       {{16, 32, 2, 2}, 1},
       2},
  }));
  INFO(row.name);
  const bool is_spelled = GENERATE(false, true);
  const std::string weights = GENERATE("f32", "i8");
  Fixture f;
  if (GENERATE(false, true)) f.backend = MakeCpuBackend(1);
  INFO(is_spelled << " " << weights << " " << f.backend->key().backend);
  PackOptions options;
  f.Pack(ModelOf(row, false, is_spelled), "wide", options);
  options.weights = weights;
  f.Pack(ModelOf(row, true, is_spelled), "bytes", options);

  CHECK(f.StoredType("wide") == DataType::kF32);
  CHECK(f.StoredType("bytes") == DataType::kI8);
  CHECK(f.Answer("bytes", CountOf(row.x)) == f.Answer("wide", CountOf(row.x)));
}

TEST_CASE("What is folded into bytes is folded into their scales") {
  const bool scales = GENERATE(false, true);
  const Row row = {"by columns", "MatMul", {3, 40}, {{40, 32}, 1}};
  Fixture f;
  for (const bool is_bytes : {false, true}) {
    TestModel model = ModelOf(row, is_bytes, false);
    model.proto.mutable_graph()->clear_output();
    model.Weights("v", {32}, Floats(32, 0.3f));
    model.Add(scales ? "Mul" : "Add", {"y", "v"}, {"z"});
    model.Output("z");
    f.Pack(model, is_bytes ? "bytes" : "wide", {});
  }
  CHECK(f.StoredType("bytes") == DataType::kI8);
  const Floats bytes = f.Answer("bytes", 120);
  const Floats wide = f.Answer("wide", 120);
  REQUIRE(bytes.size() == wide.size());
  for (size_t i = 0; i < wide.size(); ++i) {
    CHECK(bytes[i] == Approx(wide[i]).epsilon(scales ? 1e-5 : 0));
  }
}

TEST_CASE("Bytes that have no scale for each output are widened") {
  const auto row = GENERATE(values<Row>({
      {"by input", "Conv", {1, 16, 6, 6}, {{16, 16, 3, 3}, 1}},
      {"by rows", "MatMul", {3, 40}, {{40, 40}, 0}},
      {"too far from zero",
       "Conv",
       {1, 16, 6, 6},
       {{48, 16, 1, 1}, 0, true, 9}},
      {"too far below", "Conv", {1, 16, 6, 6}, {{48, 16, 1, 1}, 0, false, 1}},
  }));
  INFO(row.name);
  Fixture f;
  f.Pack(ModelOf(row, false, false), "wide", {});
  f.Pack(ModelOf(row, true, false), "bytes", {});
  CHECK(f.StoredType("bytes") == DataType::kF32);
  CHECK(f.Answer("bytes", CountOf(row.x)) == f.Answer("wide", CountOf(row.x)));
}

TEST_CASE("Bytes are widened in a file for latency, and narrowed to halves") {
  const Row row = {"by channel", "Conv", {1, 16, 6, 6}, {{48, 16, 3, 3}, 0}};
  Fixture f;
  PackOptions options;
  options.optimize_for = "latency";
  f.Pack(ModelOf(row, true, false), "latency", options);
  CHECK(f.StoredType("latency") == DataType::kF32);
  options = {};
  options.weights = "f16";
  f.Pack(ModelOf(row, true, false), "half", options);
  CHECK(f.StoredType("half") == DataType::kF16);
}

}  // namespace
}  // namespace layerd
