#include "daemon/pack/import/sequences.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "config/status_macros.h"
#include "daemon/pack/graph/element_type.h"
#include "daemon/pack/onnx/onnx_limits.h"
#include "daemon/pack/operators/node_check.h"

namespace layerd {
namespace {

constexpr std::array<std::string_view, 8> kOperators = {
    "ConcatFromSequence", "SequenceAt",     "SequenceConstruct",
    "SequenceEmpty",      "SequenceErase",  "SequenceInsert",
    "SequenceLength",     "SplitToSequence"};

// A list of numbers, or a number.
Constant Ints(const std::vector<int64_t>& numbers, bool is_list) {
  std::vector<int64_t> shape;
  if (is_list) shape.push_back(static_cast<int64_t>(numbers.size()));
  return IntConstant(DataType::kI64, std::move(shape), numbers);
}

bool HasInput(const Node& node, size_t i) {
  return i < node.inputs.size() && node.inputs[i] != kAbsent;
}

absl::Status Unsound(const Node& node) {
  return absl::InvalidArgumentError(
      absl::StrCat(Describe(node), ": its inputs do not fit the operator"));
}

}  // namespace

bool Sequences::Is(const Node& node) {
  return std::binary_search(kOperators.begin(), kOperators.end(), node.op_type);
}

absl::Status Sequences::Take(const Node& node, const InferenceDoor& door) {
  if (node.outputs.empty() || node.outputs[0] == kAbsent) {
    return absl::OkStatus();
  }
  if (node.op_type == "SequenceEmpty") return Set(node.outputs[0], {});
  if (node.op_type == "SequenceConstruct") {
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      if (!HasInput(node, i) || Has(node.inputs[i])) return Unsound(node);
    }
    return Set(node.outputs[0], node.inputs);
  }
  if (node.op_type == "SplitToSequence") return Split(node, door);
  ASSIGN_OR_RETURN(const List* list, ListOf(node, 0));
  if (node.op_type == "SequenceInsert") return Insert(node, *list);
  if (node.op_type == "SequenceErase") return Erase(node, *list);
  if (node.op_type == "SequenceLength") return Length(node, *list);
  if (node.op_type == "ConcatFromSequence") return Join(node, *list, door);
  if (!HasInput(node, 1) || list->empty()) return Unsound(node);
  ASSIGN_OR_RETURN(const size_t place, Place(node, 1, list->size(), 0));
  if (place >= list->size()) return Unsound(node);
  door.let_stand_for(node.outputs[0], (*list)[place]);
  return absl::OkStatus();
}

absl::StatusOr<const Sequences::List*> Sequences::ListOf(const Node& node,
                                                         size_t i) const {
  const auto known =
      HasInput(node, i) ? lists_.find(node.inputs[i]) : lists_.end();
  if (known == lists_.end()) {
    return Refuse(node, "its input is no sequence that is made by the graph");
  }
  return &known->second;
}

absl::Status Sequences::Set(int value, List list) {
  if (list.size() > kNodeEdgesMax) {
    return absl::ResourceExhaustedError(
        absl::StrCat("a sequence of more than ", kNodeEdgesMax, " tensors"));
  }
  RETURN_IF_ERROR(held_bytes_->Take(64 + list.size() * sizeof(int)));
  lists_[value] = std::move(list);
  return absl::OkStatus();
}

// In [0, size], counted from the end if it is negative.
absl::StatusOr<size_t> Sequences::Place(const Node& node, size_t i, size_t size,
                                        size_t otherwise) const {
  if (!HasInput(node, i)) return otherwise;
  const Value& value = graph_->values[static_cast<size_t>(node.inputs[i])];
  if (value.constant < 0) {
    return Refuse(node,
                  "which tensor it means is not known while packing, which is "
                  "not supported");
  }
  ASSIGN_OR_RETURN(
      const std::vector<int64_t> numbers,
      graph_->ReadI64(graph_->constants[static_cast<size_t>(value.constant)]));
  const auto count = static_cast<int64_t>(size);
  if (numbers.size() != 1 || numbers[0] < -count || numbers[0] > count) {
    return Unsound(node);
  }
  return static_cast<size_t>(numbers[0] < 0 ? numbers[0] + count : numbers[0]);
}

absl::Status Sequences::Insert(const Node& node, const List& list) {
  if (!HasInput(node, 1) || Has(node.inputs[1])) return Unsound(node);
  ASSIGN_OR_RETURN(const size_t place,
                   Place(node, 2, list.size(), list.size()));
  List longer = list;
  longer.insert(longer.begin() + static_cast<int64_t>(place), node.inputs[1]);
  return Set(node.outputs[0], std::move(longer));
}

absl::Status Sequences::Erase(const Node& node, List list) {
  if (list.empty()) return Unsound(node);
  ASSIGN_OR_RETURN(const size_t place,
                   Place(node, 1, list.size(), list.size() - 1));
  if (place >= list.size()) return Unsound(node);
  list.erase(list.begin() + static_cast<int64_t>(place));
  return Set(node.outputs[0], std::move(list));
}

absl::Status Sequences::Length(const Node& node, const List& list) {
  graph_->SetConstant(node.outputs[0],
                      Ints({static_cast<int64_t>(list.size())}, false));
  return absl::OkStatus();
}

