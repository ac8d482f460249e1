#ifndef LAYERD_DAEMON_SERVE_REQUEST_CHECK_H_
#define LAYERD_DAEMON_SERVE_REQUEST_CHECK_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "daemon/model/model.h"
#include "open_inference.pb.h"

namespace layerd {

// A request that fits its model.
//
// Ownership: inputs lie in the request where they came raw, in `converted`
//            where they came typed: both outlive the use of `inputs`.
struct CheckedRequest {
  std::vector<std::span<const std::byte>> inputs;  // In the model's order.
  std::vector<std::vector<std::byte>> converted;
  std::vector<size_t> outputs;  // Of the model, in the order of the reply.
  std::optional<std::chrono::microseconds> timeout;
  std::optional<uint64_t> priority;  // Levels count from 1, most urgent.
};

// Compares a request with what the model takes, field by field. Everything
// that would change the meaning of the request and that layerd does not do is
// refused, never ignored (shared memory, classification).
//
// Errors: INVALID_ARGUMENT, with the name in question and what was expected.
absl::StatusOr<CheckedRequest> CheckRequest(
    const inference::ModelInferRequest& request,
    const std::vector<Model::Port>& inputs,
    const std::vector<Model::Port>& outputs);

// Of typed contents, before they are parsed: INVALID_ARGUMENT if they are more
// than all values of the model's inputs can be, whatever these are.
absl::Status CheckTypedBytes(uint64_t typed_bytes,
                             const std::vector<Model::Port>& inputs);

// The same in two steps. The first touches no tensor and has timeout and
// priority, which is all that admission asks for: what is refused for its time
// has cost nothing yet.
absl::StatusOr<CheckedRequest> CheckHead(
    const inference::ModelInferRequest& request);
absl::Status CheckTensors(const inference::ModelInferRequest& request,
                          const std::vector<Model::Port>& inputs,
                          const std::vector<Model::Port>& outputs,
                          CheckedRequest* checked);

// Gives back typed values, which are in `converted` now; how many bytes request
// and `checked` hold then. On the wire an INT64 may have one.
// REQUIRES: `checked` is of that request.
uint64_t DropTyped(const CheckedRequest& checked,
                   inference::ModelInferRequest* request);

}  // namespace layerd

#endif  // LAYERD_DAEMON_SERVE_REQUEST_CHECK_H_
