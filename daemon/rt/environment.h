#ifndef LAYERD_DAEMON_RT_ENVIRONMENT_H_
#define LAYERD_DAEMON_RT_ENVIRONMENT_H_

#include <cstdlib>
#include <string>

namespace layerd {

// The variable of that name; empty if there is none.
inline std::string Environment(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// Of a variable that lists folders, as service managers write them: the first.
inline std::string FirstFolderOf(const char* name) {
  const std::string folders = Environment(name);
  return folders.substr(0, folders.find(':'));
}

}  // namespace layerd

#endif  // LAYERD_DAEMON_RT_ENVIRONMENT_H_
