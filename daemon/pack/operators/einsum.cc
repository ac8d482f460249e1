#include "daemon/pack/operators/einsum.h"

#include <algorithm>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "config/status_macros.h"
#include "daemon/pack/graph/graph.h"

namespace layerd {
namespace {

// More is no equation that anybody wrote.
constexpr size_t kEquationBytesMax = 1024;

// "ab...c": an ellipsis becomes `ellipsis` labels, the last of them kEllipsis.
absl::StatusOr<std::vector<int>> LabelsOf(std::string_view term,
                                          int64_t ellipsis) {
  std::vector<int> labels;
  bool has_ellipsis = false;
  while (!term.empty()) {
    if (absl::ascii_isalpha(static_cast<unsigned char>(term[0]))) {
      labels.push_back(term[0]);
      term.remove_prefix(1);
    } else if (term.substr(0, 3) == "..." && !has_ellipsis) {
      has_ellipsis = true;
      for (int64_t i = ellipsis; i-- > 0;) {
        labels.push_back(Einsum::kEllipsis + static_cast<int>(i));
      }
      term.remove_prefix(3);
    } else {
      return absl::InvalidArgumentError("what stands there is no label");
    }
  }
  return labels;
}

// How many dimensions an ellipsis stands for in an operand of this rank.
int64_t EllipsisOf(std::string_view term, size_t rank) {
  if (term.find("...") == term.npos) return 0;
  return static_cast<int64_t>(rank) - static_cast<int64_t>(term.size() - 3);
}

// Left out, the output has what occurs once, in alphabetical order, behind what
// the ellipsis stands for.
std::vector<int> ImplicitOutput(const Einsum& einsum, int64_t ellipsis) {
  std::vector<int> output;
  for (int64_t i = ellipsis; i-- > 0;) {
    output.push_back(Einsum::kEllipsis + static_cast<int>(i));
  }
  for (const auto& [label, length] : einsum.lengths) {
    if (label >= Einsum::kEllipsis) continue;
    int64_t count = 0;
    for (const std::vector<int>& operand : einsum.operands) {
      count += std::count(operand.begin(), operand.end(), label);
    }
    if (count == 1) output.push_back(label);
  }
  return output;
}

absl::Status TakeLengths(const std::vector<int>& labels,
                         const std::vector<int64_t>& shape, Einsum& einsum) {
  if (labels.size() != shape.size()) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "%d labels for [%s]", labels.size(), absl::StrJoin(shape, ", ")));
  }
  for (size_t d = 0; d < shape.size(); ++d) {
    const auto first =
        std::find(labels.begin(), labels.end(), labels[d]) - labels.begin();
    if (shape[static_cast<size_t>(first)] != shape[d]) {
      return absl::InvalidArgumentError("a diagonal of what is no square");
    }
    int64_t& length = einsum.lengths.try_emplace(labels[d], 1).first->second;
    if (length != 1 && shape[d] != 1 && length != shape[d]) {
      return absl::InvalidArgumentError(
          absl::StrFormat("one label is %d and %d long", length, shape[d]));
    }
    if (shape[d] != 1) length = shape[d];
  }
  return absl::OkStatus();
}

void LeaveOutRepeated(const std::vector<std::vector<int64_t>>& shapes,
                      Einsum& einsum) {
  for (size_t i = 0; i < shapes.size(); ++i) {
    std::vector<int> kept;
    for (size_t d = 0; d < shapes[i].size(); ++d) {
      const int label = einsum.operands[i][d];
      if (shapes[i][d] == einsum.lengths.at(label)) kept.push_back(label);
    }
    einsum.operands[i] = std::move(kept);
  }
}

absl::StatusOr<Einsum> Parse(const std::string& equation,
                             const std::vector<std::vector<int64_t>>& shapes) {
  const std::vector<std::string> sides = absl::StrSplit(equation, "->");
  const std::vector<std::string> terms = absl::StrSplit(sides[0], ',');
  if (sides.size() > 2 || terms.size() != shapes.size()) {
    return absl::InvalidArgumentError(
        absl::StrFormat("it has %d inputs", shapes.size()));
  }
  Einsum einsum;
  int64_t ellipsis = 0;
  for (size_t i = 0; i < terms.size(); ++i) {
    const int64_t hidden = EllipsisOf(terms[i], shapes[i].size());
    ASSIGN_OR_RETURN(std::vector<int> labels, LabelsOf(terms[i], hidden));
    RETURN_IF_ERROR(TakeLengths(labels, shapes[i], einsum));
    einsum.operands.push_back(std::move(labels));
    ellipsis = std::max(ellipsis, hidden);
  }
  if (sides.size() == 1) {
    einsum.output = ImplicitOutput(einsum, ellipsis);
  } else {
    ASSIGN_OR_RETURN(einsum.output, LabelsOf(sides[1], ellipsis));
  }
  for (const int label : einsum.output) {
    if (einsum.lengths.count(label) == 0 ||
        std::count(einsum.output.begin(), einsum.output.end(), label) > 1) {
      return absl::InvalidArgumentError(
          "the output has a label of its own, or one twice");
    }
  }
  LeaveOutRepeated(shapes, einsum);
  return einsum;
}

}  // namespace

std::vector<int64_t> Einsum::ShapeOf(const std::vector<int>& labels) const {
  std::vector<int64_t> shape;
  for (const int label : labels) shape.push_back(lengths.at(label));
  return shape;
}

absl::StatusOr<Einsum> ParseEinsum(
    std::string_view equation,
    const std::vector<std::vector<int64_t>>& shapes) {
  if (equation.size() > kEquationBytesMax) {
    return absl::InvalidArgumentError("the equation is too long");
  }
  std::string spaceless;
  for (const char letter : equation) {
    if (letter != ' ') spaceless += letter;
  }
  absl::StatusOr<Einsum> einsum = Parse(spaceless, shapes);
  if (einsum.ok()) return einsum;
  return absl::Status(einsum.status().code(),
                      absl::StrCat("equation \"", Printable(spaceless), "\": ",
                                   std::string(einsum.status().message())));
}

}  // namespace layerd
