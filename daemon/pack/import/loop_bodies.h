#ifndef LAYERD_DAEMON_PACK_IMPORT_LOOP_BODIES_H_
#define LAYERD_DAEMON_PACK_IMPORT_LOOP_BODIES_H_

#include <functional>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/pack/graph/graph.h"
#include "daemon/pack/onnx/allowance.h"
#include "daemon/pack/onnx/onnx_limits.h"

namespace layerd {

// What inference does for those who write nodes while it walks.
struct InferenceDoor {
  std::function<absl::Status(Node)> process;  // Infers; folds or keeps.
  std::function<int(int)> stands_for;         // The value that one is in truth.
  std::function<void(int, int)> let_stand_for;  // The first for the second.
};

// Loop and Scan, written out: what a body says once is said as often as it is
// computed, which must be known while packing. A body sees what is around it,
// and may have Ifs and loops inside.
//
// Ownership: graph and turns are loans.
class LoopBodies {
 public:
  // Turns are taken from `turns`; nodes that are written are their door's.
  LoopBodies(Graph* graph, Allowance* turns)
      : graph_(graph),
        turns_(turns),
        edges_("inputs and outputs of bodies of loops, over all turns",
               kTurnedEdgesMax) {}

  // Whether the node is of a body, and so only copies of it are computed.
  bool Owns(const Node& node) const { return OutermostBody(node) >= 0; }

  // A node of a body waits for its loop; false if it belongs to none.
  bool Take(Node& node);

  // REQUIRES: `loop` is a Loop or a Scan, and belongs to no body.
  // Errors: UNIMPLEMENTED if a request decides how often it turns.
  absl::Status Unroll(const Node& loop, const InferenceDoor& door);

 private:
  // One loop at hand.
  struct Run {
    const Node& loop;
    const InferenceDoor& door;
    std::vector<int> own;      // Inputs of the loop.
    std::vector<int> carried;  // From turn to turn.
    size_t collected = 0;      // How many outputs have an element a turn.
    std::vector<std::vector<int>> elements;  // Of those.
  };
  // What a Scan walks along, input by input.
  struct Scanned {
    std::vector<int> sources;
    std::vector<int64_t> axes;
    std::vector<int64_t> backwards;
    int64_t length = 0;
  };

  int OutermostBody(const Node& node) const;  // -1: none.
  absl::Status UnrollLoop(Run& run);
  absl::StatusOr<int64_t> TurnsAtMost(const Run& run) const;
  absl::StatusOr<bool> Goes(const Run& run, int condition) const;
  absl::Status UnrollScan(Run& run);
  absl::StatusOr<Scanned> ScannedBy(Run& run) const;
  absl::StatusOr<int64_t> LengthOf(const Run& run, int source,
                                   int64_t& axis) const;
  absl::StatusOr<int> ElementOf(const Run& run, const Scanned& scanned,
                                size_t i, int64_t turn);
  absl::Status Turn(Run& run, std::vector<int> inputs, size_t skipped);
  absl::Status Finish(Run& run, const std::vector<int64_t>& axes);
  absl::StatusOr<Node> CopyOf(const Node& from, std::map<int, int>& values,
                              std::map<int, int>& branches);
  absl::StatusOr<int> BranchFor(int branch, std::map<int, int>& values,
                                std::map<int, int>& branches);
  int NewValue(std::string_view like);
  int KnownInt(DataType dtype, int64_t number, std::vector<int64_t> shape);
  std::optional<int64_t> IntOf(int value) const;
  absl::Status CheckCounts(const Run& run, size_t first_inputs,
                           size_t first_outputs) const;

  Graph* graph_;
  Allowance* turns_;
  Allowance edges_;
  std::map<int, std::vector<Node>> bodies_;  // By their branch.
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_PACK_IMPORT_LOOP_BODIES_H_
