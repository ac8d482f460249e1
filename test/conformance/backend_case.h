#ifndef LAYERD_TEST_CONFORMANCE_BACKEND_CASE_H_
#define LAYERD_TEST_CONFORMANCE_BACKEND_CASE_H_

#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "test/conformance/agreement.h"

namespace layerd {

// One of the ONNX project's backend cases: a model and what it answers.
struct BackendCase {
  std::string name;    // "node/test_abs"
  std::string folder;  // With model.onnx and test_data_set_K/.
  std::set<std::string> operators;
  // All of them are of the core.
  bool is_core = false;
  std::vector<std::string> inputs;  // Names, without initializers.
  // Those that may have to be known while packing, and those of a free shape.
  std::set<std::string> known_values, free_shapes;
};

struct DataSet {
  std::vector<HeldTensor> inputs, outputs;  // In the graph's order.
};

// The operators that layerd promises to know.
const std::set<std::string>& CoreOperators();

// All cases below `root` (node/, simple/, pytorch-*/), by name.
std::vector<BackendCase> FindCases(const std::string& root);

std::vector<std::string> DataSetFolders(const BackendCase& backend_case);

// Errors: UNIMPLEMENTED for what is no tensor, or of strings.
absl::StatusOr<DataSet> ReadDataSet(const std::string& folder);

}  // namespace layerd

#endif  // LAYERD_TEST_CONFORMANCE_BACKEND_CASE_H_
