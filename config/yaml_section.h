#ifndef LAYERD_CONFIG_YAML_SECTION_H_
#define LAYERD_CONFIG_YAML_SECTION_H_

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace layerd {

// One mapping of a YAML file, read key by key into typed values.
//
// A key that is not there leaves the value as it was. What is there and wrong
// is INVALID_ARGUMENT "layerd.yaml:12:3: memory.budget: ...". After all keys
// were read, CheckNoOthers() refuses those that nobody asked for: a misspelt
// key must not pass for a default.
//
// Threading: one thread.
class YamlSection {
 public:
  // `source` is what messages call the file.
  static absl::StatusOr<YamlSection> Parse(const std::string& text,
                                           const std::string& source);
  ~YamlSection();
  YamlSection(YamlSection&&) noexcept;
  YamlSection& operator=(YamlSection&&) noexcept;

  absl::Status Read(const char* key, std::string* value);
  absl::Status Read(const char* key, bool* value);
  absl::Status Read(const char* key, uint64_t* value, uint64_t min,
                    uint64_t max);
  absl::Status ReadBytes(const char* key, uint64_t* value, uint64_t min,
                         uint64_t max);
  absl::Status ReadOneOf(const char* key, std::string* value,
                         std::initializer_list<const char*> words);
  // One string or a list of them.
  absl::Status Read(const char* key, std::vector<std::string>* value);
  absl::Status Read(const char* key, std::vector<int64_t>* value, int64_t min,
                    int64_t max);
  // An empty section if the key is not there.
  absl::StatusOr<YamlSection> Section(const char* key);

  std::vector<std::string> keys() const;
  absl::Status CheckNoOthers() const;
  // INVALID_ARGUMENT at the place of `key`.
  absl::Status ErrorAt(const std::string& key, const std::string& what) const;

 private:
  struct Impl;
  explicit YamlSection(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace layerd

#endif  // LAYERD_CONFIG_YAML_SECTION_H_
