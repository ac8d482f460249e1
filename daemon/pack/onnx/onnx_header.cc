#include "daemon/pack/onnx/onnx_header.h"

#include "absl/strings/str_format.h"
#include "config/status_macros.h"
#include "daemon/pack/graph/graph.h"
#include "daemon/pack/onnx/onnx_limits.h"
#include "onnx.pb.h"

namespace layerd {
namespace {

using onnx::ModelProto;
using onnx::OperatorSetIdProto;

absl::Status ReadHeaderField(const WireReader& file, const WireField& field,
                             OnnxHeader& header) {
  switch (field.number) {
    case ModelProto::kIrVersionFieldNumber:
      header.ir_version = static_cast<int64_t>(field.value);
      return absl::OkStatus();
    case ModelProto::kOpsetImportFieldNumber:
      RETURN_IF_ERROR(CheckBytesField(field, "opset_import"));
      return ReadOpset(file.Within(field), header.opset);
    case ModelProto::kFunctionsFieldNumber:
      RETURN_IF_ERROR(CheckBytesField(field, "function"));
      if (header.functions.size() == kFunctionsMax) {
        return absl::InvalidArgumentError(
            absl::StrFormat("has more than %d functions", kFunctionsMax));
      }
      header.functions.push_back(field);
      return absl::OkStatus();
    case ModelProto::kGraphFieldNumber:
      RETURN_IF_ERROR(CheckBytesField(field, "graph"));
      if (header.graph) return absl::InvalidArgumentError("has two graphs");
      header.graph = field;
      return absl::OkStatus();
    default:
      return absl::OkStatus();
  }
}

absl::Status CheckHeader(const OnnxHeader& header) {
  if (!header.graph || header.ir_version == 0) {
    return absl::InvalidArgumentError(
        absl::StrFormat("not an ONNX file: it has no %s",
                        header.graph ? "ir_version"
                                     : "graph (tf2onnx converts a SavedModel "
                                       "of TensorFlow)"));
  }
  if (header.ir_version < kIrVersionMin || header.ir_version > kIrVersionMax) {
    return absl::UnimplementedError(
        absl::StrFormat("IR version %d; versions %d to %d are supported",
                        header.ir_version, kIrVersionMin, kIrVersionMax));
  }
  if (!header.opset) {
    return absl::InvalidArgumentError(
        "imports no opset of the default domain: a model of other domains "
        "alone (trees of ai.onnx.ml, for example) is no neural network");
  }
  return CheckOpset(*header.opset);
}

}  // namespace

absl::StatusOr<OnnxHeader> ReadHeader(WireReader file) {
  OnnxHeader header;
  while (!file.AtEnd()) {
    ASSIGN_OR_RETURN(const WireField field, file.Next());
    RETURN_IF_ERROR(ReadHeaderField(file, field, header));
  }
  RETURN_IF_ERROR(CheckHeader(header));
  return header;
}

absl::Status ReadOpset(WireReader message, std::optional<int64_t>& opset) {
  std::string domain;
  int64_t version = 0;
  while (!message.AtEnd()) {
    ASSIGN_OR_RETURN(const WireField field, message.Next());
    if (field.number == OperatorSetIdProto::kDomainFieldNumber) {
      ASSIGN_OR_RETURN(domain,
                       message.ReadString(field, kNameBytesMax, "a domain"));
    } else if (field.number == OperatorSetIdProto::kVersionFieldNumber) {
      version = static_cast<int64_t>(field.value);
    }
  }
  // Other domains may be imported; who uses one is refused by name.
  if (!IsDefaultDomain(domain)) return absl::OkStatus();
  if (opset && *opset != version) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "imports opset %d and opset %d of the same domain", *opset, version));
  }
  opset = version;
  return absl::OkStatus();
}

absl::Status CheckOpset(int64_t opset) {
  if (opset >= kOpsetMin && opset <= kOpsetMax) return absl::OkStatus();
  return absl::UnimplementedError(absl::StrFormat(
      "opset %d; opsets %d to %d are supported (onnx.version_converter "
      "converts others)",
      opset, kOpsetMin, kOpsetMax));
}

bool IsDefaultDomain(const std::string& domain) {
  return domain.empty() || domain == "ai.onnx";
}

absl::StatusOr<std::string> StringOf(WireReader message, uint32_t number) {
  while (!message.AtEnd()) {
    ASSIGN_OR_RETURN(const WireField field, message.Next());
    if (field.number != number) continue;
    ASSIGN_OR_RETURN(const std::string text,
                     message.ReadString(field, kNameBytesMax, "a name"));
    return Printable(text);
  }
  return std::string();
}

absl::Status CheckBytesField(const WireField& field, const char* what) {
  if (field.type == WireType::kBytes) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrFormat("not an ONNX file: its %s is no message", what));
}

}  // namespace layerd
