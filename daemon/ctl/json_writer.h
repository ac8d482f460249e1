#ifndef LAYERD_DAEMON_CTL_JSON_WRITER_H_
#define LAYERD_DAEMON_CTL_JSON_WRITER_H_

#include <concepts>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace layerd {

// Writes one JSON document, for --json. Only this room's source compiles the
// library behind it.
//
//   JsonWriter json;
//   json.BeginObject();
//   json.Add("ready", true);
//   json.BeginArray("models");
//   ...
//   json.EndArray();
//   json.EndObject();
//   std::string text = json.Finish();
//
// JSON is UTF-8 and knows no NaN: bytes that are no UTF-8 become U+FFFD, and a
// number that is not finite becomes null.
class JsonWriter {
 public:
  JsonWriter();
  ~JsonWriter();

  // Without a key: the document itself, or an element of an array.
  void BeginObject();
  void BeginObject(std::string_view key);
  void EndObject();
  void BeginArray();
  void BeginArray(std::string_view key);
  void EndArray();

  void Value(std::string_view text);
  void Value(const char* text) { Value(std::string_view(text)); }
  void Value(const std::string& text) { Value(std::string_view(text)); }
  void Value(bool value);
  void Value(double value);
  void Value(std::signed_integral auto value) { Signed(value); }
  void Value(std::unsigned_integral auto value) { Unsigned(value); }
  template <typename Element>
  void Value(const std::vector<Element>& elements) {
    BeginArray();
    for (const Element& element : elements) Value(element);
    EndArray();
  }

  template <typename T>
  void Add(std::string_view key, const T& value) {
    Key(key);
    Value(value);
  }
  void AddNull(std::string_view key);

  // The document, with a newline at its end.
  // REQUIRES: everything that began has ended.
  std::string Finish();

 private:
  struct Impl;

  void Key(std::string_view key);
  void Signed(int64_t value);
  void Unsigned(uint64_t value);

  std::unique_ptr<Impl> impl_;
};

// `text` with each byte that is no part of UTF-8 replaced by U+FFFD.
std::string AsUtf8(std::string_view text);

}  // namespace layerd

#endif  // LAYERD_DAEMON_CTL_JSON_WRITER_H_
