#include "daemon/pack/onnx/onnx_tensor_scan.h"

#include <cstring>
#include <optional>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "config/status_macros.h"
#include "daemon/pack/graph/element_type.h"
#include "daemon/pack/graph/source_file.h"
#include "daemon/pack/onnx/onnx_limits.h"
#include "kernels/tensor.h"
#include "onnx.pb.h"

namespace layerd {
namespace {

using onnx::StringStringEntryProto;
using onnx::TensorProto;

std::string ShapeOf(const Constant& constant) {
  return absl::StrFormat("%s [%s]", NameOf(constant.dtype),
                         absl::StrJoin(constant.shape, ", "));
}

// The typed field that may hold elements of `type` where raw_data does not.
uint32_t TypedField(DataType type) {
  switch (type) {
    case DataType::kF32:
      return TensorProto::kFloatDataFieldNumber;
    case DataType::kF64:
      return TensorProto::kDoubleDataFieldNumber;
    case DataType::kI64:
      return TensorProto::kInt64DataFieldNumber;
    case DataType::kU32:
    case DataType::kU64:
      return TensorProto::kUint64DataFieldNumber;
    case DataType::kBool:
    case DataType::kU8:
    case DataType::kU16:
    case DataType::kI8:
    case DataType::kI16:
    case DataType::kI32:
    case DataType::kF16:
    case DataType::kBF16:
      return TensorProto::kInt32DataFieldNumber;
  }
  return 0;
}

bool IsTypedField(uint32_t number) {
  switch (number) {
    case TensorProto::kFloatDataFieldNumber:
    case TensorProto::kInt32DataFieldNumber:
    case TensorProto::kInt64DataFieldNumber:
    case TensorProto::kDoubleDataFieldNumber:
    case TensorProto::kUint64DataFieldNumber:
      return true;
    default:
      return false;
  }
}

// One element of the typed field that `type` lives in, packed or not.
absl::StatusOr<uint64_t> NextElement(WireReader& packed, DataType type) {
  if (type == DataType::kF32) return packed.NextFixed(4);
  if (type == DataType::kF64) return packed.NextFixed(8);
  return packed.NextVarint();
}

absl::StatusOr<uint64_t> ParseBytes(const char* key, const std::string& text) {
  uint64_t value = 0;
  if (!absl::SimpleAtoi(text, &value)) {
    return absl::InvalidArgumentError(
        absl::StrFormat("external_data: %s is \"%s\", which is no number", key,
                        Printable(text)));
  }
  return value;
}

}  // namespace

// What a TensorProto says, before it is believed.
struct TensorScanner::Parts {
  std::string name;
  std::vector<int64_t> dims;
  int64_t data_type = 0;
  bool is_external = false;
  std::map<std::string, std::string> external;
  std::optional<WireField> raw;
  std::optional<WireField> typed;  // The last chunk.
  size_t typed_chunks = 0;
  uint32_t odd_field = 0;  // A segment or strings, which nobody writes.
};

namespace {

absl::Status AddDims(WireReader& message, const WireField& field,
                     std::vector<int64_t>& dims) {
  const auto add = [&](uint64_t bits) {
    if (dims.size() == kRankMax) {
      return absl::UnimplementedError(
          absl::StrFormat("has more than %d dimensions", kRankMax));
    }
    dims.push_back(static_cast<int64_t>(bits));
    return absl::OkStatus();
  };
  if (field.type != WireType::kBytes) return add(field.value);
  for (WireReader packed = message.Within(field); !packed.AtEnd();) {
    ASSIGN_OR_RETURN(const uint64_t bits, packed.NextVarint());
    RETURN_IF_ERROR(add(bits));
  }
  return absl::OkStatus();
}

absl::Status AddEntry(WireReader entry,
                      std::map<std::string, std::string>& entries) {
  std::string key, value;
  while (!entry.AtEnd()) {
    ASSIGN_OR_RETURN(const WireField field, entry.Next());
    if (field.number == StringStringEntryProto::kKeyFieldNumber) {
      ASSIGN_OR_RETURN(key, entry.ReadString(field, kNameBytesMax, "a key"));
    } else if (field.number == StringStringEntryProto::kValueFieldNumber) {
      ASSIGN_OR_RETURN(value,
                       entry.ReadString(field, kNameBytesMax, "a value"));
    }
  }
  // Others (checksum) come and go with the versions and change nothing.
  if (key == "location" || key == "offset" || key == "length") {
    entries[key] = value;
  }
  return absl::OkStatus();
}

// Of four bits: as the bytes that its elements become.
absl::Status TakeType(int64_t data_type, Constant& constant) {
  const bool are_of_four =
      data_type == TensorProto::UINT4 || data_type == TensorProto::INT4;
  constant.per_byte = are_of_four ? 2 : 1;
  if (are_of_four) {
    constant.dtype =
        data_type == TensorProto::UINT4 ? DataType::kU8 : DataType::kI8;
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(constant.dtype, TypeOfOnnx(data_type));
  return absl::OkStatus();
}

absl::Status CheckBytes(const char* where, uint64_t there,
                        const Constant& constant) {
  if (there == constant.bytes()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrFormat("%s has %d bytes, %s needs %d", where, there,
                      ShapeOf(constant), constant.bytes()));
}

}  // namespace

absl::StatusOr<OnnxTensor> TensorScanner::Scan(const WireReader& message) {
  ASSIGN_OR_RETURN(Parts parts, ReadParts(message));
  OnnxTensor tensor;
  tensor.constant.shape = parts.dims;
  const absl::Status located = Locate(message, parts, tensor.constant);
  if (!located.ok()) {
    return absl::Status(
        located.code(),
        absl::StrFormat("tensor \"%s\": %s", Printable(parts.name),
                        std::string(located.message())));
  }
  tensor.name = std::move(parts.name);
  return tensor;
}

absl::StatusOr<TensorScanner::Parts> TensorScanner::ReadParts(
    WireReader message) {
  Parts parts;
  while (!message.AtEnd()) {
    ASSIGN_OR_RETURN(const WireField field, message.Next());
    if (IsTypedField(field.number)) {
      // Another type's field does no harm while it is empty.
      if (field.type == WireType::kBytes && field.bytes == 0) continue;
      if (parts.typed && parts.typed->number != field.number) {
        parts.odd_field = field.number;
      }
      parts.typed = field;
      ++parts.typed_chunks;
      continue;
    }
    switch (field.number) {
      case TensorProto::kDimsFieldNumber:
        RETURN_IF_ERROR(AddDims(message, field, parts.dims));
        break;
      case TensorProto::kDataTypeFieldNumber:
        parts.data_type = static_cast<int64_t>(field.value);
        break;
      case TensorProto::kNameFieldNumber: {
        ASSIGN_OR_RETURN(parts.name, message.ReadString(field, kNameBytesMax,
                                                        "a tensor's name"));
        break;
      }
      case TensorProto::kRawDataFieldNumber:
        parts.raw = field;
        break;
      case TensorProto::kExternalDataFieldNumber:
        if (field.type == WireType::kBytes) {
          RETURN_IF_ERROR(AddEntry(message.Within(field), parts.external));
        }
        break;
      case TensorProto::kDataLocationFieldNumber:
        parts.is_external = field.value == TensorProto::EXTERNAL;
        break;
      case TensorProto::kSegmentFieldNumber:
      case TensorProto::kStringDataFieldNumber:
        parts.odd_field = field.number;
        break;
      default:
        break;
    }
  }
  return parts;
}

absl::Status TensorScanner::Locate(const WireReader& message,
                                   const Parts& parts, Constant& constant) {
  RETURN_IF_ERROR(TakeType(parts.data_type, constant));
  if (!ElementCount(constant.shape)) {
    return absl::InvalidArgumentError(
        absl::StrFormat("the shape [%s] has a negative dimension or too many "
                        "elements",
                        absl::StrJoin(constant.shape, ", ")));
  }
  if (parts.odd_field != 0) {
    return absl::UnimplementedError(absl::StrFormat(
        "field %d (segments, strings, two kinds of data) is not supported",
        parts.odd_field));
  }
  if (parts.is_external + parts.raw.has_value() + parts.typed.has_value() > 1) {
    return absl::InvalidArgumentError("has its elements in two places");
  }
  if (parts.is_external) return LocateExternal(parts, constant);
  if (constant.element_count() == 0) {
    return CheckBytes("the data", parts.raw ? parts.raw->bytes : 0, constant);
  }
  if (parts.typed && parts.typed->number != TypedField(constant.dtype)) {
    return absl::InvalidArgumentError(
        absl::StrFormat("elements of %s are not in field %d",
                        NameOf(constant.dtype), parts.typed->number));
  }
  const bool is_plain =
      constant.dtype == DataType::kF32 || constant.dtype == DataType::kF64;
  const bool is_packed = parts.typed && parts.typed_chunks == 1 &&
                         parts.typed->type == WireType::kBytes;
  if (parts.typed && !(is_plain && is_packed)) return Decode(message, constant);

  const WireField empty;
  const WireField& bytes =
      parts.raw ? *parts.raw : (parts.typed ? *parts.typed : empty);
  RETURN_IF_ERROR(
      CheckBytes(parts.typed ? "the data" : "raw_data", bytes.bytes, constant));
  constant.file = 0;
  constant.offset_bytes = bytes.offset_bytes;
  if (bytes.bytes > kSmallTensorBytes) return absl::OkStatus();
  return Hold(*message.window(), constant);
}

absl::Status TensorScanner::Hold(FileWindow& window, Constant& constant) {
  RETURN_IF_ERROR(held_bytes_->Take(constant.bytes()));
  constant.held.resize(constant.bytes());
  RETURN_IF_ERROR(window.Read(constant.offset_bytes, constant.held));
  constant.file = -1;
  constant.offset_bytes = 0;
  return absl::OkStatus();
}

absl::Status TensorScanner::LocateExternal(const Parts& parts,
                                           Constant& constant) {
  const auto value_of = [&](const char* key, const char* otherwise) {
    const auto found = parts.external.find(key);
    return found == parts.external.end() ? std::string(otherwise)
                                         : found->second;
  };
  ASSIGN_OR_RETURN(constant.offset_bytes,
                   ParseBytes("offset", value_of("offset", "0")));
  if (parts.external.count("length") != 0) {
    ASSIGN_OR_RETURN(const uint64_t length,
                     ParseBytes("length", value_of("length", "0")));
    RETURN_IF_ERROR(CheckBytes("external_data", length, constant));
  }
  ASSIGN_OR_RETURN(constant.file, FileOf(value_of("location", "")));
  const SourceFile& file = *model_->files[static_cast<size_t>(constant.file)];
  if (constant.offset_bytes > file.bytes ||
      constant.bytes() > file.bytes - constant.offset_bytes) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "external data [%d, +%d) ends past the %d bytes of %s",
        constant.offset_bytes, constant.bytes(), file.bytes, file.path));
  }
  return absl::OkStatus();
}

