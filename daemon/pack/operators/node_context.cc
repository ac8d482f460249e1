#include "daemon/pack/operators/node_context.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "config/check.h"
#include "config/status_macros.h"
#include "daemon/pack/graph/element_type.h"
#include "daemon/pack/onnx/onnx_limits.h"

namespace layerd {
namespace {

constexpr int64_t kParameterElementsMax = 1 << 16;
constexpr int64_t kWindowMax = int64_t{1} << 31;

}  // namespace

NodeContext::NodeContext(Graph* graph, Node* node)
    : graph_(graph), node_(node), untaken_(std::move(node->attributes)) {
  node_->attributes.clear();
}

bool NodeContext::has_input(size_t i) const {
  return i < node_->inputs.size() && node_->inputs[i] != kAbsent;
}

bool NodeContext::uses_output(size_t i) const {
  return i < node_->outputs.size() && node_->outputs[i] != kAbsent;
}

const Value& NodeContext::input(size_t i) const {
  LAYERD_CHECK(has_input(i), Describe(*node_));
  return graph_->values[static_cast<size_t>(node_->inputs[i])];
}

const std::vector<int64_t>& NodeContext::shape(size_t i) const {
  return *input(i).shape;
}

int64_t NodeContext::rank(size_t i) const {
  return static_cast<int64_t>(shape(i).size());
}

DataType NodeContext::dtype(size_t i) const { return *input(i).dtype; }

const Constant* NodeContext::constant(size_t i) const {
  const int index = input(i).constant;
  return index < 0 ? nullptr : &graph_->constants[static_cast<size_t>(index)];
}

absl::StatusOr<std::vector<int64_t>> NodeContext::Ints(size_t i,
                                                       const char* what) const {
  const Constant* known = constant(i);
  if (known == nullptr) {
    return Unsupported(absl::StrFormat(
        "input %d (%s, \"%s\") is computed at run time; it must be known while "
        "packing",
        i, what, Printable(input(i).name)));
  }
  if (IsFloating(dtype(i)) || rank(i) > 1 ||
      known->element_count() > kParameterElementsMax) {
    return Invalid(absl::StrFormat(
        "input %d (%s) is no list of integers: %s "
        "[%s]",
        i, what, NameOf(dtype(i)), absl::StrJoin(shape(i), ", ")));
  }
  return graph_->ReadI64(*known);
}

absl::StatusOr<float> NodeContext::Scalar(size_t i, const char* what) const {
  const Constant* known = constant(i);
  if (known == nullptr) {
    return Unsupported(absl::StrFormat(
        "input %d (%s, \"%s\") is computed at run time; it must be known while "
        "packing",
        i, what, Printable(input(i).name)));
  }
  if (known->element_count() != 1) {
    return Invalid(
        absl::StrFormat("input %d (%s) has %d elements; it must "
                        "have one",
                        i, what, known->element_count()));
  }
  float value = 0;
  RETURN_IF_ERROR(graph_->ReadF32(*known, 0, std::span(&value, 1)));
  return value;
}

bool NodeContext::IsScalar(size_t i) const {
  return shape(i).empty() || shape(i) == std::vector<int64_t>{1};
}

absl::Status NodeContext::CheckInputCount(size_t most) const {
  if (input_count() <= most) return absl::OkStatus();
  return Invalid(absl::StrFormat("has %d inputs; at most %d in this opset",
                                 input_count(), most));
}

void NodeContext::KeepInputs(size_t count) {
  if (node_->inputs.size() > count) node_->inputs.resize(count);
}

void NodeContext::DropInput(size_t i) {
  node_->inputs.erase(node_->inputs.begin() + static_cast<int64_t>(i));
}

std::optional<AttributeValue> NodeContext::Take(const char* name) {
  const auto found = untaken_.find(name);
  if (found == untaken_.end()) return std::nullopt;
  AttributeValue value = std::move(found->second);
  untaken_.erase(found);
  return value;
}

absl::Status NodeContext::WrongType(const char* name) const {
  return Invalid(
      absl::StrFormat("attribute \"%s\" is missing or has another type", name));
}

absl::StatusOr<int64_t> NodeContext::TakeInt(const char* name,
                                             std::optional<int64_t> otherwise) {
  const std::optional<AttributeValue> taken = Take(name);
  if (!taken && otherwise) return *otherwise;
  if (!taken || !std::holds_alternative<int64_t>(*taken)) {
    return WrongType(name);
  }
  return std::get<int64_t>(*taken);
}

absl::StatusOr<float> NodeContext::TakeFloat(const char* name,
                                             std::optional<float> otherwise) {
  const std::optional<AttributeValue> taken = Take(name);
  if (!taken && otherwise) return *otherwise;
  if (!taken || !std::holds_alternative<float>(*taken)) return WrongType(name);
  return std::get<float>(*taken);
}

absl::StatusOr<std::string> NodeContext::TakeString(const char* name,
                                                    const char* otherwise) {
  const std::optional<AttributeValue> taken = Take(name);
  if (!taken) return std::string(otherwise);
  if (!std::holds_alternative<std::string>(*taken)) return WrongType(name);
  return std::get<std::string>(*taken);
}

absl::StatusOr<std::string> NodeContext::TakeOneOf(
    const char* name, const char* otherwise,
    const std::vector<std::string>& known) {
  ASSIGN_OR_RETURN(std::string value, TakeString(name, otherwise));
  if (std::find(known.begin(), known.end(), value) != known.end()) {
    return value;
  }
  return Unsupported(absl::StrFormat("attribute \"%s\": only %s are supported",
                                     name, absl::StrJoin(known, ", ")));
}

absl::StatusOr<std::vector<int64_t>> NodeContext::TakeInts(
    const char* name, std::optional<std::vector<int64_t>> otherwise) {
  std::optional<AttributeValue> taken = Take(name);
  if (!taken && otherwise) return *std::move(otherwise);
  if (!taken || !std::holds_alternative<std::vector<int64_t>>(*taken)) {
    return WrongType(name);
  }
  return std::get<std::vector<int64_t>>(*std::move(taken));
}

absl::StatusOr<std::vector<int64_t>> NodeContext::TakeSizes(
    const char* name, size_t count, int64_t least,
    std::vector<int64_t> otherwise) {
  ASSIGN_OR_RETURN(std::vector<int64_t> sizes,
                   TakeInts(name, std::move(otherwise)));
  if (sizes.size() != count) {
    return Invalid(
        absl::StrFormat("attribute \"%s\" has %d elements; %d are needed", name,
                        sizes.size(), count));
  }
  for (const int64_t size : sizes) {
    if (size < least || size >= kWindowMax) {
      return Unsupported(absl::StrFormat(
          "attribute \"%s\" is [%s]; elements from %d on are supported", name,
          absl::StrJoin(sizes, ", "), least));
    }
  }
  return sizes;
}

void NodeContext::Set(const char* name, AttributeValue value) {
  node_->attributes[name] = std::move(value);
}

absl::Status NodeContext::SetOutput(size_t i, DataType dtype,
                                    std::vector<int64_t> shape) {
  const std::optional<int64_t> count = ElementCount(shape);
  if (!count || *count > kValueElementsMax || shape.size() > kRankMax) {
    return Invalid(absl::StrFormat(
        "output %d would be [%s]: a dimension is negative, or there are too "
        "many elements or dimensions",
        i, absl::StrJoin(shape, ", ")));
  }
  if (!uses_output(i)) return absl::OkStatus();
  Value& output = graph_->values[static_cast<size_t>(node_->outputs[i])];
  output.dtype = dtype;
  output.shape = std::move(shape);
  return absl::OkStatus();
}

absl::Status NodeContext::SetOutputToConstant(size_t i, Constant constant) {
  RETURN_IF_ERROR(SetOutput(i, constant.dtype, constant.shape));
  graph_->SetConstant(node_->outputs[i], std::move(constant));
  node_->outputs[i] = kAbsent;
  return absl::OkStatus();
}

absl::Status NodeContext::SetOutputToInput() {
  is_alias_ = true;
  KeepInputs(1);
  return SetOutput(0, dtype(0), shape(0));
}

absl::StatusOr<int64_t> NodeContext::Axis(int64_t axis, int64_t rank) const {
  if (axis < -rank || axis >= rank) {
    return Invalid(
        absl::StrFormat("axis %d is not one of %d dimensions", axis, rank));
  }
  return axis < 0 ? axis + rank : axis;
}

absl::StatusOr<std::vector<int64_t>> NodeContext::Axes(
    std::vector<int64_t> axes, int64_t rank) const {
  for (int64_t& axis : axes) {
    ASSIGN_OR_RETURN(axis, Axis(axis, rank));
  }
  std::sort(axes.begin(), axes.end());
  if (std::adjacent_find(axes.begin(), axes.end()) != axes.end()) {
    return Invalid(absl::StrFormat("axes [%s] name a dimension twice",
                                   absl::StrJoin(axes, ", ")));
  }
  return axes;
}

absl::Status NodeContext::CheckAllTaken() const {
  if (untaken_.empty()) return absl::OkStatus();
  return Unsupported(absl::StrFormat("attribute \"%s\" is not supported",
                                     Printable(untaken_.begin()->first)));
}

absl::Status NodeContext::Invalid(std::string_view why) const {
  return absl::InvalidArgumentError(
      absl::StrFormat("%s: %s", Describe(*node_), std::string(why)));
}

absl::Status NodeContext::Unsupported(std::string_view why) const {
  return absl::UnimplementedError(
      absl::StrFormat("%s: %s", Describe(*node_), std::string(why)));
}

}  // namespace layerd
