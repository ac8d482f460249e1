#include "daemon/pack/packer.h"

#include <algorithm>

#include "config/version.h"
#include "daemon/pack/import/onnx_test_model.h"
#include "daemon/plan/program.h"
#include "kernels/cpu/cpu_backend.h"
#include "kernels/reference/reference_backend.h"
#include "loader/store/layer_file_reader.h"
#include "test/catch/catch.h"
#include "test/scratch/scratch_folder.h"
#include "test/sim/forwarding_backend.h"
#include "test/sim/run_program.h"

namespace layerd {
namespace {

std::vector<float> Sequence(size_t count) {
  std::vector<float> numbers(count);
  for (size_t i = 0; i < count; ++i) {
    numbers[i] = 0.25f * static_cast<float>(static_cast<int>(i * 7 % 16) - 8);
  }
  return numbers;
}

// y = relu(conv(x)), 1x1 over 2 channels, and z = y + x.
TestModel SmallModel() {
  TestModel model(13);
  model.Input("x", {1, 2, 2, 2});
  model.Weights("w", {2, 2, 1, 1}, {1, -1, 2, 1});
  model.Weights("b", {2}, {0.5f, -3});
  model.Add("Conv", {"x", "w", "b"}, {"c"});
  model.Add("Relu", {"c"}, {"y"});
  model.Add("Add", {"y", "x"}, {"z"});
  model.Output("y");
  model.Output("z");
  return model;
}

struct Fixture {
  absl::StatusOr<PackReport> Pack(const TestModel& model,
                                  const PackOptions& options = {},
                                  const std::string& name = "m.layers") {
    WriteFile(onnx, model.proto.SerializeAsString());
    return layerd::Pack(onnx, folder / name, options, *backend, nullptr);
  }

