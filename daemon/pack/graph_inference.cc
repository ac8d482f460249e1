#include "daemon/pack/graph_inference.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "config/status_macros.h"
#include "daemon/pack/element_type.h"
#include "daemon/pack/graph_builder.h"
#include "daemon/pack/node_context.h"
#include "daemon/pack/onnx_limits.h"
#include "daemon/pack/operator_table.h"
#include "daemon/pack/spell_out.h"

namespace layerd {
namespace {

absl::Status Refuse(const Node& node, const std::string& why) {
  return absl::UnimplementedError(absl::StrCat(Describe(node), ": ", why));
}

struct Reason {
  std::string_view op_type;
  const char* why;
};
constexpr const char* kCountsResults =
    "how many results it has depends on data of each request, which is not "
    "supported; export the model up to its inputs (boxes and scores), and do "
    "this in the client";
constexpr const char* kFlows =
    "control flow is not supported; export the model with its branch or its "
    "steps written out";
constexpr const char* kRandom =
    "it draws random numbers: a request would not get the same answer twice";
constexpr Reason kReasons[] = {
    {"Bernoulli", kRandom},
    {"Compress", kCountsResults},
    {"If", kFlows},
    {"Loop", kFlows},
    {"Multinomial", kRandom},
    {"NonMaxSuppression", kCountsResults},
    {"RandomNormal", kRandom},
    {"RandomNormalLike", kRandom},
    {"RandomUniform", kRandom},
    {"RandomUniformLike", kRandom},
    {"Scan", kFlows},
    {"Unique", kCountsResults},
};

const char* WhyNot(std::string_view op_type) {
  for (const Reason& reason : kReasons) {
    if (reason.op_type == op_type) return reason.why;
  }
  return "the operator is not supported";
}

absl::Status CheckArity(const Node& node, const OperatorRow& row) {
  const size_t inputs = node.inputs.size();
  const bool is_listed = inputs >= row.inputs_min && inputs <= row.inputs_max &&
                         !node.outputs.empty() &&
                         node.outputs.size() <= row.outputs_max;
  // A list of any length has no gaps.
  const size_t needed =
      row.inputs_max == kNodeEdgesMax ? inputs : row.inputs_min;
  const bool has_output =
      is_listed && (row.gaps == Gaps::kAny || node.outputs[0] != kAbsent);
  if (has_output &&
      std::find(node.inputs.begin(),
                node.inputs.begin() + static_cast<int64_t>(needed), kAbsent) ==
          node.inputs.begin() + static_cast<int64_t>(needed)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrFormat(
      "%s: %d inputs and %d outputs, or a needed one left out; the operator "
      "has %d to %d inputs and 1 to %d outputs",
      Describe(node), inputs, node.outputs.size(), row.inputs_min,
      row.inputs_max, row.outputs_max));
}

// Opset 7 gave these another meaning or other attributes: numpy's broadcasting,
// inference without being told. All others stayed as they were in opset 6.
constexpr std::array<std::string_view, 20> kChangedInOpset7 = {
    "Add",  "And",     "AveragePool", "BatchNormalization",
    "Div",  "Dropout", "Equal",       "GRU",
    "Gemm", "Greater", "LSTM",        "Less",
    "Mul",  "Or",      "PRelu",       "Pow",
    "RNN",  "Sub",     "Upsample",    "Xor"};

// Those that stayed as they were from opset 1 to 6 as well.
constexpr std::array<std::string_view, 26> kUnchangedUntilOpset7 = {
    "ArgMax",        "ArgMin",       "Constant",   "Conv",
    "ConvTranspose", "DepthToSpace", "Flatten",    "GlobalAveragePool",
    "GlobalMaxPool", "Identity",     "LRN",        "LogSoftmax",
    "MaxPool",       "ReduceMax",    "ReduceMean", "ReduceMin",
    "ReduceProd",    "ReduceSum",    "Shape",      "Size",
    "Softmax",       "Softplus",     "Softsign",   "SpaceToDepth",
    "Squeeze",       "Transpose"};

absl::Status UpgradeToOpset7(Node& node) {
  if (node.opset >= 7) return absl::OkStatus();
  if (node.opset < 6 &&
      std::find(kUnchangedUntilOpset7.begin(), kUnchangedUntilOpset7.end(),
                node.op_type) == kUnchangedUntilOpset7.end()) {
    return Refuse(node,
                  "before opset 6 it is not supported (onnx.version_converter "
                  "converts)");
  }
  if (std::find(kChangedInOpset7.begin(), kChangedInOpset7.end(),
                node.op_type) != kChangedInOpset7.end()) {
    return Refuse(node,
                  "before opset 7 it meant something else, which is not "
                  "supported (onnx.version_converter converts)");
  }
  node.opset = 7;
  return absl::OkStatus();
}

class Inference {
 public:
  Inference(int64_t opset, Graph* graph, Allowance* held_bytes)
      : opset_(opset),
        graph_(graph),
        held_bytes_(held_bytes),
        work_("elements computed while packing", kFoldWorkMax),
        spelled_("nodes for operators without a kernel", kSpelledNodesMax),
        stands_for_(graph->values.size()) {
    std::iota(stands_for_.begin(), stands_for_.end(), 0);
  }

