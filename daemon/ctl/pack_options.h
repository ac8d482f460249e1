#ifndef LAYERD_DAEMON_CTL_PACK_OPTIONS_H_
#define LAYERD_DAEMON_CTL_PACK_OPTIONS_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "daemon/ctl/command_line.h"
#include "daemon/pack/packer.h"
#include "kernels/backend.h"

namespace layerd {

// Extents and parts as GPUs want them.
void PackForCuda(PackOptions* options);

// Knows the layouts that the options ask for.
std::unique_ptr<Backend> PackingBackend(const PackOptions& options);

// Of `pack`: how to pack.
std::vector<Option> PackingOptions();
absl::StatusOr<PackOptions> ReadPackingOptions(const CommandLine& line,
                                               const std::string& onnx_path);

// Of all that pack: how weights are stored. `by_default` is what they are
// computed with.
Option WeightsOption();
absl::StatusOr<std::string> ReadWeights(const CommandLine& line,
                                        const std::string& by_default = "f32");

// Of `pack` and `plan`: for whom, with --compute and --weights.
Option KernelsOption();
absl::Status ReadKernels(const CommandLine& line, PackOptions* options);

// Of those that pack for a GPU: what is computed with.
Option ComputeOption();
absl::StatusOr<std::string> ReadCompute(const CommandLine& line);

// Of all that pack: the values of --shape. Looks into the model only for the
// name of its one input, where NAME= was left out.
Option ShapeOption();
absl::StatusOr<ShapeBindings> ReadShapes(const CommandLine& line,
                                         const std::string& onnx_path);

}  // namespace layerd

#endif  // LAYERD_DAEMON_CTL_PACK_OPTIONS_H_
