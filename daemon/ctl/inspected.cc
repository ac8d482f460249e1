#include "daemon/ctl/inspected.h"

#include <algorithm>

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

std::vector<Inspected::LayerSum> Inspected::LayerSums() const {
  std::vector<LayerSum> sums(program.layers.size());
  const Part* before = nullptr;
  for (const Part& part : program.parts) {
    LayerSum& sum = sums[part.layer];
    ++sum.parts;
    sum.work_flops += part.work_flops;
    const bool shared = before != nullptr && before->read == part.read;
    if (part.read && !shared) sum.weight_bytes += ExtentOf(part)->stored_bytes;
    before = &part;
  }
  return sums;
}

}  // namespace layerd
