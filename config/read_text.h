#ifndef LAYERD_CONFIG_READ_TEXT_H_
#define LAYERD_CONFIG_READ_TEXT_H_

#include <string>

#include "absl/status/statusor.h"

namespace layerd {

// A whole configuration file. NOT_FOUND, PERMISSION_DENIED, or
// INVALID_ARGUMENT if it is larger than kConfigFileBytesMax or no file.
absl::StatusOr<std::string> ReadTextFile(const std::string& path);

}  // namespace layerd

#endif  // LAYERD_CONFIG_READ_TEXT_H_
