#include "daemon/pack/relayout_layer_file.h"

#include <string>
#include <vector>

#include "daemon/pack/import/onnx_test_model.h"
#include "daemon/pack/packer.h"
#include "kernels/cpu/cpu_backend.h"
#include "kernels/cuda/layouts.h"
#include "kernels/reference/reference_backend.h"
#include "test/catch/catch.h"
#include "test/scratch/scratch_folder.h"

namespace layerd {
namespace {

constexpr char kDigits[] = "test/models/digits/digits.onnx";

// By default parts are as long as suits the kernels; a file keeps its cuts.
PackOptions CutForAll() {
  PackOptions options;
  options.part_flops_max = 200'000'000;
  return options;
}

struct Fixture {
  void Pack(const std::string& name, const Backend& backend,
            const PackOptions& options) {
    const auto packed =
        layerd::Pack(onnx, folder / name, options, backend, nullptr);
    REQUIRE(packed.status().ToString() == "OK");
  }

  ScratchFolder folder;
  std::string onnx = kDigits;
};

// So the answers are those of a file that was packed here.
TEST_CASE("A file for other kernels becomes what packing for ours makes") {
  PackOptions options = CutForAll();
  options.weights = GENERATE("f32", "f16", "bf16", "i8");
  options.extent_bytes_max = 64 << 10;
  const bool from_device = GENERATE(false, true);
  INFO(options.weights << (from_device ? " from cuda" : " from reference"));
  const auto theirs = from_device ? MakeCudaLayouts() : MakeReferenceBackend();
  const auto ours = MakeCpuBackend(1);
  Fixture f;
  f.Pack("theirs", *theirs, options);
  f.Pack("ours", *ours, options);
  REQUIRE(ReadFile(f.folder / "theirs") != ReadFile(f.folder / "ours"));

  const absl::Status status = RelayoutLayerFile(
      f.folder / "theirs", f.folder / "theirs", *ours, nullptr);

  REQUIRE(status.ToString() == "OK");
  CHECK(ReadFile(f.folder / "theirs") == ReadFile(f.folder / "ours"));
}

TEST_CASE("A table is copied as it is, behind what is laid out") {
  TestModel model(13);
  std::vector<float> rows(4096 * 64), matrix(64 * 64);
  for (size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<float>(i);
  for (size_t i = 0; i < matrix.size(); ++i) matrix[i] = 1.0f / (i + 1);
  model.Input("ids", {4}, onnx::TensorProto::INT64);
  model.Weights("rows", {4096, 64}, rows);
  model.Weights("matrix", {64, 64}, matrix);
  model.Add("Gather", {"rows", "ids"}, {"x"});
  model.Add("MatMul", {"x", "matrix"}, {"y"});
  model.Output("y");
  Fixture f;
  f.onnx = f.folder / "model.onnx";
  WriteFile(f.onnx, model.proto.SerializeAsString());
  f.Pack("theirs", *MakeReferenceBackend(), CutForAll());
  f.Pack("ours", *MakeCpuBackend(1), CutForAll());

  REQUIRE(RelayoutLayerFile(f.folder / "theirs", f.folder / "now",
                            *MakeCpuBackend(1), nullptr)
              .ToString() == "OK");

  CHECK(ReadFile(f.folder / "now") == ReadFile(f.folder / "ours"));
}

TEST_CASE("What is stored with a transform stays so, or is refused") {
  PackOptions options;
  options.optimize_for = "latency";
  TestModel model(13);
  model.Input("x", {1, 64, 28, 28});
  model.Weights("w", {64, 64, 3, 3}, std::vector<float>(64 * 64 * 9, 0.5f));
  SetInts(model.Add("Conv", {"x", "w"}, {"y"}), "pads", {1, 1, 1, 1});
  model.Output("y");
  Fixture f;
  f.onnx = f.folder / "model.onnx";
  WriteFile(f.onnx, model.proto.SerializeAsString());
  f.Pack("ours", *MakeCpuBackend(1), options);

  REQUIRE(RelayoutLayerFile(f.folder / "ours", f.folder / "again",
                            *MakeCpuBackend(1), nullptr)
              .ToString() == "OK");
  CHECK(ReadFile(f.folder / "again") == ReadFile(f.folder / "ours"));

  const absl::Status refused = RelayoutLayerFile(
      f.folder / "ours", f.folder / "ours", *MakeCudaLayouts(), nullptr);
  CHECK(absl::IsUnimplemented(refused));
  CHECK_THAT(std::string(refused.message()),
             Catch::Contains("pack the ONNX file again"));
  CHECK(ReadFile(f.folder / "again") == ReadFile(f.folder / "ours"));
}

}  // namespace
}  // namespace layerd
