#include "config/yaml_section.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "config/byte_size.h"
#include "config/nearest_word.h"
#include "config/status_macros.h"

namespace layerd {
namespace {

// yaml-cpp walks recursively: a file of brackets must not take the stack.
constexpr int kDepthMax = 32;

absl::Status ErrorAtMark(const std::string& source, const YAML::Mark& mark,
                         const std::string& what) {
  return absl::InvalidArgumentError(absl::StrFormat(
      "%s:%d:%d: %s", source, mark.line + 1, mark.column + 1, what));
}

int BracketDepth(const std::string& text) {
  int depth = 0, deepest = 0;
  for (const char c : text) {
    if (c == '[' || c == '{') deepest = std::max(deepest, ++depth);
    if (c == ']' || c == '}') --depth;
  }
  return deepest;
}

size_t DeepestIndent(const std::string& text) {
  size_t deepest = 0, spaces = 0;
  bool at_start = true;
  for (const char c : text) {
    if (c == '\n') {
      at_start = true;
      spaces = 0;
    } else if (at_start && (c == ' ' || c == '-' || c == '?')) {
      deepest = std::max(deepest, ++spaces);
    } else {
      at_start = false;
    }
  }
  return deepest;
}

std::string Unknown(const std::string& key, const std::set<std::string>& keys) {
  const std::string nearest = NearestWord(key, {keys.begin(), keys.end()});
  return nearest.empty()
             ? absl::StrCat("unknown key; there are ",
                            absl::StrJoin(keys, ", "))
             : absl::StrCat("unknown key; did you mean ", nearest, "?");
}

}  // namespace

struct YamlSection::Impl {
  std::string source;
  std::string prefix;  // "memory." inside that section.
  YAML::Node node;
  YAML::Mark mark;
  std::set<std::string> asked;

  YAML::Node Find(const std::string& key) {
    asked.insert(key);
    return node.IsMap() ? node[key] : YAML::Node(YAML::NodeType::Undefined);
  }
  // Nothing if the key is not there or has no value: '' is one.
  absl::StatusOr<std::optional<std::string>> Word(const std::string& key) {
    const YAML::Node word = Find(key);
    if (!word.IsDefined() || word.IsNull()) return std::nullopt;
    if (!word.IsScalar()) return Error(word, key, "expected one value");
    return word.Scalar();
  }

