#ifndef LAYERD_DAEMON_CTL_ANSWERS_H_
#define LAYERD_DAEMON_CTL_ANSWERS_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "daemon/ctl/json_writer.h"
#include "daemon/ctl/npy.h"

namespace layerd {

// How outputs are shown.
struct AnswerOptions {
  size_t top = 5;                   // Classes of a vector output.
  std::vector<std::string> labels;  // Of the classes; may be empty.
};

struct NamedArray {
  std::string name;
  Array array;
};

// One line each: "cat", "dog", ... UsageError() if it cannot be read.
absl::StatusOr<std::vector<std::string>> ReadLabels(const std::string& path);

// A class of a vector output: one dimension is larger than 1.
struct TopClass {
  size_t index;
  double value;
  std::string label;  // Empty if there is none.
};

// The largest first; NaN counts as least. Empty if the output is no vector.
std::vector<TopClass> TopClasses(const Array& array,
                                 const AnswerOptions& options);

// Datatype and shape, and below them the top classes of a vector, or the one
// number that it is.
std::string AnswerText(const NamedArray& output, const AnswerOptions& options);

// An object: name, datatype, shape; values of a small one, top of a vector.
void AddAnswer(const NamedArray& output, const AnswerOptions& options,
               JsonWriter* json);

}  // namespace layerd

#endif  // LAYERD_DAEMON_CTL_ANSWERS_H_
