#ifndef LAYERD_DAEMON_SERVE_REQUEST_PARSE_H_
#define LAYERD_DAEMON_SERVE_REQUEST_PARSE_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "google/protobuf/io/zero_copy_stream.h"
#include "open_inference.pb.h"

namespace layerd {

// What admission asks of a request, from the bytes that came in: model,
// version, id and parameters. Tensors are walked over, wherever they lie, and
// not copied: a request that is refused need not be parsed.
//
// Errors: INVALID_ARGUMENT if the bytes are no ModelInferRequest, as far as was
//         looked.
absl::StatusOr<inference::ModelInferRequest> ParseHead(
    google::protobuf::io::ZeroCopyInputStream* bytes);

// All of it. Errors: INVALID_ARGUMENT.
absl::StatusOr<inference::ModelInferRequest> ParseWhole(
    google::protobuf::io::ZeroCopyInputStream* bytes);

}  // namespace layerd

#endif  // LAYERD_DAEMON_SERVE_REQUEST_PARSE_H_
