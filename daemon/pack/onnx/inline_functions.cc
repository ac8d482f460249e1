#include "daemon/pack/onnx/inline_functions.h"

#include <map>
#include <string>
#include <unordered_set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "config/status_macros.h"
#include "daemon/pack/graph/graph.h"
#include "daemon/pack/onnx/onnx_limits.h"

namespace layerd {
namespace {

uint64_t HeldBytesOf(const AttributeValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return text->size();
  if (const auto* tensor = std::get_if<Constant>(&value)) {
    return tensor->held_bytes();
  }
  if (const auto* floats = std::get_if<std::vector<float>>(&value)) {
    return floats->size() * sizeof(float);
  }
  if (const auto* ints = std::get_if<std::vector<int64_t>>(&value)) {
    return ints->size() * sizeof(int64_t);
  }
  uint64_t bytes = 0;
  if (const auto* texts = std::get_if<std::vector<std::string>>(&value)) {
    for (const std::string& text : *texts) bytes += sizeof(text) + text.size();
  }
  return bytes;
}

class Inliner {
 public:
  Inliner(const std::vector<OnnxFunction>* functions, Allowance* held_bytes,
          OnnxModel* model)
      : functions_(*functions), held_bytes_(held_bytes), model_(model) {}

  absl::Status Run(ScannedBody graph) {
    model_->initializers = std::move(graph.initializers);
    model_->branches = std::move(graph.branches);
    if (!functions_.empty()) TakeNames(graph.nodes);
    model_->nodes.reserve(graph.nodes.size());
    for (ScannedNode& node : graph.nodes) {
      RETURN_IF_ERROR(Add(std::move(node), 0));
    }
    return absl::OkStatus();
  }

 private:
  // What the words of a function mean where one call of it stands.
  struct Call {
    const OnnxFunction& function;
    const ScannedNode& node;
    int first_branch = 0;  // Its branches lie behind those in the model.
    std::map<std::string, std::string> names = {};
  };

  void TakeNames(const std::vector<ScannedNode>& nodes) {
    for (const OnnxValueInfo& input : model_->inputs) {
      names_.insert(input.name);
    }
    for (const OnnxTensor& tensor : model_->initializers) {
      names_.insert(tensor.name);
    }
    for (const ScannedNode& node : nodes) {
      names_.insert(node.outputs.begin(), node.outputs.end());
    }
    for (const OnnxBranch& branch : model_->branches) {
      names_.insert(branch.inputs.begin(), branch.inputs.end());
    }
  }

  absl::Status Add(ScannedNode node, int depth) {
    if (node.function != kNoFunction) return Write(node, depth);
    if (model_->nodes.size() == kNodesMax) {
      return absl::InvalidArgumentError(absl::StrFormat(
          "has more than %d nodes with its functions written out", kNodesMax));
    }
    model_->nodes.push_back(std::move(node));
    return absl::OkStatus();
  }

  absl::Status Write(const ScannedNode& node, int depth) {
    Call call{.function = functions_[static_cast<size_t>(node.function)],
              .node = node};
    RETURN_IF_ERROR(calls_.Take(1));
    RETURN_IF_ERROR(CheckCall(call, depth));
    RETURN_IF_ERROR(NameEdges(call));
    RETURN_IF_ERROR(AddBranches(call));
    for (const OnnxTensor& tensor : call.function.initializers) {
      RETURN_IF_ERROR(AddTensor(tensor, call));
    }
    for (const ScannedNode& inner : call.function.nodes) {
      ASSIGN_OR_RETURN(ScannedNode copy, CopyOf(inner, call));
      RETURN_IF_ERROR(Add(std::move(copy), depth + 1));
    }
    return absl::OkStatus();
  }

  absl::Status CheckCall(const Call& call, int depth) const {
    if (depth == kCallDepthMax) {
      return Wrong(call, absl::StrFormat("functions call each other more than "
                                         "%d deep, or for ever",
                                         kCallDepthMax));
    }
    if (call.node.inputs.size() > call.function.inputs.size() ||
        call.node.outputs.size() > call.function.outputs.size()) {
      return Wrong(
          call, absl::StrFormat(
                    "the function has %d inputs and %d outputs, the node has "
                    "%d and %d",
                    call.function.inputs.size(), call.function.outputs.size(),
                    call.node.inputs.size(), call.node.outputs.size()));
    }
    return absl::OkStatus();
  }

