#ifndef LAYERD_DAEMON_CTL_COMMAND_LINE_H_
#define LAYERD_DAEMON_CTL_COMMAND_LINE_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace layerd {

class CommandLine;

// One option of a command: `--name value`, `--name=value`, or `-n value`.
struct Option {
  const char* name;             // "--input"
  const char* value = nullptr;  // "NAME=x.npy"; null for a switch.
  const char* help;
  bool repeats = false;
  const char* short_name = nullptr;  // "-o"
};

// One word that layerctl knows. Every command has --json and --help too.
struct Command {
  const char* name;
  const char* operands;  // "FILE"
  size_t operand_count_min, operand_count_max;
  const char* summary;
  std::vector<Option> options;
  const char* notes;  // Closes --help; may be empty.
  absl::Status (*run)(const CommandLine& line);
};

// For --help of one command.
std::string HelpOf(const Command& command);

// What was typed after the command's name. A CommandLine that exists has only
// options that the command knows, each as often as it may be, and as many
// operands as it takes; values are understood by those who ask for them.
//
// Errors: UsageError() naming the option, and a hint.
class CommandLine {
 public:
  static absl::StatusOr<CommandLine> Parse(
      const Command& command, const std::vector<std::string>& arguments);

  const std::vector<std::string>& operands() const { return operands_; }
  bool json() const { return Has("--json"); }

  // REQUIRES, like all that follow: the command has this option.
  bool Has(const std::string& option) const;
  std::string Text(const std::string& option,
                   const std::string& fallback) const;
  const std::vector<std::string>& All(const std::string& option) const;

  absl::StatusOr<uint64_t> Number(const std::string& option, uint64_t fallback,
                                  uint64_t min, uint64_t max) const;
  absl::StatusOr<uint64_t> Bytes(const std::string& option,
                                 uint64_t fallback) const;
  // The first choice is the default.
  absl::StatusOr<std::string> OneOf(
      const std::string& option, const std::vector<std::string>& choices) const;

 private:
  CommandLine() = default;
  // Takes the option at `i` and its value; `i` is left at the last of them.
  absl::Status TakeOption(const std::vector<Option>& options,
                          const std::vector<std::string>& arguments, size_t* i);

  // Every option of the command, with the values it was given.
  std::map<std::string, std::vector<std::string>> values_;
  std::vector<std::string> operands_;
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_CTL_COMMAND_LINE_H_
