#include "daemon/ctl/command_line.h"

#include <algorithm>
#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "config/byte_size.h"
#include "config/check.h"
#include "config/nearest_word.h"
#include "config/status_macros.h"
#include "daemon/ctl/failure.h"

namespace layerd {
namespace {

constexpr size_t kHelpColumn = 30;
constexpr size_t kHelpWidth = 80;
constexpr char kSwitchedOn[] = "1";

std::vector<Option> OptionsOf(const Command& command) {
  std::vector<Option> options = command.options;
  options.push_back(
      {.name = "--json", .help = "the answer as one JSON document"});
  options.push_back(
      {.name = "--help", .help = "this text", .short_name = "-h"});
  return options;
}

const Option* Find(const std::vector<Option>& options, std::string_view name) {
  for (const Option& option : options) {
    if (name == option.name) return &option;
    if (option.short_name != nullptr && name == option.short_name) {
      return &option;
    }
  }
  return nullptr;
}

absl::Status UnknownOption(const std::vector<Option>& options,
                           const std::string& name) {
  std::vector<std::string> known;
  for (const Option& option : options) known.push_back(option.name);
  const std::string nearest = NearestWord(name, known);
  return UsageError(absl::StrCat(
      "there is no option ", name,
      nearest.empty() ? "" : absl::StrCat("; did you mean ", nearest, "?")));
}

bool LooksLikeOption(const std::string& argument) {
  return argument.size() > 1 && argument.front() == '-';
}

// An argument "--name=value" in its two halves.
struct Typed {
  std::string name;
  std::optional<std::string> value;
};

Typed SplitTyped(const std::string& argument) {
  const size_t equals = argument.find('=');
  if (!argument.starts_with("--") || equals == std::string::npos) {
    return {argument, std::nullopt};
  }
  return {argument.substr(0, equals), argument.substr(equals + 1)};
}

// `text` in lines of kHelpWidth that begin at `column`, where the first of them
// is already.
std::string Wrapped(std::string_view text, size_t column) {
  std::string lines;
  size_t at = column;
  for (const auto word :
       absl::StrSplit(absl::string_view(text.data(), text.size()),
                      absl::ByAnyChar(" \n"), absl::SkipEmpty())) {
    if (at > column && at + 1 + word.size() > kHelpWidth) {
      absl::StrAppend(&lines, "\n", std::string(column, ' '));
      at = column;
    } else if (at > column) {
      lines += ' ';
      ++at;
    }
    absl::StrAppend(&lines, word);
    at += word.size();
  }
  return lines + "\n";
}

std::string OptionLines(const Option& option) {
  std::string head = "  ";
  if (option.short_name) absl::StrAppend(&head, option.short_name, ", ");
  absl::StrAppend(&head, option.name);
  if (option.value) absl::StrAppend(&head, " ", option.value);
  const bool fits = head.size() + 2 <= kHelpColumn;
  return absl::StrCat(
      head, fits ? "" : "\n",
      std::string(kHelpColumn - (fits ? head.size() : 0), ' '),
      Wrapped(absl::StrCat(option.help, option.repeats ? "; repeats" : ""),
              kHelpColumn));
}

absl::Status CheckOperands(const Command& command,
                           const std::vector<std::string>& words) {
  const size_t count = words.size();
  if (count < command.operand_count_min) {
    return UsageError(absl::StrFormat("%s is missing: layerctl %s %s",
                                      command.operands, command.name,
                                      command.operands));
  }
  if (count > command.operand_count_max) {
    return UsageError(absl::StrFormat(
        "%s is too much: layerctl %s %s", words[command.operand_count_max],
        command.name,
        *command.operands == '\0' ? "takes options only" : command.operands));
  }
  return absl::OkStatus();
}

}  // namespace

std::string HelpOf(const Command& command) {
  std::string text =
      absl::StrCat("layerctl ", command.name, " ", command.operands,
                   *command.operands == '\0' ? "" : " ", "[options]\n\n",
                   Wrapped(command.summary, 0), "\n");
  for (const Option& option : OptionsOf(command)) {
    absl::StrAppend(&text, OptionLines(option));
  }
  if (*command.notes == '\0') return text;
  return absl::StrCat(text, "\n", Wrapped(command.notes, 0));
}

absl::StatusOr<CommandLine> CommandLine::Parse(
    const Command& command, const std::vector<std::string>& arguments) {
  const std::vector<Option> options = OptionsOf(command);
  CommandLine line;
  for (const Option& option : options) line.values_[option.name];
  bool only_operands = false;
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (!only_operands && arguments[i] == "--") {
      only_operands = true;
      continue;
    }
    if (only_operands || !LooksLikeOption(arguments[i])) {
      line.operands_.push_back(arguments[i]);
      continue;
    }
    RETURN_IF_ERROR(line.TakeOption(options, arguments, &i));
  }
  if (line.Has("--help")) return line;
  RETURN_IF_ERROR(CheckOperands(command, line.operands_));
  return line;
}

