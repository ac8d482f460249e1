#include "daemon/pack/import/graph_inference.h"

#include <numeric>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "config/status_macros.h"
#include "daemon/pack/graph/element_type.h"
#include "daemon/pack/import/conditions.h"
#include "daemon/pack/import/graph_builder.h"
#include "daemon/pack/import/loop_bodies.h"
#include "daemon/pack/import/node_bytes.h"
#include "daemon/pack/import/sequences.h"
#include "daemon/pack/import/turned_weights.h"
#include "daemon/pack/import/unique_names.h"
#include "daemon/pack/import/value_advice.h"
#include "daemon/pack/onnx/onnx_limits.h"
#include "daemon/pack/operators/node_check.h"
#include "daemon/pack/operators/node_context.h"
#include "daemon/pack/operators/operator_table.h"
#include "daemon/pack/spell/spell_out.h"

namespace layerd {
namespace {

class Inference {
 public:
  Inference(int64_t opset, Graph* graph, Allowance* held_bytes)
      : opset_(opset),
        graph_(graph),
        held_bytes_(held_bytes),
        work_("elements computed while packing", kFoldWorkMax),
        spelled_("nodes that are written out", kSpelledNodesMax),
        bodies_(graph, &spelled_),
        sequences_(graph, held_bytes),
        turned_(graph),
        stands_for_(graph->values.size()),
        conditions_(graph, &stands_for_) {
    std::iota(stands_for_.begin(), stands_for_.end(), 0);
  }

  absl::Status Run() {
    std::vector<Node> kept;
    for (const Node& node : graph_->nodes) {
      if (!bodies_.Owns(node)) names_.Take(node.name);
    }
    door_ = {[&](Node node) {
               node.name = names_.Take(node.name);
               const absl::Status taken = TakeWritten(node);
               return taken.ok() ? Process(std::move(node), kept) : taken;
             },
             [this](int value) { return StandsFor(value); },
             [this](int output, int value) {
               stands_for_[static_cast<size_t>(output)] = value;
             }};
    for (Node& node : graph_->nodes) {
      RETURN_IF_ERROR(Process(std::move(node), kept));
    }
    graph_->nodes = std::move(kept);
    graph_->branches.clear();
    return ConnectOutputs();
  }

 private:
  using Answer = Conditions::Answer;

  // A node that is in no file, where a few can ask for very many.
  absl::Status TakeWritten(const Node& node) {
    RETURN_IF_ERROR(spelled_.Take(1));
    return held_bytes_->Take(HeldBytes(node));
  }

  absl::Status Process(Node node, std::vector<Node>& kept) {
    CountNewValues();
    if (bodies_.Take(node) || conditions_.IsTaken(node.branch) == Answer::kNo) {
      return absl::OkStatus();
    }
    const int branch = node.branch;
    std::vector<int> inputs = node.inputs;
    const absl::Status status = InferAndKeep(node, kept);
    if (status.ok()) return status;
    for (int& input : inputs) {
      if (input != kAbsent) input = StandsFor(input);
    }
    return conditions_.InBranch(branch,
                                WithValueAdvice(status, *graph_, kept, inputs));
  }

  void CountNewValues() {
    for (size_t i = stands_for_.size(); i < graph_->values.size(); ++i) {
      stands_for_.push_back(static_cast<int>(i));
    }
  }

  absl::Status InferAndKeep(Node& node, std::vector<Node>& kept) {
    RETURN_IF_ERROR(TakeInputs(node));
    if (node.op_type == "If") return Decide(node, kept);
    if (node.body >= 0 || Sequences::Is(node)) return WriteOut(node);
    if (IsAliasOfSequence(node)) return absl::OkStatus();
    ASSIGN_OR_RETURN(const bool stays, Infer(node));
    return stays ? Keep(std::move(node), kept) : absl::OkStatus();
  }

  // One of the nodes that it becomes has its name.
  absl::Status WriteOut(const Node& node) {
    names_.Release(node.name);
    return node.body >= 0 ? bodies_.Unroll(node, door_)
                          : sequences_.Take(node, door_);
  }

