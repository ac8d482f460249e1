#ifndef LAYERD_DAEMON_PLAN_OPERATOR_CODEC_H_
#define LAYERD_DAEMON_PLAN_OPERATOR_CODEC_H_

#include "absl/status/statusor.h"
#include "kernels/operator.h"
#include "layer_file.pb.h"

namespace layerd {

// Operators as the manifest has them, both ways.

// Errors: INVALID_ARGUMENT for a layer without an operator and for an
// enumerator that does not exist. What the numbers mean is left to
// CheckPart(), which knows the tensors too.
absl::StatusOr<Operator> OperatorFrom(const manifest::Layer& layer);

void WriteOperator(const Operator& op, manifest::Layer* layer);

}  // namespace layerd

#endif  // LAYERD_DAEMON_PLAN_OPERATOR_CODEC_H_
