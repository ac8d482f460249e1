#ifndef LAYERD_DAEMON_CTL_ARRAY_FILES_H_
#define LAYERD_DAEMON_CTL_ARRAY_FILES_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/ctl/npy.h"
#include "kernels/tensor.h"

namespace layerd {

// An input or output of a model, as the command line must serve it.
struct ArrayPort {
  std::string name;
  DataType dtype = DataType::kF32;
  std::vector<int64_t> shape;
};

std::vector<std::string> NamesOf(const std::vector<ArrayPort>& ports);

// What the .npy file at `path` holds. UsageError() if its datatype or shape is
// not exactly the port's.
absl::StatusOr<Array> ReadArray(const std::string& path, const ArrayPort& port);

// What the files that the values of --input name hold, in the order of `ports`;
// `read` makes a port's array of a file.
//
// Errors: UsageError() for a port without a file, and those of `read`.
using ReadPort = std::function<absl::StatusOr<Array>(const std::string& path,
                                                     const ArrayPort& port)>;
absl::StatusOr<std::vector<Array>> ReadInputs(
    const std::vector<std::string>& values, const std::vector<ArrayPort>& ports,
    const ReadPort& read = ReadArray);

// Where the values of --output want them; empty: not to be written.
absl::StatusOr<std::vector<std::string>> OutputPaths(
    const std::vector<std::string>& values,
    const std::vector<ArrayPort>& ports);

// `values` of a random picture or whatever the port takes: floats from 0 to 1,
// integers from 0 to 127. Same seed, same bytes.
absl::StatusOr<Array> RandomArray(const ArrayPort& port, uint64_t seed);

// The other way round of NameOf(): "FP32". INTERNAL for a type we do not know.
absl::StatusOr<DataType> DataTypeNamed(const std::string& name);

// Each element as a number; a bool is 0 or 1.
std::vector<double> NumbersOf(const Array& array);

}  // namespace layerd

#endif  // LAYERD_DAEMON_CTL_ARRAY_FILES_H_
