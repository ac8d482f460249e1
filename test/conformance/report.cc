#include "test/conformance/report.h"

#include <map>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "test/scratch/scratch_folder.h"

namespace layerd {
namespace {

constexpr char kHead[] =
    "# Conformance\n\n"
    "Written by `test/conformance/update.sh`; the README says what it does. A\n"
    "case counts for each operator that it uses. *Bound*: passed, with an "
    "input\n"
    "that decides a shape or is a weight bound when packing (`layerctl pack "
    "--value` or\n"
    "`--shape`).\n\n";

struct Count {
  int cases = 0, passed = 0, bound = 0, refused = 0, wrong = 0;
  int oracle = 0;         // That ONNX Runtime passes.
  int passed_oracle = 0;  // And so do we.

  void Add(const Verdict& verdict, bool oracle_passes) {
    const bool is_bound = verdict.outcome == Outcome::kPassedBound;
    const bool is_passed = is_bound || verdict.outcome == Outcome::kPassed;
    ++cases;
    passed += is_passed ? 1 : 0;
    bound += is_bound ? 1 : 0;
    refused += verdict.outcome == Outcome::kRefused ? 1 : 0;
    wrong = cases - passed - refused;
    oracle += oracle_passes ? 1 : 0;
    passed_oracle += oracle_passes && is_passed ? 1 : 0;
  }

  std::string Row(const std::string& what) const {
    return absl::StrFormat("| %s | %d | %d | %d | %d | %d | %d |\n", what,
                           cases, passed, bound, refused, wrong, oracle);
  }
};

constexpr char kColumns[] =
    "| operator | cases | passed | of them bound | refused | wrong | ONNX "
    "Runtime passes |\n"
    "| --- | --- | --- | --- | --- | --- | --- |\n";

// The reason in one short line of a table.
std::string InATable(const std::string& words) {
  std::string line =
      absl::StrReplaceAll(words, {{"|", "\\|"}, {"\n", " "}, {"<", "&lt;"}});
  if (line.size() > 200) line = line.substr(0, 200) + "...";
  return line;
}

}  // namespace

std::set<std::string> ReadNames(const std::string& path) {
  std::set<std::string> names;
  std::istringstream lines(ReadFile(path));
  for (std::string line; std::getline(lines, line);) {
    if (!line.empty() && line.front() != '#') names.insert(line);
  }
  return names;
}

std::string FormatNames(const std::string& remark,
                        const std::set<std::string>& names) {
  std::string text = absl::StrCat("# ", remark, "\n");
  for (const std::string& name : names) absl::StrAppend(&text, name, "\n");
  return text;
}

std::set<std::string> PassedNames(const std::vector<BackendCase>& cases,
                                  const std::vector<Verdict>& verdicts) {
  std::set<std::string> names;
  for (size_t i = 0; i < cases.size(); ++i) {
    const Outcome outcome = verdicts[i].outcome;
    if (outcome == Outcome::kPassed || outcome == Outcome::kPassedBound) {
      names.insert(cases[i].name);
    }
  }
  return names;
}

std::string FormatResults(const std::vector<BackendCase>& cases,
                          const std::vector<Verdict>& verdicts,
                          const std::set<std::string>& onnx_runtime) {
  std::map<std::string, Count> by_operator;
  Count core, rest;
  std::string refused;
  for (size_t i = 0; i < cases.size(); ++i) {
    const bool oracle_passes = onnx_runtime.count(cases[i].name) > 0;
    Count& all = cases[i].is_core ? core : rest;
    all.Add(verdicts[i], oracle_passes);
    if (!cases[i].is_core) continue;
    for (const std::string& name : cases[i].operators) {
      by_operator[name].Add(verdicts[i], oracle_passes);
    }
    if (verdicts[i].outcome != Outcome::kRefused) continue;
    absl::StrAppendFormat(&refused, "| %s | %s | %s |\n", cases[i].name,
                          oracle_passes ? "passes" : "fails",
                          InATable(verdicts[i].words));
  }
  std::string text = kHead;
  absl::StrAppendFormat(
      &text,
      "Of the %d cases that use only operators of the core, ONNX Runtime "
      "passes %d;\nlayerd passes %d of those, %.1f %%.\n\n",
      core.cases, core.oracle, core.passed_oracle,
      100.0 * core.passed_oracle / std::max(1, core.oracle));
  absl::StrAppend(&text, kColumns, core.Row("all of the core"),
                  rest.Row("all others"));
  absl::StrAppend(&text, "\n", kColumns);
  for (const auto& [name, count] : by_operator) {
    absl::StrAppend(&text, count.Row(name));
  }
  absl::StrAppend(&text,
                  "\n## Refused, though of the core\n\n"
                  "| case | ONNX Runtime | reason |\n| --- | --- | --- |\n",
                  refused);
  return text;
}

}  // namespace layerd
