#ifndef LAYERD_DAEMON_MODEL_REPOSITORY_SCAN_H_
#define LAYERD_DAEMON_MODEL_REPOSITORY_SCAN_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "config/model_config.h"

namespace layerd {

// One version of one model, as its files say.
struct FoundModel {
  std::string name;
  std::string version;      // Decimal, without leading zeros.
  std::string onnx_path;    // Empty if there is none.
  std::string layers_path;  // Empty if there is none.
  // Of name, version, sizes and times of its files: another one, another key.
  std::string content_key;
  ModelConfig config;
  absl::Status problem;  // What is wrong with it; then it cannot be loaded.
  bool has_triton_config = false;  // A config.pbtxt, which we do not read.
};

// True for ^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$ without "..".
bool IsModelName(const std::string& name);

// Looks into <repository>/<model>/<version>/, by name and ascending version.
// What looks like a model and is none (no digits for a version, no model file,
// an unsound model.yaml, a model in a folder of a name that is none, shown with
// '?') is listed with its problem; hidden names are passed over.
//
// Errors: NOT_FOUND or PERMISSION_DENIED if the folder cannot be read.
absl::StatusOr<std::vector<FoundModel>> ScanRepository(
    const std::string& repository);

}  // namespace layerd

#endif  // LAYERD_DAEMON_MODEL_REPOSITORY_SCAN_H_