absl::Status Sequences::Join(const Node& node, const List& list,
                             const InferenceDoor& door) {
  ASSIGN_OR_RETURN(const int64_t axis, IntOr(node, "axis", 0));
  ASSIGN_OR_RETURN(const int64_t is_new, IntOr(node, "new_axis", 0));
  if (list.empty()) return Refuse(node, "it joins no tensors");
  Node concat;
  concat.name = node.name;
  concat.op_type = "Concat";
  concat.opset = kWrittenOpset;
  concat.inputs = list;
  concat.outputs = {node.outputs[0]};
  concat.attributes["axis"] = axis;
  for (size_t i = 0; is_new != 0 && i < list.size(); ++i) {
    Node unsqueeze;
    unsqueeze.name = absl::StrCat(node.name, ":", i);
    unsqueeze.op_type = "Unsqueeze";
    unsqueeze.opset = kWrittenOpset;
    unsqueeze.inputs = {list[i], KnownInts({axis}, true)};
    unsqueeze.outputs = {NewValue()};
    concat.inputs[i] = unsqueeze.outputs[0];
    RETURN_IF_ERROR(door.process(std::move(unsqueeze)));
  }
  return door.process(std::move(concat));
}

// How long each piece is.
absl::StatusOr<std::vector<int64_t>> Sequences::PiecesOf(const Node& node,
                                                         int64_t length) const {
  if (!HasInput(node, 1)) {
    if (length > static_cast<int64_t>(kNodeEdgesMax)) return Unsound(node);
    return std::vector<int64_t>(static_cast<size_t>(length), 1);
  }
  const Value& split = graph_->values[static_cast<size_t>(node.inputs[1])];
  if (split.constant < 0) {
    return Refuse(node,
                  "how it splits is not known while packing, which is not "
                  "supported");
  }
  ASSIGN_OR_RETURN(
      std::vector<int64_t> pieces,
      graph_->ReadI64(graph_->constants[static_cast<size_t>(split.constant)]));
  if (split.shape->empty() && pieces.size() == 1) {
    const int64_t each = pieces[0];
    if (each < 1 || length / each >= static_cast<int64_t>(kNodeEdgesMax)) {
      return Unsound(node);
    }
    pieces.clear();
    for (int64_t at = 0; at < length; at += each) {
      pieces.push_back(std::min(each, length - at));
    }
  }
  int64_t left = length;
  for (const int64_t piece : pieces) {
    if (piece < 0 || piece > left) return Unsound(node);
    left -= piece;
  }
  if (left != 0 || pieces.size() > kNodeEdgesMax) return Unsound(node);
  return pieces;
}

// A dimension of 1 can only be dropped then. The specification has a given
// `split` keep it; exporters (torch.onnx's unbind) and ONNX Runtime take a 1
// for one that is not given.
bool Sequences::SplitsIntoElements(const Node& node) const {
  if (!HasInput(node, 1)) return true;
  const Value& split = graph_->values[static_cast<size_t>(node.inputs[1])];
  if (split.constant < 0 || !split.shape->empty()) return false;
  const auto each =
      graph_->ReadI64(graph_->constants[static_cast<size_t>(split.constant)]);
  return each.ok() && each->front() == 1;
}

absl::Status Sequences::Split(const Node& node, const InferenceDoor& door) {
  if (!HasInput(node, 0) || Has(node.inputs[0])) return Unsound(node);
  ASSIGN_OR_RETURN(int64_t axis, IntOr(node, "axis", 0));
  ASSIGN_OR_RETURN(const int64_t keeps, IntOr(node, "keepdims", 1));
  const std::vector<int64_t> shape =
      *graph_->values[static_cast<size_t>(node.inputs[0])].shape;
  const auto rank = static_cast<int64_t>(shape.size());
  if (axis < 0) axis += rank;
  if (axis < 0 || axis >= rank) return Unsound(node);
  ASSIGN_OR_RETURN(const std::vector<int64_t> pieces,
                   PiecesOf(node, shape[static_cast<size_t>(axis)]));
  const bool drops = keeps == 0 && SplitsIntoElements(node);
  List list;
  int64_t at = 0;
  for (const int64_t piece : pieces) {
    Node part;
    part.name = absl::StrCat(node.name, ":", list.size());
    part.op_type = drops ? "Gather" : "Slice";
    part.opset = kWrittenOpset;
    if (drops) {
      part.inputs = {node.inputs[0], KnownInts({at}, false)};
      part.attributes["axis"] = axis;
    } else {
      part.inputs = {node.inputs[0], KnownInts({at}, true),
                     KnownInts({at + piece}, true), KnownInts({axis}, true)};
    }
    part.outputs = {NewValue()};
    list.push_back(part.outputs[0]);
    RETURN_IF_ERROR(door.process(std::move(part)));
    list.back() = door.stands_for(list.back());
    at += piece;
  }
  return Set(node.outputs[0], std::move(list));
}

int Sequences::NewValue() {
  return graph_->AddValue(
      absl::StrCat("of a sequence:", graph_->values.size()));
}

int Sequences::KnownInts(const std::vector<int64_t>& numbers, bool is_list) {
  const int value = NewValue();
  graph_->SetConstant(value, Ints(numbers, is_list));
  return value;
}

}  // namespace layerd
