#ifndef LAYERD_DAEMON_PACK_ONNX_ONNX_HEADER_H_
#define LAYERD_DAEMON_PACK_ONNX_ONNX_HEADER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/pack/onnx/wire_reader.h"

namespace layerd {

// What stands in a model outside of its graph.
struct OnnxHeader {
  int64_t ir_version = 0;
  std::optional<int64_t> opset;  // Of the default domain.
  std::optional<WireField> graph;
  std::vector<WireField> functions;
};

// `file` is a ModelProto.
// Errors: INVALID_ARGUMENT if it is none, UNIMPLEMENTED for versions that are
//         not supported.
absl::StatusOr<OnnxHeader> ReadHeader(WireReader file);

// `message` is an OperatorSetIdProto. Leaves `opset` alone if it is one of
// another domain.
// Errors: INVALID_ARGUMENT if `opset` is another one already.
absl::Status ReadOpset(WireReader message, std::optional<int64_t>& opset);

// Errors: UNIMPLEMENTED with those that are supported.
absl::Status CheckOpset(int64_t opset);

bool IsDefaultDomain(const std::string& domain);

// The first string in field `number` of `message`, for errors.
absl::StatusOr<std::string> StringOf(WireReader message, uint32_t number);

// Errors: INVALID_ARGUMENT unless `field` is a message, or a string.
absl::Status CheckBytesField(const WireField& field, const char* what);

}  // namespace layerd

#endif  // LAYERD_DAEMON_PACK_ONNX_ONNX_HEADER_H_
