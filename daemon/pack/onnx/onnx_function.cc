#include "daemon/pack/onnx/onnx_function.h"

#include <optional>
#include <string_view>
#include <utility>

#include "absl/strings/str_format.h"
#include "config/status_macros.h"
#include "daemon/pack/onnx/onnx_header.h"
#include "daemon/pack/onnx/onnx_limits.h"
#include "daemon/pack/onnx/onnx_node_scan.h"
#include "onnx.pb.h"

namespace layerd {
namespace {

using onnx::FunctionProto;

class FunctionScanner {
 public:
  FunctionScanner(TensorScanner* tensors, Allowance* held_bytes)
      : tensors_(tensors), held_bytes_(held_bytes) {}

  absl::Status Scan(WireReader message) {
    RETURN_IF_ERROR(held_bytes_->Take(sizeof(OnnxFunction)));
    while (!message.AtEnd()) {
      ASSIGN_OR_RETURN(const WireField field, message.Next());
      RETURN_IF_ERROR(Read(message, field));
    }
    return absl::OkStatus();
  }

  const std::optional<int64_t>& opset() const { return opset_; }
  OnnxFunction& function() { return function_; }

 private:
  absl::Status Read(WireReader& message, const WireField& field) {
    switch (field.number) {
      case FunctionProto::kNameFieldNumber:
        return ReadName(message, field, function_.name);
      case FunctionProto::kDomainFieldNumber:
        return ReadName(message, field, function_.domain);
      case FunctionProto::kOverloadFieldNumber:
        return ReadName(message, field, function_.overload);
      case FunctionProto::kInputFieldNumber:
        return AddName(message, field, function_.inputs);
      case FunctionProto::kOutputFieldNumber:
        return AddName(message, field, function_.outputs);
      case FunctionProto::kOpsetImportFieldNumber:
        RETURN_IF_ERROR(CheckBytesField(field, "opset_import"));
        return ReadOpset(message.Within(field), opset_);
      case FunctionProto::kAttributeProtoFieldNumber:
        RETURN_IF_ERROR(CheckBytesField(field, "attribute"));
        return ScanAttribute(message.Within(field), *tensors_, *held_bytes_,
                             function_.defaults);
      default:
        return absl::OkStatus();
    }
  }

  absl::Status ReadName(WireReader& message, const WireField& field,
                        std::string& name) {
    RETURN_IF_ERROR(held_bytes_->Take(field.bytes));
    ASSIGN_OR_RETURN(name, message.ReadString(field, kNameBytesMax, "a name"));
    return absl::OkStatus();
  }

  absl::Status AddName(WireReader& message, const WireField& field,
                       std::vector<std::string>& names) {
    if (names.size() == kNodeEdgesMax) {
      return absl::InvalidArgumentError(absl::StrFormat(
          "it has more than %d inputs or outputs", kNodeEdgesMax));
    }
    RETURN_IF_ERROR(held_bytes_->Take(sizeof(std::string)));
    return ReadName(message, field, names.emplace_back());
  }

  TensorScanner* tensors_;
  Allowance* held_bytes_;
  OnnxFunction function_;
  std::optional<int64_t> opset_;
};

std::string PlainDomain(const std::string& domain) {
  return IsDefaultDomain(domain) ? std::string() : domain;
}

}  // namespace

FunctionKey KeyOf(const OnnxFunction& function) {
  return {PlainDomain(function.domain), function.name, function.overload};
}

FunctionKey KeyOf(const ScannedNode& call) {
  return {PlainDomain(call.domain), call.op_type, call.overload};
}

absl::StatusOr<OnnxFunction> ScanFunction(const WireReader& message,
                                          int64_t opset_of_model,
                                          TensorScanner& tensors,
                                          Allowance& held_bytes) {
  FunctionScanner scanner(&tensors, &held_bytes);
  absl::Status scanned = scanner.Scan(message);
  OnnxFunction& function = scanner.function();
  function.opset = scanner.opset().value_or(opset_of_model);
  if (scanned.ok()) scanned = CheckOpset(function.opset);
  if (scanned.ok()) return std::move(function);
  return absl::Status(
      scanned.code(),
      absl::StrFormat("function \"%s\": %s", Printable(function.name),
                      std::string(scanned.message())));
}

}  // namespace layerd
