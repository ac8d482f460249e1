#ifndef LAYERD_DAEMON_CTL_NPY_H_
#define LAYERD_DAEMON_CTL_NPY_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kernels/tensor.h"

namespace layerd {

// A whole tensor in memory: row-major, little-endian, without gaps.
struct Array {
  DataType dtype = DataType::kF32;
  std::vector<int64_t> shape;
  std::string bytes;
};

// Reads a .npy file (format 1, 2 or 3): C order, little-endian, bool, integers
// and floats of 16 to 64 bits. Nothing is converted. The file is believed
// nothing: no more memory is taken than it is long.
//
// Errors: UsageError() beginning with the path.
absl::StatusOr<Array> ReadNpy(const std::string& path);

// The same for a file's contents.
absl::StatusOr<Array> ParseNpy(std::string_view contents,
                               const std::string& path);

// As WriteResult(). UNIMPLEMENTED for BF16, which the format has no word for.
absl::Status WriteNpy(const std::string& path, const Array& array);

// What WriteNpy() writes.
absl::StatusOr<std::string> FormatNpy(const Array& array);

}  // namespace layerd

#endif  // LAYERD_DAEMON_CTL_NPY_H_
