#include "daemon/rt/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "config/plain_text.h"

namespace layerd {
namespace {

// The variable is inherited by programs whose standard error goes elsewhere.
bool IsInJournal() {
  const char* const stream = std::getenv("JOURNAL_STREAM");
  struct stat facts {};
  return stream != nullptr && fstat(STDERR_FILENO, &facts) == 0 &&
         absl::StrCat(facts.st_dev, ":", facts.st_ino) == stream;
}

bool InJournal() {
  static const bool is_in_journal = IsInJournal();
  return is_in_journal;
}

spdlog::logger& Logger() {
  static const std::shared_ptr<spdlog::logger> logger = [] {
    auto made = spdlog::stderr_logger_mt("layerd");
    made->set_pattern(InJournal() ? "%v" : "%Y-%m-%dT%H:%M:%S.%e %l %v");
    return made;
  }();
  return *logger;
}

// "{}" keeps braces in the line from being taken for a format.
void Log(spdlog::level::level_enum level, int journal_priority,
         const std::string& line) {
  const std::string mark =
      InJournal() ? absl::StrCat("<", journal_priority, ">") : "";
  Logger().log(level, "{}{}", mark, PlainLine(line));
}

}  // namespace

void LogDebug(const std::string& line) {
  Log(spdlog::level::debug, LOG_DEBUG, line);
}
void LogInfo(const std::string& line) {
  Log(spdlog::level::info, LOG_INFO, line);
}
void LogWarning(const std::string& line) {
  Log(spdlog::level::warn, LOG_WARNING, line);
}
void LogError(const std::string& line) {
  Log(spdlog::level::err, LOG_ERR, line);
}

void SetLogLevel(const std::string& level) {
  Logger().set_level(spdlog::level::from_str(level));
}

}  // namespace layerd
