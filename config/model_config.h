#ifndef LAYERD_CONFIG_MODEL_CONFIG_H_
#define LAYERD_CONFIG_MODEL_CONFIG_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "config/limits.h"

namespace layerd {

// model.yaml beside a model's versions: how urgent it is and how it is packed.
// Every key is optional. One that exists is in range.
struct ModelConfig {
  // INVALID_ARGUMENT with line and column; `source` names the file.
  static absl::StatusOr<ModelConfig> Parse(const std::string& yaml,
                                           const std::string& source);

  uint64_t level = kLevelDefault;     // `priority`
  uint64_t lower_to = kLevelDefault;  // Not above `level`.
  uint64_t period_ms = 0;             // 0: not periodic.
  uint64_t deadline_ms = 0;           // 0: none.
  std::map<std::string, std::vector<int64_t>> shapes;
  // What inputs always are, as numbers, true or false.
  std::map<std::string, std::vector<std::string>> values;
  // `pack: {weights: ...}`; "f16" by default where that is computed in.
  std::string weights = "f32";
  std::string compute = "f32";         // `pack: {compute: ...}`
  std::string optimize_for = "bytes";  // `pack: {for: ...}`
};

}  // namespace layerd

#endif  // LAYERD_CONFIG_MODEL_CONFIG_H_
