#include "kernels/tensor.h"

#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace layerd {
namespace {

constexpr int64_t kMost = std::numeric_limits<int64_t>::max();

// Saturating, so that a hostile shape is huge instead of small.
int64_t Times(int64_t a, int64_t b) {
  int64_t product;
  return __builtin_mul_overflow(a, b, &product) ? kMost : product;
}

int64_t Plus(int64_t a, int64_t b) {
  int64_t sum;
  return __builtin_add_overflow(a, b, &sum) ? kMost : sum;
}

}  // namespace

size_t SizeOf(DataType type) {
  switch (type) {
    case DataType::kBool:
    case DataType::kU8:
    case DataType::kI8:
      return 1;
    case DataType::kU16:
    case DataType::kI16:
    case DataType::kF16:
    case DataType::kBF16:
      return 2;
    case DataType::kU32:
    case DataType::kI32:
    case DataType::kF32:
      return 4;
    case DataType::kU64:
    case DataType::kI64:
    case DataType::kF64:
      return 8;
  }
  return 0;
}

const char* NameOf(DataType type) {
  switch (type) {
    case DataType::kBool:
      return "BOOL";
    case DataType::kU8:
      return "UINT8";
    case DataType::kU16:
      return "UINT16";
    case DataType::kU32:
      return "UINT32";
    case DataType::kU64:
      return "UINT64";
    case DataType::kI8:
      return "INT8";
    case DataType::kI16:
      return "INT16";
    case DataType::kI32:
      return "INT32";
    case DataType::kI64:
      return "INT64";
    case DataType::kF16:
      return "FP16";
    case DataType::kF32:
      return "FP32";
    case DataType::kF64:
      return "FP64";
    case DataType::kBF16:
      return "BF16";
  }
  return "unknown";
}

int64_t TensorType::element_count() const {
  int64_t count = 1;
  for (const int64_t size : shape) {
    if (size == 0) return 0;
    count = Times(count, size);
  }
  return count;
}

int64_t TensorType::span_bytes() const {
  if (element_count() == 0) return 0;
  int64_t last = 0;
  for (size_t d = 0; d < shape.size(); ++d) {
    last = Plus(last, Times(shape[d] - 1, strides[d]));
  }
  return Times(Plus(last, 1), static_cast<int64_t>(SizeOf(dtype)));
}

bool TensorType::is_plain() const {
  const std::vector<int64_t> plain = PlainStrides(shape);
  for (size_t d = 0; d < shape.size(); ++d) {
    if (shape[d] > 1 && strides[d] != plain[d]) return false;
  }
  return true;
}

std::vector<int64_t> PlainStrides(const std::vector<int64_t>& shape) {
  std::vector<int64_t> strides(shape.size());
  int64_t stride = 1;
  for (size_t d = shape.size(); d-- > 0; stride = Times(stride, shape[d])) {
    strides[d] = stride;
  }
  return strides;
}

std::vector<int64_t> ChannelsLastStrides(const std::vector<int64_t>& shape) {
  if (shape.size() < 3) return PlainStrides(shape);
  std::vector<int64_t> strides(shape.size());
  strides[1] = 1;
  int64_t stride = shape[1];
  for (size_t d = shape.size(); d-- > 2; stride = Times(stride, shape[d])) {
    strides[d] = stride;
  }
  strides[0] = stride;
  return strides;
}

std::string ToString(const TensorType& type) {
  return absl::StrCat(NameOf(type.dtype), " [", absl::StrJoin(type.shape, ", "),
                      "]");
}

}  // namespace layerd
