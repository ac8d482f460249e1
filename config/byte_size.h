#ifndef LAYERD_CONFIG_BYTE_SIZE_H_
#define LAYERD_CONFIG_BYTE_SIZE_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace layerd {

// "all" of a budget: no bound but what there is.
inline constexpr uint64_t kAllBytes = ~uint64_t{0};

// "4096", "64KiB", "1.5MiB", "2GiB", "all". INVALID_ARGUMENT says what would
// do.
absl::StatusOr<uint64_t> ParseByteSize(std::string_view text);

// The shortest of the above that a person reads well: "1.5 MiB", "all".
std::string FormatByteSize(uint64_t bytes);

}  // namespace layerd

#endif  // LAYERD_CONFIG_BYTE_SIZE_H_
