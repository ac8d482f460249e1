#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "config/status_macros.h"
#include "daemon/pack/graph/element_type.h"
#include "daemon/pack/graph/graph.h"
#include "daemon/pack/import/graph_builder.h"
#include "daemon/pack/onnx/onnx_limits.h"

namespace layerd {
namespace {

using Parameters = std::map<std::string, int64_t>;
constexpr int64_t kTwoSizes = -1;

// "<height>", or "<dimension 2>" where the model has no name for it.
std::string Placeholder(const OnnxDimension& dimension, size_t i) {
  if (dimension.parameter.empty()) return absl::StrFormat("<dimension %d>", i);
  return absl::StrCat("<", Printable(dimension.parameter), ">");
}

// "[<batch>, 3, 224, 224]"
std::string Declared(const OnnxValueInfo& input) {
  std::vector<std::string> dimensions;
  for (size_t i = 0; i < input.shape->size(); ++i) {
    const OnnxDimension& dimension = (*input.shape)[i];
    dimensions.push_back(dimension.value ? absl::StrCat(*dimension.value)
                                         : Placeholder(dimension, i));
  }
  return absl::StrCat("[", absl::StrJoin(dimensions, ", "), "]");
}

absl::Status CheckBinding(const OnnxValueInfo& input,
                          const std::vector<int64_t>& shape) {
  const auto wrong = [&](const std::string& why) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "input \"%s\": the shape given, [%s], %s", Printable(input.name),
        absl::StrJoin(shape, ", "), why));
  };
  if (shape.size() > kRankMax) {
    return wrong(absl::StrFormat("has more than %d dimensions", kRankMax));
  }
  if (std::any_of(shape.begin(), shape.end(),
                  [](int64_t dimension) { return dimension < 0; })) {
    return wrong("has a negative dimension");
  }
  const std::optional<int64_t> count = ElementCount(shape);
  if (!count || *count > kValueElementsMax) return wrong("is too large");
  if (!input.shape) return absl::OkStatus();
  bool agrees = shape.size() == input.shape->size();
  for (size_t i = 0; agrees && i < shape.size(); ++i) {
    const OnnxDimension& declared = (*input.shape)[i];
    agrees = !declared.value || *declared.value == shape[i];
  }
  if (agrees) return absl::OkStatus();
  return wrong(absl::StrCat("contradicts the model's ", Declared(input)));
}

// What free dimensions of other inputs are called that the user has bound. A
// name bound to two sizes (kTwoSizes) binds nothing.
Parameters ParametersOf(const std::vector<OnnxValueInfo>& inputs,
                        const ShapeBindings& shapes) {
  Parameters parameters;
  for (const OnnxValueInfo& input : inputs) {
    const auto bound = shapes.find(input.name);
    if (bound == shapes.end() || !input.shape) continue;
    for (size_t i = 0; i < bound->second.size(); ++i) {
      const std::string& name = (*input.shape)[i].parameter;
      if (name.empty()) continue;
      const auto [known, is_new] = parameters.emplace(name, bound->second[i]);
      if (!is_new && known->second != bound->second[i])
        known->second = kTwoSizes;
    }
  }
  return parameters;
}

// That of the user's dimensions of this name, or of what it is a sum of:
// exporters call the length of a mask "past_length + 1".
std::optional<int64_t> SizeNamed(const std::string& name,
                                 const Parameters& parameters) {
  const auto whole = parameters.find(name);
  if (whole != parameters.end()) {
    if (whole->second == kTwoSizes) return std::nullopt;
    return whole->second;
  }
  const std::vector<std::string> terms = absl::StrSplit(name, '+');
  int64_t sum = 0;
  for (std::string term : terms) {
    absl::StripAsciiWhitespace(&term);
    int64_t size = 0;
    const auto known = parameters.find(term);
    if (known != parameters.end()) {
      size = known->second;
    } else if (terms.size() == 1 || !absl::SimpleAtoi(term, &size)) {
      return std::nullopt;
    }
    if (size < 0 || size > kValueElementsMax) return std::nullopt;
    sum += size;
  }
  return sum;
}

absl::Status AskForShape(const OnnxValueInfo& input,
                         const Parameters& parameters) {
  // NAME=... is split at the first "=".
  const std::string name =
      absl::StrReplaceAll(Printable(input.name), {{"=", "\\="}});
  if (!input.shape) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "input \"%s\": the model does not say how many dimensions it has; say "
        "--shape %s=<dimension 0>,<dimension 1>,... with a number for each",
        Printable(input.name), name));
  }
  std::vector<std::string> line, open;
  for (size_t i = 0; i < input.shape->size(); ++i) {
    const OnnxDimension& dimension = (*input.shape)[i];
    std::optional<int64_t> size = dimension.value;
    if (!size) size = SizeNamed(dimension.parameter, parameters);
    if (size || i == 0) {
      line.push_back(absl::StrCat(size.value_or(1)));
    } else {
      line.push_back(Placeholder(dimension, i));
      open.push_back(line.back());
    }
  }
  return absl::InvalidArgumentError(absl::StrFormat(
      "input \"%s\": its shape %s is free beyond the batch; say --shape %s=%s "
      "with a number for %s",
      Printable(input.name), Declared(input), name, absl::StrJoin(line, ","),
      absl::StrJoin(open, ", ")));
}

absl::StatusOr<std::vector<int64_t>> BindShape(const OnnxValueInfo& input,
                                               const ShapeBindings& shapes,
                                               const Parameters& parameters) {
  const auto bound = shapes.find(input.name);
  if (bound != shapes.end()) return bound->second;
  if (!input.shape) return AskForShape(input, parameters);
  std::vector<int64_t> shape;
  for (size_t i = 0; i < input.shape->size(); ++i) {
    const OnnxDimension& dimension = (*input.shape)[i];
    std::optional<int64_t> size = dimension.value;
    if (!size) size = SizeNamed(dimension.parameter, parameters);
    if (!size && i != 0) return AskForShape(input, parameters);
    shape.push_back(size.value_or(1));
  }
  RETURN_IF_ERROR(CheckBinding(input, shape));
  return shape;
}

absl::Status CheckBindings(const std::vector<OnnxValueInfo>& inputs,
                           const ShapeBindings& shapes) {
  std::vector<std::string> names;
  for (const OnnxValueInfo& input : inputs) {
    const auto bound = shapes.find(input.name);
    if (bound != shapes.end()) {
      RETURN_IF_ERROR(CheckBinding(input, bound->second));
    }
    if (names.size() < 20) names.push_back(Printable(input.name));
  }
  for (const auto& binding : shapes) {
    const std::string& name = binding.first;
    const bool is_input =
        std::any_of(inputs.begin(), inputs.end(),
                    [&](const auto& input) { return input.name == name; });
    if (is_input) continue;
    return absl::InvalidArgumentError(absl::StrFormat(
        "a shape is given for \"%s\", which is no input of the model; its "
        "inputs: %s",
        Printable(name), absl::StrJoin(names, ", ")));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<std::vector<int64_t>>> BindShapes(
    const std::vector<OnnxValueInfo>& inputs, const ShapeBindings& shapes) {
  RETURN_IF_ERROR(CheckBindings(inputs, shapes));
  const Parameters parameters = ParametersOf(inputs, shapes);
  std::vector<std::vector<int64_t>> bound;
  for (const OnnxValueInfo& input : inputs) {
    ASSIGN_OR_RETURN(std::vector<int64_t> shape,
                     BindShape(input, shapes, parameters));
    bound.push_back(std::move(shape));
  }
  return bound;
}

}  // namespace layerd
