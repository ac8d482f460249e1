// layerctl: packs models, looks into layer files, runs them without a daemon,
// and talks to a running one.
#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "config/nearest_word.h"
#include "config/version.h"
#include "daemon/ctl/command_line.h"
#include "daemon/ctl/commands.h"
#include "daemon/ctl/failure.h"
#include "daemon/ctl/output.h"
#include "daemon/rt/passive_wait.h"
#include "daemon/rt/standard_streams.h"

namespace layerd {
namespace {

std::vector<Command> AllCommands() {
  return {PackCommand(),   InspectCommand(), VerifyCommand(), RepackCommand(),
          RunCommand(),    ProbeCommand(),   PlanCommand(),   BenchCommand(),
          StatusCommand(), ModelsCommand(),  InferCommand(),  TraceCommand(),
          WatchCommand(),  LoadCommand(),    UnloadCommand(), StatsCommand(),
          BudgetCommand(), MeasureCommand()};
}

std::string Overview(const std::vector<Command>& commands) {
  std::string text =
      "layerctl COMMAND [options]\n\n"
      "Packs models for layerd, looks into them, and talks to a running "
      "layerd.\n\n";
  for (const Command& command : commands) {
    absl::StrAppendFormat(&text, "  %-8s %s\n", command.name, command.summary);
  }
  return absl::StrCat(
      text,
      "\n`layerctl COMMAND --help` tells the rest, `layerctl --version` the "
      "version.\nEvery command answers as one JSON document with --json.\n"
      "Exit codes: 0 done; 1 refused or failed; 2 usage; 3 the asked-for "
      "device is missing.\n");
}

int End(const absl::Status& status, const std::string& command, bool json) {
  if (status.ok()) return 0;
  std::fputs(FailureText(status, command).c_str(), stderr);
  if (json) std::fputs(FailureJson(status).c_str(), stdout);
  return ExitCodeOf(status);
}

absl::Status UnknownCommand(const std::string& name,
                            const std::vector<Command>& commands) {
  std::vector<std::string> names;
  for (const Command& command : commands) names.push_back(command.name);
  const std::string nearest = NearestWord(name, names);
  return UsageError(absl::StrCat(
      "there is no command ", name,
      nearest.empty() ? "" : absl::StrCat("; did you mean ", nearest, "?")));
}

const Command* Find(const std::vector<Command>& commands,
                    const std::string& name) {
  for (const Command& command : commands) {
    if (name == command.name) return &command;
  }
  return nullptr;
}

bool Contains(const std::vector<std::string>& words, const char* word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

int RunCommandLine(const Command& command,
                   const std::vector<std::string>& arguments) {
  const auto line = CommandLine::Parse(command, arguments);
  if (!line.ok()) {
    return End(line.status(), command.name, Contains(arguments, "--json"));
  }
  if (line->Has("--help")) return End(WriteAnswer(HelpOf(command)), "", false);
  return End(command.run(*line), command.name, line->json());
}

int Main(std::vector<std::string> arguments) {
  const std::vector<Command> commands = AllCommands();
  if (arguments.empty()) {
    std::fputs(Overview(commands).c_str(), stderr);
    return ExitCodeOf(UsageError("no command"));
  }
  std::string name = arguments.front();
  arguments.erase(arguments.begin());
  if (name == "help" && !arguments.empty()) {
    name = arguments.front();
    arguments = {"--help"};
  }
  if (name == "--help" || name == "-h" || name == "help") {
    return End(WriteAnswer(Overview(commands)), "", false);
  }
  if (name == "--version") {
    return End(WriteAnswer(absl::StrCat("layerctl ", kVersion, "\n")), "",
               false);
  }
  if (const Command* command = Find(commands, name)) {
    return RunCommandLine(*command, arguments);
  }
  return End(UnknownCommand(name, commands), "", Contains(arguments, "--json"));
}

}  // namespace
}  // namespace layerd

int main(int argc, char** argv) {
  layerd::KeepStandardStreams();
  layerd::WaitPassively(argv);
  return layerd::Main(std::vector<std::string>(argv + 1, argv + argc));
}
