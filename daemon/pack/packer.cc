#include "daemon/pack/packer.h"

#include <sys/stat.h>

#include <algorithm>
#include <bit>
#include <filesystem>
#include <memory>
#include <span>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "config/status_macros.h"
#include "config/version.h"
#include "daemon/pack/lower/cut.h"
#include "daemon/pack/lower/lower.h"
#include "daemon/pack/lower/weight_storage.h"
#include "daemon/pack/lower/weight_writer.h"
#include "daemon/pack/network/fold_affine.h"
#include "daemon/pack/network/fuse.h"
#include "daemon/pack/network/half_tensors.h"
#include "daemon/pack/network/network.h"
#include "daemon/pack/network/recognise.h"
#include "daemon/pack/network/simplify.h"
#include "daemon/pack/network/translate.h"
#include "daemon/plan/program_check.h"
#include "kernels/decoded_part.h"
#include "layer_file.pb.h"
#include "loader/store/layer_file_writer.h"

namespace layerd {
namespace {

constexpr uint64_t kStoredBytesLeast = 16 << 10;
constexpr uint64_t kExtentBytesMost = 256 << 10;
// For latency: as many weights as a second-level cache keeps beside the rest.
constexpr uint64_t kDirectBytesMost = 512 << 10;
constexpr uint64_t kWinogradBytesMost = 4 << 20;

absl::Status CheckSizes(const PackOptions& options) {
  const uint64_t tile = options.tile_bytes;
  if (tile != 0 && (!std::has_single_bit(tile) || tile < kTileBytesMin ||
                    tile > kTileBytesMax)) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "tile: %d bytes; a tile is a power of two from %d to %d", tile,
        kTileBytesMin, kTileBytesMax));
  }
  const uint64_t extent = options.extent_bytes_max;
  if (extent != 0 && (extent % kPageBytes != 0 || extent > kStreamBytesMax)) {
    return absl::InvalidArgumentError(
        absl::StrFormat("extent limit: %d bytes are not whole pages of %d",
                        extent, kPageBytes));
  }
  return absl::OkStatus();
}

absl::Status CheckOptions(const PackOptions& options) {
  RETURN_IF_ERROR(WeightType(options.weights).status());
  if (options.optimize_for != "bytes" && options.optimize_for != "latency") {
    return absl::InvalidArgumentError(absl::StrFormat(
        "for: \"%s\" is neither bytes nor latency", options.optimize_for));
  }
  if (options.optimize_for == "latency" && options.weights != "f32") {
    return absl::InvalidArgumentError(absl::StrFormat(
        "weights: \"%s\" cannot be packed for latency; use f32, or for bytes",
        options.weights));
  }
  if (options.compute != "f32" && options.compute != "f16") {
    return absl::InvalidArgumentError(absl::StrFormat(
        "compute: \"%s\" is neither f32 nor f16", options.compute));
  }
  if (options.compute == "f16" && options.kernels != "cuda") {
    return absl::InvalidArgumentError(
        "compute: f16 needs an NVIDIA GPU (backend: cuda); processors compute "
        "in f32");
  }
  return CheckSizes(options);
}

// Of a part, as many as take one core 1 to 1.5 ms: processors multiply twice
// as fast with vectors twice as long. Whoever packs for one cuts for it.
uint64_t PartFlopsFor(const KernelKey& key) {
  const bool is_processor = key.backend == "cpu";
  if (is_processor && key.isa.starts_with("avx2")) return 100'000'000;
  if (is_processor && key.isa.starts_with("asimd")) return 50'000'000;
  return 200'000'000;
}

// At least so many bytes of the file, because it has whole pages; at most so
// many of memory, because narrow weights are decoded there.
CutLimits LimitsFor(const PackOptions& options, const KernelKey& key,
                    DataType stored, uint64_t weight_bytes) {
  CutLimits limits;
  limits.part_flops_max =
      options.part_flops_max == 0 ? PartFlopsFor(key) : options.part_flops_max;
  limits.extent_bytes_max = options.extent_bytes_max;
  limits.wishes_winograd = options.optimize_for == "latency";
  if (limits.wishes_winograd) {
    const uint64_t most = options.extent_bytes_max;
    limits.winograd_bytes_max = most == 0 ? kWinogradBytesMost : most;
    limits.extent_bytes_max =
        most == 0 ? kDirectBytesMost : std::min(most, kDirectBytesMost);
  }
  if (limits.extent_bytes_max == 0) {
    const uint64_t least = kStoredBytesLeast * sizeof(float) / SizeOf(stored);
    limits.extent_bytes_max =
        RoundUpToPage(std::clamp(weight_bytes / 512, least, kExtentBytesMost));
  }
  return limits;
}

