// Layer files with f16, bf16 and i8 weights, packed and answered.

#include <cmath>
#include <cstring>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "daemon/pack/decode_layer_file.h"
#include "daemon/pack/import/onnx_test_model.h"
#include "daemon/pack/packer.h"
#include "daemon/plan/program.h"
#include "kernels/cpu/cpu_backend.h"
#include "kernels/half.h"
#include "kernels/reference/reference_backend.h"
#include "loader/store/layer_file_reader.h"
#include "test/catch/catch.h"
#include "test/scratch/scratch_folder.h"
#include "test/sim/run_program.h"

namespace layerd {
namespace {

const char* const kNarrow[] = {"f16", "bf16", "i8"};

std::vector<float> Draw(size_t count, uint32_t seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> unit(-1, 1);
  std::vector<float> numbers(count);
  for (float& number : numbers) number = unit(random);
  return numbers;
}

// Numbers that all three types hold: within a channel of `row` numbers, small
// integers with 127 among them, times a power of two.
std::vector<float> Exact(size_t count, size_t row) {
  std::vector<float> numbers(count);
  for (size_t i = 0; i < count; ++i) {
    const int step = i % row == 0 ? 127 : static_cast<int>(i * 37 % 127) - 63;
    numbers[i] = std::ldexp(static_cast<float>(step), -8 - (i / row) % 3);
  }
  return numbers;
}

// A convolution, one with groups, and two fully connected layers, one of them
// stored [K, N].
struct Numbers {
  std::vector<float> conv, grouped, gemm, mat_mul;
};

TestModel ModelOf(const Numbers& numbers) {
  TestModel model(13);
  model.Input("x", {1, 16, 6, 6});
  model.Weights("conv_w", {48, 16, 3, 3}, numbers.conv);
  model.Weights("conv_b", {48}, Draw(48, 8));
  model.Weights("grouped_w", {48, 12, 1, 1}, numbers.grouped);
  model.Weights("gemm_w", {40, 48 * 16}, numbers.gemm);
  model.Weights("gemm_b", {40}, Draw(40, 9));
  model.Weights("mat_mul_w", {40, 24}, numbers.mat_mul);
  model.Add("Conv", {"x", "conv_w", "conv_b"}, {"c"});
  SetInt(model.Add("Conv", {"c", "grouped_w"}, {"g"}), "group", 4);
  model.Add("Flatten", {"g"}, {"f"});
  SetInt(model.Add("Gemm", {"f", "gemm_w", "gemm_b"}, {"h"}), "transB", 1);
  model.Add("MatMul", {"h", "mat_mul_w"}, {"y"});
  model.Output("y");
  return model;
}

TestModel RandomModel() {
  return ModelOf({Draw(48 * 16 * 9, 1), Draw(48 * 12, 2), Draw(40 * 48 * 16, 3),
                  Draw(40 * 24, 4)});
}

struct Fixture {
  absl::Status Pack(const TestModel& model, const std::string& weights,
                    const std::string& name, uint64_t extent_bytes_max = 0) {
    WriteFile(onnx, model.proto.SerializeAsString());
    PackOptions options;
    options.weights = weights;
    options.extent_bytes_max = extent_bytes_max;
    return layerd::Pack(onnx, folder / name, options, *backend, nullptr)
        .status();
  }

  std::vector<float> Answer(const std::string& name) {
    const std::vector<float> x = Draw(16 * 6 * 6, 77);
    const auto* bytes = reinterpret_cast<const std::byte*>(x.data());
    const auto outputs = RunLayerFile(
        folder / name, {{bytes, bytes + x.size() * sizeof(float)}}, *backend);
    REQUIRE(outputs.status().ToString() == "OK");
    const auto* y = reinterpret_cast<const float*>((*outputs)[0].data());
    return {y, y + (*outputs)[0].size() / sizeof(float)};
  }

  Program ProgramOf(const std::string& name) {
    const auto file = LayerFileReader::Open(folder / name);
    REQUIRE(file.status().ToString() == "OK");
    auto program = Program::Parse((*file)->manifest());
    REQUIRE(program.status().ToString() == "OK");
    return *std::move(program);
  }