  absl::Status TakeInputs(Node& node) {
    for (int& input : node.inputs) {
      if (input != kAbsent) input = StandsFor(input);
    }
    turned_.ReadFromFile(node);
    return Settle(node.inputs);
  }

  bool IsAliasOfSequence(const Node& node) {
    if (node.op_type != "Identity" || node.inputs.size() != 1 ||
        node.outputs.size() != 1 || !sequences_.Has(node.inputs[0])) {
      return false;
    }
    stands_for_[static_cast<size_t>(node.outputs[0])] = node.inputs[0];
    return true;
  }

  // Lists of tensors have neither.
  absl::Status CheckAreTensors(const Node& node) {
    for (const int input : node.inputs) {
      if (input == kAbsent || ValueAt(input).shape) continue;
      return Refuse(
          node, absl::StrFormat("its input \"%s\" is a sequence, which is only "
                                "supported for operators on sequences",
                                Printable(ValueAt(input).name)));
    }
    return absl::OkStatus();
  }

  // An If is the branch that is taken. Where only a request knows, both are
  // computed, and it is a Where for each output.
  absl::Status Decide(const Node& node, std::vector<Node>& kept) {
    const int condition = StandsFor(node.inputs[0]);
    const Value& decides = ValueAt(condition);
    if (!decides.shape || *decides.dtype != DataType::kBool ||
        *ElementCount(*decides.shape) != 1) {
      return About(node, absl::InvalidArgumentError(
                             "its condition is not one truth value"));
    }
    const size_t count = (node.inputs.size() - 1) / 2;
    const Answer truth = conditions_.IsTrue(condition);
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      const int output = node.outputs[i];
      if (output == kAbsent) continue;
      const int yes = StandsFor(node.inputs[1 + i]);
      const int no = StandsFor(node.inputs[1 + count + i]);
      if (truth == Answer::kUnknown) {
        RETURN_IF_ERROR(Choose(node, i, {condition, yes, no}, kept));
        continue;
      }
      stands_for_[static_cast<size_t>(output)] =
          truth == Answer::kYes ? yes : no;
    }
    return absl::OkStatus();
  }

  // `inputs` are a condition and what to take if it is true and if not.
  absl::Status Choose(const Node& node, size_t i, std::vector<int> inputs,
                      std::vector<Node>& kept) {
    const Value& yes = ValueAt(inputs[1]);
    const Value& no = ValueAt(inputs[2]);
    if (!yes.shape || yes.dtype != no.dtype || yes.shape != no.shape ||
        yes.shape->size() < ValueAt(inputs[0]).shape->size()) {
      return Refuse(
          node,
          absl::StrFormat(
              "which branch it takes depends on \"%s\", which is not known "
              "while packing, and its branches write different shapes or "
              "types, which is not supported; --value binds an input that "
              "decides",
              Printable(ValueAt(inputs[0]).name)));
    }
    Node where;
    where.name =
        i == 0 ? node.name : names_.Take(absl::StrCat(node.name, ":", i));
    where.op_type = "Where";
    where.opset = kOpsetMax;
    where.inputs = std::move(inputs);
    where.outputs = {node.outputs[i]};
    ASSIGN_OR_RETURN(const bool stays, Infer(where));
    return stays ? Keep(std::move(where), kept) : absl::OkStatus();
  }

  int StandsFor(int value) const {
    const auto at = static_cast<size_t>(value);
    return at < stands_for_.size() ? stands_for_[at] : value;  // It is new.
  }

  absl::Status Keep(Node node, std::vector<Node>& kept) {
    if (node.op_type == "Split") return SplitIntoSlices(node, kept);
    if (IsSpelledOut(node, *graph_)) return Spell(node, kept);
    kept.push_back(std::move(node));
    return absl::OkStatus();
  }

