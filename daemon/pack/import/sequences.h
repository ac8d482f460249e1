#ifndef LAYERD_DAEMON_PACK_IMPORT_SEQUENCES_H_
#define LAYERD_DAEMON_PACK_IMPORT_SEQUENCES_H_

#include <map>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/pack/graph/graph.h"
#include "daemon/pack/import/loop_bodies.h"
#include "daemon/pack/onnx/allowance.h"

namespace layerd {

// Lists of tensors: which tensors a list has is known while packing, so none is
// left when that is done.
//
// Ownership: graph and held_bytes are loans.
class Sequences {
 public:
  Sequences(Graph* graph, Allowance* held_bytes)
      : graph_(graph), held_bytes_(held_bytes) {}

  // Whether the value is a list.
  bool Has(int value) const { return lists_.contains(value); }

  // Whether the node makes, changes or reads one.
  static bool Is(const Node& node);

  // REQUIRES: Is(node); its inputs are what they stand for.
  // Errors: UNIMPLEMENTED if a request decides which element is meant.
  absl::Status Take(const Node& node, const InferenceDoor& door);

 private:
  using List = std::vector<int>;

  absl::StatusOr<const List*> ListOf(const Node& node, size_t i) const;
  absl::Status Set(int value, List list);
  absl::StatusOr<size_t> Place(const Node& node, size_t i, size_t size,
                               size_t otherwise) const;
  absl::Status Insert(const Node& node, const List& list);
  absl::Status Erase(const Node& node, List list);
  absl::Status Length(const Node& node, const List& list);
  absl::Status Join(const Node& node, const List& list,
                    const InferenceDoor& door);
  absl::Status Split(const Node& node, const InferenceDoor& door);
  absl::StatusOr<std::vector<int64_t>> PiecesOf(const Node& node,
                                                int64_t length) const;
  bool SplitsIntoElements(const Node& node) const;
  int NewValue();
  int KnownInts(const std::vector<int64_t>& numbers, bool is_list);

  Graph* graph_;
  Allowance* held_bytes_;
  std::map<int, List> lists_;  // By value.
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_PACK_IMPORT_SEQUENCES_H_
