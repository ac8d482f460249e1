#include "daemon/pack/operators/constant_folding.h"

#include <algorithm>

#include "absl/strings/str_format.h"
#include "config/check.h"
#include "config/status_macros.h"
#include "daemon/pack/graph/element_type.h"
#include "daemon/pack/onnx/onnx_limits.h"

namespace layerd {

const Value& Folding::input(size_t i) const {
  return graph_->values[static_cast<size_t>(node_->inputs[i])];
}

const Constant& Folding::constant(size_t i) const {
  LAYERD_CHECK(input(i).constant >= 0, Describe(*node_));
  return graph_->constants[static_cast<size_t>(input(i).constant)];
}

const Value& Folding::output() const {
  return graph_->values[static_cast<size_t>(node_->outputs[0])];
}

absl::Status Folding::CheckFits(size_t i, size_t element_bytes) const {
  const Constant& from = constant(i);
  const auto count = static_cast<uint64_t>(from.element_count());
  if (count * std::max(element_bytes, SizeOf(from.dtype)) <= kHeldBytesMax) {
    return absl::OkStatus();
  }
  return absl::ResourceExhaustedError(absl::StrFormat(
      "%s: its input has %d elements; computing that many while packing takes "
      "more than %d bytes",
      Describe(*node_), count, kHeldBytesMax));
}

template <typename T>
absl::StatusOr<std::vector<T>> Folding::Load(size_t i) const {
  RETURN_IF_ERROR(CheckFits(i, sizeof(T)));
  if (constant(i).is_quantised()) {
    std::vector<float> numbers(
        static_cast<size_t>(constant(i).element_count()));
    RETURN_IF_ERROR(graph_->ReadF32(constant(i), 0, numbers));
    std::vector<T> elements(numbers.size());
    ConvertElements(DataType::kF32, std::as_bytes(std::span(numbers)).data(),
                    std::span<T>(elements));
    return elements;
  }
  ASSIGN_OR_RETURN(const std::vector<std::byte> bytes,
                   graph_->ReadBytes(constant(i)));
  std::vector<T> elements(static_cast<size_t>(constant(i).element_count()));
  ConvertElements(constant(i).dtype, bytes.data(), std::span<T>(elements));
  return elements;
}

absl::StatusOr<std::vector<std::byte>> Folding::LoadBytes(size_t i) const {
  const Constant& from = constant(i);
  const DataType meant = *input(i).dtype;
  RETURN_IF_ERROR(CheckFits(i, SizeOf(meant)));
  if (from.dtype == meant) return graph_->ReadBytes(from);
  ASSIGN_OR_RETURN(const std::vector<float> elements, Load<float>(i));
  std::vector<std::byte> bytes(elements.size() * SizeOf(meant));
  StoreElements(std::span(elements), meant, bytes.data());
  return bytes;
}

absl::Status Folding::TakeHeld(uint64_t bytes) const {
  return held_bytes_->Take(bytes);
}

absl::StatusOr<Constant> Folding::HoldZeros() const {
  Constant constant;
  constant.dtype = *output().dtype;
  constant.shape = *output().shape;
  RETURN_IF_ERROR(held_bytes_->Take(constant.bytes()));
  constant.held.resize(constant.bytes());
  return constant;
}

template <typename T>
absl::StatusOr<Constant> Folding::Hold(std::span<const T> elements) const {
  ASSIGN_OR_RETURN(Constant constant, HoldZeros());
  LAYERD_CHECK(static_cast<int64_t>(elements.size()) ==
               constant.element_count());
  StoreElements(elements, constant.dtype, constant.held.data());
  return constant;
}

template <>
absl::StatusOr<std::vector<uint64_t>> Folding::Load(size_t i) const {
  ASSIGN_OR_RETURN(const std::vector<int64_t> bits, Load<int64_t>(i));
  return std::vector<uint64_t>(bits.begin(), bits.end());
}

template <>
absl::StatusOr<Constant> Folding::Hold(
    std::span<const uint64_t> elements) const {
  const std::vector<int64_t> bits(elements.begin(), elements.end());
  return Hold(std::span<const int64_t>(bits));
}

absl::Status Folding::Invalid(const char* why) const {
  return absl::InvalidArgumentError(
      absl::StrFormat("%s: %s", Describe(*node_), why));
}

absl::Status Folding::Unsupported(const char* why) const {
  return absl::UnimplementedError(
      absl::StrFormat("%s: %s", Describe(*node_), why));
}

template absl::StatusOr<std::vector<int64_t>> Folding::Load(size_t) const;
template absl::StatusOr<std::vector<float>> Folding::Load(size_t) const;
template absl::StatusOr<std::vector<double>> Folding::Load(size_t) const;
template absl::StatusOr<Constant> Folding::Hold(std::span<const int64_t>) const;
template absl::StatusOr<Constant> Folding::Hold(std::span<const float>) const;
template absl::StatusOr<Constant> Folding::Hold(std::span<const double>) const;

}  // namespace layerd