// Of what parts compute with, tables aside.
uint64_t LargestExtentBytes(const Program& program) {
  uint64_t largest = 0;
  for (const Part& part : program.parts) {
    if (!part.read) continue;
    largest = std::max(largest, WeightBytes(DecodedSpec(program.SpecOf(part))));
  }
  return largest;
}

// A ring holds two of the largest extent, which may be one block of channels
// that is never cut. Where that is larger than the limit, other extents up to
// its size cost no memory, each part less saves half a microsecond, and a
// convolution of 1 x 1 meets its input less often.
absl::StatusOr<Program> CutWithin(const PackOptions& options,
                                  const Lowered& lowered,
                                  const Backend& backend, CutLimits* limits) {
  ASSIGN_OR_RETURN(Program program, Cut(lowered, *limits, backend));
  if (options.extent_bytes_max != 0 || limits->wishes_winograd) return program;
  const uint64_t least =
      std::min(RoundUpToPage(LargestExtentBytes(program)), kExtentBytesMost);
  if (least <= limits->extent_bytes_max) return program;
  limits->extent_bytes_max = least;
  return Cut(lowered, *limits, backend);
}

uint32_t TileBytes(const PackOptions& options, const CutLimits& limits) {
  if (options.tile_bytes != 0) return static_cast<uint32_t>(options.tile_bytes);
  return static_cast<uint32_t>(std::clamp(
      std::bit_floor(limits.extent_bytes_max), kTileBytesMin, kTileBytesMax));
}

manifest::Manifest ManifestFor(const Graph& graph, const Program& program,
                               const PackOptions& options,
                               const CutLimits& limits, const KernelKey& key) {
  manifest::Manifest manifest;
  manifest::Identity* identity = manifest.mutable_identity();
  identity->set_name(graph.name);
  identity->set_source_sha256(graph.source_sha256);
  identity->set_producer(absl::StrCat("layerd ", kVersion));
  identity->set_weight_bytes(graph.weight_bytes);
  manifest::KernelKey* kernel_key = manifest.mutable_kernel_key();
  kernel_key->set_backend(key.backend);
  kernel_key->set_isa(key.isa);
  kernel_key->set_dtype(options.compute);
  kernel_key->set_library(key.library);
  manifest::PackOptions* packed = manifest.mutable_options();
  packed->set_weights(options.weights);
  packed->set_optimize_for(options.optimize_for);
  packed->set_extent_bytes_max(limits.wishes_winograd
                                   ? limits.winograd_bytes_max
                                   : limits.extent_bytes_max);
  packed->set_part_flops_max(limits.part_flops_max);
  for (const auto& [name, shape] : options.shapes) {
    manifest::ShapeBinding* bound = packed->add_shapes();
    bound->set_name(name);
    bound->mutable_dimensions()->Assign(shape.begin(), shape.end());
  }
  program.WriteTo(&manifest);
  return manifest;
}

// A number that its type cannot hold is the model's fault, and has a place.
absl::Status Naming(const Lowered& lowered, const Part& part,
                    const absl::Status& written) {
  if (!absl::IsOutOfRange(written)) return written;
  return absl::InvalidArgumentError(
      absl::StrCat(lowered.descriptions[part.layer], ": ", written.message()));
}

// A table may be most of the model: it goes through memory piece by piece.
absl::Status WriteTable(const Program& program, const Lowered& lowered,
                        size_t extent, WeightWriter* writer,
                        LayerFileWriter* file) {
  constexpr int64_t kPieceElements = 1 << 18;
  const auto part =
      std::find_if(program.parts.begin(), program.parts.end(),
                   [extent](const Part& each) { return each.table == extent; });
  const Weight& weight = lowered.weights[part->layer][0];
  const WeightLayout& layout = part->weights[0].layout;
  const auto size = static_cast<int64_t>(SizeOf(layout.dtype));
  const auto all = static_cast<int64_t>(layout.bytes()) / size;
  std::vector<std::byte> piece;
  for (int64_t first = 0; first < all; first += kPieceElements) {
    piece.resize(std::min(kPieceElements, all - first) * size);
    RETURN_IF_ERROR(
        Naming(lowered, *part,
               writer->WriteTable(weight, layout.dtype, first, piece)));
    RETURN_IF_ERROR(file->AppendPiece(piece, first + kPieceElements >= all));
  }
  return absl::OkStatus();
}