absl::StatusOr<int> TensorScanner::FileOf(const std::string& location) {
  const auto known = external_files_.find(location);
  if (known != external_files_.end()) return known->second;
  if (model_->files.size() == kFilesMax) {
    return absl::UnimplementedError(absl::StrFormat(
        "the weights are in more than %d files; save the model with all "
        "tensors in one file",
        kFilesMax));
  }
  ASSIGN_OR_RETURN(auto file,
                   OpenBeneathModel(model_->files.front()->path, location));
  model_->files.push_back(std::move(file));
  const int index = static_cast<int>(model_->files.size()) - 1;
  external_files_[location] = index;
  return index;
}

absl::Status TensorScanner::Decode(WireReader message, Constant& constant) {
  const size_t element_bytes = SizeOf(constant.dtype);
  // Each element takes a byte of the file at least: a shape that claims more
  // is refused before memory is taken for it.
  if (constant.bytes() / element_bytes > message.window()->file().bytes) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "%s has more elements than the file has bytes", ShapeOf(constant)));
  }
  RETURN_IF_ERROR(held_bytes_->Take(constant.bytes()));
  constant.held.resize(constant.bytes());
  uint64_t at = 0;
  const auto add = [&](uint64_t bits) {
    if (constant.dtype == DataType::kBool) bits = bits != 0;
    if (at < constant.held.size()) {
      std::memcpy(constant.held.data() + at, &bits, element_bytes);
    }
    at += element_bytes;
  };
  while (!message.AtEnd()) {
    ASSIGN_OR_RETURN(const WireField field, message.Next());
    if (field.number != TypedField(constant.dtype)) continue;
    if (field.type != WireType::kBytes) {
      add(field.value);
      continue;
    }
    for (WireReader packed = message.Within(field); !packed.AtEnd();) {
      ASSIGN_OR_RETURN(const uint64_t bits,
                       NextElement(packed, constant.dtype));
      add(bits);
    }
  }
  return CheckBytes("the data", at, constant);
}

}  // namespace layerd
