#include "daemon/pack/extent_parts.h"

#include "absl/strings/str_format.h"

namespace layerd {

absl::StatusOr<std::vector<const Part*>> FirstPartsOf(const Program& program) {
  std::vector<const Part*> first(program.extents.size(), nullptr);
  for (const Part& part : program.parts) {
    if (!part.read && !part.table) continue;
    const uint32_t extent = program.ExtentOf(part);
    if (first[extent] == nullptr) first[extent] = &part;
    if (part.weights == first[extent]->weights) continue;
    return absl::UnimplementedError(
        absl::StrFormat("extent %d is seen in different ways", extent));
  }
  return first;
}

}  // namespace layerd
