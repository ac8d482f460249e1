#ifndef LAYERD_DAEMON_PACK_IMPORT_ONNX_IMPORTER_H_
#define LAYERD_DAEMON_PACK_IMPORT_ONNX_IMPORTER_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "daemon/pack/graph/graph.h"

namespace layerd {

// Free dimensions by input name; every dimension positive.
using ShapeBindings = std::map<std::string, std::vector<int64_t>>;

// Values of inputs that decide shapes or are weights, by name: held, and then
// no longer inputs of the model.
using ValueBindings = std::map<std::string, Constant>;

// Reads an ONNX file: a streaming scan of the protobuf wire format that leaves
// initializers in the file, then opset and IR checks, shape binding, shape and
// type inference, and folding of what is constant (Shape -> Gather -> Concat
// chains, Constant nodes). The graph that comes out has a dtype and a bound
// shape on every value and nodes only of operators that packing can lower.
//
// Bounds: recursion, counts and sizes (limits in the source); a hostile file
//         is an error, never a crash, a hang or much memory.
// Errors: NOT_FOUND, PERMISSION_DENIED; INVALID_ARGUMENT for a file that is
//         not ONNX, or whose shapes are free: names the input and shows the
//         --shape line; UNIMPLEMENTED names node, operator and opset;
//         RESOURCE_EXHAUSTED if more would have to be held than the limits.
absl::StatusOr<Graph> ImportOnnx(const std::string& path,
                                 const ShapeBindings& shapes,
                                 const ValueBindings& values = {});

}  // namespace layerd

#endif  // LAYERD_DAEMON_PACK_IMPORT_ONNX_IMPORTER_H_
