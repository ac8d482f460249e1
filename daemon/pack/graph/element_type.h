#ifndef LAYERD_DAEMON_PACK_GRAPH_ELEMENT_TYPE_H_
#define LAYERD_DAEMON_PACK_GRAPH_ELEMENT_TYPE_H_

#include <cstdint>
#include <optional>
#include <span>

#include "kernels/tensor.h"

namespace layerd {

// Of the type's own, not of what a kernel can compute with.
bool IsFloating(DataType type);

// Product of the dimensions: nothing if one is negative or if it is 2^48 or
// more. So no product with an element's size overflows.
std::optional<int64_t> ElementCount(std::span<const int64_t> shape);

// The same of sizes that are known to be sound, as those of a shape that was
// inferred are.
int64_t CountOf(std::span<const int64_t> sizes);

// `from` holds elements of `type`, little-endian and without gaps; there are
// to.size() of them. Values are widened, converted or, where `to` is narrower,
// wrapped (integers) or rounded (floats).
void ConvertElements(DataType type, const std::byte* from, std::span<float> to);
void ConvertElements(DataType type, const std::byte* from,
                     std::span<double> to);
void ConvertElements(DataType type, const std::byte* from,
                     std::span<int64_t> to);

// The way back: writes from.size() elements of `type`.
void StoreElements(std::span<const float> from, DataType type, std::byte* to);
void StoreElements(std::span<const double> from, DataType type, std::byte* to);
void StoreElements(std::span<const int64_t> from, DataType type, std::byte* to);

}  // namespace layerd

#endif  // LAYERD_DAEMON_PACK_GRAPH_ELEMENT_TYPE_H_
