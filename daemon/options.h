#ifndef LAYERD_DAEMON_OPTIONS_H_
#define LAYERD_DAEMON_OPTIONS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "config/config.h"

namespace layerd {

// What the command line of layerd says: a configuration file, if any, with
// flags over its keys.
struct Options {
  Config config;
  bool check_config = false;
  bool help = false;
  bool version = false;
};

// Reads the file that --config names. INVALID_ARGUMENT for what is not
// understood, with what would be; NOT_FOUND for the file.
absl::StatusOr<Options> ParseOptions(const std::vector<std::string>& arguments);

// For --help.
const char* OptionsHelp();

}  // namespace layerd

#endif  // LAYERD_DAEMON_OPTIONS_H_
