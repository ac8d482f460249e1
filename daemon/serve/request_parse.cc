#include "daemon/serve/request_parse.h"

#include <string>

#include "absl/strings/str_format.h"
#include "config/limits.h"
#include "config/status_macros.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "google/protobuf/wire_format_lite.h"

namespace layerd {
namespace {

using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;
using google::protobuf::io::CodedOutputStream;
using google::protobuf::io::StringOutputStream;
using inference::InferTensorContents;
using inference::ModelInferRequest;

// Of what lies in a message as a pointer to more.
constexpr uint64_t kObjectBytes = 64;

absl::Status Unreadable() {
  return absl::InvalidArgumentError(
      "the message is no inference.ModelInferRequest");
}

bool HasLength(uint32_t tag) {
  return WireFormatLite::GetTagWireType(tag) ==
         WireFormatLite::WIRETYPE_LENGTH_DELIMITED;
}

bool IsOfHead(int field) {
  switch (field) {
    case ModelInferRequest::kModelNameFieldNumber:
    case ModelInferRequest::kModelVersionFieldNumber:
    case ModelInferRequest::kIdFieldNumber:
    case ModelInferRequest::kParametersFieldNumber:
      return true;
    default:
      return false;
  }
}

// Goes over a request once, and copies what is of the head.
class Walk {
 public:
  Walk(CodedInputStream* from, CodedOutputStream* head)
      : from_(from), head_(head) {}

  absl::Status Go() {
    while (const uint32_t tag = from_->ReadTag()) {
      RETURN_IF_ERROR(TakeField(tag));
    }
    return from_->ConsumedEntireMessage() ? absl::OkStatus() : Unreadable();
  }

  uint64_t typed_bytes() const { return typed_bytes_; }

 private:
  absl::Status TakeField(uint32_t tag);
  absl::Status TakeInput(uint32_t length);
  absl::Status TakeContents(uint32_t length);
  absl::Status Skip(uint32_t tag, uint64_t* count);
  absl::Status CheckCounts() const;
  absl::StatusOr<uint32_t> ReadLength() {
    uint32_t length = 0;
    if (!from_->ReadVarint32(&length) || length > INT32_MAX) {
      return Unreadable();
    }
    return length;
  }

  // Calls take(tag) for each field of the message that is next.
  template <typename Take>
  absl::Status InMessage(uint32_t length, Take take) {
    const auto limit = from_->PushLimit(static_cast<int>(length));
    while (const uint32_t tag = from_->ReadTag()) RETURN_IF_ERROR(take(tag));
    if (!from_->ConsumedEntireMessage() || from_->BytesUntilLimit() != 0) {
      return Unreadable();
    }
    from_->PopLimit(limit);
    return absl::OkStatus();
  }

  CodedInputStream* const from_;
  CodedOutputStream* const head_;
  uint64_t words_bytes_ = 0, typed_bytes_ = 0, tensors_ = 0;
};

absl::Status Walk::CheckCounts() const {
  if (words_bytes_ > kRequestWordsBytesMax) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "the request's names, shapes and parameters take more than %d bytes, "
        "the most it may have of them",
        kRequestWordsBytesMax));
  }
  if (tensors_ > kRequestTensorsMax) {
    return absl::InvalidArgumentError(
        absl::StrFormat("the request has more than %d tensors, the most it may "
                        "have",
                        kRequestTensorsMax));
  }
  return absl::OkStatus();
}

absl::Status Walk::Skip(uint32_t tag, uint64_t* count) {
  const int before = from_->CurrentPosition();
  if (!WireFormatLite::SkipField(from_, tag)) return Unreadable();
  *count += static_cast<uint64_t>(from_->CurrentPosition() - before);
  return CheckCounts();
}

absl::Status Walk::TakeField(uint32_t tag) {
  const int field = WireFormatLite::GetTagFieldNumber(tag);
  if (field == 0) return Unreadable();
  words_bytes_ += sizeof(tag);
  if (!HasLength(tag)) return Skip(tag, &words_bytes_);
  if (field == ModelInferRequest::kRawInputContentsFieldNumber) {
    uint64_t raw_bytes = 0;
    ++tensors_;
    return Skip(tag, &raw_bytes);
  }
  tensors_ += field == ModelInferRequest::kInputsFieldNumber ||
              field == ModelInferRequest::kOutputsFieldNumber;
  ASSIGN_OR_RETURN(const uint32_t length, ReadLength());
  if (field == ModelInferRequest::kInputsFieldNumber) {
    RETURN_IF_ERROR(CheckCounts());
    return TakeInput(length);
  }
  words_bytes_ += length;
  RETURN_IF_ERROR(CheckCounts());  // Before it is copied.
  if (!IsOfHead(field)) {
    return from_->Skip(static_cast<int>(length)) ? absl::OkStatus()
                                                 : Unreadable();
  }
  std::string bytes;
  if (!from_->ReadString(&bytes, static_cast<int>(length))) return Unreadable();
  head_->WriteTag(tag);
  head_->WriteVarint32(length);
  head_->WriteString(bytes);
  return absl::OkStatus();
}

absl::Status Walk::TakeInput(uint32_t length) {
  return InMessage(length, [this](uint32_t tag) -> absl::Status {
    words_bytes_ += sizeof(tag);
    if (!HasLength(tag) ||
        WireFormatLite::GetTagFieldNumber(tag) !=
            ModelInferRequest::InferInputTensor::kContentsFieldNumber) {
      return Skip(tag, &words_bytes_);
    }
    ASSIGN_OR_RETURN(const uint32_t contents, ReadLength());
    RETURN_IF_ERROR(CheckCounts());
    return TakeContents(contents);
  });
}

absl::Status Walk::TakeContents(uint32_t length) {
  return InMessage(length, [this](uint32_t tag) -> absl::Status {
    const int field = WireFormatLite::GetTagFieldNumber(tag);
    const bool is_numbers =
        field >= InferTensorContents::kBoolContentsFieldNumber &&
        field <= InferTensorContents::kFp64ContentsFieldNumber;
    typed_bytes_ += is_numbers ? 1 : kObjectBytes;
    return Skip(tag, &typed_bytes_);
  });
}

}  // namespace

absl::StatusOr<RequestHead> ParseHead(
    google::protobuf::io::ZeroCopyInputStream* bytes) {
  std::string copied;
  RequestHead head;
  {
    CodedInputStream from(bytes);
    StringOutputStream stream(&copied);
    CodedOutputStream to(&stream);
    Walk walk(&from, &to);
    RETURN_IF_ERROR(walk.Go());
    head.typed_bytes = walk.typed_bytes();
  }
  if (!head.request.ParseFromString(copied)) return Unreadable();
  return head;
}

absl::StatusOr<ModelInferRequest> ParseWhole(
    google::protobuf::io::ZeroCopyInputStream* bytes) {
  ModelInferRequest request;
  if (!request.ParseFromZeroCopyStream(bytes)) return Unreadable();
  return request;
}

}  // namespace layerd
