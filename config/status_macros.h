// Two words for errors that travel upwards.

#ifndef LAYERD_CONFIG_STATUS_MACROS_H_
#define LAYERD_CONFIG_STATUS_MACROS_H_

#include <utility>

#include "absl/status/status.h"

// Leaves the function with the status of `expression` unless it is OK.
#define RETURN_IF_ERROR(expression)                       \
  do {                                                    \
    if (absl::Status status_of_expression = (expression); \
        !status_of_expression.ok()) {                     \
      return status_of_expression;                        \
    }                                                     \
  } while (false)

// ASSIGN_OR_RETURN(const LayerFile file, LayerFile::Open(path));
//
// Moves the value of a StatusOr into `target`, or leaves the function with its
// status. Three statements: never the bare body of an if or a loop.
#define ASSIGN_OR_RETURN(target, expression)                           \
  LAYERD_ASSIGN_(LAYERD_JOIN_(layerd_status_or_, __COUNTER__), target, \
                 expression)

#define LAYERD_ASSIGN_(status_or, target, expression)        \
  auto status_or = (expression);                             \
  if (!status_or.ok()) return std::move(status_or).status(); \
  target = *std::move(status_or)

#define LAYERD_JOIN_(left, right) LAYERD_JOIN_EXPANDED_(left, right)
#define LAYERD_JOIN_EXPANDED_(left, right) left##right

#endif  // LAYERD_CONFIG_STATUS_MACROS_H_
