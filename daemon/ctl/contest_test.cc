#include "daemon/ctl/contest.h"

#include <string>
#include <vector>

#include "daemon/ctl/command_line.h"
#include "daemon/ctl/costs_of.h"
#include "daemon/ctl/pack_options.h"
#include "daemon/ctl/shared_options.h"
#include "daemon/pack/import/onnx_test_model.h"
#include "test/catch/catch.h"
#include "test/scratch/scratch_folder.h"

namespace layerd {
namespace {

// Multiplies by numbers, or by bytes and a scale for each column.
std::string Network(bool has_bytes) {
  constexpr int64_t kRows = 40, kColumns = 32;
  TestModel model(13);
  model.Input("x", {3, kRows});
  if (has_bytes) {
    onnx::TensorProto* const bytes = model.Weights("b", {kRows, kColumns}, {});
    bytes->set_data_type(onnx::TensorProto::INT8);
    bytes->set_raw_data(std::string(kRows * kColumns, 3));
    model.Weights("s", {kColumns}, std::vector<float>(kColumns, 0.5f));
    SetInt(model.Add("DequantizeLinear", {"b", "s"}, {"w"}), "axis", 1);
  } else {
    model.Weights("w", {kRows, kColumns},
                  std::vector<float>(kRows * kColumns, 1.5f));
  }
  model.Add("MatMul", {"x", "w"}, {"y"});
  model.Output("y");
  return model.proto.SerializeAsString();
}

BenchSettings SettingsOf(const std::vector<std::string>& arguments) {
  const Command command{
      .name = "bench",
      .operands = "FILE",
      .operand_count_min = 1,
      .operand_count_max = 1,
      .summary = "",
      .options = {{.name = "--budget", .value = "SIZE", .help = ""},
                  {.name = "--requests", .value = "K", .help = ""},
                  {.name = "--drive-mib-s", .value = "R", .help = ""},
                  {.name = "--input", .value = "NAME=x.npy", .help = ""},
                  ThreadsOption(),
                  MachineOption(),
                  WeightsOption(),
                  ShapeOption(),
                  CacheOption()},
      .notes = "",
      .run = nullptr,
  };
  const auto line = CommandLine::Parse(command, arguments);
  REQUIRE(line.status().message() == "");
  const auto settings = ReadBenchSettings(*line);
  REQUIRE(settings.status().message() == "");
  return *settings;
}

// A file of f32 has bytes where its network has them.
TEST_CASE("Narrow weights are compared with decoded ones, however named") {
  const bool has_bytes = GENERATE(false, true);
  const std::string weights = GENERATE("f32", "f16", "i8");
  INFO(weights << ", bytes in the network: " << has_bytes);
  const bool is_narrow = has_bytes || weights != "f32";
  const ScratchFolder folder;
  WriteFile(folder / "m.onnx", Network(has_bytes));
  const BenchSettings settings =
      SettingsOf({folder / "m.onnx", "--weights", weights, "--threads", "1",
                  "--requests", "1", "--cache", folder / "cache"});
  CHECK(settings.weights == weights);
  CHECK(settings.is_narrow == is_narrow);

  const DriveSpeed drive{.bytes_per_s = 1e9};
  auto contest = StartContest(settings, drive);
  REQUIRE(contest.status().message() == "");
  CHECK(contest->resident.model().decode_bytes() == 0);
  CHECK((contest->streamed.model().decode_bytes() > 0) == is_narrow);
  REQUIRE(RunRounds(settings, drive, settings.requests, &*contest).ok());
  CHECK(contest->outputs_identical);
}

}  // namespace
}  // namespace layerd
