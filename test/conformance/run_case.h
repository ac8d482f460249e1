#ifndef LAYERD_TEST_CONFORMANCE_RUN_CASE_H_
#define LAYERD_TEST_CONFORMANCE_RUN_CASE_H_

#include <string>
#include <vector>

#include "test/conformance/backend_case.h"

namespace layerd {

enum class Outcome : char {
  kPassed = 'p',
  kPassedBound = 'b',  // With shapes or values of inputs bound when packing.
  kRefused = 'r',      // When packing, with a reason.
  kWrong = 'w',        // A wrong answer, or none after packing went well.
  kCrashed = 'c',      // Or took too long.
};

struct Verdict {
  Outcome outcome = Outcome::kCrashed;
  std::string words;
};

// Packs the case and asks it all its data sets, streamed under the smallest
// weight budget that will do and resident: both must have the same bytes and
// agree with what is expected. In this process: a crash is the caller's.
Verdict RunCase(const BackendCase& backend_case);

// Each case in a child of its own, `jobs` at a time; verdicts in their order.
//
// REQUIRES: this process has one thread.
std::vector<Verdict> RunInChildren(const std::vector<BackendCase>& cases,
                                   int jobs);

}  // namespace layerd

#endif  // LAYERD_TEST_CONFORMANCE_RUN_CASE_H_
