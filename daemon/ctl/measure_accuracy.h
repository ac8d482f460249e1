#ifndef LAYERD_DAEMON_CTL_MEASURE_ACCURACY_H_
#define LAYERD_DAEMON_CTL_MEASURE_ACCURACY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "daemon/ctl/accuracy.h"
#include "daemon/pack/packer.h"

namespace layerd {

// What a model that was packed narrow answers, against the same model in f32.
struct AccuracyQuestion {
  std::string onnx_path;
  std::string layer_file;           // Packed from it.
  PackOptions options;              // So.
  std::vector<std::string> inputs;  // Values of --input; none: made up ones,
  uint64_t seeds = 0;               // so many.
};

// Packs the model once more, in f32, beside the layer file, and takes that file
// away again. Both run from a small weight budget.
// Errors: of packing and of running; UsageError() for an input that does not
//         fit.
absl::StatusOr<Accuracy> MeasureAccuracy(const AccuracyQuestion& question);

}  // namespace layerd

#endif  // LAYERD_DAEMON_CTL_MEASURE_ACCURACY_H_
