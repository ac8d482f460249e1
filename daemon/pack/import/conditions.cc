#include "daemon/pack/import/conditions.h"

#include <string>

#include "absl/strings/str_format.h"
#include "daemon/pack/graph/element_type.h"

namespace layerd {

const Value& Conditions::Meant(int value) const {
  auto at = static_cast<size_t>(value);
  if (at < stands_for_->size()) at = static_cast<size_t>((*stands_for_)[at]);
  return graph_->values[at];
}

Conditions::Answer Conditions::IsTrue(int condition) const {
  const Value& value = Meant(condition);
  const bool is_one = value.constant >= 0 && *ElementCount(*value.shape) == 1;
  if (!is_one) return Answer::kUnknown;
  const auto truth =
      graph_->ReadI64(graph_->constants[static_cast<size_t>(value.constant)]);
  if (!truth.ok()) return Answer::kUnknown;
  return truth->front() != 0 ? Answer::kYes : Answer::kNo;
}

Conditions::Answer Conditions::IsTaken(int branch) const {
  Answer all = Answer::kYes;
  while (branch >= 0) {
    const Branch& around = graph_->branches[static_cast<size_t>(branch)];
    const Answer truth = IsTrue(around.condition);
    if (truth == Answer::kUnknown) {
      all = Answer::kUnknown;
    } else if ((truth == Answer::kYes) != around.is_then) {
      return Answer::kNo;
    }
    branch = around.parent;
  }
  return all;
}

absl::Status Conditions::InBranch(int branch,
                                  const absl::Status& status) const {
  while (!status.ok() && branch >= 0) {
    const Branch& around = graph_->branches[static_cast<size_t>(branch)];
    if (IsTrue(around.condition) != Answer::kUnknown) {
      branch = around.parent;
      continue;
    }
    return absl::Status(
        status.code(),
        absl::StrFormat(
            "%s (in a branch of an If that depends on \"%s\", which is not "
            "known while packing; --value binds an input that decides)",
            std::string(status.message()),
            Printable(
                graph_->values[static_cast<size_t>(around.condition)].name)));
  }
  return status;
}

}  // namespace layerd
