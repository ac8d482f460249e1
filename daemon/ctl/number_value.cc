#include "daemon/ctl/number_value.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "config/status_macros.h"
#include "daemon/ctl/failure.h"
#include "kernels/half.h"

namespace layerd {
namespace {

using Bytes = std::vector<std::byte>;

std::vector<std::string> WordsOf(const std::string& text) {
  return absl::StrSplit(text, ',');
}

bool IsTrue(std::string_view word) { return word == "true" || word == "1"; }
bool IsFalse(std::string_view word) { return word == "false" || word == "0"; }

bool IsNumber(const std::string& word) {
  double number = 0;
  return IsTrue(word) || IsFalse(word) || absl::SimpleAtod(word, &number);
}

template <typename Element>
bool Put(Element element, Bytes* to) {
  const auto bytes = std::as_bytes(std::span(&element, 1));
  to->insert(to->end(), bytes.begin(), bytes.end());
  return true;
}

template <typename Element>
bool PutInteger(const std::string& word, Bytes* to) {
  int64_t number = 0;
  return absl::SimpleAtoi(word, &number) && std::in_range<Element>(number) &&
         Put(static_cast<Element>(number), to);
}

template <typename Convert>
bool PutFloat(const std::string& word, const Convert& convert, Bytes* to) {
  float number = 0;
  return absl::SimpleAtof(word, &number) && Put(convert(number), to);
}

bool PutDouble(const std::string& word, Bytes* to) {
  double number = 0;
  return absl::SimpleAtod(word, &number) && Put(number, to);
}

// False if the word is no element of that type.
bool PutElement(const std::string& word, DataType dtype, Bytes* to) {
  switch (dtype) {
    case DataType::kBool:
      return (IsTrue(word) || IsFalse(word)) && Put(IsTrue(word), to);
    case DataType::kU8:
      return PutInteger<uint8_t>(word, to);
    case DataType::kU16:
      return PutInteger<uint16_t>(word, to);
    case DataType::kU32:
      return PutInteger<uint32_t>(word, to);
    case DataType::kU64:
      return PutInteger<uint64_t>(word, to);
    case DataType::kI8:
      return PutInteger<int8_t>(word, to);
    case DataType::kI16:
      return PutInteger<int16_t>(word, to);
    case DataType::kI32:
      return PutInteger<int32_t>(word, to);
    case DataType::kI64:
      return PutInteger<int64_t>(word, to);
    case DataType::kF16:
      return PutFloat(word, HalfFromFloat, to);
    case DataType::kBF16:
      return PutFloat(word, BFloat16FromFloat, to);
    case DataType::kF32:
      return PutFloat(
          word, [](float number) { return number; }, to);
    case DataType::kF64:
      break;
  }
  return PutDouble(word, to);
}

absl::Status Wrong(const OnnxValueInfo& input, const std::string& why) {
  return UsageError(
      absl::StrCat("the value of '", Printable(input.name), "': ", why));
}

absl::StatusOr<std::vector<int64_t>> ShapeFor(const OnnxValueInfo& input,
                                              int64_t count) {
  std::vector<int64_t> shape;
  if (!input.shape) {
    if (count > 1) shape.push_back(count);
    return shape;
  }
  int64_t rest = count;  // Over the dimensions that are known.
  int64_t* open = nullptr;
  shape.resize(input.shape->size(), 1);
  for (size_t i = 0; i < shape.size(); ++i) {
    const OnnxDimension& dimension = (*input.shape)[i];
    const int64_t size = dimension.value.value_or(1);
    if ((!dimension.value && open != nullptr) || rest % size != 0) {
      return Wrong(input, absl::StrFormat("%d numbers do not say its shape; "
                                          "give it as a .npy file",
                                          count));
    }
    if (!dimension.value) open = &shape[i];
    shape[i] = size;
    rest /= size;
  }
  if (open != nullptr) {
    *open = rest;
  } else if (rest != 1) {
    return Wrong(input, absl::StrFormat("%d numbers are too many", count));
  }
  return shape;
}

}  // namespace

bool AreNumbers(const std::string& text) {
  const std::vector<std::string> words = WordsOf(text);
  return std::all_of(words.begin(), words.end(), IsNumber);
}

absl::StatusOr<Constant> ConstantOf(const std::string& text,
                                    const OnnxValueInfo& input) {
  if (!input.dtype) return Wrong(input, "the model does not say its type");
  const std::vector<std::string> words = WordsOf(text);
  Constant constant;
  constant.dtype = *input.dtype;
  ASSIGN_OR_RETURN(constant.shape,
                   ShapeFor(input, static_cast<int64_t>(words.size())));
  for (const std::string& word : words) {
    if (PutElement(word, constant.dtype, &constant.held)) continue;
    return Wrong(
        input, absl::StrFormat("'%s' is no %s", word, NameOf(constant.dtype)));
  }
  return constant;
}

}  // namespace layerd
