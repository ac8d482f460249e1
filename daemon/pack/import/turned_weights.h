#ifndef LAYERD_DAEMON_PACK_IMPORT_TURNED_WEIGHTS_H_
#define LAYERD_DAEMON_PACK_IMPORT_TURNED_WEIGHTS_H_

#include <map>
#include <optional>

#include "daemon/pack/graph/graph.h"

namespace layerd {

// Transposes of matrices that lie in a file. They fold once somebody needs the
// turned matrix; a product does not, for it can turn it as it is read.
//
// Why: exporters write a linear layer as Transpose and MatMul. Folding each
// would hold a second copy of all weights while packing.
//
// Ownership: the graph is a loan.
class TurnedWeights {
 public:
  explicit TurnedWeights(Graph* graph) : graph_(graph) {}

  // Whether folding of `node`, which could fold, waits.
  bool Take(const Node& node);

  // Has a Gemm or a MatMul read the matrix in its file: the first turns it the
  // other way, the second becomes a MatMulOfRows.
  void ReadFromFile(Node& product);

  // The Transpose that `value` waits for, which from now on does not wait.
  std::optional<Node> Release(int value);

 private:
  Graph* graph_;
  std::map<int, Node> waiting_;  // By what they write.
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_PACK_IMPORT_TURNED_WEIGHTS_H_
