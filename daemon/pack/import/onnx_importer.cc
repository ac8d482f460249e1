#include "daemon/pack/import/onnx_importer.h"

#include <utility>

#include "config/status_macros.h"
#include "daemon/pack/graph/source_file.h"
#include "daemon/pack/import/graph_builder.h"
#include "daemon/pack/import/graph_inference.h"
#include "daemon/pack/import/value_binding.h"
#include "daemon/pack/onnx/allowance.h"
#include "daemon/pack/onnx/onnx_limits.h"
#include "daemon/pack/onnx/onnx_scan.h"

namespace layerd {

absl::StatusOr<Graph> ImportOnnx(const std::string& path,
                                 const ShapeBindings& shapes,
                                 const ValueBindings& values) {
  Allowance held_bytes("bytes outside of its files", kHeldBytesMax);
  ASSIGN_OR_RETURN(OnnxModel model, ScanOnnx(path, held_bytes));
  RETURN_IF_ERROR(BindValues(values, held_bytes, &model));
  const int64_t opset = model.opset;
  ASSIGN_OR_RETURN(Graph graph, BuildGraph(std::move(model), shapes));
  RETURN_IF_ERROR(InferAndFold(opset, graph, held_bytes));
  ASSIGN_OR_RETURN(graph.source_sha256, Sha256OfSources(graph.files));
  return graph;
}

}  // namespace layerd
