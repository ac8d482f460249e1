#ifndef LAYERD_DAEMON_PACK_IMPORT_CONDITIONS_H_
#define LAYERD_DAEMON_PACK_IMPORT_CONDITIONS_H_

#include <vector>

#include "absl/status/status.h"
#include "daemon/pack/graph/graph.h"

namespace layerd {

// Which branches of Ifs are taken, as far as that is known while inference
// walks.
//
// Ownership: both are loans. `stands_for` has the value that each is the same
// as; what is behind its end is itself.
class Conditions {
 public:
  enum class Answer { kNo, kYes, kUnknown };

  Conditions(const Graph* graph, const std::vector<int>* stands_for)
      : graph_(graph), stands_for_(stands_for) {}

  Answer IsTrue(int condition) const;

  // Whether what belongs to a branch, -1 if to none, is computed.
  Answer IsTaken(int branch) const;

  // `status`, which says so if it is about a branch that a request decides on.
  absl::Status InBranch(int branch, const absl::Status& status) const;

 private:
  const Value& Meant(int value) const;

  const Graph* graph_;
  const std::vector<int>* stands_for_;
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_PACK_IMPORT_CONDITIONS_H_
