#ifndef LAYERD_DAEMON_CTL_INSPECTED_H_
#define LAYERD_DAEMON_CTL_INSPECTED_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "daemon/plan/program.h"
#include "loader/store/layer_file_reader.h"

namespace layerd {

// A layer file as `inspect` sees it: open and understood, weights unread.
struct Inspected {
  // Errors: as LayerFileReader::Open() and Program::Parse(), with the path.
  static absl::StatusOr<Inspected> Open(const std::string& path);

  // Null if the part has no weights.
  const Extent* ExtentOf(const Part& part) const;
  uint64_t largest_extent_bytes() const;

  // What the parts of one layer add up to.
  struct LayerSum {
    size_t parts = 0;
    uint64_t weight_bytes = 0;  // As stored, what its parts share once.
    uint64_t work_flops = 0;
    const char* weights_dtype =
        nullptr;  // Of its kernel; null without weights.
  };
  std::vector<LayerSum> LayerSums() const;

  // All weights stored as one datatype.
  struct DtypeSum {
    const char* dtype;
    size_t tensors = 0;  // Pieces of extents.
    uint64_t bytes = 0;  // What they are, without what lies between.
  };
  std::vector<DtypeSum> DtypeSums() const;

  std::unique_ptr<LayerFileReader> file;
  Program program;
};

// All of it, for --json.
std::string InspectedJson(const Inspected& inspected);

}  // namespace layerd

#endif  // LAYERD_DAEMON_CTL_INSPECTED_H_