  // The function's inputs and outputs are the node's. An output that has a
  // name already is an input, or another output, and is copied.
  absl::Status NameEdges(Call& call) {
    const OnnxFunction& function = call.function;
    for (size_t i = 0; i < function.inputs.size(); ++i) {
      std::string given =
          i < call.node.inputs.size() ? call.node.inputs[i] : std::string();
      RETURN_IF_ERROR(Name(call, function.inputs[i], std::move(given)));
    }
    for (size_t i = 0; i < call.node.outputs.size(); ++i) {
      const std::string& wanted = call.node.outputs[i];
      if (wanted.empty()) continue;
      const auto known = call.names.find(function.outputs[i]);
      if (known != call.names.end()) {
        RETURN_IF_ERROR(AddIdentity(call, known->second, wanted));
      } else {
        RETURN_IF_ERROR(Name(call, function.outputs[i], wanted));
      }
    }
    return absl::OkStatus();
  }

  absl::Status Name(Call& call, const std::string& name, std::string given) {
    RETURN_IF_ERROR(held_bytes_->Take(2 * sizeof(std::string) + name.size() +
                                      given.size()));
    if (call.names.emplace(name, std::move(given)).second) {
      return absl::OkStatus();
    }
    return Wrong(call, absl::StrFormat("the function names \"%s\" twice",
                                       Printable(name)));
  }

  absl::Status AddIdentity(const Call& call, const std::string& from,
                           const std::string& to) {
    RETURN_IF_ERROR(
        held_bytes_->Take(sizeof(ScannedNode) + from.size() + to.size()));
    ScannedNode node;
    node.name = absl::StrCat(call.node.name, "/Identity");
    node.op_type = "Identity";
    node.opset = call.function.opset;
    node.inputs = {from};
    node.outputs = {to};
    node.branch = call.node.branch;
    return Add(std::move(node), 0);
  }

  absl::Status AddBranches(Call& call) {
    call.first_branch = static_cast<int>(model_->branches.size());
    for (const OnnxBranch& branch : call.function.branches) {
      if (model_->branches.size() == kBranchesMax) {
        return Wrong(call, absl::StrFormat("there are more than %d branches",
                                           kBranchesMax));
      }
      RETURN_IF_ERROR(held_bytes_->Take(sizeof(OnnxBranch)));
      OnnxBranch copy;
      copy.parent = BranchOf(branch.parent, call);
      RETURN_IF_ERROR(CheckDepth(copy.parent, call));
      ASSIGN_OR_RETURN(copy.inputs, Named(branch.inputs, call));
      ASSIGN_OR_RETURN(copy.outputs, Named(branch.outputs, call));
      model_->branches.push_back(std::move(copy));
    }
    return absl::OkStatus();
  }

  absl::Status CheckDepth(int branch, const Call& call) const {
    for (int depth = 1; branch != kNoBranch; ++depth) {
      if (depth == kBranchDepthMax) {
        return Wrong(call, absl::StrFormat("branches lie more than %d deep",
                                           kBranchDepthMax));
      }
      branch = model_->branches[static_cast<size_t>(branch)].parent;
    }
    return absl::OkStatus();
  }

  static int BranchOf(int branch, const Call& call) {
    return branch == kNoBranch ? call.node.branch : call.first_branch + branch;
  }

  absl::Status AddTensor(const OnnxTensor& tensor, Call& call) {
    if (model_->initializers.size() == kTensorsMax) {
      return Wrong(call, absl::StrFormat("there are more than %d initializers",
                                         kTensorsMax));
    }
    RETURN_IF_ERROR(
        held_bytes_->Take(sizeof(OnnxTensor) + tensor.constant.held_bytes()));
    OnnxTensor copy = tensor;
    copy.branch = BranchOf(tensor.branch, call);
    ASSIGN_OR_RETURN(copy.name, Named(tensor.name, call));
    model_->initializers.push_back(std::move(copy));
    return absl::OkStatus();
  }

