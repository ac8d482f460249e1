#include "daemon/pack/import/value_advice.h"

#include <algorithm>
#include <set>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "daemon/pack/graph/element_type.h"

namespace layerd {
namespace {

// Sizes, axes, factors: what somebody writes down. More are data.
constexpr int64_t kNumbersMax = 64;
constexpr size_t kNamedMax = 4;

bool IsSmall(const Value& value) {
  return value.shape && CountOf(*value.shape) <= kNumbersMax;
}

// Inputs of the model that `values` follow from.
std::vector<int> DecidedBy(const Graph& graph, const std::vector<Node>& before,
                           std::set<int> values) {
  const auto is_wanted = [&](int value) { return values.count(value) > 0; };
  for (auto node = before.rbegin(); node != before.rend(); ++node) {
    if (!std::ranges::any_of(node->outputs, is_wanted)) continue;
    for (const int input : node->inputs) {
      if (input != kAbsent) values.insert(input);
    }
  }
  std::vector<int> inputs;
  for (const int input : graph.inputs) {
    if (graph.values[input].constant < 0 && is_wanted(input)) {
      inputs.push_back(input);
    }
  }
  return inputs;
}

}  // namespace

absl::Status WithValueAdvice(const absl::Status& status, const Graph& graph,
                             const std::vector<Node>& before,
                             const std::vector<int>& inputs) {
  if (!absl::StrContains(status.message(), "must be known while packing")) {
    return status;
  }
  const auto is_small = [&](int value) { return IsSmall(graph.values[value]); };
  std::set<int> asked;
  for (size_t i = 0; i < inputs.size(); ++i) {
    // What is computed with comes first, and what decides how behind it.
    const bool is_data = i == 0 && inputs.size() > 1;
    if (!is_data && inputs[i] != kAbsent && is_small(inputs[i])) {
      asked.insert(inputs[i]);
    }
  }
  const std::vector<int> deciding = DecidedBy(graph, before, std::move(asked));
  if (deciding.empty() || deciding.size() > kNamedMax ||
      !std::ranges::all_of(deciding, is_small)) {
    return status;
  }
  const std::string names =
      absl::StrJoin(deciding, " and ", [&](std::string* text, int input) {
        absl::StrAppend(text, "\"", Printable(graph.values[input].name), "\"");
      });
  return absl::Status(
      status.code(),
      absl::StrCat(status.message(), "; it follows from the model's input ",
                   names,
                   ": bind it with --value, or below values: in model.yaml"));
}

}  // namespace layerd
