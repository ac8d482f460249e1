#include "daemon/ctl/json_writer.h"

#include <rapidjson/prettywriter.h>
#include <rapidjson/stringbuffer.h>

#include <cmath>

#include "config/check.h"

namespace layerd {
namespace {

constexpr char kReplacement[] = "\xEF\xBF\xBD";

// Bytes of the sequence that `text` begins with; 0 if it is no UTF-8.
size_t SequenceBytes(std::string_view text) {
  const auto byte = [&text](size_t i) {
    return static_cast<unsigned char>(text[i]);
  };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  const size_t bytes = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < bytes) return 0;
  for (size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  // Overlong forms, surrogates and what is above U+10FFFF.
  const bool wrong =
      (lead == 0xE0 && byte(1) < 0xA0) || (lead == 0xED && byte(1) > 0x9F) ||
      (lead == 0xF0 && byte(1) < 0x90) || (lead == 0xF4 && byte(1) > 0x8F);
  return wrong ? 0 : bytes;
}

}  // namespace

struct JsonWriter::Impl {
  rapidjson::StringBuffer buffer;
  rapidjson::PrettyWriter<rapidjson::StringBuffer> writer{buffer};
};

JsonWriter::JsonWriter() : impl_(std::make_unique<Impl>()) {
  impl_->writer.SetIndent(' ', 2);
  impl_->writer.SetFormatOptions(rapidjson::kFormatSingleLineArray);
}

JsonWriter::~JsonWriter() = default;

void JsonWriter::BeginObject() { impl_->writer.StartObject(); }

void JsonWriter::BeginObject(std::string_view key) {
  Key(key);
  BeginObject();
}

void JsonWriter::EndObject() { impl_->writer.EndObject(); }

void JsonWriter::BeginArray() { impl_->writer.StartArray(); }

void JsonWriter::BeginArray(std::string_view key) {
  Key(key);
  BeginArray();
}

void JsonWriter::EndArray() { impl_->writer.EndArray(); }

void JsonWriter::Value(std::string_view text) {
  const std::string utf8 = AsUtf8(text);
  impl_->writer.String(utf8.data(),
                       static_cast<rapidjson::SizeType>(utf8.size()));
}

void JsonWriter::Value(bool value) { impl_->writer.Bool(value); }

void JsonWriter::Value(double value) {
  if (std::isfinite(value)) {
    impl_->writer.Double(value);
  } else {
    impl_->writer.Null();
  }
}

void JsonWriter::AddNull(std::string_view key) {
  Key(key);
  impl_->writer.Null();
}

std::string JsonWriter::Finish() {
  LAYERD_CHECK(impl_->writer.IsComplete());
  return std::string(impl_->buffer.GetString(), impl_->buffer.GetSize()) + "\n";
}

void JsonWriter::Key(std::string_view key) {
  const std::string utf8 = AsUtf8(key);
  impl_->writer.Key(utf8.data(), static_cast<rapidjson::SizeType>(utf8.size()));
}

void JsonWriter::Signed(int64_t value) { impl_->writer.Int64(value); }

void JsonWriter::Unsigned(uint64_t value) { impl_->writer.Uint64(value); }

std::string AsUtf8(std::string_view text) {
  std::string utf8;
  while (!text.empty()) {
    const size_t bytes = SequenceBytes(text);
    if (bytes == 0) {
      utf8 += kReplacement;
      text.remove_prefix(1);
    } else {
      utf8 += text.substr(0, bytes);
      text.remove_prefix(bytes);
    }
  }
  return utf8;
}

}  // namespace layerd
