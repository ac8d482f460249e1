#ifndef LAYERD_DAEMON_CTL_NAME_PATH_H_
#define LAYERD_DAEMON_CTL_NAME_PATH_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace layerd {

// The value of --input, --output and --shape. NAME is the graph's own, byte for
// byte; it ends at the first `=`, and one inside it is written `\=`.
struct NamePath {
  std::optional<std::string> name;  // Nothing if NAME= was left out.
  std::string path;
};

// Without NAME= a path may have its own `=` written `\=` too.
NamePath SplitNamePath(std::string_view text);

// What each of `names` (a model's inputs or outputs) was given by the values of
// `option`; empty where it was not. With one name NAME= may be left out.
//
// Errors: UsageError() for a name that is not there, with those that are; for a
//         name given twice; for an empty path.
absl::StatusOr<std::vector<std::string>> PathsByName(
    const std::string& option, const std::vector<std::string>& values,
    const std::vector<std::string>& names);

// "1,3,640,640". UsageError() for anything else, zero and negative included.
absl::StatusOr<std::vector<int64_t>> ParseShape(const std::string& text);

}  // namespace layerd

#endif  // LAYERD_DAEMON_CTL_NAME_PATH_H_
