#ifndef LAYERD_DAEMON_PACK_IMPORT_GRAPH_BUILDER_H_
#define LAYERD_DAEMON_PACK_IMPORT_GRAPH_BUILDER_H_

#include "absl/status/statusor.h"
#include "daemon/pack/graph/graph.h"
#include "daemon/pack/import/onnx_importer.h"
#include "daemon/pack/onnx/onnx_scan.h"

namespace layerd {

// Names become indices: values that are written once, nodes in topological
// order (as in the file where that is one) without those that no output needs.
// Inputs have bound shapes; nothing else has a shape or dtype but constants.
//
// Errors: INVALID_ARGUMENT for names that are empty, written twice or read and
//         never written, for a cycle, and those of BindShape.
absl::StatusOr<Graph> BuildGraph(OnnxModel model, const ShapeBindings& shapes);

// Drops nodes that no output needs, then values and constants that nobody
// names. Outputs of nodes that nobody reads become kAbsent; absent ones at the
// end go.
void Prune(Graph& graph);

// The shapes of the model's inputs, all of them bound: by `shapes`; a free
// dimension that has the name of one that `shapes` binds, by that; else a free
// leading one to 1.
//
// Errors: INVALID_ARGUMENT naming the input and showing the --shape line, for
//         what stays free, contradicts the model, or names no input.
absl::StatusOr<std::vector<std::vector<int64_t>>> BindShapes(
    const std::vector<OnnxValueInfo>& inputs, const ShapeBindings& shapes);

}  // namespace layerd

#endif  // LAYERD_DAEMON_PACK_IMPORT_GRAPH_BUILDER_H_
