#ifndef LAYERD_DAEMON_PACK_IMPORT_UNIQUE_NAMES_H_
#define LAYERD_DAEMON_PACK_IMPORT_UNIQUE_NAMES_H_

#include <string>
#include <unordered_map>
#include <unordered_set>

#include "absl/strings/str_cat.h"

namespace layerd {

// Names of nodes, each given once. As fast for what turns of a loop call alike
// as for other names.
class UniqueNames {
 public:
  // `name`, or that with the next number behind it that makes it no other's.
  std::string Take(const std::string& name) {
    if (taken_.insert(name).second) return name;
    int& copies = copies_[name];
    while (true) {
      std::string copy = absl::StrCat(name, "_", ++copies);
      if (taken_.insert(copy).second) return copy;
    }
  }

  // The next that asks for it gets it again.
  void Release(const std::string& name) { taken_.erase(name); }

 private:
  std::unordered_set<std::string> taken_;
  std::unordered_map<std::string, int> copies_;  // Of those asked for twice.
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_PACK_IMPORT_UNIQUE_NAMES_H_
