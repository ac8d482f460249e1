#ifndef LAYERD_DAEMON_SERVE_REQUEST_PARSE_H_
#define LAYERD_DAEMON_SERVE_REQUEST_PARSE_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "google/protobuf/io/zero_copy_stream.h"
#include "open_inference.pb.h"

namespace layerd {

struct RequestHead {
  inference::ModelInferRequest request;  // Without its tensors.
  // Of the typed values of its inputs, as they came; what is none is counted as
  // the object that it would become.
  uint64_t typed_bytes = 0;
};

// What admission asks of a request, from the bytes that came in: model,
// version, id and parameters. Tensors are walked over, wherever they lie, and
// not copied: a request that is refused need not be parsed.
//
// Why it counts: parsing makes an object of each name, shape and parameter, and
// of what nobody knows. Two bytes may become a hundred, so a message of a size
// that is allowed would fill the machine.
//
// Errors: INVALID_ARGUMENT if the bytes are no ModelInferRequest, as far as was
//         looked, or have more words or tensors than limits.h allows.
absl::StatusOr<RequestHead> ParseHead(
    google::protobuf::io::ZeroCopyInputStream* bytes);

// All of it. Errors: INVALID_ARGUMENT.
// REQUIRES: ParseHead() took it, and its typed bytes may be that many.
absl::StatusOr<inference::ModelInferRequest> ParseWhole(
    google::protobuf::io::ZeroCopyInputStream* bytes);

}  // namespace layerd

#endif  // LAYERD_DAEMON_SERVE_REQUEST_PARSE_H_
