#ifndef LAYERD_DAEMON_RT_CACHE_FOLDER_H_
#define LAYERD_DAEMON_RT_CACHE_FOLDER_H_

#include <string>

namespace layerd {

// Where packed models and what was measured of them are kept: `given` if there
// is one, else what the environment says: $CACHE_DIRECTORY,
// $XDG_CACHE_HOME/layerd, ~/.cache/layerd.
std::string CacheFolder(const std::string& given);

}  // namespace layerd

#endif  // LAYERD_DAEMON_RT_CACHE_FOLDER_H_
