// Runs the ONNX project's backend cases through packing and streamed execution.
//
//   conformance FOLDER_OF_CASES FOLDER_OF_LISTS [--update] [NAME...]
//
// Fails if any case is answered wrong or crashes, unless disputed.txt says why
// what it expects is wrong, or if a case of expected_passes.txt does not pass.
// --update writes what passes into that list, which only grows, and RESULTS.md.
// With NAMEs only those cases run, and each says how it went. The last line is
// "N passed, N failed".

#include <sched.h>

#include <cstdio>

#include "absl/strings/str_cat.h"
#include "test/conformance/report.h"
#include "test/conformance/run_case.h"
#include "test/scratch/scratch_folder.h"

namespace layerd {
namespace {

constexpr char kRemark[] =
    "Cases that pass; update.sh adds those that newly do. It only grows.";

struct Request {
  std::string cases, lists;
  bool is_update = false;
  std::set<std::string> names;
};

int CpuCount() {
  cpu_set_t cpus;
  return sched_getaffinity(0, sizeof(cpus), &cpus) == 0 ? CPU_COUNT(&cpus) : 1;
}

const char* NameOf(Outcome outcome) {
  switch (outcome) {
    case Outcome::kPassed:
      return "passed";
    case Outcome::kPassedBound:
      return "passed, bound";
    case Outcome::kRefused:
      return "refused";
    case Outcome::kWrong:
      return "WRONG";
    case Outcome::kCrashed:
      return "CRASHED";
  }
  return "?";
}

// How many are not as they must be; says which.
int CountFailed(const std::vector<BackendCase>& cases,
                const std::vector<Verdict>& verdicts,
                const std::set<std::string>& expected,
                const std::set<std::string>& disputed, bool says_all) {
  int failed = 0;
  for (size_t i = 0; i < cases.size(); ++i) {
    const Outcome outcome = verdicts[i].outcome;
    const bool is_bad =
        outcome == Outcome::kCrashed ||
        (outcome == Outcome::kWrong && disputed.count(cases[i].name) == 0) ||
        (outcome == Outcome::kRefused && expected.count(cases[i].name) > 0);
    failed += is_bad ? 1 : 0;
    if (!is_bad && !says_all) continue;
    std::printf("%s%s: %s: %s\n", is_bad ? "FAILED: " : "",
                cases[i].name.c_str(), NameOf(outcome),
                verdicts[i].words.c_str());
  }
  return failed;
}

// Listed cases that are not there at all.
int CountMissing(const std::vector<BackendCase>& cases,
                 std::set<std::string> expected) {
  for (const BackendCase& one : cases) expected.erase(one.name);
  for (const std::string& name : expected) {
    std::printf("FAILED: %s: is not there\n", name.c_str());
  }
  return static_cast<int>(expected.size());
}

void Update(const Request& request, const std::vector<BackendCase>& cases,
            const std::vector<Verdict>& verdicts,
            std::set<std::string> expected) {
  expected.merge(PassedNames(cases, verdicts));
  WriteFile(request.lists + "/expected_passes.txt",
            FormatNames(kRemark, expected));
  WriteFile(
      request.lists + "/RESULTS.md",
      FormatResults(cases, verdicts,
                    ReadNames(request.lists + "/onnxruntime_passes.txt")));
}

int Run(const Request& request) {
  std::vector<BackendCase> cases = FindCases(request.cases);
  if (cases.empty()) {
    std::printf(
        "FAILED: no cases in %s: apt-get install libonnx-testdata\n"
        "0 passed, 1 failed\n",
        request.cases.c_str());
    return 1;
  }
  std::set<std::string> expected =
      ReadNames(request.lists + "/expected_passes.txt");
  int failed = CountMissing(cases, expected);
  if (!request.names.empty()) {
    std::erase_if(cases, [&request](const BackendCase& one) {
      return request.names.count(one.name) == 0;
    });
  }
  const std::vector<Verdict> verdicts = RunInChildren(cases, CpuCount());
  failed += CountFailed(cases, verdicts, expected,
                        ReadNames(request.lists + "/disputed.txt"),
                        !request.names.empty());
  const std::set<std::string> passed = PassedNames(cases, verdicts);
  if (request.is_update) {
    Update(request, cases, verdicts, expected);
  } else {
    for (const std::string& name : passed) {
      if (expected.count(name) > 0) continue;
      std::printf("passes now, test/conformance/update.sh lists it: %s\n",
                  name.c_str());
    }
  }
  std::printf("%d passed, %d failed\n", static_cast<int>(passed.size()),
              failed);
  return failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace layerd

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr,
                 "usage: %s FOLDER_OF_CASES FOLDER_OF_LISTS [--update] "
                 "[NAME...]\n",
                 argv[0]);
    return 2;
  }
  layerd::Request request{argv[1], argv[2], false, {}};
  for (int i = 3; i < argc; ++i) {
    if (std::string(argv[i]) == "--update") {
      request.is_update = true;
    } else {
      request.names.insert(argv[i]);
    }
  }
  return layerd::Run(request);
}
