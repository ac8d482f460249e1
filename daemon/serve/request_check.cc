#include "daemon/serve/request_check.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "config/limits.h"
#include "config/status_macros.h"

namespace layerd {
namespace {

using inference::InferParameter;
using inference::InferTensorContents;
using inference::ModelInferRequest;

constexpr size_t kQuotedCharactersMax = 128;
constexpr size_t kRankShownMax = 8;

// A client's own words, in a message that goes into HTTP/2 headers.
std::string Quoted(const std::string& name) {
  const bool long_name = name.size() > kQuotedCharactersMax;
  return absl::StrCat("'",
                      absl::CHexEscape(name.substr(0, kQuotedCharactersMax)),
                      long_name ? "...'" : "'");
}

std::string ShapeText(const std::vector<int64_t>& shape) {
  const size_t shown = std::min(shape.size(), kRankShownMax);
  return absl::StrCat("[",
                      absl::StrJoin(shape.begin(), shape.begin() + shown, ","),
                      shown < shape.size() ? ",...]" : "]");
}

std::string NamesOf(const std::vector<Model::Port>& ports) {
  std::vector<std::string> names;
  for (const Model::Port& port : ports) {
    names.push_back(absl::StrCat("'", port.name, "'"));
  }
  return absl::StrJoin(names, ", ");
}

absl::StatusOr<size_t> IndexOf(const std::string& name, const char* what,
                               const std::vector<Model::Port>& ports) {
  for (size_t i = 0; i < ports.size(); ++i) {
    if (ports[i].name == name) return i;
  }
  return absl::InvalidArgumentError(
      absl::StrFormat("%s %s: the model has no such %s; it has %s", what,
                      Quoted(name), what, NamesOf(ports)));
}

absl::StatusOr<uint64_t> UnsignedOf(const std::string& key,
                                    const InferParameter& parameter) {
  if (parameter.has_uint64_param()) return parameter.uint64_param();
  if (parameter.has_int64_param() && parameter.int64_param() >= 0) {
    return static_cast<uint64_t>(parameter.int64_param());
  }
  return absl::InvalidArgumentError(absl::StrFormat(
      "parameter '%s': expected int64_param or uint64_param, not negative",
      key));
}

absl::Status CheckParameters(const ModelInferRequest& request,
                             CheckedRequest* checked) {
  for (const auto& [key, parameter] : request.parameters()) {
    if (key != "timeout" && key != "layerd_deadline_us" && key != "priority") {
      continue;
    }
    ASSIGN_OR_RETURN(const uint64_t value, UnsignedOf(key, parameter));
    if (key == "priority") {
      checked->priority = value;
    } else if (value > 0) {  // 0 is Triton's "no timeout".
      // A century is as good as for ever, and cannot overflow nanoseconds.
      constexpr uint64_t kLongest = 3'000'000'000'000'000;
      const std::chrono::microseconds wanted(std::min(value, kLongest));
      checked->timeout = std::min(checked->timeout.value_or(wanted), wanted);
    }
  }
  return absl::OkStatus();
}

template <typename Map>
absl::Status RefuseTensorParameters(const std::string& name,
                                    const Map& parameters) {
  constexpr char kBytes[] = "send and receive the bytes themselves";
  const std::pair<const char*, const char*> refused[] = {
      {"shared_memory_region", kBytes},
      {"shared_memory_byte_size", kBytes},
      {"shared_memory_offset", kBytes},
      {"classification", "take the largest elements of the output"},
  };
  for (const auto& [key, instead] : refused) {
    if (parameters.contains(key)) {
      return absl::InvalidArgumentError(
          absl::StrFormat("tensor '%s': parameter '%s' is not supported; %s",
                          name, key, instead));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckTypeAndShape(
    const ModelInferRequest::InferInputTensor& tensor,
    const Model::Port& port) {
  if (tensor.datatype() != NameOf(port.dtype)) {
    return absl::InvalidArgumentError(
        absl::StrFormat("input '%s': datatype is %s, expected '%s'", port.name,
                        Quoted(tensor.datatype()), NameOf(port.dtype)));
  }
  const std::vector<int64_t> shape(tensor.shape().begin(),
                                   tensor.shape().end());
  if (shape != port.shape) {
    return absl::InvalidArgumentError(
        absl::StrFormat("input '%s': shape is %s, expected %s", port.name,
                        ShapeText(shape), ShapeText(port.shape)));
  }
  return absl::OkStatus();
}

absl::Status CheckBytes(const Model::Port& port, size_t got) {
  if (got == port.bytes) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrFormat(
      "input '%s': %d bytes, expected %d for %s %s", port.name, got, port.bytes,
      NameOf(port.dtype), ShapeText(port.shape)));
}

// Kernels count on it.
absl::Status CheckTruths(const Model::Port& port, const std::string& raw) {
  if (port.dtype != DataType::kBool) return absl::OkStatus();
  const auto other = std::find_if(raw.begin(), raw.end(), [](char truth) {
    return truth != 0 && truth != 1;
  });
  if (other == raw.end()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrFormat(
      "input '%s': byte %d is %d; each of BOOL is 0 or 1", port.name,
      other - raw.begin(), static_cast<uint8_t>(*other)));
}

// Narrows each value of a typed field to the element that the model takes.
template <typename Element, typename Values>
absl::Status Narrow(const Model::Port& port, const Values& values,
                    std::vector<std::byte>* out) {
  RETURN_IF_ERROR(CheckBytes(port, values.size() * sizeof(Element)));
  out->resize(values.size() * sizeof(Element));
  std::byte* to = out->data();
  for (const auto value : values) {
    const auto element = static_cast<Element>(value);
    if (static_cast<decltype(value)>(element) != value && value == value) {
      return absl::InvalidArgumentError(
          absl::StrFormat("input '%s': value %d does not fit %s", port.name,
                          static_cast<int64_t>(value), NameOf(port.dtype)));
    }
    std::memcpy(to, &element, sizeof(Element));
    to += sizeof(Element);
  }
  return absl::OkStatus();
}

absl::Status Convert(const Model::Port& port, const InferTensorContents& from,
                     std::vector<std::byte>* out) {
  switch (port.dtype) {
    case DataType::kBool:
      return Narrow<bool>(port, from.bool_contents(), out);
    case DataType::kU8:
      return Narrow<uint8_t>(port, from.uint_contents(), out);
    case DataType::kU16:
      return Narrow<uint16_t>(port, from.uint_contents(), out);
    case DataType::kU32:
      return Narrow<uint32_t>(port, from.uint_contents(), out);
    case DataType::kU64:
      return Narrow<uint64_t>(port, from.uint64_contents(), out);
    case DataType::kI8:
      return Narrow<int8_t>(port, from.int_contents(), out);
    case DataType::kI16:
      return Narrow<int16_t>(port, from.int_contents(), out);
    case DataType::kI32:
      return Narrow<int32_t>(port, from.int_contents(), out);
    case DataType::kI64:
      return Narrow<int64_t>(port, from.int64_contents(), out);
    case DataType::kF32:
      return Narrow<float>(port, from.fp32_contents(), out);
    case DataType::kF64:
      return Narrow<double>(port, from.fp64_contents(), out);
    case DataType::kF16:
    case DataType::kBF16:
      break;
  }
  return absl::InvalidArgumentError(
      absl::StrFormat("input '%s': %s has no typed contents; send it in "
                      "raw_input_contents",
                      port.name, NameOf(port.dtype)));
}

// Of its tag and length, in a packed field.
constexpr uint64_t kTypedFieldBytes = 16;

uint64_t TypedBytesMax(const std::vector<Model::Port>& inputs) {
  uint64_t bytes = 0;
  for (const Model::Port& port : inputs) {
    bytes += kTypedFieldBytes +
             port.bytes / SizeOf(port.dtype) * kTypedValueBytesMax;
  }
  return bytes;
}

absl::Status CheckRawCount(const ModelInferRequest& request) {
  const int raw = request.raw_input_contents_size();
  if (raw == 0 || raw == request.inputs_size()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrFormat("raw_input_contents: %d entries for %d inputs, expected "
                      "one for each input or none at all",
                      raw, request.inputs_size()));
}

absl::Status CheckInput(const ModelInferRequest& request, int i,
                        const Model::Port& port, size_t index,
                        CheckedRequest* checked) {
  const auto& tensor = request.inputs(i);
  RETURN_IF_ERROR(CheckTypeAndShape(tensor, port));
  RETURN_IF_ERROR(RefuseTensorParameters(port.name, tensor.parameters()));
  if (request.raw_input_contents_size() > 0) {
    if (tensor.has_contents()) {
      return absl::InvalidArgumentError(absl::StrFormat(
          "input '%s': has contents although raw_input_contents is used; send "
          "one of the two",
          port.name));
    }
    const std::string& raw = request.raw_input_contents(i);
    RETURN_IF_ERROR(CheckBytes(port, raw.size()));
    RETURN_IF_ERROR(CheckTruths(port, raw));
    checked->inputs[index] = std::as_bytes(std::span(raw));
    return absl::OkStatus();
  }
  std::vector<std::byte>& converted = checked->converted[index];
  RETURN_IF_ERROR(Convert(port, tensor.contents(), &converted));
  checked->inputs[index] = converted;
  return absl::OkStatus();
}

absl::Status CheckInputs(const ModelInferRequest& request,
                         const std::vector<Model::Port>& ports,
                         CheckedRequest* checked) {
  RETURN_IF_ERROR(CheckRawCount(request));
  checked->inputs.resize(ports.size());
  checked->converted.resize(ports.size());
  std::vector<bool> seen(ports.size());
  for (int i = 0; i < request.inputs_size(); ++i) {
    const std::string& name = request.inputs(i).name();
    ASSIGN_OR_RETURN(const size_t index, IndexOf(name, "input", ports));
    if (seen[index]) {
      return absl::InvalidArgumentError(
          absl::StrFormat("input '%s': given twice", name));
    }
    seen[index] = true;
    RETURN_IF_ERROR(CheckInput(request, i, ports[index], index, checked));
  }
  for (size_t i = 0; i < ports.size(); ++i) {
    if (!seen[i]) {
      return absl::InvalidArgumentError(absl::StrFormat(
          "input '%s' is missing: expected %s %s", ports[i].name,
          NameOf(ports[i].dtype), ShapeText(ports[i].shape)));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckOutputs(const ModelInferRequest& request,
                          const std::vector<Model::Port>& ports,
                          CheckedRequest* checked) {
  if (request.outputs_size() == 0) {
    for (size_t i = 0; i < ports.size(); ++i) checked->outputs.push_back(i);
    return absl::OkStatus();
  }
  std::vector<bool> seen(ports.size());
  for (const auto& tensor : request.outputs()) {
    ASSIGN_OR_RETURN(const size_t index,
                     IndexOf(tensor.name(), "output", ports));
    if (seen[index]) {
      return absl::InvalidArgumentError(
          absl::StrFormat("output '%s': asked for twice", tensor.name()));
    }
    seen[index] = true;
    RETURN_IF_ERROR(RefuseTensorParameters(tensor.name(), tensor.parameters()));
    checked->outputs.push_back(index);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckTypedBytes(uint64_t typed_bytes,
                             const std::vector<Model::Port>& inputs) {
  if (typed_bytes <= TypedBytesMax(inputs)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrFormat(
      "contents: they are more than the %d bytes that typed values of all "
      "inputs can take; the model has %s",
      TypedBytesMax(inputs), NamesOf(inputs)));
}

absl::StatusOr<CheckedRequest> CheckHead(
    const inference::ModelInferRequest& request) {
  CheckedRequest checked;
  RETURN_IF_ERROR(CheckParameters(request, &checked));
  return checked;
}

absl::Status CheckTensors(const inference::ModelInferRequest& request,
                          const std::vector<Model::Port>& inputs,
                          const std::vector<Model::Port>& outputs,
                          CheckedRequest* checked) {
  RETURN_IF_ERROR(CheckInputs(request, inputs, checked));
  return CheckOutputs(request, outputs, checked);
}

uint64_t DropTyped(const CheckedRequest& checked, ModelInferRequest* request) {
  for (auto& input : *request->mutable_inputs()) input.clear_contents();
  uint64_t bytes = request->ByteSizeLong();
  for (const std::vector<std::byte>& converted : checked.converted) {
    bytes += converted.size();
  }
  return bytes;
}

absl::StatusOr<CheckedRequest> CheckRequest(
    const ModelInferRequest& request, const std::vector<Model::Port>& inputs,
    const std::vector<Model::Port>& outputs) {
  ASSIGN_OR_RETURN(CheckedRequest checked, CheckHead(request));
  RETURN_IF_ERROR(CheckTensors(request, inputs, outputs, &checked));
  return checked;
}

}  // namespace layerd