  absl::Status Run() {
    std::vector<Node> kept;
    for (const Node& node : graph_->nodes) node_names_.insert(node.name);
    for (Node& node : graph_->nodes) {
      ASSIGN_OR_RETURN(const bool stays, Infer(node));
      if (!stays) continue;
      RETURN_IF_ERROR(Keep(std::move(node), kept));
    }
    graph_->nodes = std::move(kept);
    return ConnectOutputs();
  }

 private:
  absl::Status Keep(Node node, std::vector<Node>& kept) {
    if (node.op_type == "Split") return SplitIntoSlices(node, kept);
    if (IsSpelledOut(node, *graph_)) return Spell(node, kept);
    kept.push_back(std::move(node));
    return absl::OkStatus();
  }

  // Whether the node stays: neither folded nor without effect.
  absl::StatusOr<bool> Infer(Node& node) {
    const OperatorRow* row = FindOperator(node.op_type);
    if (row == nullptr ||
        (row->opset_min > kOpsetMax && node.opset <= kOpsetMax)) {
      return Refuse(node, WhyNot(node.op_type));
    }
    RETURN_IF_ERROR(UpgradeToOpset7(node));
    if (node.opset < row->opset_min) {
      return absl::InvalidArgumentError(
          absl::StrFormat("%s: the operator appeared in opset %d",
                          Describe(node), row->opset_min));
    }
    RETURN_IF_ERROR(CheckArity(node, *row));
    for (int& input : node.inputs) {
      if (input != kAbsent) input = stands_for_[static_cast<size_t>(input)];
    }
    if (row->infer == nullptr) return true;
    NodeContext context(graph_, &node);
    RETURN_IF_ERROR(row->infer(context));
    RETURN_IF_ERROR(context.CheckAllTaken());
    if (context.is_alias()) {
      stands_for_[static_cast<size_t>(node.outputs[0])] = node.inputs[0];
      return false;
    }
    ASSIGN_OR_RETURN(const bool folds, CanFold(node, *row));
    if (folds) {
      RETURN_IF_ERROR(Fold(node, *row));
      return false;
    }
    if (!IsSpelledOut(node, *graph_)) RETURN_IF_ERROR(CheckStays(node, *row));
    return true;
  }

  // The nodes that say the same; some of them fold.
  absl::Status Spell(const Node& node, std::vector<Node>& kept) {
    absl::StatusOr<std::vector<Node>> spelled =
        SpellOut(node, *graph_, *held_bytes_);
    if (!spelled.ok()) return About(node, spelled.status());
    RETURN_IF_ERROR(About(node, spelled_.Take(spelled->size())));
    for (size_t i = stands_for_.size(); i < graph_->values.size(); ++i) {
      stands_for_.push_back(static_cast<int>(i));
    }
    for (Node& part : *spelled) {
      if (part.name != node.name) part.name = UniqueName(part.name);
      ASSIGN_OR_RETURN(const bool stays, Infer(part));
      if (stays) RETURN_IF_ERROR(Keep(std::move(part), kept));
    }
    return absl::OkStatus();
  }