  absl::Status Error(const YAML::Node& at, const std::string& key,
                     const std::string& what) const {
    return ErrorAtMark(source, at.Mark(),
                       absl::StrCat(prefix, key, ": ", what));
  }
};

YamlSection::YamlSection(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
YamlSection::~YamlSection() = default;
YamlSection::YamlSection(YamlSection&&) noexcept = default;
YamlSection& YamlSection::operator=(YamlSection&&) noexcept = default;

absl::StatusOr<YamlSection> YamlSection::Parse(const std::string& text,
                                               const std::string& source) {
  if (BracketDepth(text) > kDepthMax || DeepestIndent(text) > 8 * kDepthMax) {
    return absl::InvalidArgumentError(
        absl::StrFormat("%s: nested more than %d deep", source, kDepthMax));
  }
  auto impl = std::make_unique<Impl>();
  impl->source = source;
  try {
    impl->node = YAML::Load(text);
  } catch (const YAML::Exception& error) {
    return ErrorAtMark(source, error.mark, error.msg);
  }
  if (!impl->node.IsMap() && !impl->node.IsNull()) {
    return ErrorAtMark(source, impl->node.Mark(),
                       "expected `key: value` lines");
  }
  impl->mark = impl->node.Mark();
  return YamlSection(std::move(impl));
}

absl::Status YamlSection::Read(const char* key, std::string* value) {
  ASSIGN_OR_RETURN(const auto text, impl_->Word(key));
  if (text) *value = *text;
  return absl::OkStatus();
}

absl::Status YamlSection::Read(const char* key, bool* value) {
  ASSIGN_OR_RETURN(const auto text, impl_->Word(key));
  if (!text) return absl::OkStatus();
  if (*text != "true" && *text != "false") {
    return ErrorAt(key, absl::StrCat("'", *text, "' is not true or false"));
  }
  *value = *text == "true";
  return absl::OkStatus();
}

absl::Status YamlSection::Read(const char* key, uint64_t* value, uint64_t min,
                               uint64_t max) {
  ASSIGN_OR_RETURN(const auto text, impl_->Word(key));
  if (!text) return absl::OkStatus();
  uint64_t number = 0;
  if (!absl::SimpleAtoi(*text, &number) || number < min || number > max) {
    return ErrorAt(key, absl::StrFormat("'%s' is not a whole number from %d to "
                                        "%d",
                                        *text, min, max));
  }
  *value = number;
  return absl::OkStatus();
}

absl::Status YamlSection::ReadBytes(const char* key, uint64_t* value,
                                    uint64_t min, uint64_t max) {
  ASSIGN_OR_RETURN(const auto text, impl_->Word(key));
  if (!text) return absl::OkStatus();
  const absl::StatusOr<uint64_t> bytes = ParseByteSize(*text);
  if (!bytes.ok()) return ErrorAt(key, std::string(bytes.status().message()));
  if (*bytes < min || *bytes > max) {
    return ErrorAt(
        key, absl::StrFormat("%s is not from %s to %s", FormatByteSize(*bytes),
                             FormatByteSize(min), FormatByteSize(max)));
  }
  *value = *bytes;
  return absl::OkStatus();
}

absl::Status YamlSection::ReadOneOf(const char* key, std::string* value,
                                    std::initializer_list<const char*> words) {
  ASSIGN_OR_RETURN(const auto text, impl_->Word(key));
  if (!text) return absl::OkStatus();
  if (std::find(words.begin(), words.end(), *text) == words.end()) {
    return ErrorAt(key, absl::StrCat("'", *text, "' is none of ",
                                     absl::StrJoin(words, ", ")));
  }
  *value = *text;
  return absl::OkStatus();
}

absl::Status YamlSection::Read(const char* key,
                               std::vector<std::string>* value) {
  const YAML::Node node = impl_->Find(key);
  if (!node.IsDefined() || node.IsNull()) return absl::OkStatus();
  if (node.IsScalar()) {
    *value = {node.Scalar()};
    return absl::OkStatus();
  }
  if (!node.IsSequence()) return impl_->Error(node, key, "expected a list");
  value->clear();
  for (const YAML::Node& item : node) {
    if (!item.IsScalar()) return impl_->Error(item, key, "expected a string");
    value->push_back(item.Scalar());
  }
  return absl::OkStatus();
}

absl::Status YamlSection::Read(const char* key, std::vector<int64_t>* value,
                               int64_t min, int64_t max) {
  std::vector<std::string> texts;
  RETURN_IF_ERROR(Read(key, &texts));
  if (!texts.empty()) value->clear();
  for (const std::string& text : texts) {
    int64_t number = 0;
    if (!absl::SimpleAtoi(text, &number) || number < min || number > max) {
      return ErrorAt(
          key, absl::StrFormat("'%s' is not a whole number from %d to %d", text,
                               min, max));
    }
    value->push_back(number);
  }
  return absl::OkStatus();
}

absl::StatusOr<YamlSection> YamlSection::Section(const char* key) {
  const YAML::Node node = impl_->Find(key);
  auto section = std::make_unique<Impl>();
  section->source = impl_->source;
  section->prefix = absl::StrCat(impl_->prefix, key, ".");
  section->mark = impl_->mark;
  if (!node.IsDefined() || node.IsNull()) {
    return YamlSection(std::move(section));
  }
  if (!node.IsMap()) {
    return impl_->Error(node, key, "expected `key: value` lines below it");
  }
  section->node = node;
  section->mark = node.Mark();
  return YamlSection(std::move(section));
}

std::vector<std::string> YamlSection::keys() const {
  std::vector<std::string> keys;
  if (!impl_->node.IsMap()) return keys;
  for (const auto& pair : impl_->node) {
    keys.push_back(pair.first.IsScalar() ? pair.first.Scalar() : "");
  }
  return keys;
}

absl::Status YamlSection::CheckNoOthers() const {
  if (!impl_->node.IsMap()) return absl::OkStatus();
  std::set<std::string> seen;
  for (const auto& pair : impl_->node) {
    const std::string key = pair.first.IsScalar() ? pair.first.Scalar() : "";
    if (!impl_->asked.contains(key)) {
      return impl_->Error(pair.first, key, Unknown(key, impl_->asked));
    }
    if (!seen.insert(key).second) {
      return impl_->Error(pair.first, key, "stands here twice");
    }
  }
  return absl::OkStatus();
}

absl::Status YamlSection::ErrorAt(const std::string& key,
                                  const std::string& what) const {
  if (impl_->node.IsMap()) {
    const YAML::Node node = std::as_const(impl_->node)[key];
    if (node.IsDefined()) return impl_->Error(node, key, what);
  }
  return ErrorAtMark(impl_->source, impl_->mark,
                     absl::StrCat(impl_->prefix, key, ": ", what));
}

}  // namespace layerd