// The second pass: extent by extent, in the order of the stream, then tables.
absl::Status WriteStream(
    const Graph& graph, const Program& program, const Lowered& lowered,
    LayerFileWriter* file,
    const std::function<void(uint64_t, uint64_t)>& progress) {
  uint64_t all_bytes = 0;
  for (const Extent& extent : program.extents) all_bytes += extent.stored_bytes;
  WeightWriter writer(graph);
  std::vector<std::byte> bytes;
  uint64_t done_bytes = 0;
  size_t next = 0;  // Extent.
  for (const Part& part : program.parts) {
    if (!part.read || program.reads[*part.read] != next) continue;
    bytes.assign(program.extents[next].stored_bytes, std::byte{0});
    RETURN_IF_ERROR(Naming(
        lowered, part,
        writer.Write(program, part, lowered.weights[part.layer], bytes)));
    RETURN_IF_ERROR(file->AppendExtent(bytes));
    done_bytes += bytes.size();
    if (progress) progress(done_bytes, all_bytes);
    ++next;
  }
  for (; next < program.extents.size(); ++next) {
    RETURN_IF_ERROR(WriteTable(program, lowered, next, &writer, file));
    done_bytes += program.extents[next].stored_bytes;
    if (progress) progress(done_bytes, all_bytes);
  }
  return absl::OkStatus();
}

PackReport ReportOn(const Graph& graph, const Program& program) {
  PackReport report;
  report.weight_bytes = graph.weight_bytes;
  report.layers = program.layers.size();
  report.parts = program.parts.size();
  report.extents = program.extents.size();
  for (const Extent& extent : program.extents) {
    report.stream_bytes += extent.stored_bytes;
    if (extent.tile_bytes != 0) continue;  // A table.
    report.largest_extent_bytes =
        std::max(report.largest_extent_bytes, extent.stored_bytes);
  }
  return report;
}

// A layer file can be made again of its model, and not the other way round.
absl::Status CheckIsNoSource(const std::string& layer_file_path,
                             const Graph& graph) {
  struct stat there, source;
  if (stat(layer_file_path.c_str(), &there) != 0) return absl::OkStatus();
  for (const std::unique_ptr<SourceFile>& file : graph.files) {
    if (fstat(file->fd.get(), &source) != 0 || source.st_dev != there.st_dev ||
        source.st_ino != there.st_ino) {
      continue;
    }
    return absl::InvalidArgumentError(absl::StrCat(
        layer_file_path,
        " holds the model, or weights of it; name another file for the layer "
        "file"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<PackReport> Pack(
    const std::string& onnx_path, const std::string& layer_file_path,
    const PackOptions& options, const Backend& backend,
    const std::function<void(uint64_t done_bytes, uint64_t all_bytes)>&
        progress) {
  RETURN_IF_ERROR(CheckOptions(options));
  ASSIGN_OR_RETURN(const Graph graph,
                   ImportOnnx(onnx_path, options.shapes, options.values));
  RETURN_IF_ERROR(CheckIsNoSource(layer_file_path, graph));
  ASSIGN_OR_RETURN(Network network, Translate(graph));
  RecogniseLayerNorms(&network);
  RecogniseActivations(&network);
  RETURN_IF_ERROR(Simplify(&network));
  RETURN_IF_ERROR(FoldAffine(&network, options.compute == "f16"));
  Fuse(&network);
  RemoveDeadNodes(&network);
  if (options.compute == "f16") UseHalfTensors(&network);
  Lowered lowered = Lower(network);
  ASSIGN_OR_RETURN(const DataType stored, WeightType(options.weights));
  // Winograd's transform is of F32.
  ChooseStorage(graph, stored, options.optimize_for == "latency", &lowered);
  CutLimits limits =
      LimitsFor(options, backend.key(), NarrowestStored(lowered, stored),
                graph.weight_bytes);
  ASSIGN_OR_RETURN(const Program program,
                   CutWithin(options, lowered, backend, &limits));
  RETURN_IF_ERROR(CheckProgram(program));
  ASSIGN_OR_RETURN(const std::unique_ptr<LayerFileWriter> file,
                   LayerFileWriter::Create(layer_file_path,
                                           ManifestFor(graph, program, options,
                                                       limits, backend.key()),
                                           TileBytes(options, limits)));
  RETURN_IF_ERROR(WriteStream(graph, program, lowered, file.get(), progress));
  RETURN_IF_ERROR(file->Commit());
  PackReport report = ReportOn(graph, program);
  std::error_code error;
  report.file_bytes = std::filesystem::file_size(layer_file_path, error);
  return report;
}

}  // namespace layerd
