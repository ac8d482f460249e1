#include "daemon/serve/request_parse.h"

#include <cstdint>
#include <string>

#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "google/protobuf/wire_format_lite.h"

namespace layerd {
namespace {

using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;
using google::protobuf::io::CodedOutputStream;
using google::protobuf::io::StringOutputStream;
using inference::ModelInferRequest;

absl::Status Unreadable() {
  return absl::InvalidArgumentError(
      "the message is no inference.ModelInferRequest");
}

bool IsOfHead(uint32_t tag) {
  switch (WireFormatLite::GetTagFieldNumber(tag)) {
    case ModelInferRequest::kModelNameFieldNumber:
    case ModelInferRequest::kModelVersionFieldNumber:
    case ModelInferRequest::kIdFieldNumber:
    case ModelInferRequest::kParametersFieldNumber:
      return true;
    default:
      return false;
  }
}

// Each field of the head as it came, one after the other.
bool CopyHead(CodedInputStream* from, CodedOutputStream* to) {
  while (const uint32_t tag = from->ReadTag()) {
    if (!(IsOfHead(tag) ? WireFormatLite::SkipField(from, tag, to)
                        : WireFormatLite::SkipField(from, tag))) {
      return false;
    }
  }
  return from->ConsumedEntireMessage();
}

}  // namespace

absl::StatusOr<ModelInferRequest> ParseHead(
    google::protobuf::io::ZeroCopyInputStream* bytes) {
  std::string head;
  {
    CodedInputStream from(bytes);
    StringOutputStream stream(&head);
    CodedOutputStream to(&stream);
    if (!CopyHead(&from, &to)) return Unreadable();
  }
  ModelInferRequest request;
  if (!request.ParseFromString(head)) return Unreadable();
  return request;
}

absl::StatusOr<ModelInferRequest> ParseWhole(
    google::protobuf::io::ZeroCopyInputStream* bytes) {
  ModelInferRequest request;
  if (!request.ParseFromZeroCopyStream(bytes)) return Unreadable();
  return request;
}

}  // namespace layerd
