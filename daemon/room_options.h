#ifndef LAYERD_DAEMON_ROOM_OPTIONS_H_
#define LAYERD_DAEMON_ROOM_OPTIONS_H_

#include <string>

#include "config/config.h"
#include "daemon/engine/engine.h"
#include "daemon/engine/repository.h"
#include "daemon/serve/server.h"

namespace layerd {

// What the configuration means to each room that main assembles; what it leaves
// open is decided here: addresses, folders, threads.

// --repository, or the service's own folder; empty if there is neither.
std::string RepositoryPathOf(const Config& config);

EngineOptions EngineOptionsOf(const Config& config);

RepositoryOptions RepositoryOptionsOf(const Config& config,
                                      const Engine& engine);

ServerOptions ServerOptionsOf(const Config& config);

}  // namespace layerd

#endif  // LAYERD_DAEMON_ROOM_OPTIONS_H_
