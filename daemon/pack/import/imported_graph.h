#ifndef LAYERD_DAEMON_PACK_IMPORT_IMPORTED_GRAPH_H_
#define LAYERD_DAEMON_PACK_IMPORT_IMPORTED_GRAPH_H_

#include <utility>

#include "config/check.h"
#include "daemon/pack/import/onnx_test_model.h"

namespace layerd {

// The graph of a model that must be taken: a test ends here if it is not.
inline Graph Imported(const TestModel& model,
                      const ValueBindings& values = {}) {
  auto graph = model.Import({}, values);
  LAYERD_CHECK(graph.ok(), graph.status().ToString());
  return *std::move(graph);
}

}  // namespace layerd

#endif  // LAYERD_DAEMON_PACK_IMPORT_IMPORTED_GRAPH_H_