  // One for each output that somebody reads; those of a constant fold.
  absl::Status SplitIntoSlices(const Node& split, std::vector<Node>& kept) {
    const std::vector<int64_t>& from = *ValueAt(split.inputs[0]).shape;
    const int64_t axis = std::get<int64_t>(split.attributes.at("axis"));
    std::vector<int64_t> starts(from.size(), 0);
    for (size_t i = 0; i < split.outputs.size(); ++i) {
      const int output = split.outputs[i];
      if (output == kAbsent) continue;
      Node slice;
      slice.name =
          i == 0 ? split.name : UniqueName(absl::StrCat(split.name, ":", i));
      slice.op_type = "Slice";
      slice.opset = split.opset;
      slice.inputs = {split.inputs[0]};
      slice.outputs = {output};
      starts[static_cast<size_t>(axis)] = StartOf(split, i);
      slice.attributes["starts"] = starts;
      slice.attributes["steps"] = std::vector<int64_t>(from.size(), 1);
      const OperatorRow& row = *FindOperator("Slice");
      ASSIGN_OR_RETURN(const bool folds, CanFold(slice, row));
      if (folds) {
        RETURN_IF_ERROR(Fold(slice, row));
        continue;
      }
      RETURN_IF_ERROR(CheckStays(slice, row));
      kept.push_back(std::move(slice));
    }
    return absl::OkStatus();
  }

  static int64_t StartOf(const Node& split, size_t i) {
    const auto& starts =
        std::get<std::vector<int64_t>>(split.attributes.at("starts"));
    return starts[i];
  }

  Value& ValueAt(int index) {
    return graph_->values[static_cast<size_t>(index)];
  }

  // The first input that is not known while packing, kAbsent if all are.
  int FirstUnknown(const Node& node) {
    for (const int input : node.inputs) {
      if (input != kAbsent && ValueAt(input).constant < 0) return input;
    }
    return kAbsent;
  }

  // Elements that folding reads and writes.
  int64_t FoldElements(const Node& node) {
    int64_t elements = *ElementCount(*ValueAt(node.outputs[0]).shape);
    for (const int input : node.inputs) {
      if (input != kAbsent) elements += *ElementCount(*ValueAt(input).shape);
    }
    return elements;
  }

  absl::StatusOr<bool> CanFold(const Node& node, const OperatorRow& row) {
    switch (row.folds) {
      case Folds::kNever:
        return false;
      case Folds::kFromShapes:
        return true;
      case Folds::kAnySize:
        return FirstUnknown(node) == kAbsent;
      case Folds::kSmall: {
        if (FirstUnknown(node) != kAbsent) return false;
        const int64_t elements = FoldElements(node);
        if (elements > 3 * kFoldElementsMax) return false;
        RETURN_IF_ERROR(
            About(node, work_.Take(static_cast<uint64_t>(elements))));
        return true;
      }
    }
    return false;
  }

  absl::Status Fold(const Node& node, const OperatorRow& row) {
    absl::StatusOr<Constant> constant =
        row.fold(Folding(graph_, &node, held_bytes_));
    if (!constant.ok()) return About(node, constant.status());
    Value& output = ValueAt(node.outputs[0]);
    output.constant = static_cast<int>(graph_->constants.size());
    graph_->constants.push_back(*std::move(constant));
    return absl::OkStatus();
  }

  absl::Status CheckStays(const Node& node, const OperatorRow& row) {
    if (row.lowers == Lowers::kNo) return RefuseUnfolded(node);
    for (const int output : node.outputs) {
      if (output == kAbsent) continue;
      const Value& value = ValueAt(output);
      if (*ElementCount(*value.shape) == 0) {
        return Refuse(node,
                      absl::StrFormat("its output [%s] is empty, which is not "
                                      "supported",
                                      absl::StrJoin(*value.shape, ", ")));
      }
    }
    if (row.lowers == Lowers::kAny) return absl::OkStatus();
    for (const int input : node.inputs) {
      if (input == kAbsent) continue;
      const DataType dtype = *ValueAt(input).dtype;
      if (IsComputedWith(dtype, row.lowers)) continue;
      return Refuse(node, absl::StrFormat("it computes with %s; FP16 and FP32 "
                                          "are supported",
                                          NameOf(dtype)));
    }
    return absl::OkStatus();
  }

