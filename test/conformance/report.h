#ifndef LAYERD_TEST_CONFORMANCE_REPORT_H_
#define LAYERD_TEST_CONFORMANCE_REPORT_H_

#include <set>
#include <string>
#include <vector>

#include "test/conformance/run_case.h"

namespace layerd {

// A list of case names: a line each, `#` begins a remark.
std::set<std::string> ReadNames(const std::string& path);
std::string FormatNames(const std::string& remark,
                        const std::set<std::string>& names);

std::set<std::string> PassedNames(const std::vector<BackendCase>& cases,
                                  const std::vector<Verdict>& verdicts);

// RESULTS.md: operators and their cases, and every case of the core that is
// refused. `onnx_runtime` are the cases that ONNX Runtime passes.
std::string FormatResults(const std::vector<BackendCase>& cases,
                          const std::vector<Verdict>& verdicts,
                          const std::set<std::string>& onnx_runtime);

}  // namespace layerd

#endif  // LAYERD_TEST_CONFORMANCE_REPORT_H_
