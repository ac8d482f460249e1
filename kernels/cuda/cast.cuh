#ifndef LAYERD_KERNELS_CUDA_CAST_CUH_
#define LAYERD_KERNELS_CUDA_CAST_CUH_

#include "kernels/cuda/device.cuh"

// Casts between all datatypes, by their numbers (kernels/tensor.h), with the
// results of kernels/cast.h: what does not fit saturates, integers wrap.
namespace layerd::cuda {

enum Type : int {
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

// A number of any type. Integers keep their 64 bits, reals their 53.
struct Number {
  enum Kind { kSigned, kUnsigned, kReal } kind;
  uint64_t bits;
  double real;
};

__device__ inline uint16_t BFloat16FromFloat(float value) {
  const uint32_t bits = BitsOf(value);
  if ((bits & 0x7fffffff) > 0x7f800000) {
    return static_cast<uint16_t>(bits >> 16 | 0x40);
  }
  return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

template <typename T>
__device__ inline T& At(void* data, int64_t i) {
  return static_cast<T*>(data)[i];
}

__device__ inline Number Signed(int64_t value) {
  return {Number::kSigned, static_cast<uint64_t>(value), 0};
}
__device__ inline Number Unsigned(uint64_t value) {
  return {Number::kUnsigned, value, 0};
}
__device__ inline Number Real(double value) {
  return {Number::kReal, 0, value};
}

__device__ inline Number Load(void* data, int type, int64_t i) {
  switch (type) {
    case kBool:
      return Unsigned(At<uint8_t>(data, i) != 0);
    case kU8:
      return Unsigned(At<uint8_t>(data, i));
    case kU16:
      return Unsigned(At<uint16_t>(data, i));
    case kU32:
      return Unsigned(At<uint32_t>(data, i));
    case kU64:
      return Unsigned(At<uint64_t>(data, i));
    case kI8:
      return Signed(At<int8_t>(data, i));
    case kI16:
      return Signed(At<int16_t>(data, i));
    case kI32:
      return Signed(At<int32_t>(data, i));
    case kI64:
      return Signed(At<int64_t>(data, i));
    case kF16:
      return Real(FloatFromHalf(At<uint16_t>(data, i)));
    case kBF16:
      return Real(
          FloatFromBits(static_cast<uint32_t>(At<uint16_t>(data, i)) << 16));
    case kF64:
      return Real(At<double>(data, i));
  }
  return Real(At<float>(data, i));
}

__device__ inline float ToFloat(const Number& number) {
  if (number.kind == Number::kReal) return static_cast<float>(number.real);
  if (number.kind == Number::kUnsigned) return static_cast<float>(number.bits);
  return static_cast<float>(static_cast<int64_t>(number.bits));
}

__device__ inline double ToDouble(const Number& number) {
  if (number.kind == Number::kReal) return number.real;
  if (number.kind == Number::kUnsigned) return static_cast<double>(number.bits);
  return static_cast<double>(static_cast<int64_t>(number.bits));
}

// An integer of `size_bits`, as its low bits. Reals saturate; a NaN is 0.
__device__ inline uint64_t ToInteger(const Number& number, int size_bits,
                                     bool is_signed) {
  if (number.kind != Number::kReal) return number.bits;
  const double past_end = ldexp(1.0, is_signed ? size_bits - 1 : size_bits);
  const uint64_t most = is_signed ? ~uint64_t{0} >> (65 - size_bits)
                                  : ~uint64_t{0} >> (64 - size_bits);
  if (number.real >= past_end) return most;
  if (!is_signed) {
    return number.real > 0 ? static_cast<uint64_t>(number.real) : 0;
  }
  if (number.real <= -past_end) return ~most;
  if (number.real != number.real) return 0;
  return static_cast<uint64_t>(static_cast<int64_t>(number.real));
}

__device__ inline bool IsTrue(const Number& number) {
  return number.kind == Number::kReal ? number.real != 0 : number.bits != 0;
}

__device__ inline void Store(const Number& number, int type, void* data,
                             int64_t i) {
  switch (type) {
    case kBool:
      At<uint8_t>(data, i) = IsTrue(number);
      return;
    case kU8:
      At<uint8_t>(data, i) = static_cast<uint8_t>(ToInteger(number, 8, false));
      return;
    case kU16:
      At<uint16_t>(data, i) =
          static_cast<uint16_t>(ToInteger(number, 16, false));
      return;
    case kU32:
      At<uint32_t>(data, i) =
          static_cast<uint32_t>(ToInteger(number, 32, false));
      return;
    case kU64:
      At<uint64_t>(data, i) = ToInteger(number, 64, false);
      return;
    case kI8:
      At<uint8_t>(data, i) = static_cast<uint8_t>(ToInteger(number, 8, true));
      return;
    case kI16:
      At<uint16_t>(data, i) =
          static_cast<uint16_t>(ToInteger(number, 16, true));
      return;
    case kI32:
      At<uint32_t>(data, i) =
          static_cast<uint32_t>(ToInteger(number, 32, true));
      return;
    case kI64:
      At<uint64_t>(data, i) = ToInteger(number, 64, true);
      return;
    case kF16:
      At<uint16_t>(data, i) = HalfFromFloat(ToFloat(number));
      return;
    case kBF16:
      At<uint16_t>(data, i) = BFloat16FromFloat(ToFloat(number));
      return;
    case kF64:
      At<double>(data, i) = ToDouble(number);
      return;
  }
  At<float>(data, i) = ToFloat(number);
}

__device__ inline void StoreFloat(float value, int type, void* data,
                                  int64_t i) {
  Store(Real(value), type, data, i);
}

// Bit for bit.
__device__ inline void CopyElement(int type, void* from, int64_t from_at,
                                   void* to, int64_t to_at) {
  switch (type) {
    case kBool:
    case kU8:
    case kI8:
      At<uint8_t>(to, to_at) = At<uint8_t>(from, from_at);
      return;
    case kU16:
    case kI16:
    case kF16:
    case kBF16:
      At<uint16_t>(to, to_at) = At<uint16_t>(from, from_at);
      return;
    case kU64:
    case kI64:
    case kF64:
      At<uint64_t>(to, to_at) = At<uint64_t>(from, from_at);
      return;
  }
  At<uint32_t>(to, to_at) = At<uint32_t>(from, from_at);
}

}  // namespace layerd::cuda

#endif  // LAYERD_KERNELS_CUDA_CAST_CUH_
