#ifndef LAYERD_DAEMON_RT_LOG_H_
#define LAYERD_DAEMON_RT_LOG_H_

#include <string>

namespace layerd {

// What the operator should know, on standard error, a line each with its time
// and level; in systemd's journal, which has times of its own, with the level
// as it wants it (`journalctl -p warning`). Never on the compute path: it
// allocates and it writes.
//
// Why not spdlog everywhere: one file compiles its templates.
// Threading: any thread.
void LogDebug(const std::string& line);
void LogInfo(const std::string& line);
void LogWarning(const std::string& line);
void LogError(const std::string& line);

// "debug", "info", "warning", "error": nothing below is written.
void SetLogLevel(const std::string& level);

}  // namespace layerd

#endif  // LAYERD_DAEMON_RT_LOG_H_
