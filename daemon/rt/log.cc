#include "daemon/rt/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "config/plain_text.h"

namespace layerd {
namespace {

spdlog::logger& Logger() {
  static const std::shared_ptr<spdlog::logger> logger = [] {
    auto made = spdlog::stderr_logger_mt("layerd");
    made->set_pattern("%Y-%m-%dT%H:%M:%S.%e %l %v");
    return made;
  }();
  return *logger;
}

}  // namespace

// "{}" keeps braces in the line from being taken for a format.
void LogDebug(const std::string& line) {
  Logger().debug("{}", PlainLine(line));
}
void LogInfo(const std::string& line) { Logger().info("{}", PlainLine(line)); }
void LogWarning(const std::string& line) {
  Logger().warn("{}", PlainLine(line));
}
void LogError(const std::string& line) {
  Logger().error("{}", PlainLine(line));
}

void SetLogLevel(const std::string& level) {
  Logger().set_level(spdlog::level::from_str(level));
}

}  // namespace layerd
