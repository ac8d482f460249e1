// The importer on files of the real world: weights beside the model, files
// larger than memory should be, and trained networks.

#include <sys/resource.h>

#include <filesystem>
#include <fstream>
#include <iostream>

#include "daemon/pack/import/onnx_test_model.h"
#include "test/catch/catch.h"
#include "test/scratch/scratch_folder.h"

namespace layerd {
namespace {

using Path = std::filesystem::path;

// A model in a folder of its own.
struct Folder {
  absl::StatusOr<Graph> Import(const TestModel& model) const {
    WriteFile(scratch / "model.onnx", model.proto.SerializeAsString());
    return ImportOnnx(scratch / "model.onnx", {});
  }

  ScratchFolder scratch;
  const Path path = scratch.path();
};

// y = x * w, w being [rows, 4] somewhere else.
onnx::TensorProto* AddExternal(TestModel& model, int64_t rows,
                               const std::string& location, int64_t offset,
                               int64_t length) {
  model.Input("x", {1, rows});
  onnx::TensorProto* w = model.Weights("w", {rows, 4}, {});
  w->clear_raw_data();
  w->set_data_location(onnx::TensorProto::EXTERNAL);
  const auto add = [&](const char* key, const std::string& value) {
    auto* entry = w->add_external_data();
    entry->set_key(key);
    entry->set_value(value);
  };
  add("location", location);
  if (offset >= 0) add("offset", std::to_string(offset));
  if (length >= 0) add("length", std::to_string(length));
  model.Add("MatMul", {"x", "w"}, {"y"});
  model.Output("y");
  return w;
}

void WriteFloats(const Path& path, size_t count) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream file(path, std::ios::binary);
  for (size_t i = 0; i < count; ++i) {
    const auto element = static_cast<float>(i);
    file.write(reinterpret_cast<const char*>(&element), sizeof(element));
  }
}

TEST_CASE("Weights beside the model are read from there") {
  Folder folder;
  WriteFloats(folder.path / "data/w.bin", 100);
  TestModel model(13);
  AddExternal(model, 5, "data/w.bin", 40, 80);

  const auto graph = folder.Import(model);

  INFO(graph.status());
  REQUIRE(graph.ok());
  CHECK(graph->weight_bytes == 80);
  REQUIRE(graph->files.size() == 2);
  std::vector<float> elements(20);
  REQUIRE(graph->ReadF32(graph->constants[0], 0, elements).ok());
  CHECK(elements.front() == 10);
  CHECK(elements.back() == 29);
}

TEST_CASE("The digest covers weights beside the model") {
  Folder folder;
  TestModel model(13);
  AddExternal(model, 5, "w.bin", -1, -1);
  WriteFloats(folder.path / "w.bin", 20);
  const auto one = folder.Import(model);
  REQUIRE(one.ok());
  const auto again = folder.Import(model);
  REQUIRE(again.ok());
  WriteFloats(folder.path / "w.bin", 21);
  const auto other = folder.Import(model);
  REQUIRE(other.ok());
  CHECK(one->source_sha256.size() == 64);
  CHECK(one->source_sha256 == again->source_sha256);
  CHECK(one->source_sha256 != other->source_sha256);
}

TEST_CASE("External data outside of its bounds is refused by name") {
  struct Row {
    const char* name;
    const char* location;
    int64_t offset, length;
    const char* message;
  };
  // clang-format off
  const auto row = GENERATE(values<Row>({
      {"past the end", "w.bin", 4, 80, "external data [4, +80) ends past the 80 bytes"},
      {"far past the end", "w.bin", INT64_MAX, 80, "ends past"},
      {"wrong length", "w.bin", 0, 79, "external_data has 79 bytes, FP32 [5, 4] needs 80"},
      {"climbs out", "../w.bin", 0, 80, "climbs out"},
      {"absolute", "/etc/passwd", 0, 80, "is absolute"},
      {"nowhere", "", 0, 80, "is empty"},
      {"missing", "v.bin", 0, 80, "v.bin: No such file"},
  }));
  // clang-format on
  INFO(row.name);
  Folder folder;
  WriteFloats(folder.path / "w.bin", 20);
  TestModel model(13);
  AddExternal(model, 5, row.location, row.offset, row.length);

  const auto graph = folder.Import(model);

  REQUIRE(!graph.ok());
  CHECK_THAT(
      std::string(graph.status().message()),
      Catch::StartsWith("tensor \"w\": ") && Catch::Contains(row.message));
}

TEST_CASE("External data that is no number is refused") {
  Folder folder;
  WriteFloats(folder.path / "w.bin", 20);
  TestModel model(13);
  auto* w = AddExternal(model, 5, "w.bin", 0, 80);
  w->mutable_external_data(1)->set_value("-1");
  const auto graph = folder.Import(model);
  CHECK_THAT(std::string(graph.status().message()),
             Catch::Contains("offset is \"-1\""));
}

TEST_CASE("A file of another kind is refused by what it is, and what to do") {
  struct Row {
    std::string bytes;
    const char* message;
  };
  const auto row = GENERATE(values<Row>({
      {"", "it is empty"},
      {"\x1f\x8b\x08 and so on", "gunzip"},
      {"PK\x03\x04 and so on", "torch.onnx.export"},
      {"\x80\x02}q\x00.", "torch.onnx.export"},
      {"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"},
      {"<!DOCTYPE html><html>", "is a web page"},
      {"\x1c\x01\x02\x03TFL3 and so on", "--tflite"},
      {"layerd\r\n and so on", "is a layer file already"},
      {"\x0a\x05graph\x12\x02op", "tf2onnx, paddle2onnx"},
      {"\x08\x01\x12\x03tag", "a SavedModel of TensorFlow"},
  }));
  INFO(row.message);
  Folder folder;
  WriteFile(folder.path / "model.onnx", row.bytes);

  const auto graph = ImportOnnx(folder.path / "model.onnx", {});

  REQUIRE(absl::IsInvalidArgument(graph.status()));
  CHECK_THAT(std::string(graph.status().message()),
             Catch::Contains("model.onnx: not an ONNX file: it ") &&
                 Catch::Contains(row.message));
}

TEST_CASE("A file that was copied in part says so") {
  TestModel model(13);
  model.Input("x", {1, 4});
  model.Add("Relu", {"x"}, {"y"});
  model.Output("y");
  std::string bytes = model.proto.SerializeAsString();
  Folder folder;
  WriteFile(folder.path / "model.onnx", bytes.substr(0, bytes.size() / 2));

  const auto graph = ImportOnnx(folder.path / "model.onnx", {});

  CHECK_THAT(std::string(graph.status().message()),
             Catch::Contains("was it copied whole?"));
}

// 300 MB beside the model and 300 MB inside it, both of holes.
TEST_CASE("Memory does not grow with the file") {
  constexpr int64_t kRows = 75'000'000 / 4;
  constexpr uint64_t kBytes = 300'000'000;
  Folder folder;
  std::ofstream(folder.path / "w.bin").close();
  std::filesystem::resize_file(folder.path / "w.bin", kBytes);
  TestModel model(13);
  AddExternal(model, kRows, "w.bin", 0, kBytes);
  std::string bytes = model.proto.SerializeAsString();
  // Another initializer by hand: its raw_data is a hole in the file.
  onnx::TensorProto inside;
  inside.set_name("inside");
  inside.set_data_type(onnx::TensorProto::FLOAT);
  inside.add_dims(kRows);
  inside.add_dims(4);
  const auto varint = [](uint64_t value) {
    std::string text;
    for (; value >= 0x80; value >>= 7) {
      text += static_cast<char>(value | 0x80);
    }
    return text + static_cast<char>(value);
  };
  const std::string tensor =
      inside.SerializeAsString() + "\x4a" + varint(kBytes);
  const std::string graph_bytes = model.proto.graph().SerializeAsString() +
                                  "\x2a" + varint(tensor.size() + kBytes) +
                                  tensor;
  model.proto.clear_graph();
  bytes = model.proto.SerializeAsString() + "\x3a" +
          varint(graph_bytes.size() + kBytes) + graph_bytes;
  const Path path = folder.path / "model.onnx";
  std::ofstream(path, std::ios::binary) << bytes;
  std::filesystem::resize_file(path, bytes.size() + kBytes);

  rusage before, after;
  getrusage(RUSAGE_SELF, &before);
  const auto graph = ImportOnnx(path, {});
  getrusage(RUSAGE_SELF, &after);

  INFO(graph.status());
  REQUIRE(graph.ok());
  CHECK(graph->weight_bytes == 2 * kBytes);
  CHECK(after.ru_maxrss - before.ru_maxrss < 16 << 10);  // KiB
}

// The checkout, by a file of it that the test has as data.
Path Checkout() {
  return std::filesystem::canonical("test/models/digits/digits.onnx")
      .parent_path()
      .parent_path()
      .parent_path()
      .parent_path();
}

TEST_CASE("The digits network comes in") {
  const auto graph = ImportOnnx("test/models/digits/digits.onnx", {});
  INFO(graph.status());
  REQUIRE(graph.ok());
  CHECK(graph->inputs.size() == 1);
  CHECK(graph->weight_bytes > 100'000);
  CHECK(graph->source_sha256.size() == 64);
}

TEST_CASE("Trained networks come in with the shapes their authors state") {
  struct Row {
    const char* name;
    std::vector<int64_t> output;
    uint64_t weight_bytes;
    const char* sha256;
  };
  const auto row = GENERATE(values<Row>({
      {"mnist-cntk",
       {1, 10},
       24008,
       "bd5891fdd7987910bfc3d8fc9a697a88e48309e26e529faa87931fba52904fe8"},
      {"squeezenet-fp16",
       {1, 1000, 1, 1},
       2 * 2470992,
       "21f25e3d9254af93e6218a359469fac714a017b3f9035c0f5c4acbf9a3ff7233"},
  }));
  const Path path = Checkout() / "../shared/models" / row.name / "model.onnx";
  if (!std::filesystem::exists(path)) {
    std::cout << "SKIPPED: no " << row.name << " beside this checkout\n";
    return;
  }
  const auto graph = ImportOnnx(path, {});
  INFO(graph.status());
  REQUIRE(graph.ok());
  REQUIRE(graph->outputs.size() == 1);
  CHECK(graph->values[static_cast<size_t>(graph->outputs[0])].shape ==
        row.output);
  CHECK(graph->weight_bytes == row.weight_bytes);
  CHECK(graph->source_sha256 == row.sha256);
}

TEST_CASE("A network that turns depth into space has the size it ends with") {
  const Path path = Checkout() / "../shared/models/super-resolution/model.onnx";
  if (!std::filesystem::exists(path)) {
    std::cout << "SKIPPED: no super-resolution beside this checkout\n";
    return;
  }
  const auto graph = ImportOnnx(path, {});
  INFO(graph.status());
  REQUIRE(graph.ok());
  REQUIRE(graph->outputs.size() == 1);
  CHECK(graph->values[static_cast<size_t>(graph->outputs[0])].shape ==
        std::vector<int64_t>{1, 1, 672, 672});
}

}  // namespace
}  // namespace layerd