absl::Status CommandLine::TakeOption(const std::vector<Option>& options,
                                     const std::vector<std::string>& arguments,
                                     size_t* i) {
  Typed typed = SplitTyped(arguments[*i]);
  const Option* option = Find(options, typed.name);
  if (option == nullptr) return UnknownOption(options, typed.name);
  std::vector<std::string>& values = values_[option->name];
  if (option->value == nullptr) {
    if (typed.value) {
      return UsageError(absl::StrCat(option->name, " takes no value"));
    }
    values = {kSwitchedOn};
    return absl::OkStatus();
  }
  if (!values.empty() && !option->repeats) {
    return UsageError(absl::StrCat(option->name, " is given twice"));
  }
  if (!typed.value) {
    if (*i + 1 == arguments.size() || arguments[*i + 1].starts_with("--")) {
      return UsageError(
          absl::StrCat(option->name, " needs a value: ", option->value));
    }
    typed.value = arguments[++*i];
  }
  values.push_back(*std::move(typed.value));
  return absl::OkStatus();
}

bool CommandLine::Has(const std::string& option) const {
  return !All(option).empty();
}

std::string CommandLine::Text(const std::string& option,
                              const std::string& fallback) const {
  return Has(option) ? All(option).back() : fallback;
}

const std::vector<std::string>& CommandLine::All(
    const std::string& option) const {
  const auto found = values_.find(option);
  LAYERD_CHECK(found != values_.end(), option);
  return found->second;
}

absl::StatusOr<uint64_t> CommandLine::Number(const std::string& option,
                                             uint64_t fallback, uint64_t min,
                                             uint64_t max) const {
  if (!Has(option)) return fallback;
  const std::string text = Text(option, "");
  uint64_t number = 0;
  if (!absl::SimpleAtoi(text, &number) || number < min || number > max) {
    return UsageError(
        absl::StrFormat("%s is '%s', expected a whole number from %d to %d",
                        option, text, min, max));
  }
  return number;
}

absl::StatusOr<uint64_t> CommandLine::Bytes(const std::string& option,
                                            uint64_t fallback) const {
  if (!Has(option)) return fallback;
  const absl::StatusOr<uint64_t> bytes = ParseByteSize(Text(option, ""));
  if (bytes.ok()) return *bytes;
  return UsageError(
      absl::StrCat(option, ": ", std::string(bytes.status().message())));
}

absl::StatusOr<std::string> CommandLine::OneOf(
    const std::string& option, const std::vector<std::string>& choices) const {
  const std::string text = Text(option, choices.front());
  if (std::find(choices.begin(), choices.end(), text) != choices.end()) {
    return text;
  }
  return UsageError(absl::StrFormat("%s is '%s', expected %s", option, text,
                                    absl::StrJoin(choices, " or ")));
}

}  // namespace layerd