  ScratchFolder folder;
  std::string onnx = folder / "model.onnx";
  std::unique_ptr<Backend> backend = MakeReferenceBackend();
};

TEST_CASE("What was packed answers as the network was written") {
  Fixture f;
  if (GENERATE(false, true)) f.backend = MakeCpuBackend(1);
  INFO(f.backend->key().backend);
  REQUIRE(f.Pack(SmallModel()).status().ToString() == "OK");
  const float x[] = {1, 2, 3, 4, 0, 1, 0, -1};
  const auto* bytes = reinterpret_cast<const std::byte*>(x);

  const auto outputs = RunLayerFile(f.folder / "m.layers",
                                    {{bytes, bytes + sizeof(x)}}, *f.backend);

  REQUIRE(outputs.status().ToString() == "OK");
  const auto* y = reinterpret_cast<const float*>((*outputs)[0].data());
  const auto* z = reinterpret_cast<const float*>((*outputs)[1].data());
  CHECK(std::vector<float>(y, y + 8) ==
        std::vector<float>{1.5f, 1.5f, 3.5f, 5.5f, 0, 2, 3, 4});
  CHECK(std::vector<float>(z, z + 8) ==
        std::vector<float>{2.5f, 3.5f, 6.5f, 9.5f, 0, 3, 3, 3});
}

TEST_CASE("No extent is cut finer than the largest block needs") {
  Fixture f;
  TestModel model(13);
  model.Input("x", {8, 64});
  model.Weights("wide", {64, 1024}, Sequence(64 << 10));
  model.Weights("deep", {1024, 32}, Sequence(32 << 10));
  model.Add("MatMul", {"x", "wide"}, {"h"});
  model.Add("MatMul", {"h", "deep"}, {"y"});
  model.Output("y");
  PackOptions fine;
  fine.extent_bytes_max = 16 << 10;

  const auto joined = f.Pack(model);
  const auto apart = f.Pack(model, fine, "fine");

  REQUIRE(joined.ok());
  REQUIRE(apart.ok());
  CHECK(joined->largest_extent_bytes == 128 << 10);  // 32 channels of 1024.
  CHECK(apart->largest_extent_bytes == joined->largest_extent_bytes);
  CHECK(joined->extents == 4);  // Three of the wide one: 352 channels at most.
  CHECK(apart->extents == 33);
}

// A norm of the squares of x [2, 3, 8], times g, as it is written.
struct Norm {
  const char* what;
  int64_t opset;
  void (*add)(TestModel& model, const std::string& x);
};

const Norm kNorms[] = {
    {"RMSNormalization", 23,
     [](TestModel& model, const std::string& x) {
       SetFloat(model.Add("RMSNormalization", {x, "g"}, {"n"}), "epsilon",
                1e-6f);
     }},
    {"SimplifiedLayerNormalization", 17,
     [](TestModel& model, const std::string& x) {
       SetFloat(model.Add("SimplifiedLayerNormalization", {x, "g"}, {"n"}),
                "epsilon", 1e-6f);
     }},
    {"as torch spells it", 17,
     [](TestModel& model, const std::string& x) {
       model.Weights("two", {}, {2});
       model.Weights("e", {}, {1e-6f});
       model.Add("Pow", {x, "two"}, {"squares"});
       SetInts(model.Add("ReduceMean", {"squares"}, {"mean"}), "axes", {-1});
       model.Add("Add", {"mean", "e"}, {"sum"});
       model.Add("Sqrt", {"sum"}, {"root"});
       model.Weights("one", {}, {1});
       model.Add("Div", {"one", "root"}, {"factor"});
       model.Add("Mul", {x, "factor"}, {"normal"});
       model.Add("Mul", {"g", "normal"}, {"n"});
     }},
};

TEST_CASE("A norm of squares is one layer, however it is written") {
  for (const Norm& row : kNorms) {
    INFO(row.what);
    Fixture f;
    TestModel model(row.opset);
    model.Input("x", {2, 3, 8});
    model.Weights("g", {8}, Sequence(8));
    row.add(model, "x");
    model.Output("n");

    const auto report = f.Pack(model);

    REQUIRE(report.status().ToString() == "OK");
    CHECK(report->layers == 1);
  }
}

TEST_CASE("A layer normalisation of nine nodes is one layer") {
  Fixture f;
  TestModel model(16);
  model.Input("x", {2, 3, 8});
  model.Weights("two", {}, {2});
  model.Weights("e", {}, {1e-6f});
  model.Weights("g", {8}, Sequence(8));
  model.Weights("b", {8}, Sequence(8));
  SetInts(model.Add("ReduceMean", {"x"}, {"mean"}), "axes", {-1});
  model.Add("Sub", {"x", "mean"}, {"d"});
  model.Add("Pow", {"d", "two"}, {"squares"});
  SetInts(model.Add("ReduceMean", {"squares"}, {"variance"}), "axes", {-1});
  model.Add("Add", {"variance", "e"}, {"sum"});
  model.Add("Sqrt", {"sum"}, {"root"});
  model.Add("Div", {"d", "root"}, {"normal"});
  model.Add("Mul", {"normal", "g"}, {"scaled"});
  model.Add("Add", {"scaled", "b"}, {"n"});
  model.Output("n");

  const auto report = f.Pack(model);

  REQUIRE(report.status().ToString() == "OK");
  CHECK(report->layers == 1);
}

// Exporters widen halves before they are squared.
TEST_CASE("A norm of squares beside halves is one layer between two casts") {
  for (const Norm& row : kNorms) {
    INFO(row.what);
    Fixture f;
    TestModel model(row.opset);
    model.Input("h", {2, 3, 8}, onnx::TensorProto::FLOAT16);
    SetInt(model.Add("Cast", {"h"}, {"x"}), "to", onnx::TensorProto::FLOAT);
    model.Weights("g", {8}, Sequence(8));
    row.add(model, "x");
    SetInt(model.Add("Cast", {"n"}, {"y"}), "to", onnx::TensorProto::FLOAT16);
    model.Output("y");

    const auto report = f.Pack(model);

    REQUIRE(report.status().ToString() == "OK");
    CHECK(report->layers == 3);
  }
}

TEST_CASE("The same model and options give the same bytes") {
  Fixture f;
  REQUIRE(f.Pack(SmallModel(), {}, "one").ok());
  REQUIRE(f.Pack(SmallModel(), {}, "two").ok());

  CHECK(ReadFile(f.folder / "one") == ReadFile(f.folder / "two"));
}

TEST_CASE("A layer file says where it came from and for what it was made") {
  Fixture f;
  TestModel model = SmallModel();
  model.proto.mutable_graph()
      ->mutable_input(0)
      ->mutable_type()
      ->mutable_tensor_type()
      ->mutable_shape()
      ->mutable_dim(0)
      ->set_dim_param("batch");
  PackOptions options;
  options.shapes["x"] = {3, 2, 2, 2};
  options.tile_bytes = 8192;
  options.extent_bytes_max = 32768;

  const auto report = f.Pack(model, options);

  REQUIRE(report.status().ToString() == "OK");
  const auto file = LayerFileReader::Open(f.folder / "m.layers");
  REQUIRE(file.ok());
  const manifest::Manifest& manifest = (*file)->manifest();
  CHECK(manifest.identity().name() == "test");
  CHECK(manifest.identity().producer() == std::string("layerd ") + kVersion);
  CHECK(manifest.identity().source_sha256().size() == 64);
  CHECK(manifest.identity().weight_bytes() == 24);
  CHECK(manifest.kernel_key().backend() == "reference");
  CHECK(manifest.options().extent_bytes_max() == 32768);
  CHECK(manifest.options().shapes(0).dimensions(0) == 3);
  CHECK((*file)->stream().tile_bytes == 8192);
  CHECK(report->weight_bytes == 24);
  CHECK(report->extents == (*file)->extents().size());
  CHECK(report->file_bytes == (*file)->file_bytes());
  CHECK(VerifyLayerFile(f.folder / "m.layers", nullptr).ok());
}

// Plain loops that say they are for another processor.
class NamedBackend final : public ForwardingBackend {
 public:
  explicit NamedBackend(KernelKey key)
      : ForwardingBackend(MakeReferenceBackend()), key_(std::move(key)) {}
  KernelKey key() const override { return key_; }

