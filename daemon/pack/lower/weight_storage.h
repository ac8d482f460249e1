#ifndef LAYERD_DAEMON_PACK_LOWER_WEIGHT_STORAGE_H_
#define LAYERD_DAEMON_PACK_LOWER_WEIGHT_STORAGE_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/pack/graph/graph.h"
#include "daemon/pack/lower/lower.h"
#include "kernels/tensor.h"

namespace layerd {

// How numbers of f32 become what is stored, one rounding each: to nearest, ties
// to even. Never to infinity: a network that a type cannot hold is refused, for
// a saturated weight would be a wrong answer that nobody sees.

// Of `--weights`. Errors: INVALID_ARGUMENT with the four there are.
absl::StatusOr<DataType> WeightType(const std::string& word);

// Marks the kernels of convolutions and fully connected layers to be stored as
// `type`, and those of recurrences and tables as well, or as F16 instead of I8:
// they have no scales. A table that the model itself has in halves stays so.
// Biases and other vectors stay F32: small, and added, not multiplied.
// Of layers whose tensors are F16, biases are F16, and there are no scales but
// those of I8: all would be rounded again.
//
// I8 has a scale for each output channel. F16 and BF16 have none, but where the
// model itself stores that type and a scale was folded into its channels: the
// scales are then stored beside it and no weight is rounded. F16 has one as
// well where what was folded in would take weights out of its range.
//
// What the model itself has in bytes, with one scale for each output channel or
// for all, is as exact in I8 as in F32 and a quarter of it: it stays so for
// either, unless `widens_bytes`.
void ChooseStorage(const Graph& graph, DataType type, bool widens_bytes,
                   Lowered* lowered);

// The model's own scales of a kernel that it has in bytes as I8 holds them, one
// for each output channel, with what was folded into it; none if it has others.
std::vector<float> OwnScales(const Graph& graph, const Operator& op,
                             const Weight& kernel);

// Whether halves that come with scales are those of the model, and their scales
// what was folded into its output channels.
bool KeepsOutputScales(const Graph& graph, const Weight& kernel);

// The smallest that a kernel is stored as, `type` if there is none.
DataType NarrowestStored(const Lowered& lowered, DataType type);

// REQUIRES, of all below: `to` has an element for each of `from`.
// Errors: OUT_OF_RANGE with the number that is finite and would not stay so.
absl::Status NarrowToHalf(std::span<const float> from, uint16_t* to);
absl::Status NarrowToBFloat16(std::span<const float> from, uint16_t* to);

// The power of two for which `largest`, a magnitude, becomes 1 to 2: halves
// times it keep the digits that they had. 1 if it is 0 or not finite.
float HalfScale(float largest);

// The scale for which `largest`, a magnitude, becomes 127.
// Errors: OUT_OF_RANGE if it is not finite.
absl::StatusOr<float> Int8Scale(float largest);
// Within -127 to 127.
int8_t NarrowToInt8(float value, float scale);
// The byte that was read as `value`. REQUIRES: `scale` is the model's own.
int8_t OwnInt8(float value, float scale);

}  // namespace layerd

#endif  // LAYERD_DAEMON_PACK_LOWER_WEIGHT_STORAGE_H_