  ScratchFolder folder;
  std::string onnx = folder / "model.onnx";
  std::unique_ptr<Backend> backend = MakeReferenceBackend();
};

TEST_CASE("Weights that a type holds give the answers of f32 bit for bit") {
  Fixture f;
  if (GENERATE(false, true)) f.backend = MakeCpuBackend(1);
  INFO(f.backend->key().backend);
  std::vector<float> transposed(40 * 24);  // [K, N]: channels are columns.
  const std::vector<float> rows = Exact(40 * 24, 40);
  for (size_t k = 0; k < 40; ++k) {
    for (size_t n = 0; n < 24; ++n) {
      transposed[k * 24 + n] = rows[n * 40 + k];
    }
  }
  const TestModel model =
      ModelOf({Exact(48 * 16 * 9, 16 * 9), Exact(48 * 12, 12),
               Exact(40 * 48 * 16, 48 * 16), transposed});
  REQUIRE(f.Pack(model, "f32", "f32").ToString() == "OK");
  const std::vector<float> expected = f.Answer("f32");

  for (const char* weights : kNarrow) {
    INFO(weights);
    REQUIRE(f.Pack(model, weights, weights).ToString() == "OK");
    CHECK(f.Answer(weights) == expected);
  }
}

// As near as weights of that type may be.
void CheckNear(const std::vector<float>& actual,
               const std::vector<float>& expected, const std::string& weights) {
  REQUIRE(actual.size() == expected.size());
  double largest = 0, most = 0;
  bool are_numbers = true;  // No other is larger than any.
  for (size_t i = 0; i < actual.size(); ++i) {
    are_numbers = are_numbers && std::isfinite(actual[i]);
    largest = std::max<double>(largest, abs(expected[i]));
    most = std::max<double>(most, abs(actual[i] - expected[i]));
  }
  INFO(weights << ": " << most << " of " << largest);
  CHECK(are_numbers);
  CHECK(most < (weights == "f16" ? 1e-3 : 0.03) * largest);
}

TEST_CASE("Other weights give answers that are near") {
  Fixture f;
  if (GENERATE(false, true)) f.backend = MakeCpuBackend(1);
  const TestModel model = RandomModel();
  REQUIRE(f.Pack(model, "f32", "f32").ok());
  const std::vector<float> expected = f.Answer("f32");

  for (const char* weights : kNarrow) {
    REQUIRE(f.Pack(model, weights, weights).ToString() == "OK");
    const std::vector<float> actual = f.Answer(weights);
    CHECK(actual != expected);
    CheckNear(actual, expected, weights);
  }
}

TEST_CASE("A layer file gives the bits of its decoded twin") {
  Fixture f;
  const int threads = GENERATE(0, 1, 2);
  if (threads > 0) f.backend = MakeCpuBackend(threads);
  for (const char* weights : kNarrow) {
    INFO(weights << ", " << threads << " threads");
    REQUIRE(f.Pack(RandomModel(), weights, "narrow").ok());
    REQUIRE(
        DecodeLayerFile(f.folder / "narrow", f.folder / "twin").ToString() ==
        "OK");
    CHECK(VerifyLayerFile(f.folder / "twin", nullptr).ok());
    CHECK(f.Answer("narrow") == f.Answer("twin"));
  }
}

TEST_CASE("Parts are the same however weights are stored, extents smaller") {
  Fixture f;
  f.backend = MakeCpuBackend(1);
  REQUIRE(f.Pack(RandomModel(), "f32", "f32", 64 << 10).ok());
  const Program wide = f.ProgramOf("f32");
  for (const char* weights : kNarrow) {
    INFO(weights);
    REQUIRE(f.Pack(RandomModel(), weights, weights, 64 << 10).ok());
    const Program narrow = f.ProgramOf(weights);
    REQUIRE(narrow.parts.size() == wide.parts.size());
    uint64_t bytes = 0, wide_bytes = 0;
    for (size_t p = 0; p < wide.parts.size(); ++p) {
      CHECK(narrow.parts[p].channels == wide.parts[p].channels);
      CHECK(narrow.parts[p].work_flops == wide.parts[p].work_flops);
    }
    for (size_t e = 0; e < wide.extents.size(); ++e) {
      bytes += narrow.extents[e].stored_bytes;
      wide_bytes += wide.extents[e].stored_bytes;
    }
    CHECK(bytes < (weights == std::string("i8") ? 0.4 : 0.6) * wide_bytes);
  }
}

// Convolution and batch normalisation, both of them stored as halves.
TestModel HalfModel() {
  TestModel model(13);
  model.Input("x", {1, 16, 6, 6}, onnx::TensorProto::FLOAT16);
  const auto halves = [&model](const std::string& name,
                               const std::vector<int64_t>& shape,
                               const std::vector<float>& numbers) {
    std::string raw;
    for (const float number : numbers) {
      const uint16_t bits = HalfFromFloat(number);
      raw.append(reinterpret_cast<const char*>(&bits), sizeof(bits));
    }
    onnx::TensorProto* tensor = model.Weights(name, shape, numbers);
    tensor->set_data_type(onnx::TensorProto::FLOAT16);
    tensor->set_raw_data(raw);
  };
  halves("w", {48, 16, 3, 3}, Draw(48 * 16 * 9, 1));
  halves("scale", {48}, Draw(48, 2));
  halves("shift", {48}, Draw(48, 3));
  halves("mean", {48}, Draw(48, 4));
  halves("variance", {48}, std::vector<float>(48, 0.7f));
  model.Add("Conv", {"x", "w"}, {"c"});
  model.Add("BatchNormalization", {"c", "scale", "shift", "mean", "variance"},
            {"y"});
  model.Output("y");
  return model;
}

TEST_CASE("A model of halves stays exact as f16, its normalisation folded") {
  Fixture f;
  f.backend = MakeCpuBackend(1);
  REQUIRE(f.Pack(HalfModel(), "f32", "f32", 64 << 10).ToString() == "OK");
  REQUIRE(f.Pack(HalfModel(), "f16", "f16", 64 << 10).ToString() == "OK");
  const Program program = f.ProgramOf("f16");
  size_t scaled = 0;  // Parts of the convolution: kernel, bias, scales.
  for (const Part& part : program.parts) scaled += part.weights.size() == 3;
  REQUIRE(scaled > 0);
  REQUIRE(DecodeLayerFile(f.folder / "f16", f.folder / "twin").ok());

  // Every weight is what it was: the files are the same but for their names.
  const auto wide = LayerFileReader::Open(f.folder / "f32");
  const auto twin = LayerFileReader::Open(f.folder / "twin");
  REQUIRE((wide.ok() && twin.ok()));
  CHECK((*wide)->manifest().SerializeAsString() ==
        (*twin)->manifest().SerializeAsString());
  CHECK(ReadFile(f.folder / "f32") == ReadFile(f.folder / "twin"));
}

TEST_CASE("A file whose rows are looked up is decoded, its table as it is") {
  TestModel model(13);
  model.Input("ids", {1, 4}, onnx::TensorProto::INT64);
  model.Weights("table", {4096, 48}, Draw(4096 * 48, 5));
  model.Weights("w", {48, 40}, Exact(48 * 40, 40));
  model.Add("Gather", {"table", "ids"}, {"rows"});
  model.Add("MatMul", {"rows", "w"}, {"y"});
  model.Output("y");
  Fixture f;
  REQUIRE(f.Pack(model, "f16", "f16").ToString() == "OK");

  REQUIRE(DecodeLayerFile(f.folder / "f16", f.folder / "twin").ok());

  const Program narrow = f.ProgramOf("f16");
  const Program twin = f.ProgramOf("twin");
  const auto bytes_of = [&](const std::string& name, const Extent& extent) {
    const std::string file = ReadFile(f.folder / name);
    const auto reader = LayerFileReader::Open(f.folder / name);
    REQUIRE(reader.ok());
    return file.substr((*reader)->stream().offset_bytes + extent.offset_bytes,
                       extent.stored_bytes);
  };
  REQUIRE(twin.Tables() == narrow.Tables());
  size_t tables = 0;
  for (size_t e = 0; e < narrow.extents.size(); ++e) {
    if (!narrow.Tables()[e]) continue;
    ++tables;
    CHECK((bytes_of("f16", narrow.extents[e]) ==
           bytes_of("twin", twin.extents[e])));
  }
  CHECK(tables == 1);
}

// A table, an LSTM in both directions, a GRU and a transposed convolution: rows
// by number, steps and spreading.
TestModel SpeechModel(bool resets_product) {
  TestModel model(14);
  model.Input("ids", {6}, onnx::TensorProto::INT64);
  model.Weights("table", {4096, 32}, Exact(4096 * 32, 32));
  model.Weights("lstm_w", {2, 32, 32}, Exact(2 * 32 * 32, 32));
  model.Weights("lstm_r", {2, 32, 8}, Exact(2 * 32 * 8, 8));
  model.Weights("gru_w", {1, 24, 16}, Exact(24 * 16, 16));
  model.Weights("gru_r", {1, 24, 8}, Exact(24 * 8, 8));
  model.Weights("gru_b", {1, 48}, Draw(48, 6));
  model.Weights("spread_w", {8, 24, 3, 1}, Exact(8 * 24 * 3, 24 * 3));
  model.Ints("steps", {3}, {6, 1, 32});
  model.Ints("states", {3}, {6, 1, 16});
  model.Ints("picture", {4}, {1, 8, 6, 1});
  model.Add("Gather", {"table", "ids"}, {"rows"});
  model.Add("Reshape", {"rows", "steps"}, {"x"});
  onnx::NodeProto* lstm = model.Add("LSTM", {"x", "lstm_w", "lstm_r"}, {"l"});
  SetString(SetInt(lstm, "hidden_size", 8), "direction", "bidirectional");
  model.Add("Reshape", {"l", "states"}, {"h"});
  onnx::NodeProto* gru =
      model.Add("GRU", {"h", "gru_w", "gru_r", "gru_b"}, {"g"});
  SetInt(SetInt(gru, "hidden_size", 8), "linear_before_reset", resets_product);
  model.Add("Reshape", {"g", "picture"}, {"p"});
  SetInt(model.Add("ConvTranspose", {"p", "spread_w"}, {"y"}), "group", 2);
  model.Output("y");
  return model;
}

TEST_CASE("Tables, recurrences and transposed convolutions are narrow too") {
  Fixture f;
  if (GENERATE(false, true)) f.backend = MakeCpuBackend(1);
  const TestModel model = SpeechModel(GENERATE(false, true));
  const auto answer = [&](const std::string& name) {
    const int64_t ids[] = {5, 4095, 0, 17, -1, 2048};
    const auto bytes = std::as_bytes(std::span(ids));
    const auto outputs = RunLayerFile(
        f.folder / name, {{bytes.begin(), bytes.end()}}, *f.backend);
    REQUIRE(outputs.status().ToString() == "OK");
    return (*outputs)[0];
  };
  REQUIRE(f.Pack(model, "f32", "f32").ToString() == "OK");
  const std::vector<std::byte> expected = answer("f32");

  for (const char* weights : kNarrow) {
    INFO(f.backend->key().backend << " " << weights);
    REQUIRE(f.Pack(model, weights, weights).ToString() == "OK");
    // A channel of a transposed kernel lies across rows: not exact as i8.
    if (weights != std::string("i8")) CHECK((answer(weights) == expected));
    for (const Part& part : f.ProgramOf(weights).parts) {
      if (part.weights.empty()) continue;
      CHECK(part.weights[0].layout.dtype != DataType::kF32);
    }
    REQUIRE(DecodeLayerFile(f.folder / weights, f.folder / "twin").ToString() ==
            "OK");
    CHECK((answer(weights) == answer("twin")));
  }
}

// A convolution, with a factor before it and one for each channel behind it.
TestModel ScaledModel(float before, float behind) {
  TestModel model(13);
  model.Input("x", {1, 16, 6, 6});
  model.Weights("k", {1}, {before});
  model.Weights("w", {48, 16, 3, 3}, Draw(48 * 16 * 9, 1));
  std::vector<float> channels = Draw(48, 2);
  for (float& factor : channels) factor *= behind;
  model.Weights("channels", {48, 1, 1}, channels);
  model.Add("Mul", {"x", "k"}, {"n"});
  model.Add("Conv", {"n", "w"}, {"c"});
  model.Add("Mul", {"c", "channels"}, {"y"});
  model.Output("y");
  return model;
}

// Halves have ten digits down to 2^-14, and none below 2^-24 or past 65504.
TEST_CASE("What is folded into narrow weights costs none of their digits") {
  struct Row {
    const char* name;
    float before, behind;
  };
  const auto row = GENERATE(values<Row>({{"bytes", 1.0f / 255, 1},
                                         {"words", 1.0f / 65535, 1},
                                         {"tiny variances undone", 1e-6f, 1e6f},
                                         {"both small", 1.0f / 65535, 1e-4f},
                                         {"beyond halves", 1, 1e6f}}));
  Fixture f;
  if (GENERATE(false, true)) f.backend = MakeCpuBackend(1);
  INFO(row.name << ", " << f.backend->key().backend);
  const TestModel model = ScaledModel(row.before, row.behind);
  REQUIRE(f.Pack(model, "f32", "f32").ToString() == "OK");
  const std::vector<float> expected = f.Answer("f32");

  for (const char* weights : kNarrow) {
    REQUIRE(f.Pack(model, weights, weights).ToString() == "OK");
    const std::vector<float> actual = f.Answer(weights);
    CheckNear(actual, expected, weights);
    REQUIRE(DecodeLayerFile(f.folder / weights, f.folder / "twin").ToString() ==
            "OK");
    CHECK(f.Answer("twin") == actual);
  }
}

TEST_CASE("A table that a model has in halves stays so in a file of f32") {
  TestModel model(13);
  model.Input("ids", {1, 4}, onnx::TensorProto::INT64);
  onnx::TensorProto* table = model.Weights("table", {4096, 64}, {});
  table->set_data_type(onnx::TensorProto::FLOAT16);
  table->set_raw_data(std::string(4096 * 64 * 2, '\x21'));
  model.Add("Gather", {"table", "ids"}, {"y"});
  model.Output("y");
  Fixture f;
  REQUIRE(f.Pack(model, "f32", "f32").ToString() == "OK");
  const Program program = f.ProgramOf("f32");
  bool is_there = false;
  for (const Part& part : program.parts) {
    if (!part.table) continue;
    is_there = true;
    CHECK(part.weights[0].layout.dtype == DataType::kF16);
    CHECK(program.extents[*part.table].stored_bytes == 4096 * 64 * 2);
  }
  CHECK(is_there);
}

TEST_CASE("A number that a type cannot hold is refused by node and number") {
  Fixture f;
  WriteFile(f.folder / "m.layers", "old");
  Numbers numbers{Draw(48 * 16 * 9, 1), Draw(48 * 12, 2), Draw(40 * 48 * 16, 3),
                  Draw(40 * 24, 4)};
  numbers.gemm[12345] = 70000;
  TestModel model = ModelOf(numbers);

  const absl::Status status = f.Pack(model, "f16", "m.layers");

  CHECK(absl::IsInvalidArgument(status));
  CHECK_THAT(std::string(status.message()),
             Catch::Contains("node \"h\" (Gemm") && Catch::Contains("70000") &&
                 Catch::Contains("65504"));
  CHECK(ReadFile(f.folder / "m.layers") == "old");
  CHECK(f.Pack(model, "bf16", "m.layers").ToString() == "OK");
  CHECK(f.Pack(model, "i8", "m.layers").ToString() == "OK");
}

}  // namespace
}  // namespace layerd
