#include "daemon/pack/onnx/wire_reader.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_format.h"
#include "config/check.h"
#include "config/status_macros.h"
#include "daemon/pack/graph/source_file.h"

namespace layerd {
namespace {

constexpr uint64_t kWindowBytes = 64 << 10;

}  // namespace

absl::Status FileWindow::Read(uint64_t offset_bytes, std::span<std::byte> out) {
  LAYERD_CHECK(offset_bytes <= file_->bytes &&
               out.size() <= file_->bytes - offset_bytes);
  if (out.size() > kWindowBytes) return ReadSource(*file_, offset_bytes, out);
  const bool is_inside =
      offset_bytes >= begin_bytes_ &&
      offset_bytes + out.size() <= begin_bytes_ + window_.size();
  if (!is_inside) {
    window_.resize(std::min(kWindowBytes, file_->bytes - offset_bytes));
    begin_bytes_ = offset_bytes;
    RETURN_IF_ERROR(ReadSource(*file_, offset_bytes, window_));
  }
  if (!out.empty()) {
    std::memcpy(out.data(), window_.data() + (offset_bytes - begin_bytes_),
                out.size());
  }
  return absl::OkStatus();
}

absl::Status WireReader::Malformed(const char* why) const {
  return absl::InvalidArgumentError(
      absl::StrFormat("%s: not an ONNX file, or a damaged one: at byte %d: %s",
                      window_->file().path, at_bytes_, why));
}

WireReader WireReader::Within(const WireField& field) const {
  LAYERD_CHECK(field.type == WireType::kBytes);
  return WireReader(window_, field.offset_bytes,
                    field.offset_bytes + field.bytes);
}

absl::StatusOr<uint64_t> WireReader::NextVarint() {
  // Ten groups of seven bits; the last holds one.
  std::byte raw[10];
  const size_t there = std::min<uint64_t>(10, end_bytes_ - at_bytes_);
  RETURN_IF_ERROR(window_->Read(at_bytes_, std::span(raw).first(there)));
  uint64_t value = 0;
  for (size_t i = 0; i < there; ++i) {
    const uint64_t group = std::to_integer<uint64_t>(raw[i]);
    if (i == 9 && group > 1) return Malformed("a number of more than 64 bits");
    value |= (group & 0x7f) << (7 * i);
    if (group < 0x80) {
      at_bytes_ += i + 1;
      return value;
    }
  }
  return Malformed("a number without end");
}

absl::StatusOr<uint64_t> WireReader::NextFixed(int bytes) {
  if (end_bytes_ - at_bytes_ < static_cast<uint64_t>(bytes)) {
    return Malformed("a number is cut off");
  }
  uint64_t value = 0;
  RETURN_IF_ERROR(
      window_->Read(at_bytes_, std::as_writable_bytes(std::span(&value, 1))
                                   .first(static_cast<size_t>(bytes))));
  at_bytes_ += static_cast<uint64_t>(bytes);
  return value;
}

absl::StatusOr<WireField> WireReader::Next() {
  LAYERD_CHECK(!AtEnd());
  ASSIGN_OR_RETURN(const uint64_t tag, NextVarint());
  if (tag >> 3 == 0 || tag > UINT32_MAX) return Malformed("no field number");
  WireField field;
  field.number = static_cast<uint32_t>(tag >> 3);
  switch (tag & 7) {
    case 0: {
      ASSIGN_OR_RETURN(field.value, NextVarint());
      return field;
    }
    case 1: {
      field.type = WireType::kFixed64;
      ASSIGN_OR_RETURN(field.value, NextFixed(8));
      return field;
    }
    case 2: {
      field.type = WireType::kBytes;
      ASSIGN_OR_RETURN(field.bytes, NextVarint());
      field.offset_bytes = at_bytes_;
      if (field.bytes > end_bytes_ - at_bytes_) {
        return Malformed(
            end_bytes_ == window_->file().bytes
                ? "a field reaches past the end of the file; was it copied "
                  "whole?"
                : "a field reaches past the end of its message");
      }
      at_bytes_ += field.bytes;
      return field;
    }
    case 5: {
      field.type = WireType::kFixed32;
      ASSIGN_OR_RETURN(field.value, NextFixed(4));
      return field;
    }
    default:
      return Malformed("a field of an unknown wire type");
  }
}

absl::StatusOr<std::string> WireReader::ReadString(const WireField& field,
                                                   uint64_t bytes_max,
                                                   const char* what) {
  if (field.type != WireType::kBytes || field.bytes > bytes_max) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "%s: at byte %d: %s is no string, or of %d bytes; at most %d are read",
        window_->file().path, field.offset_bytes, what, field.bytes,
        bytes_max));
  }
  std::string text(field.bytes, '\0');
  RETURN_IF_ERROR(window_->Read(field.offset_bytes,
                                std::as_writable_bytes(std::span(text))));
  return text;
}

}  // namespace layerd
