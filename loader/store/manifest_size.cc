#include "loader/store/manifest_size.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/coded_stream.h>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "layer_file.pb.h"

namespace layerd {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

// Rounded up, of what Protobuf makes and Program makes of that.
constexpr uint64_t kMessageBytes = 256;
constexpr uint64_t kNumberBytes = 16;  // Of a list, which doubles as it grows.
constexpr uint64_t kStringBytes = 64;  // Beside its characters.

// As Protobuf encodes them. Of another kind there is nothing.
enum WireType : uint32_t {
  kVarint = 0,
  kFixed64 = 1,
  kBytes = 2,
  kGroupBegins = 3,
  kGroupEnds = 4,
  kFixed32 = 5,
};

// Of a number, where it is one.
uint32_t WireTypeOf(const FieldDescriptor& field) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return kBytes;
    case FieldDescriptor::CPPTYPE_FLOAT:
      return kFixed32;
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return kFixed64;
    default:
      return kVarint;
  }
}

class Walk {
 public:
  explicit Walk(std::span<const std::byte> manifest)
      : input_(reinterpret_cast<const uint8_t*>(manifest.data()),
               static_cast<int>(manifest.size())) {}

  // Until the end, until nobody could read on, or until it is too much.
  void Over(const Descriptor* type) {
    while (bytes_ <= kManifestMemoryBytesMax) {
      const uint32_t tag = input_.ReadTag();
      if (tag == 0 ||
          !Take(tag & 7, type->FindFieldByNumber(static_cast<int>(tag >> 3)))) {
        return;
      }
    }
  }

  uint64_t bytes() const { return bytes_; }

 private:
  bool Take(uint32_t wire_type, const FieldDescriptor* field) {
    if (wire_type == kBytes) return TakeBytes(field);
    // What nobody knows is kept too, and what is not as it should be.
    if (field == nullptr || field->is_repeated() ||
        wire_type != WireTypeOf(*field)) {
      bytes_ += kStringBytes;
    }
    uint64_t number;
    switch (wire_type) {
      case kVarint:
        return input_.ReadVarint64(&number);
      case kFixed64:
        return input_.Skip(8);
      case kFixed32:
        return input_.Skip(4);
      case kGroupBegins:
      case kGroupEnds:  // Of the fields between, as if they stood here.
        bytes_ += kMessageBytes;
        return true;
      default:
        return false;
    }
  }

  bool TakeBytes(const FieldDescriptor* field) {
    uint32_t size;
    if (!input_.ReadVarint32(&size)) return false;
    if (field == nullptr || field->type() == FieldDescriptor::TYPE_STRING) {
      bytes_ += kStringBytes + size;
      return input_.Skip(static_cast<int>(size));
    }
    if (field->message_type() == nullptr) {
      bytes_ += kStringBytes + kNumberBytes * size;
      return input_.Skip(static_cast<int>(size));
    }
    bytes_ += kMessageBytes;
    const auto limit = input_.PushLimit(static_cast<int>(size));
    Over(field->message_type());
    const bool is_whole = input_.BytesUntilLimit() == 0;
    input_.PopLimit(limit);
    return is_whole;
  }

  google::protobuf::io::CodedInputStream input_;
  uint64_t bytes_ = 0;
};

}  // namespace

absl::StatusOr<uint64_t> ManifestMemoryBytes(
    std::span<const std::byte> manifest) {
  Walk walk(manifest);
  walk.Over(manifest::Manifest::descriptor());
  if (walk.bytes() <= kManifestMemoryBytesMax) return walk.bytes();
  return absl::InvalidArgumentError(absl::StrFormat(
      "manifest: its %d bytes list so much that they would take more than the "
      "%d bytes of memory allowed",
      manifest.size(), kManifestMemoryBytesMax));
}

}  // namespace layerd
