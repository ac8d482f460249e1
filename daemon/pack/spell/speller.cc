// How one node becomes several.

#include "daemon/pack/spell/speller.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "config/check.h"
#include "config/status_macros.h"
#include "daemon/pack/graph/element_type.h"
#include "daemon/pack/onnx/onnx_limits.h"
#include "daemon/pack/onnx/onnx_scan.h"
#include "daemon/pack/operators/node_check.h"

namespace layerd {
namespace {

// A scale or an epsilon of an operator need be no half, and nothing is rounded
// to halves where layers compute in f32: beside halves they are exact as well.
DataType HeldType(DataType dtype) {
  return IsFloating(dtype) && SizeOf(dtype) < SizeOf(DataType::kF32)
             ? DataType::kF32
             : dtype;
}

}  // namespace

Speller::Shape Speller::shape(int value) const {
  return *graph_->values[static_cast<size_t>(value)].shape;
}

DataType Speller::dtype(int value) const {
  return *graph_->values[static_cast<size_t>(value)].dtype;
}

bool Speller::is_known(int value) const {
  return graph_->values[static_cast<size_t>(value)].constant >= 0;
}

const Node* Speller::WriterOf(int value) const {
  for (size_t i = before_.size(); i-- > 0;) {
    const std::vector<int>& outputs = before_[i].outputs;
    if (std::find(outputs.begin(), outputs.end(), value) != outputs.end()) {
      return &before_[i];
    }
  }
  return nullptr;
}

absl::StatusOr<std::vector<int64_t>> Speller::Elements(int value) const {
  const int constant = graph_->values[static_cast<size_t>(value)].constant;
  return graph_->ReadI64(graph_->constants[static_cast<size_t>(constant)]);
}

absl::StatusOr<std::vector<float>> Speller::Numbers(int value, int64_t first,
                                                    int64_t count) const {
  const int constant = graph_->values[static_cast<size_t>(value)].constant;
  std::vector<float> numbers(static_cast<size_t>(count));
  RETURN_IF_ERROR(
      graph_->ReadF32(graph_->constants[static_cast<size_t>(constant)], first,
                      std::span<float>(numbers)));
  return numbers;
}

int Speller::NewValue() {
  return graph_->AddValue(
      absl::StrCat(node_->name.substr(0, 200), ":", graph_->values.size()));
}

int Speller::ValueOf(DataType dtype, Constant constant) {
  const int value = NewValue();
  graph_->SetConstant(value, std::move(constant));
  graph_->values.back().dtype = dtype;  // What it means, if it has scales.
  return value;
}

template <typename T>
absl::StatusOr<int> Speller::Hold(DataType dtype,
                                  const std::vector<T>& elements, Shape shape) {
  if (!ElementCount(shape)) {
    return Invalid(absl::StrFormat("it would take a constant of [%s] elements",
                                   absl::StrJoin(shape, ", ")));
  }
  Constant constant;
  constant.dtype = HeldType(dtype);
  constant.shape = std::move(shape);
  RETURN_IF_ERROR(held_bytes_->Take(constant.bytes()));
  constant.held.resize(constant.bytes());
  if (!elements.empty()) {
    LAYERD_CHECK(static_cast<int64_t>(elements.size()) ==
                 constant.element_count());
    StoreElements(std::span(elements), constant.dtype, constant.held.data());
  }
  return ValueOf(dtype, std::move(constant));
}

absl::StatusOr<int> Speller::KnownNumbers(DataType dtype,
                                          const std::vector<float>& numbers) {
  return Hold(dtype, numbers, {static_cast<int64_t>(numbers.size())});
}

absl::StatusOr<int> Speller::KnownNumber(DataType dtype, float number) {
  return Hold(dtype, std::vector<float>{number}, {});
}

absl::StatusOr<int> Speller::Piece(int value, int64_t first, Shape shape) {
  const int constant = graph_->values[static_cast<size_t>(value)].constant;
  const Constant& from = graph_->constants[static_cast<size_t>(constant)];
  if (from.is_quantised() || from.per_byte > 1) {
    ASSIGN_OR_RETURN(const std::vector<float> numbers,
                     Numbers(value, first, CountOf(shape)));
    return Hold(dtype(value), numbers, std::move(shape));
  }
  const uint64_t skipped_bytes =
      static_cast<uint64_t>(first) * SizeOf(from.dtype);
  Constant piece;
  piece.dtype = from.dtype;
  piece.shape = std::move(shape);
  piece.file = from.file;
  piece.offset_bytes = from.offset_bytes + skipped_bytes;
  if (from.file < 0) {
    piece.offset_bytes = 0;
    RETURN_IF_ERROR(held_bytes_->Take(piece.bytes()));
    const auto begin = from.held.begin() + static_cast<int64_t>(skipped_bytes);
    piece.held.assign(begin, begin + static_cast<int64_t>(piece.bytes()));
  }
  return ValueOf(dtype(value), std::move(piece));
}

absl::StatusOr<Constant> Speller::Seen(int value, Shape shape,
                                       int per_byte) const {
  const int constant = graph_->values[static_cast<size_t>(value)].constant;
  const Constant& from = graph_->constants[static_cast<size_t>(constant)];
  Constant seen;
  seen.dtype = per_byte > 1 ? DataType::kU8 : from.dtype;
  seen.shape = std::move(shape);
  seen.per_byte = per_byte > 1 ? per_byte : from.per_byte;
  if (from.is_quantised() || !ElementCount(seen.shape) ||
      seen.bytes() != from.bytes()) {
    return Invalid("its weights, scales and zero points do not fit");
  }
  RETURN_IF_ERROR(held_bytes_->Take(from.held_bytes()));
  seen.file = from.file;
  seen.offset_bytes = from.offset_bytes;
  seen.held = from.held;
  return seen;
}

absl::StatusOr<Speller::Stored> Speller::AsStored(int value) {
  const int constant = graph_->values[static_cast<size_t>(value)].constant;
  Constant bytes = graph_->constants[static_cast<size_t>(constant)];
  LAYERD_CHECK(!bytes.scales.empty() && !bytes.blocks);
  RETURN_IF_ERROR(held_bytes_->Take(bytes.held_bytes()));
  Stored stored;
  stored.scales = bytes.scales;
  stored.zero_points.assign(bytes.zero_points.begin(), bytes.zero_points.end());
  bytes.scales.clear();
  bytes.zero_points.clear();
  bytes.run_elements = 1;
  stored.value = NewValue();
  Value& of = graph_->values.back();
  of.dtype = bytes.dtype;
  of.shape = bytes.shape;
  of.constant = ConstantOf(std::move(bytes));
  return stored;
}

// Those who look rows up in the same constant share a table.
int Speller::ConstantOf(Constant constant) {
  for (size_t c = 0; constant.file >= 0 && c < graph_->constants.size(); ++c) {
    const Constant& known = graph_->constants[c];
    if (known.file == constant.file && !known.is_quantised() &&
        known.offset_bytes == constant.offset_bytes &&
        known.dtype == constant.dtype && known.shape == constant.shape &&
        known.per_byte == constant.per_byte) {
      return static_cast<int>(c);
    }
  }
  return AddConstant(std::move(constant));
}

int Speller::AddConstant(Constant constant) {
  graph_->constants.push_back(std::move(constant));
  return static_cast<int>(graph_->constants.size()) - 1;
}

absl::StatusOr<int> Speller::Known(const std::vector<int64_t>& elements,
                                   Shape shape) {
  return Hold(DataType::kI64, elements, std::move(shape));
}

absl::StatusOr<int> Speller::KnownList(const std::vector<int64_t>& elements) {
  return Known(elements, {static_cast<int64_t>(elements.size())});
}

absl::StatusOr<int> Speller::KnownTruths(const std::vector<int64_t>& elements,
                                         Shape shape) {
  return Hold(DataType::kBool, elements, std::move(shape));
}

absl::StatusOr<int> Speller::Zeros(DataType dtype, const Shape& shape) {
  return Hold(dtype, std::vector<int64_t>(), shape);
}

int Speller::Add(const char* op_type, std::vector<int> inputs,
                 Attributes attributes) {
  Node node;
  node.name = absl::StrCat(node_->name, ":", nodes_.size());
  node.op_type = op_type;
  node.opset = kWrittenOpset;
  node.inputs = std::move(inputs);
  node.outputs = {NewValue()};
  node.attributes = std::move(attributes);
  nodes_.push_back(std::move(node));
  return nodes_.back().outputs[0];
}

int Speller::AddOwn(const char* op_type, std::vector<int> inputs,
                    Attributes attributes) {
  const int output = Add(op_type, std::move(inputs), std::move(attributes));
  nodes_.back().opset = kOpsetOfOurOwn;
  return output;
}

absl::StatusOr<int> Speller::Reshaped(int value, const Shape& shape) {
  ASSIGN_OR_RETURN(const int known, KnownList(shape));
  return Add("Reshape", {value, known});
}

int Speller::Transposed(int value, Shape permutation) {
  return Add("Transpose", {value}, {{"perm", std::move(permutation)}});
}

int Speller::CastTo(int value, DataType dtype) {
  return Add("Cast", {value}, {{"to", OnnxOfType(dtype)}});
}

int Speller::Dequantised(size_t i, size_t scale, size_t zero, int64_t axis) {
  std::vector<int> operands = {input(i), input(scale)};
  if (has_input(zero)) operands.push_back(input(zero));
  return Add("DequantizeLinear", std::move(operands), {{"axis", axis}});
}

void Speller::FinishOutput(size_t i, int value) {
  Add("Identity", {value});
  if (!is_named_) nodes_.back().name = node_->name;
  is_named_ = true;
  nodes_.back().outputs = {node_->outputs[i]};
}

absl::Status Speller::Unsupported(std::string_view why) const {
  return absl::UnimplementedError(
      absl::StrCat(Describe(*node_), ": ", std::string(why)));
}

absl::Status Speller::CheckSize(int64_t rows, int64_t columns) const {
  if (rows <= kFoldElementsMax && columns <= kFoldElementsMax &&
      rows * columns <= kFoldElementsMax) {
    return absl::OkStatus();
  }
  return Unsupported(
      absl::StrFormat("it takes %d x %d elements to say it with other "
                      "operators; at most %d are supported",
                      rows, columns, kFoldElementsMax));
}

absl::Status Speller::Invalid(std::string_view why) const {
  return absl::InvalidArgumentError(
      absl::StrCat(Describe(*node_), ": ", std::string(why)));
}

absl::StatusOr<int64_t> Speller::IntOr(const char* name,
                                       int64_t otherwise) const {
  return layerd::IntOr(*node_, name, otherwise);
}

absl::StatusOr<float> Speller::FloatOr(const char* name,
                                       float otherwise) const {
  const auto found = node_->attributes.find(name);
  if (found == node_->attributes.end()) return otherwise;
  if (const auto* value = std::get_if<float>(&found->second)) return *value;
  return Invalid(absl::StrCat("attribute ", name, " is no number"));
}

absl::StatusOr<std::string> Speller::StringOr(const char* name,
                                              const char* otherwise) const {
  const auto found = node_->attributes.find(name);
  if (found == node_->attributes.end()) return std::string(otherwise);
  if (const auto* value = std::get_if<std::string>(&found->second)) {
    return *value;
  }
  return Invalid(absl::StrCat("attribute ", name, " is no string"));
}

absl::Status Speller::CheckAttributes(
    const std::vector<std::string>& known) const {
  for (const auto& [name, value] : node_->attributes) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    return Unsupported(
        absl::StrCat("attribute ", Printable(name), " is not supported"));
  }
  return absl::OkStatus();
}

}  // namespace layerd