  static bool IsComputedWith(DataType dtype, Lowers lowers) {
    switch (dtype) {
      case DataType::kF16:
      case DataType::kBF16:
      case DataType::kF32:
        return true;
      case DataType::kF64:
        return lowers == Lowers::kNumbers;
      case DataType::kU64:
        return false;
      default:
        return lowers == Lowers::kNumbers;
    }
  }

  absl::Status RefuseUnfolded(const Node& node) {
    const int unknown = FirstUnknown(node);
    if (unknown == kAbsent) {
      return Refuse(node, absl::StrFormat(
                              "it computes with %d elements while packing; at "
                              "most %d are supported",
                              FoldElements(node), 3 * kFoldElementsMax));
    }
    return Refuse(node,
                  absl::StrFormat(
                      "the operator is only supported where all its inputs "
                      "are known while packing; \"%s\" is not",
                      absl::CHexEscape(ValueAt(unknown).name.substr(0, 200))));
  }

  static absl::Status About(const Node& node, const absl::Status& status) {
    const std::string described = Describe(node);
    if (status.ok() || absl::StartsWith(status.message(), described)) {
      return status;
    }
    return absl::Status(
        status.code(),
        absl::StrCat(described, ": ", std::string(status.message())));
  }

  // An output keeps its name. Where it is what some node wrote, that node
  // writes it under this name; where it is an input, a constant or another
  // output as well, an Identity copies it.
  absl::Status ConnectOutputs() {
    std::vector<bool> is_written(graph_->values.size(), false);
    for (const Node& node : graph_->nodes) {
      for (const int output : node.outputs) {
        if (output != kAbsent) is_written[static_cast<size_t>(output)] = true;
      }
    }
    std::vector<bool> is_taken(graph_->values.size(), false);
    for (const int output : graph_->outputs) {
      if (stands_for_[static_cast<size_t>(output)] == output) {
        is_taken[static_cast<size_t>(output)] = true;
      }
    }
    for (int& output : graph_->outputs) {
      const int source = stands_for_[static_cast<size_t>(output)];
      const auto at = static_cast<size_t>(source);
      if (source == output && is_written[at]) continue;
      if (is_written[at] && !is_taken[at]) {
        ValueAt(source).name = ValueAt(output).name;
        is_taken[at] = true;
        output = source;
        continue;
      }
      if (*ElementCount(*ValueAt(source).shape) == 0) {
        return absl::UnimplementedError(absl::StrFormat(
            "output \"%s\": it is empty, [%s], which is not supported",
            absl::CHexEscape(ValueAt(output).name.substr(0, 200)),
            absl::StrJoin(*ValueAt(source).shape, ", ")));
      }
      output = Copy(source, ValueAt(output).name);
    }
    return absl::OkStatus();
  }

  int Copy(int source, std::string name) {
    Value value;
    value.name = name;
    value.dtype = ValueAt(source).dtype;
    value.shape = ValueAt(source).shape;
    const int copy = static_cast<int>(graph_->values.size());
    graph_->values.push_back(std::move(value));
    Node node;
    node.name = UniqueName(absl::StrCat("Identity_", name));
    node.op_type = "Identity";
    node.opset = opset_;
    node.inputs = {source};
    node.outputs = {copy};
    graph_->nodes.push_back(std::move(node));
    return copy;
  }

  std::string UniqueName(std::string name) {
    while (!node_names_.insert(name).second) name += "_";
    return name;
  }

  int64_t opset_;
  Graph* graph_;
  Allowance* held_bytes_;
  Allowance work_, spelled_;
  // The value that each is the same as: itself, or the input of a node that
  // does nothing.
  std::vector<int> stands_for_;
  std::unordered_set<std::string> node_names_;
};

}  // namespace

absl::Status InferAndFold(int64_t opset, Graph& graph, Allowance& held_bytes) {
  RETURN_IF_ERROR(Inference(opset, &graph, &held_bytes).Run());
  Prune(graph);
  return absl::OkStatus();
}

}  // namespace layerd
