#include "daemon/rt/cache_folder.h"

#include "daemon/rt/environment.h"

namespace layerd {

std::string CacheFolder(const std::string& given) {
  if (!given.empty()) return given;
  if (const auto path = FirstFolderOf("CACHE_DIRECTORY"); !path.empty()) {
    return path;
  }
  if (const auto path = Environment("XDG_CACHE_HOME"); !path.empty()) {
    return path + "/layerd";
  }
  const std::string home = Environment("HOME");
  return (home.empty() ? "/tmp" : home + "/.cache") + "/layerd";
}

}  // namespace layerd
