#ifndef LAYERD_KERNELS_TENSOR_H_
#define LAYERD_KERNELS_TENSOR_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace layerd {

// The numbers stand in layer files: never change one.
enum class DataType : uint8_t {
  kBool = 1,
  kU8 = 2,
  kU16 = 3,
  kU32 = 4,
  kU64 = 5,
  kI8 = 6,
  kI16 = 7,
  kI32 = 8,
  kI64 = 9,
  kF16 = 10,
  kF32 = 11,
  kF64 = 12,
  kBF16 = 14,
};

// Bytes of one element; 0 if `type` is none of the above.
size_t SizeOf(DataType type);

// "FP32", "INT64", "BOOL": the Open Inference Protocol's names.
const char* NameOf(DataType type);

// Dimensions of a tensor or a weight at most.
inline constexpr size_t kRankMax = 8;

// What a tensor is, without its memory.
//
// A shape is logical (N, C, H, W for pictures) whatever the order in memory;
// the strides tell that order. So a channels-last picture, a channel range of
// a larger buffer and a transposed view are all one type with other strides.
//
// Units: strides are in elements, one for each dimension; zero broadcasts.
struct TensorType {
  DataType dtype = DataType::kF32;
  std::vector<int64_t> shape;
  std::vector<int64_t> strides;

  // Saturates where the true number does not fit, like span_bytes().
  int64_t element_count() const;
  // From the first byte of the first element to the last byte of the last one.
  int64_t span_bytes() const;
  // Row-major without gaps. The stride of a dimension of size 1 is free.
  bool is_plain() const;

  friend bool operator==(const TensorType&, const TensorType&) = default;
};

// Row-major strides.
std::vector<int64_t> PlainStrides(const std::vector<int64_t>& shape);

// N, spatial..., C in memory for a shape N, C, spatial...; plain below rank 3.
std::vector<int64_t> ChannelsLastStrides(const std::vector<int64_t>& shape);

// "FP32 [1, 3, 224, 224]".
std::string ToString(const TensorType& type);

}  // namespace layerd

#endif  // LAYERD_KERNELS_TENSOR_H_
