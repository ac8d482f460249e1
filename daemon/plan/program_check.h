#ifndef LAYERD_DAEMON_PLAN_PROGRAM_CHECK_H_
#define LAYERD_DAEMON_PLAN_PROGRAM_CHECK_H_

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "daemon/plan/program.h"

namespace layerd {

// Bounds on what a manifest may ask for. Generous: the largest networks that
// fit a small drive stay far below.
inline constexpr size_t kProgramItemsMax = 1 << 20;  // Of any one kind.
inline constexpr size_t kLayerTensorsMax = 64;       // Inputs, or outputs.
inline constexpr size_t kPartWeightsMax = 4;
inline constexpr uint64_t kBufferBytesMax = uint64_t{1} << 40;
// Placed in no time, but in half a minute where lives are made to leave gaps.
inline constexpr size_t kBuffersMax = 1 << 17;
inline constexpr uint64_t kStreamBytesMax = uint64_t{1} << 44;

// The output channels and rows of a layer whose output is `output`: what its
// parts have to cover. One of each for an operator that PartSpec does not cut;
// rows of such a layer are those of layer_rows.h.
Range AllChannels(const Operator& op, const TensorType& output);
Range AllRows(const Operator& op, const TensorType& output);

// Everything that the comment on Program promises.
// Errors: INVALID_ARGUMENT naming what is unsound, and its number.
absl::Status CheckProgram(const Program& program);

}  // namespace layerd

#endif  // LAYERD_DAEMON_PLAN_PROGRAM_CHECK_H_