  absl::StatusOr<ScannedNode> CopyOf(const ScannedNode& from, Call& call) {
    ScannedNode copy;
    copy.name = absl::StrCat(call.node.name, "/", from.name);
    RETURN_IF_ERROR(held_bytes_->Take(sizeof(ScannedNode) + copy.name.size() +
                                      from.op_type.size()));
    copy.op_type = from.op_type;
    copy.function = from.function;
    copy.opset = from.opset;
    copy.branch = BranchOf(from.branch, call);
    const auto moved = [&](int branch) {
      return branch == kNoBranch ? branch : call.first_branch + branch;
    };
    copy.then_branch = moved(from.then_branch);
    copy.else_branch = moved(from.else_branch);
    copy.body = moved(from.body);
    ASSIGN_OR_RETURN(copy.inputs, Named(from.inputs, call));
    ASSIGN_OR_RETURN(copy.outputs, Named(from.outputs, call));
    RETURN_IF_ERROR(CopyAttributes(from, call, copy));
    return copy;
  }

  absl::Status CopyAttributes(const ScannedNode& from, const Call& call,
                              ScannedNode& copy) {
    for (const auto& [name, value] : from.attributes) {
      RETURN_IF_ERROR(AddAttribute(name, value, copy));
    }
    for (const auto& [name, meant] : from.references) {
      const AttributeValue* value = Given(meant, call);
      if (value != nullptr) RETURN_IF_ERROR(AddAttribute(name, *value, copy));
    }
    return absl::OkStatus();
  }

  static const AttributeValue* Given(const std::string& attribute,
                                     const Call& call) {
    const auto given = call.node.attributes.find(attribute);
    if (given != call.node.attributes.end()) return &given->second;
    const auto usual = call.function.defaults.find(attribute);
    return usual == call.function.defaults.end() ? nullptr : &usual->second;
  }

  absl::Status AddAttribute(const std::string& name,
                            const AttributeValue& value, OnnxNode& node) {
    RETURN_IF_ERROR(held_bytes_->Take(128 + name.size() + HeldBytesOf(value)));
    node.attributes.emplace(name, value);
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<std::string>> Named(
      const std::vector<std::string>& names, Call& call) {
    std::vector<std::string> named;
    for (const std::string& name : names) {
      ASSIGN_OR_RETURN(named.emplace_back(), Named(name, call));
    }
    return named;
  }

  absl::StatusOr<std::string> Named(const std::string& name, Call& call) {
    if (name.empty()) return name;
    const auto known = call.names.find(name);
    if (known != call.names.end()) {
      RETURN_IF_ERROR(
          held_bytes_->Take(sizeof(std::string) + known->second.size()));
      return known->second;
    }
    const std::string base = absl::StrCat(call.node.name, "/", name);
    std::string fresh = base;
    while (names_.contains(fresh)) fresh = absl::StrCat(base, "_", ++renamed_);
    RETURN_IF_ERROR(
        held_bytes_->Take(2 * (sizeof(std::string) + fresh.size())));
    names_.insert(fresh);
    RETURN_IF_ERROR(Name(call, name, fresh));
    return fresh;
  }

  static absl::Status Wrong(const Call& call, const std::string& why) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "node \"%s\" (%s, a function of the model): %s",
        Printable(call.node.name), Printable(call.function.name), why));
  }

  const std::vector<OnnxFunction>& functions_;
  Allowance* held_bytes_;
  Allowance calls_{"calls of its functions", kCallsMax};
  OnnxModel* model_;
  std::unordered_set<std::string> names_;  // Of all values.
  // Counts on from name to name, or a file of equal ones would take for ever.
  size_t renamed_ = 0;
};

}  // namespace

absl::Status InlineFunctions(const std::vector<OnnxFunction>& functions,
                             ScannedBody graph, Allowance& held_bytes,
                             OnnxModel& model) {
  return Inliner(&functions, &held_bytes, &model).Run(std::move(graph));
}

}  // namespace layerd
