// Can a file that someone else made break the reader of layer files, or the
// planning of memory for it?
//
// Most inputs would die at a checksum, so the checksums are made right here:
//
//   byte 0       what else is made right, see Input
//   48 bytes     the fields of the superblock, from version to manifest_bytes
//   the rest     the manifest
//
// With bit 0 set, the input is a file as it is.

#include <google/protobuf/stubs/logging.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "config/check.h"
#include "daemon/plan/memory_plan.h"
#include "daemon/plan/program.h"
#include "kernels/decoded_part.h"
#include "kernels/part_check.h"
#include "kernels/type_check.h"
#include "loader/store/forged_file.h"
#include "loader/store/layer_file_reader.h"
#include "test/scratch/memory_file.h"

namespace layerd {
namespace {

constexpr uint8_t kAsItIs = 1;       // Nothing is made right.
constexpr uint8_t kOwnSizes = 2;     // The superblock's fields are the input's.
constexpr uint8_t kOddPadding = 4;   // Padding is not zero.
constexpr uint8_t kOwnFileSize = 8;  // The file ends a page too early.

constexpr size_t kFieldsFirst = offsetof(Superblock, version);
constexpr size_t kFieldsEnd = offsetof(Superblock, manifest_crc32c);
constexpr uint64_t kVerifiedBytesMax = 1 << 20;

ForgedFile Forge(uint8_t wishes, std::string_view input) {
  std::string fields(input.substr(0, kFieldsEnd - kFieldsFirst));
  fields.resize(kFieldsEnd - kFieldsFirst);
  input.remove_prefix(std::min(input.size(), fields.size()));
  manifest::Manifest manifest;
  const bool parsed =
      manifest.ParseFromArray(input.data(), static_cast<int>(input.size()));

  ForgedFile file = ForgedFile::Of(parsed ? manifest : manifest::Manifest(),
                                   kTileBytesMin << (wishes >> 5));
  if (!parsed) file.manifest = input;
  if (wishes & kOwnSizes) {
    std::memcpy(reinterpret_cast<char*>(&file.superblock) + kFieldsFirst,
                fields.data(), fields.size());
  }
  file.padding = wishes & kOddPadding ? 'x' : 0;
  return file;
}

void WriteForged(uint8_t wishes, const ForgedFile& forged, MemoryFile* file) {
  constexpr uint64_t kSparseBytesMax = uint64_t{1} << 40;
  const std::string head = forged.Head();
  uint64_t file_bytes =
      std::clamp<uint64_t>(forged.superblock.file_bytes(), head.size(),
                           std::max<uint64_t>(head.size(), kSparseBytesMax));
  if (wishes & kOwnFileSize) file_bytes -= kPageBytes;
  file->Replace(head, file_bytes);
}

// What the reader promises to those behind it.
void CheckPromises(const LayerFileReader& file) {
  uint64_t end_bytes = 0;
  size_t end_tile = 0;
  for (size_t i = 0; i < file.extents().size(); ++i) {
    const Extent& extent = file.extents()[i];
    const TileRange tiles = file.tiles().TilesOf(i);
    LAYERD_CHECK(extent.offset_bytes == end_bytes && tiles.first == end_tile);
    for (size_t tile = tiles.first; tile < tiles.first + tiles.count; ++tile) {
      LAYERD_CHECK(file.tiles().ExtentOf(tile) == i);
      LAYERD_CHECK(file.tiles().offset_bytes(tile) == end_bytes);
      end_bytes += file.tiles().stored_bytes(tile);
    }
    LAYERD_CHECK(end_bytes == extent.offset_bytes + extent.stored_bytes);
    end_tile += tiles.count;
  }
  LAYERD_CHECK(end_tile == file.tiles().tile_count());
  LAYERD_CHECK(file.stream().offset_bytes + end_bytes == file.file_bytes());
}

// What a program promises to backends: sound parts, also once they are decoded,
// whose weights lie inside their extents.
void CheckParts(const Program& program) {
  for (const Part& part : program.parts) {
    const PartSpec spec = program.SpecOf(part);
    LAYERD_CHECK(CheckPlacedPart(spec).ok());
    const PartSpec decoded = DecodedSpec(spec);
    LAYERD_CHECK(CheckPlacedPart(decoded).ok() && !IsNarrow(decoded));
    LAYERD_CHECK(WeightBytes(decoded) <= 8 * kSpanBytesMax);
    for (const WeightPiece& piece : spec.weights) {
      LAYERD_CHECK(piece.offset_bytes + piece.layout.bytes() <=
                   program.extents[program.ExtentOf(part)].stored_bytes);
    }
  }
}

// Buffers lie inside the arena, weights that stay inside the head.
void CheckModel(const Program& program, const MemoryPlan& plan) {
  const MemoryPlan::ModelMemory& model = plan.models[0];
  LAYERD_CHECK(model.arena.bytes <= plan.levels[0].arena.bytes);
  for (size_t b = 0; b < program.buffers.size(); ++b) {
    LAYERD_CHECK(model.arena.buffer_offsets[b] + program.buffers[b].bytes <=
                     model.arena.scratch_offset ||
                 model.arena.buffer_offsets[b] == 0);
  }
  const uint64_t head_end = model.head.offset_bytes + model.head.bytes;
  for (size_t e = 0; e < program.extents.size(); ++e) {
    const std::optional<uint64_t>& offset = model.resident_offsets[e];
    LAYERD_CHECK(!offset ||
                 (*offset >= model.head.offset_bytes &&
                  *offset + program.extents[e].stored_bytes <= head_end));
  }
}

// There is a plan for every budget from the least on, and for none below.
void CheckMemory(const Program& program) {
  MemoryPlanner planner({{"fuzz/1", 3, &program, kPageBytes, kPageBytes}});
  const auto all = planner.Plan({});
  LAYERD_CHECK(all.ok());
  const uint64_t least_bytes = all->minimum_weight_bytes;
  const uint64_t all_bytes = all->weight_memory_bytes();
  LAYERD_CHECK(least_bytes <= all_bytes);
  for (const uint64_t bytes :
       {least_bytes, least_bytes + (all_bytes - least_bytes) / 2, all_bytes}) {
    const auto plan = planner.Plan({.weight_bytes = bytes});
    LAYERD_CHECK(plan.ok() && plan->weight_memory_bytes() <= bytes);
    CheckModel(program, *plan);
  }
  LAYERD_CHECK(least_bytes == 0 ||
               !planner.Check({.weight_bytes = least_bytes - 1}).ok());
}

void CheckProgramOf(const manifest::Manifest& manifest) {
  const auto program = Program::Parse(manifest);
  if (!program.ok()) return;
  CheckParts(*program);
  CheckMemory(*program);
}

void Try(std::string_view input) {
  static MemoryFile file;
  if (input.empty()) return;
  const auto wishes = static_cast<uint8_t>(input.front());
  input.remove_prefix(1);
  if (wishes & kAsItIs) {
    file.Replace(input);
  } else {
    WriteForged(wishes, Forge(wishes, input), &file);
  }
  const auto reader = LayerFileReader::Open(file.path());
  if (!reader.ok()) return;
  CheckPromises(**reader);
  CheckProgramOf((*reader)->manifest());
  if ((*reader)->stream().stored_bytes > kVerifiedBytesMax) return;
  const absl::Status status = VerifyLayerFile(file.path(), nullptr);
  LAYERD_CHECK(status.ok() || absl::IsDataLoss(status));
}

}  // namespace
}  // namespace layerd

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  google::protobuf::SetLogHandler(nullptr);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  layerd::Try({reinterpret_cast<const char*>(bytes), size});
  return 0;
}