 private:
  const KernelKey key_;
};

TEST_CASE("Parts are as long on every processor, or as one asks") {
  struct Row {
    const char* isa;
    uint64_t asked, part_flops;
    int64_t parts;  // Of the convolution.
  };
  const auto row =
      GENERATE(values<Row>({{"avx512_core_bf16", 0, 200'000'000, 1},
                            {"avx2", 0, 100'000'000, 2},
                            {"avx2_vnni", 0, 100'000'000, 2},
                            {"asimd", 0, 50'000'000, 4},
                            {"avx2", 40'000'000, 40'000'000, 5}}));
  INFO(row.isa << ", asked for " << row.asked);
  Fixture f;
  f.backend = std::make_unique<NamedBackend>(
      KernelKey{"cpu", row.isa, "f32", "oneDNN 2.6.3"});
  PackOptions options;
  options.part_flops_max = row.asked;
  options.extent_bytes_max = 128 << 10;
  TestModel model(13);  // 168 MFLOP, as parts are counted.
  model.Input("x", {1, 128, 64, 64});
  model.Weights("w", {128, 128, 1, 1}, Sequence(128 << 7));
  model.Add("Conv", {"x", "w"}, {"y"});
  model.Output("y");

  const auto report = f.Pack(model, options);

  REQUIRE(report.status().ToString() == "OK");
  const auto file = LayerFileReader::Open(f.folder / "m.layers");
  REQUIRE(file.ok());
  CHECK((*file)->manifest().options().part_flops_max() == row.part_flops);
  const auto program = Program::Parse((*file)->manifest());
  REQUIRE(program.ok());
  CHECK(std::count_if(program->parts.begin(), program->parts.end(),
                      [](const Part& part) { return part.read.has_value(); }) ==
        row.parts);
}

TEST_CASE("Progress comes to an end with the last weight") {
  Fixture f;
  TestModel model(13);
  model.Input("x", {1, 256});
  model.Weights("w", {256, 64}, Sequence(256 * 64));
  model.Add("MatMul", {"x", "w"}, {"y"});
  model.Output("y");
  WriteFile(f.onnx, model.proto.SerializeAsString());
  std::vector<uint64_t> done;
  uint64_t all = 0;

  const auto report = Pack(f.onnx, f.folder / "m.layers", {}, *f.backend,
                           [&](uint64_t done_bytes, uint64_t all_bytes) {
                             done.push_back(done_bytes);
                             all = all_bytes;
                           });

  REQUIRE(report.ok());
  CHECK(done.size() == report->extents);
  CHECK(std::is_sorted(done.begin(), done.end()));
  CHECK(done.back() == all);
  CHECK(all == report->stream_bytes);
}

struct Refused {
  const char* name;
  void (*spoil)(TestModel& model, PackOptions& options);
  absl::StatusCode code;
  const char* message;
};

const Refused kRefused[] = {
    {"i4 weights", [](TestModel&, PackOptions& o) { o.weights = "i4"; },
     absl::StatusCode::kInvalidArgument,
     "weights: \"i4\" is unknown; use f32, f16, bf16 or i8"},
    {"goal", [](TestModel&, PackOptions& o) { o.optimize_for = "beauty"; },
     absl::StatusCode::kInvalidArgument, "for: \"beauty\""},
    {"narrow weights for latency",
     [](TestModel&, PackOptions& o) {
       o.optimize_for = "latency";
       o.weights = "f16";
     },
     absl::StatusCode::kInvalidArgument, "weights: \"f16\""},
    {"odd tile", [](TestModel&, PackOptions& o) { o.tile_bytes = 5000; },
     absl::StatusCode::kInvalidArgument, "tile: 5000 bytes"},
    {"huge tile", [](TestModel&, PackOptions& o) { o.tile_bytes = 1 << 20; },
     absl::StatusCode::kInvalidArgument, "from 4096 to 262144"},
    {"odd extent",
     [](TestModel&, PackOptions& o) { o.extent_bytes_max = 5000; },
     absl::StatusCode::kInvalidArgument, "extent limit: 5000 bytes"},
    {"an operator that nobody knows",
     [](TestModel& m, PackOptions&) {
       m.Add("Multinomial", {"z"}, {"e"})->set_name("the odd one");
       m.Output("e");
     },
     absl::StatusCode::kUnimplemented,
     "node \"the odd one\" (Multinomial, opset 13)"},
    {"pads from the request",
     [](TestModel& m, PackOptions&) {
       m.Input("p", {8}, onnx::TensorProto::INT64);
       m.Add("Pad", {"z", "p"}, {"e"})->set_name("dynamic");
       m.Output("e");
     },
     absl::StatusCode::kUnimplemented, "node \"dynamic\" (Pad, opset 13)"},
};

TEST_CASE("What cannot be packed is named, and the old file stays") {
  for (const Refused& row : kRefused) {
    INFO(row.name);
    Fixture f;
    WriteFile(f.folder / "m.layers", "old");
    TestModel model = SmallModel();
    PackOptions options;
    row.spoil(model, options);

    const auto report = f.Pack(model, options);

    CHECK(report.status().code() == row.code);
    CHECK_THAT(std::string(report.status().message()),
               Catch::Contains(row.message));
    CHECK(ReadFile(f.folder / "m.layers") == "old");
    CHECK(f.folder.Names() ==
          std::vector<std::string>{"m.layers", "model.onnx"});
  }
}

TEST_CASE("What the model's weights are read from is not written over") {
  Fixture f;
  TestModel model = SmallModel();
  onnx::TensorProto& w = *model.proto.mutable_graph()->mutable_initializer(0);
  const std::string weights = w.raw_data();
  REQUIRE(weights.size() == 16);
  w.clear_raw_data();
  w.set_data_location(onnx::TensorProto::EXTERNAL);
  auto* const location = w.add_external_data();
  location->set_key("location");
  location->set_value("model.onnx.data");
  WriteFile(f.folder / "model.onnx.data", weights);
  REQUIRE(f.Pack(model).status().ToString() == "OK");

  for (const char* name : {"model.onnx", "model.onnx.data"}) {
    const auto packed = f.Pack(model, {}, name);
    CHECK_THAT(std::string(packed.status().message()),
               Catch::Contains("name another file"));
  }
  CHECK(ReadFile(f.folder / "model.onnx.data") == weights);
}

}  // namespace
}  // namespace layerd
