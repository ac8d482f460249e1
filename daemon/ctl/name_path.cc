#include "daemon/ctl/name_path.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "daemon/ctl/failure.h"

namespace layerd {

NamePath SplitNamePath(std::string_view text) {
  std::string head;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i, 2) == "\\=") {
      head += '=';
      ++i;
    } else if (text[i] == '=') {
      return {head, std::string(text.substr(i + 1))};
    } else {
      head += text[i];
    }
  }
  return {std::nullopt, head};
}

absl::StatusOr<std::vector<std::string>> PathsByName(
    const std::string& option, const std::vector<std::string>& values,
    const std::vector<std::string>& names) {
  std::vector<std::string> paths(names.size());
  for (const std::string& value : values) {
    NamePath named = SplitNamePath(value);
    if (!named.name && names.size() == 1) named.name = names.front();
    if (!named.name) {
      return UsageError(absl::StrFormat(
          "%s %s: the model has %d of them, so write NAME=%s with one of: %s",
          option, value, names.size(), value, absl::StrJoin(names, ", ")));
    }
    const size_t index =
        std::find(names.begin(), names.end(), *named.name) - names.begin();
    if (index == names.size()) {
      return UsageError(absl::StrFormat("%s %s: '%s' is none of: %s", option,
                                        value, *named.name,
                                        absl::StrJoin(names, ", ")));
    }
    if (named.path.empty()) {
      return UsageError(
          absl::StrFormat("%s %s: the path is empty", option, value));
    }
    if (!paths[index].empty()) {
      return UsageError(
          absl::StrFormat("%s: '%s' is given twice", option, *named.name));
    }
    paths[index] = std::move(named.path);
  }
  return paths;
}

absl::StatusOr<std::vector<int64_t>> ParseShape(const std::string& text) {
  std::vector<int64_t> shape;
  for (const auto word : absl::StrSplit(text, ',')) {
    int64_t size = 0;
    if (!absl::SimpleAtoi(word, &size) || size < 0) {
      return UsageError(absl::StrFormat(
          "shape '%s': expected numbers like 1,3,640,640", text));
    }
    shape.push_back(size);
  }
  return shape;
}

}  // namespace layerd
