#include "daemon/ctl/pack_options.h"

#include <bit>
#include <span>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "config/byte_size.h"
#include "config/status_macros.h"
#include "daemon/ctl/failure.h"
#include "daemon/ctl/name_path.h"
#include "daemon/ctl/npy.h"
#include "daemon/ctl/number_value.h"
#include "daemon/pack/onnx/onnx_scan.h"
#include "kernels/cpu/cpu_backend.h"
#include "kernels/cuda/layouts.h"
#include "loader/store/format.h"

namespace layerd {
namespace {

// What the graph's names may take while we look for its one input.
constexpr uint64_t kScanBytesMax = 64 << 20;

// A launch costs a device some microseconds: parts are as coarse as blocking
// allows, about a millisecond of a small board.
constexpr uint64_t kCudaExtentBytesMax = 1 << 20;
constexpr uint64_t kCudaPartFlopsMax = 2'000'000'000;

absl::StatusOr<std::string> OnlyInput(const std::string& onnx_path,
                                      const std::string& value) {
  Allowance held_bytes("bytes", kScanBytesMax);
  ASSIGN_OR_RETURN(const OnnxModel model, ScanOnnx(onnx_path, held_bytes));
  if (model.inputs.size() == 1) return model.inputs.front().name;
  return UsageError(absl::StrFormat(
      "--shape %s: the model has %d inputs, so write --shape NAME=%s", value,
      model.inputs.size(), value));
}

absl::Status CheckTile(uint64_t bytes) {
  if (std::has_single_bit(bytes) && bytes >= kTileBytesMin &&
      bytes <= kTileBytesMax) {
    return absl::OkStatus();
  }
  return UsageError(absl::StrFormat(
      "--tile is %d bytes, expected a power of two from %s to %s", bytes,
      FormatByteSize(kTileBytesMin), FormatByteSize(kTileBytesMax)));
}

absl::StatusOr<Constant> ConstantIn(const std::string& npy_path) {
  ASSIGN_OR_RETURN(const Array array, ReadNpy(npy_path));
  Constant value;
  value.dtype = array.dtype;
  value.shape = array.shape;
  const auto bytes = std::as_bytes(std::span(array.bytes));
  value.held.assign(bytes.begin(), bytes.end());
  return value;
}

absl::StatusOr<OnnxValueInfo> InputNamed(const std::string& name,
                                         const std::string& onnx_path) {
  Allowance held_bytes("bytes", kScanBytesMax);
  ASSIGN_OR_RETURN(const OnnxModel model, ScanOnnx(onnx_path, held_bytes));
  for (const OnnxValueInfo& input : model.inputs) {
    if (input.name == name) return input;
  }
  return UsageError(
      absl::StrFormat("--value: '%s' is no input of the model", name));
}

absl::StatusOr<ValueBindings> ReadValues(const CommandLine& line,
                                         const std::string& onnx_path) {
  ValueBindings values;
  for (const std::string& text : line.All("--value")) {
    const NamePath named = SplitNamePath(text);
    if (!named.name) {
      return UsageError(
          absl::StrFormat("--value %s: write --value NAME=%s", text, text));
    }
    Constant value;
    if (AreNumbers(named.path)) {
      ASSIGN_OR_RETURN(const OnnxValueInfo input,
                       InputNamed(*named.name, onnx_path));
      ASSIGN_OR_RETURN(value, ConstantOf(named.path, input));
    } else {
      ASSIGN_OR_RETURN(value, ConstantIn(named.path));
    }
    if (!values.emplace(*named.name, std::move(value)).second) {
      return UsageError(
          absl::StrFormat("--value: '%s' is given twice", *named.name));
    }
  }
  return values;
}

}  // namespace

Option ShapeOption() {
  return {.name = "--shape",
          .value = "NAME=1,3,640,640",
          .help = "binds the free dimensions of an input",
          .repeats = true};
}

Option WeightsOption() {
  return {.name = "--weights",
          .value = "f32|f16|bf16|i8",
          .help = "how the weights of FILE.onnx are stored; default f32"};
}

absl::StatusOr<std::string> ReadWeights(const CommandLine& line,
                                        const std::string& by_default) {
  if (!line.Has("--weights")) return by_default;
  return line.OneOf("--weights", {"f32", "f16", "bf16", "i8"});
}

Option ComputeOption() {
  return {.name = "--compute",
          .value = "f32|f16",
          .help =
              "datatype of activations and of what is multiplied; sums are "
              "f32. f16 is for NVIDIA GPUs, and stores weights as f16 if "
              "--weights says nothing else; default f32"};
}

absl::StatusOr<std::string> ReadCompute(const CommandLine& line) {
  return line.OneOf("--compute", {"f32", "f16"});
}

Option KernelsOption() {
  return {.name = "--kernels",
          .value = "cpu|cuda",
          .help =
              "whose layouts the weights have: this processor's, or any "
              "NVIDIA GPU's with extents of up to 1 MiB; default cpu"};
}

absl::Status ReadKernels(const CommandLine& line, PackOptions* options) {
  ASSIGN_OR_RETURN(options->compute, ReadCompute(line));
  ASSIGN_OR_RETURN(options->weights, ReadWeights(line, options->compute));
  ASSIGN_OR_RETURN(options->kernels, line.OneOf("--kernels", {"cpu", "cuda"}));
  if (options->kernels == "cuda") PackForCuda(options);
  if (options->compute == "f16" && options->kernels != "cuda") {
    return UsageError("--compute f16 needs --kernels cuda");
  }
  return absl::OkStatus();
}

std::vector<Option> PackingOptions() {
  return {
      WeightsOption(),
      ComputeOption(),
      {.name = "--for",
       .value = "bytes|latency",
       .help = "small extents that stream well, or Winograd for a model that "
               "will be resident; default bytes"},
      ShapeOption(),
      {.name = "--value",
       .value = "NAME=16000|x.npy",
       .help = "what an input always is that decides a shape or is a weight: "
               "numbers (0.5,1) or a file; the packed model has that input no "
               "more",
       .repeats = true},
      KernelsOption(),
      {.name = "--tile",
       .value = "256KiB",
       .help = "unit of checksum, a power of two from 4 KiB to 256 KiB; "
               "default as the extents are"},
      {.name = "--extent-bytes-max",
       .value = "SIZE",
       .help = "for experts: weights of one part as f32; default all weights / "
               "512, from what is stored in 16 KiB to 256 KiB"},
      {.name = "--part-flops-max",
       .value = "N",
       .help = "for experts: work of one part; default 200000000 for AVX-512, "
               "half of it for AVX2, a fourth for NEON"},
  };
}

void PackForCuda(PackOptions* options) {
  options->kernels = "cuda";
  options->extent_bytes_max = kCudaExtentBytesMax;
  options->part_flops_max = kCudaPartFlopsMax;
}

std::unique_ptr<Backend> PackingBackend(const PackOptions& options) {
  return options.kernels == "cuda" ? MakeCudaLayouts() : MakeCpuBackend(1);
}

absl::StatusOr<PackOptions> ReadPackingOptions(const CommandLine& line,
                                               const std::string& onnx_path) {
  PackOptions options;
  RETURN_IF_ERROR(ReadKernels(line, &options));
  ASSIGN_OR_RETURN(options.optimize_for,
                   line.OneOf("--for", {"bytes", "latency"}));
  ASSIGN_OR_RETURN(options.tile_bytes, line.Bytes("--tile", 0));
  if (line.Has("--tile")) RETURN_IF_ERROR(CheckTile(options.tile_bytes));
  ASSIGN_OR_RETURN(options.extent_bytes_max,
                   line.Bytes("--extent-bytes-max", options.extent_bytes_max));
  ASSIGN_OR_RETURN(
      options.part_flops_max,
      line.Number("--part-flops-max", options.part_flops_max, 1, INT64_MAX));
  ASSIGN_OR_RETURN(options.shapes, ReadShapes(line, onnx_path));
  ASSIGN_OR_RETURN(options.values, ReadValues(line, onnx_path));
  return options;
}

absl::StatusOr<ShapeBindings> ReadShapes(const CommandLine& line,
                                         const std::string& onnx_path) {
  ShapeBindings shapes;
  for (const std::string& value : line.All("--shape")) {
    NamePath named = SplitNamePath(value);
    ASSIGN_OR_RETURN(std::vector<int64_t> shape, ParseShape(named.path));
    if (!named.name) {
      ASSIGN_OR_RETURN(named.name, OnlyInput(onnx_path, value));
    }
    if (!shapes.emplace(*named.name, std::move(shape)).second) {
      return UsageError(
          absl::StrFormat("--shape: '%s' is given twice", *named.name));
    }
  }
  return shapes;
}

}  // namespace layerd