  // Folds what waits among `values`.
  absl::Status Settle(const std::vector<int>& values) {
    for (const int value : values) {
      const std::optional<Node> turned = turned_.Release(value);
      if (turned) RETURN_IF_ERROR(Fold(*turned, *FindOperator("Transpose")));
    }
    return absl::OkStatus();
  }

  // Whether the node stays: neither folded nor without effect.
  absl::StatusOr<bool> Infer(Node& node) {
    const OperatorRow* row = FindOperator(node.op_type);
    if (row == nullptr ||
        (row->opset_min > kOpsetMax && node.opset <= kOpsetMax)) {
      return RefuseOperator(node);
    }
    RETURN_IF_ERROR(UpgradeToOpset7(node));
    if (node.opset < row->opset_min) {
      return absl::InvalidArgumentError(
          absl::StrFormat("%s: the operator appeared in opset %d",
                          Describe(node), row->opset_min));
    }
    RETURN_IF_ERROR(CheckArity(node, *row));
    RETURN_IF_ERROR(CheckAreTensors(node));
    if (row->infer == nullptr) return true;
    NodeContext context(graph_, &node);
    RETURN_IF_ERROR(row->infer(context));
    RETURN_IF_ERROR(context.CheckAllTaken());
    if (context.is_alias()) {
      stands_for_[static_cast<size_t>(node.outputs[0])] = node.inputs[0];
      return false;
    }
    if (FoldsToNothing(node)) return false;
    ASSIGN_OR_RETURN(const bool folds, CanFold(node, *row));
    if (folds) {
      if (!turned_.Take(node)) RETURN_IF_ERROR(Fold(node, *row));
      return false;
    }
    // Of what becomes several nodes each is asked.
    if (node.op_type != "Split" && !IsSpelledOut(node, *graph_)) {
      RETURN_IF_ERROR(CheckStays(node, *row));
    }
    return true;
  }

  // The nodes that say the same; some of them fold.
  absl::Status Spell(const Node& node, std::vector<Node>& kept) {
    absl::StatusOr<std::vector<Node>> spelled =
        SpellOut(node, *graph_, *held_bytes_, kept);
    if (!spelled.ok()) return About(node, spelled.status());
    CountNewValues();
    for (Node& part : *spelled) {
      RETURN_IF_ERROR(About(node, TakeWritten(part)));
      if (part.name != node.name) part.name = names_.Take(part.name);
      RETURN_IF_ERROR(TakeInputs(part));
      ASSIGN_OR_RETURN(const bool stays, Infer(part));
      if (stays) RETURN_IF_ERROR(Keep(std::move(part), kept));
    }
    return absl::OkStatus();
  }

