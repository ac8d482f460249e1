#include "daemon/ctl/inspected.h"

#include <algorithm>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "config/status_macros.h"

namespace layerd {

absl::StatusOr<Inspected> Inspected::Open(const std::string& path) {
  Inspected inspected;
  ASSIGN_OR_RETURN(inspected.file, LayerFileReader::Open(path));
  absl::StatusOr<Program> program = Program::Parse(inspected.file->manifest());
  if (!program.ok()) {
    return absl::Status(
        program.status().code(),
        absl::StrCat(path, ": ", std::string(program.status().message())));
  }
  inspected.program = *std::move(program);
  return inspected;
}

const Extent* Inspected::ExtentOf(const Part& part) const {
  return part.read ? &program.extents[program.reads[*part.read]] : nullptr;
}

uint64_t Inspected::largest_extent_bytes() const {
  uint64_t bytes = 0;
  for (const Extent& extent : program.extents) {
    bytes = std::max(bytes, extent.stored_bytes);
  }
  return bytes;
}

std::vector<Inspected::DtypeSum> Inspected::DtypeSums() const {
  std::vector<DtypeSum> sums;
  std::vector<bool> seen(program.extents.size(), false);
  for (const Part& part : program.parts) {
    if (!part.read || seen[program.reads[*part.read]]) continue;
    seen[program.reads[*part.read]] = true;
    for (const WeightPiece& piece : part.weights) {
      const char* const dtype = NameOf(piece.layout.dtype);
      auto sum =
          std::find_if(sums.begin(), sums.end(), [dtype](const DtypeSum& s) {
            return s.dtype == std::string_view(dtype);
          });
      if (sum == sums.end()) sum = sums.insert(sum, {dtype});
      ++sum->tensors;
      sum->bytes += piece.layout.bytes();
    }
  }
  return sums;
}

std::vector<Inspected::LayerSum> Inspected::LayerSums() const {
  std::vector<LayerSum> sums(program.layers.size());
  const Part* before = nullptr;
  for (const Part& part : program.parts) {
    LayerSum& sum = sums[part.layer];
    ++sum.parts;
    sum.work_flops += part.work_flops;
    if (!part.weights.empty()) {
      sum.weights_dtype = NameOf(part.weights[0].layout.dtype);
    }
    const bool shared = before != nullptr && before->read == part.read;
    if (part.read && !shared) sum.weight_bytes += ExtentOf(part)->stored_bytes;
    before = &part;
  }
  return sums;
}

}  // namespace layerd
