#ifndef LAYERD_KERNELS_DECODED_PART_H_
#define LAYERD_KERNELS_DECODED_PART_H_

#include <cstdint>
#include <optional>

#include "kernels/backend.h"

namespace layerd {

// Weights that are stored otherwise than they are computed with: F16, BF16 and
// I8 beside F32 tensors; F32, BF16, I8 and scaled F16 beside F16 ones, for
// those compute with F16 kernels (convolutions and fully connected layers; all
// others with F32). Those of recurrences are never I8 and have no scales.
//
// Such a part is decoded into scratch right before it computes, and there it is
// a part like any other: the same layout, so decoding keeps every element in
// its place, and the same numbers whoever decodes, so the same bits.
//
//     extent   | kernel, F16 | bias | scales | 0 |
//                  decode |      | copy
//     decoded  | kernel, as computed    | bias |

bool IsNarrow(DataType dtype);

// How many of its weights, from the first on, are kernels: two of a GRU.
size_t KernelsOf(const Operator& op);

// The same layout of what is computed with.
WeightLayout Decoded(const WeightLayout& stored, DataType to = DataType::kF32);

// Whether its kernels are decoded before they are computed with.
bool IsNarrow(const PartSpec& spec);

// What a narrow part is once it is decoded: its weights at their places in the
// scratch, without scales. Any other part as it is.
PartSpec DecodedSpec(const PartSpec& stored);

// Of the scratch that the weights of `decoded` take.
uint64_t WeightBytes(const PartSpec& decoded);

// Its scales among the weights of a narrow part.
// REQUIRES: `stored` passed CheckPart(), and IsNarrow().
std::optional<size_t> ScalesOf(const PartSpec& stored);

// Whether its kernel is [G, O / G, ...] and not [O, ...].
bool IsGrouped(const Operator& op);

// Output channels from one index of dimension `d` of a kernel to the next.
int64_t ChannelStep(const PartSpec& stored, size_t d);

}  // namespace layerd

#endif  // LAYERD_KERNELS_DECODED_PART_H_
