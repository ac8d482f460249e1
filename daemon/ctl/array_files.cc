#include "daemon/ctl/array_files.h"

#include <concepts>
#include <cstring>
#include <limits>
#include <random>
#include <type_traits>

#include "absl/strings/str_format.h"
#include "config/status_macros.h"
#include "daemon/ctl/failure.h"
#include "daemon/ctl/name_path.h"
#include "kernels/half.h"

namespace layerd {
namespace {

// What C++ has no type for, or one that not every byte fits into.
struct Bool {
  uint8_t bits;
};
struct Half {
  uint16_t bits;
};
struct BFloat16 {
  uint16_t bits;
};

// Calls `visit` with a value of the C++ type behind `dtype`.
template <typename Visit>
auto WithType(DataType dtype, const Visit& visit) {
  switch (dtype) {
    case DataType::kBool:
      return visit(Bool());
    case DataType::kU8:
      return visit(uint8_t());
    case DataType::kU16:
      return visit(uint16_t());
    case DataType::kU32:
      return visit(uint32_t());
    case DataType::kU64:
      return visit(uint64_t());
    case DataType::kI8:
      return visit(int8_t());
    case DataType::kI16:
      return visit(int16_t());
    case DataType::kI32:
      return visit(int32_t());
    case DataType::kI64:
      return visit(int64_t());
    case DataType::kF16:
      return visit(Half());
    case DataType::kF32:
      return visit(float());
    case DataType::kF64:
      return visit(double());
    case DataType::kBF16:
      break;
  }
  return visit(BFloat16());
}

double NumberOf(Bool value) { return value.bits != 0; }
double NumberOf(Half half) { return FloatFromHalf(half.bits); }
double NumberOf(BFloat16 half) { return FloatFromBFloat16(half.bits); }
double NumberOf(auto number) { return static_cast<double>(number); }

// From a uniform number in [0, 1).
void Set(double uniform, Bool* value) { value->bits = uniform < 0.5; }
void Set(double uniform, Half* half) {
  half->bits = HalfFromFloat(static_cast<float>(uniform));
}
void Set(double uniform, BFloat16* half) {
  half->bits = BFloat16FromFloat(static_cast<float>(uniform));
}
void Set(double uniform, std::floating_point auto* number) {
  *number = static_cast<std::remove_pointer_t<decltype(number)>>(uniform);
}
void Set(double uniform, std::integral auto* number) {
  constexpr double kLimit = 128;  // Fits every type.
  *number =
      static_cast<std::remove_pointer_t<decltype(number)>>(uniform * kLimit);
}

std::string Describe(DataType dtype, const std::vector<int64_t>& shape) {
  return ToString(TensorType{dtype, shape, PlainStrides(shape)});
}

absl::Status CheckFits(const Array& array, const std::string& path,
                       const ArrayPort& port) {
  if (array.dtype == port.dtype && array.shape == port.shape) {
    return absl::OkStatus();
  }
  return UsageError(absl::StrFormat("%s holds %s, and input '%s' takes %s",
                                    path, Describe(array.dtype, array.shape),
                                    port.name,
                                    Describe(port.dtype, port.shape)));
}

}  // namespace

std::vector<std::string> NamesOf(const std::vector<ArrayPort>& ports) {
  std::vector<std::string> names;
  for (const ArrayPort& port : ports) names.push_back(port.name);
  return names;
}

absl::StatusOr<Array> ReadArray(const std::string& path,
                                const ArrayPort& port) {
  ASSIGN_OR_RETURN(Array array, ReadNpy(path));
  RETURN_IF_ERROR(CheckFits(array, path, port));
  return array;
}

absl::StatusOr<std::vector<Array>> ReadInputs(
    const std::vector<std::string>& values, const std::vector<ArrayPort>& ports,
    const ReadPort& read) {
  ASSIGN_OR_RETURN(const std::vector<std::string> paths,
                   PathsByName("--input", values, NamesOf(ports)));
  std::vector<Array> arrays;
  for (size_t i = 0; i < ports.size(); ++i) {
    if (paths[i].empty()) {
      return UsageError(absl::StrFormat(
          "--input %s=x.npy is missing; it takes %s", ports[i].name,
          Describe(ports[i].dtype, ports[i].shape)));
    }
    ASSIGN_OR_RETURN(Array array, read(paths[i], ports[i]));
    arrays.push_back(std::move(array));
  }
  return arrays;
}

absl::StatusOr<std::vector<std::string>> OutputPaths(
    const std::vector<std::string>& values,
    const std::vector<ArrayPort>& ports) {
  return PathsByName("--output", values, NamesOf(ports));
}

absl::StatusOr<Array> RandomArray(const ArrayPort& port, uint64_t seed) {
  const TensorType type{port.dtype, port.shape, PlainStrides(port.shape)};
  const int64_t bytes = type.span_bytes();
  if (bytes < 0 || bytes > std::numeric_limits<int32_t>::max()) {
    return absl::OutOfRangeError(absl::StrFormat(
        "input '%s' %s is too large to be made up", port.name, ToString(type)));
  }
  Array array{port.dtype, port.shape, std::string(bytes, '\0')};
  std::mt19937_64 random(seed);
  WithType(port.dtype, [&](auto element) {
    for (size_t at = 0; at < array.bytes.size(); at += sizeof(element)) {
      Set(static_cast<double>(random() >> 11) * 0x1p-53, &element);
      std::memcpy(&array.bytes[at], &element, sizeof(element));
    }
  });
  return array;
}

absl::StatusOr<DataType> DataTypeNamed(const std::string& name) {
  for (int number = 1; number <= static_cast<int>(DataType::kBF16); ++number) {
    const auto dtype = static_cast<DataType>(number);
    if (SizeOf(dtype) > 0 && name == NameOf(dtype)) return dtype;
  }
  return absl::InternalError(
      absl::StrFormat("the server speaks of a datatype '%s'", name));
}

std::vector<double> NumbersOf(const Array& array) {
  std::vector<double> numbers;
  WithType(array.dtype, [&](auto element) {
    numbers.reserve(array.bytes.size() / sizeof(element));
    for (size_t at = 0; at + sizeof(element) <= array.bytes.size();
         at += sizeof(element)) {
      std::memcpy(&element, &array.bytes[at], sizeof(element));
      numbers.push_back(NumberOf(element));
    }
  });
  return numbers;
}

}  // namespace layerd