  // One for each output that somebody reads; those of a constant fold.
  absl::Status SplitIntoSlices(const Node& split, std::vector<Node>& kept) {
    const std::vector<int64_t>& from = *ValueAt(split.inputs[0]).shape;
    const int64_t axis = std::get<int64_t>(split.attributes.at("axis"));
    const auto& firsts =
        std::get<std::vector<int64_t>>(split.attributes.at("starts"));
    std::vector<int64_t> starts(from.size(), 0);
    for (size_t i = 0; i < split.outputs.size(); ++i) {
      const int output = split.outputs[i];
      if (output == kAbsent) continue;
      Node slice;
      slice.name =
          i == 0 ? split.name : names_.Take(absl::StrCat(split.name, ":", i));
      slice.op_type = "Slice";
      slice.opset = split.opset;
      slice.inputs = {split.inputs[0]};
      slice.outputs = {output};
      starts[static_cast<size_t>(axis)] = firsts[i];
      slice.attributes["starts"] = starts;
      slice.attributes["steps"] = std::vector<int64_t>(from.size(), 1);
      if (FoldsToNothing(slice)) continue;
      RETURN_IF_ERROR(About(split, TakeWritten(slice)));
      const OperatorRow& row = *FindOperator("Slice");
      ASSIGN_OR_RETURN(const bool folds, CanFold(slice, row));
      RETURN_IF_ERROR(folds ? Fold(slice, row) : CheckStays(slice, row));
      if (!folds) kept.push_back(std::move(slice));
    }
    return absl::OkStatus();
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
        if (KeepsSteps(Folding(graph_, &node, held_bytes_))) return true;
        const int64_t elements = FoldElements(node);
        if (elements > 3 * kFoldElementsMax) return false;
        RETURN_IF_ERROR(
            About(node, work_.Take(static_cast<uint64_t>(elements))));
        return true;
      }
    }
    return false;
  }

  // What has no elements is known, whatever it is computed from.
  bool FoldsToNothing(const Node& node) {
    for (const int output : node.outputs) {
      if (output != kAbsent && *ElementCount(*ValueAt(output).shape) != 0) {
        return false;
      }
    }
    for (const int output : node.outputs) {
      if (output == kAbsent) continue;
      const Value& value = ValueAt(output);
      graph_->SetConstant(output, Nothing(*value.dtype, *value.shape));
    }
    return true;
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
    return CheckComputes(node, row, *graph_);
  }

  absl::Status RefuseUnfolded(const Node& node) {
    const int unknown = FirstUnknown(node);
    if (unknown == kAbsent) {
      return Refuse(node, absl::StrFormat(
                              "it computes with %d elements while packing; at "
                              "most %d are supported",
                              FoldElements(node), 3 * kFoldElementsMax));
    }
    return Refuse(
        node,
        absl::StrFormat("the operator is only supported where all its inputs "
                        "are known while packing; \"%s\" is not",
                        Printable(ValueAt(unknown).name)));
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
  // output as well, an Identity copies it, if there is something to copy.
  absl::Status ConnectOutputs() {
    std::vector<int> sources;
    for (const int output : graph_->outputs)
      sources.push_back(StandsFor(output));
    RETURN_IF_ERROR(Settle(sources));
    std::vector<bool> is_written(graph_->values.size(), false);
    for (const Node& node : graph_->nodes) {
      for (const int output : node.outputs) {
        if (output != kAbsent) is_written[static_cast<size_t>(output)] = true;
      }
    }
    std::vector<bool> is_taken(graph_->values.size(), false);
    for (const int output : graph_->outputs) {
      const auto at = static_cast<size_t>(output);
      if (stands_for_[at] == output) is_taken[at] = true;
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
      if (!ValueAt(source).shape) {
        return absl::UnimplementedError(absl::StrFormat(
            "output \"%s\" is a sequence, which is not supported",
            Printable(ValueAt(output).name)));
      }
      output = Copy(source, ValueAt(output).name);
    }
    return absl::OkStatus();
  }

  int Copy(int source, std::string name) {
    const int copy = graph_->AddValue(name);
    ValueAt(copy).dtype = ValueAt(source).dtype;
    ValueAt(copy).shape = ValueAt(source).shape;
    if (*ElementCount(*ValueAt(source).shape) == 0) {
      ValueAt(copy).constant = ValueAt(source).constant;
      return copy;
    }
    Node node;
    node.name = names_.Take(absl::StrCat("Identity_", name));
    node.op_type = "Identity";
    node.opset = opset_;
    node.inputs = {source};
    node.outputs = {copy};
    graph_->nodes.push_back(std::move(node));
    return copy;
  }

  int64_t opset_;
  Graph* graph_;
  Allowance* held_bytes_;
  Allowance work_, spelled_;
  LoopBodies bodies_;
  Sequences sequences_;
  TurnedWeights turned_;
  InferenceDoor door_;
  // The value that each is the same as: itself, or the input of a node that
  // does nothing.
  std::vector<int> stands_for_;
  Conditions conditions_;
  UniqueNames names_;
};

}  // namespace

absl::Status InferAndFold(int64_t opset, Graph& graph, Allowance& held_bytes) {
  RETURN_IF_ERROR(Inference(opset, &graph, &held_bytes).Run());
  Prune(graph);
  return absl::OkStatus();
}

}  // namespace layerd
