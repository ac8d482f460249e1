#include "daemon/rt/cache_folder.h"

#include <cstdlib>

namespace layerd {
namespace {

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

std::string CacheFolder(const std::string& given) {
  if (!given.empty()) return given;
  if (const auto path = Environment("CACHE_DIRECTORY"); !path.empty()) {
    return path.substr(0, path.find(':'));
  }
  if (const auto path = Environment("XDG_CACHE_HOME"); !path.empty()) {
    return path + "/layerd";
  }
  const std::string home = Environment("HOME");
  return (home.empty() ? "/tmp" : home + "/.cache") + "/layerd";
}

}  // namespace layerd
