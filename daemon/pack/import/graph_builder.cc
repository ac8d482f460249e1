#include "daemon/pack/import/graph_builder.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <queue>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "config/status_macros.h"
#include "daemon/pack/graph/element_type.h"

namespace layerd {
namespace {

// Where weights are quantised.
struct QuantisedInput {
  std::string_view op_type;
  size_t number;
};
constexpr QuantisedInput kQuantisedInputs[] = {
    {"ConvInteger", 1},
    {"DequantizeLinear", 0},
    {"MatMulInteger", 1},
    {"QLinearConv", 3},
    {"QLinearMatMul", 3},
    {"com.microsoft.DynamicQuantizeLSTM", 1},
    {"com.microsoft.DynamicQuantizeLSTM", 2},
    {"com.microsoft.DynamicQuantizeMatMul", 1},
    {"com.microsoft.GatherBlockQuantized", 0},
    {"com.microsoft.MatMulIntegerToFloat", 1},
    {"com.microsoft.MatMulNBits", 1},
    {"com.microsoft.QAttention", 1},
    {"com.microsoft.QEmbedLayerNormalization", 2},
    {"com.microsoft.QEmbedLayerNormalization", 3},
    {"com.microsoft.QEmbedLayerNormalization", 4},
    {"com.microsoft.QGemm", 3}};

bool CastsToFloats(const OnnxNode& node) {
  const auto to = node.attributes.find("to");
  if (node.op_type != "Cast" || to == node.attributes.end()) return false;
  const auto* const type = std::get_if<int64_t>(&to->second);
  if (type == nullptr) return false;
  const absl::StatusOr<DataType> dtype = TypeOfOnnx(*type);
  return dtype.ok() && IsFloating(*dtype);
}

// As f32 if it is or means floating numbers; scalars and the like are no
// weights.
uint64_t WeightBytes(const Constant& constant, bool is_quantised = false) {
  if (constant.shape.empty()) return 0;
  const size_t element_bytes = is_quantised || IsFloating(constant.dtype)
                                   ? sizeof(float)
                                   : SizeOf(constant.dtype);
  return static_cast<uint64_t>(constant.element_count()) * element_bytes;
}

uint64_t WeightBytes(const OnnxNode& node) {
  if (node.op_type != "Constant") return 0;
  uint64_t bytes = 0;
  for (const auto& [name, value] : node.attributes) {
    if (const auto* tensor = std::get_if<Constant>(&value)) {
      bytes += WeightBytes(*tensor);
    } else if (const auto* floats = std::get_if<std::vector<float>>(&value)) {
      bytes += floats->size() * sizeof(float);
    } else if (const auto* ints = std::get_if<std::vector<int64_t>>(&value)) {
      bytes += ints->size() * sizeof(int64_t);
    }
  }
  return bytes;
}

class Builder {
 public:
  explicit Builder(OnnxModel model) : model_(std::move(model)) {}

  absl::StatusOr<Graph> Build(const ShapeBindings& shapes) {
    graph_.name = std::move(model_.graph_name);
    graph_.files = std::move(model_.files);
    names_.resize(model_.branches.size() + 1);
    for (const OnnxBranch& branch : model_.branches) {
      graph_.branches.emplace_back().parent = branch.parent;
    }
    RETURN_IF_ERROR(AddInitializers());
    RETURN_IF_ERROR(AddInputs(shapes));
    RETURN_IF_ERROR(AddNodes());
    RETURN_IF_ERROR(AddOutputs());
    RETURN_IF_ERROR(SortNodes());
    RenameInBranches();
    Prune(graph_);
    return std::move(graph_);
  }

 private:
  using Names = std::unordered_map<std::string, int>;

  absl::StatusOr<int> AddValue(const std::string& name, const char* kind,
                               int branch = kNoBranch) {
    if (name.empty()) {
      return absl::InvalidArgumentError(
          absl::StrFormat("an %s has no name", kind));
    }
    const int index = static_cast<int>(graph_.values.size());
    if (!NamesOf(branch).emplace(name, index).second) {
      return absl::InvalidArgumentError(
          absl::StrFormat("the value \"%s\" is written twice, the second time "
                          "as %s",
                          Printable(name), kind));
    }
    graph_.values.emplace_back();
    graph_.values.back().name = name;
    branches_.push_back(branch);
    return index;
  }

  Names& NamesOf(int branch) { return names_[static_cast<size_t>(branch + 1)]; }

  // Branches see what is around them.
  std::optional<int> Find(const std::string& name, int branch) {
    for (;; branch = graph_.branches[static_cast<size_t>(branch)].parent) {
      const Names& names = NamesOf(branch);
      const auto known = names.find(name);
      if (known != names.end()) return known->second;
      if (branch == kNoBranch) return std::nullopt;
    }
  }

  // Both branches of an If may use the same names.
  void RenameInBranches() {
    if (graph_.branches.empty()) return;
    std::unordered_set<std::string> taken;
    for (const auto& [name, index] : NamesOf(kNoBranch)) taken.insert(name);
    for (size_t i = 0; i < graph_.values.size(); ++i) {
      if (branches_[i] == kNoBranch) continue;
      std::string& name = graph_.values[i].name;
      if (taken.insert(name).second) continue;
      name = absl::StrCat(name, "_", i);
      while (!taken.insert(name).second) name += "_";
    }
  }

  // What is read as the numbers that it means.
  std::unordered_set<std::string_view> Quantised() const {
    std::unordered_set<std::string_view> names;
    for (const OnnxNode& node : model_.nodes) {
      if (CastsToFloats(node)) {
        names.insert(node.inputs.begin(), node.inputs.end());
      }
      for (const QuantisedInput& input : kQuantisedInputs) {
        if (node.op_type == input.op_type &&
            input.number < node.inputs.size()) {
          names.insert(node.inputs[input.number]);
        }
      }
    }
    return names;
  }

  absl::Status AddInitializers() {
    const std::unordered_set<std::string_view> quantised = Quantised();
    for (OnnxTensor& tensor : model_.initializers) {
      ASSIGN_OR_RETURN(const int index,
                       AddValue(tensor.name, "initializer", tensor.branch));
      Value& value = graph_.values[static_cast<size_t>(index)];
      value.dtype = tensor.constant.dtype;
      value.shape = tensor.constant.shape;
      value.constant = static_cast<int>(graph_.constants.size());
      graph_.weight_bytes +=
          WeightBytes(tensor.constant, quantised.contains(tensor.name));
      graph_.constants.push_back(std::move(tensor.constant));
    }
    return absl::OkStatus();
  }

  // IR 3 lists initializers among the inputs, later ones may do so to let them
  // be overridden: weights all the same.
  absl::Status AddInputs(const ShapeBindings& shapes) {
    const size_t initializers = graph_.values.size();
    std::vector<OnnxValueInfo> inputs;
    for (OnnxValueInfo& input : model_.inputs) {
      const std::optional<int> known = Find(input.name, kNoBranch);
      if (known && static_cast<size_t>(*known) < initializers) {
        continue;
      }
      ASSIGN_OR_RETURN(const int index, AddValue(input.name, "input"));
      if (!input.dtype) {
        return absl::InvalidArgumentError(absl::StrFormat(
            "input \"%s\" has no element type", Printable(input.name)));
      }
      graph_.inputs.push_back(index);
      inputs.push_back(std::move(input));
    }
    ASSIGN_OR_RETURN(auto bound, BindShapes(inputs, shapes));
    for (size_t i = 0; i < inputs.size(); ++i) {
      Value& value = graph_.values[static_cast<size_t>(graph_.inputs[i])];
      value.dtype = inputs[i].dtype;
      value.shape = std::move(bound[i]);
      // What has no elements is known.
      if (ElementCount(*value.shape) == 0) {
        graph_.SetConstant(graph_.inputs[i],
                           Nothing(*value.dtype, *value.shape));
      }
    }
    return absl::OkStatus();
  }

  // Names of nodes should be unique and need not be.
  std::string UniqueName(std::string name, size_t index) {
    if (node_names_.insert(name).second) return name;
    for (name = absl::StrCat(name, "_", index);
         !node_names_.insert(name).second;) {
      name += "_";
    }
    return name;
  }

  absl::Status AddNodes() {
    RETURN_IF_ERROR(AddBodyInputs());
    for (OnnxNode& from : model_.nodes) {
      graph_.weight_bytes += WeightBytes(from);
      Node node;
      node.name = UniqueName(std::move(from.name), graph_.nodes.size());
      node.op_type = std::move(from.op_type);
      node.opset = from.opset;
      node.attributes = std::move(from.attributes);
      node.branch = from.branch;
      for (const std::string& output : from.outputs) {
        int index = kAbsent;
        if (!output.empty()) {
          absl::StatusOr<int> added =
              AddValue(output, "output of a node", from.branch);
          if (!added.ok()) return About(node, added.status());
          index = *added;
        }
        node.outputs.push_back(index);
      }
      graph_.nodes.push_back(std::move(node));
    }
    for (size_t n = 0; n < model_.nodes.size(); ++n) {
      RETURN_IF_ERROR(Connect(model_.nodes[n], graph_.nodes[n]));
    }
    return absl::OkStatus();
  }

  absl::Status AddBodyInputs() {
    body_inputs_.resize(model_.branches.size());
    for (size_t b = 0; b < model_.branches.size(); ++b) {
      for (const std::string& input : model_.branches[b].inputs) {
        ASSIGN_OR_RETURN(const int index, AddValue(input, "input of a body",
                                                   static_cast<int>(b)));
        body_inputs_[b].push_back(index);
      }
    }
    for (const OnnxNode& node : model_.nodes) {
      if (node.body == kNoBranch) continue;
      graph_.branches[static_cast<size_t>(node.body)].is_body = true;
    }
    return absl::OkStatus();
  }

  absl::Status Connect(const OnnxNode& from, Node& node) {
    for (const std::string& input : from.inputs) {
      if (input.empty()) {
        node.inputs.push_back(kAbsent);
        continue;
      }
      ASSIGN_OR_RETURN(const int index, Input(node, input, from.branch));
      node.inputs.push_back(index);
    }
    if (node.op_type == "If") return ConnectBranches(from, node);
    if (node.op_type == "Loop" || node.op_type == "Scan") {
      return ConnectBody(from, node);
    }
    return absl::OkStatus();
  }

  absl::StatusOr<int> Input(const Node& node, const std::string& name,
                            int branch) {
    if (const std::optional<int> known = Find(name, branch)) return *known;
    return About(node, absl::InvalidArgumentError(absl::StrFormat(
                           "its input \"%s\" is no output of any node, no "
                           "initializer and no input",
                           Printable(name))));
  }

  // An If reads its condition, then all outputs of the first branch, then all
  // of the second.
  absl::Status ConnectBranches(const OnnxNode& from, Node& node) {
    if (from.then_branch == kNoBranch || from.else_branch == kNoBranch ||
        node.inputs.size() != 1 || node.inputs[0] == kAbsent) {
      return About(node, absl::InvalidArgumentError(
                             "it has no condition or no two branches"));
    }
    const int condition = node.inputs[0];
    for (const int b : {from.then_branch, from.else_branch}) {
      const OnnxBranch& branch = model_.branches[static_cast<size_t>(b)];
      if (!branch.inputs.empty()) {
        return About(node,
                     absl::InvalidArgumentError("a branch that has inputs"));
      }
      if (branch.outputs.size() < from.outputs.size()) {
        return About(node, absl::InvalidArgumentError(absl::StrFormat(
                               "a branch has %d outputs, the node has %d",
                               branch.outputs.size(), from.outputs.size())));
      }
      Branch& known = graph_.branches[static_cast<size_t>(b)];
      known.condition = condition;
      known.is_then = b == from.then_branch;
      for (size_t i = 0; i < from.outputs.size(); ++i) {
        ASSIGN_OR_RETURN(const int index, Input(node, branch.outputs[i], b));
        node.inputs.push_back(index);
      }
    }
    return absl::OkStatus();
  }

  // A loop reads what its body writes behind its own inputs.
  absl::Status ConnectBody(const OnnxNode& from, Node& node) {
    if (from.body == kNoBranch) return absl::OkStatus();  // Refused if needed.
    node.body = from.body;
    Branch& body = graph_.branches[static_cast<size_t>(from.body)];
    const OnnxBranch& named = model_.branches[static_cast<size_t>(from.body)];
    body.inputs = std::move(body_inputs_[static_cast<size_t>(from.body)]);
    body.outputs = named.outputs.size();
    for (const std::string& output : named.outputs) {
      ASSIGN_OR_RETURN(const int index, Input(node, output, from.body));
      node.inputs.push_back(index);
    }
    return absl::OkStatus();
  }

  absl::Status AddOutputs() {
    if (model_.outputs.empty()) {
      return absl::InvalidArgumentError("the graph has no outputs");
    }
    std::unordered_set<std::string> seen;
    for (const OnnxValueInfo& output : model_.outputs) {
      const std::optional<int> known = Find(output.name, kNoBranch);
      if (!known) {
        return absl::InvalidArgumentError(
            absl::StrFormat("the graph's output \"%s\" is written by no node",
                            Printable(output.name)));
      }
      // torch.onnx lists what a module returns twice as often.
      if (seen.insert(output.name).second) graph_.outputs.push_back(*known);
    }
    return absl::OkStatus();
  }

  // Kahn's algorithm; of the nodes that are ready, the first in the file goes
  // first, so a sorted file keeps its order.
  absl::Status SortNodes() {
    const size_t count = graph_.nodes.size();
    std::vector<int> writers(graph_.values.size(), -1);
    for (size_t n = 0; n < count; ++n) {
      for (const int output : graph_.nodes[n].outputs) {
        if (output != kAbsent) {
          writers[static_cast<size_t>(output)] = static_cast<int>(n);
        }
      }
    }
    std::vector<size_t> waits_for(count, 0);
    std::vector<std::vector<size_t>> readers(count);
    for (size_t n = 0; n < count; ++n) {
      const auto wait = [&](int value) {
        if (value == kAbsent) return;
        const int writer = writers[static_cast<size_t>(value)];
        if (writer < 0) return;
        readers[static_cast<size_t>(writer)].push_back(n);
        ++waits_for[n];
      };
      const Node& node = graph_.nodes[n];
      for (const int input : node.inputs) wait(input);
      // So inference knows whether a branch is taken before it comes to it.
      for (int b = node.branch; b != kNoBranch;
           b = graph_.branches[static_cast<size_t>(b)].parent) {
        wait(graph_.branches[static_cast<size_t>(b)].condition);
      }
    }
    return TakeReady(readers, waits_for);
  }

  absl::Status TakeReady(const std::vector<std::vector<size_t>>& readers,
                         std::vector<size_t>& waits_for) {
    std::priority_queue<size_t, std::vector<size_t>, std::greater<>> ready;
    for (size_t n = 0; n < waits_for.size(); ++n) {
      if (waits_for[n] == 0) ready.push(n);
    }
    std::vector<Node> sorted;
    while (!ready.empty()) {
      const size_t n = ready.top();
      ready.pop();
      sorted.push_back(std::move(graph_.nodes[n]));
      for (const size_t reader : readers[n]) {
        if (--waits_for[reader] == 0) ready.push(reader);
      }
    }
    for (size_t n = 0; n < waits_for.size(); ++n) {
      if (waits_for[n] == 0) continue;
      return About(graph_.nodes[n], absl::InvalidArgumentError(
                                        "it waits for its own output: the "
                                        "graph has a cycle"));
    }
    graph_.nodes = std::move(sorted);
    return absl::OkStatus();
  }

  static absl::Status About(const Node& node, const absl::Status& status) {
    return absl::Status(status.code(),
                        absl::StrFormat("%s: %s", Describe(node),
                                        std::string(status.message())));
  }

  OnnxModel model_;
  Graph graph_;
  std::vector<Names> names_;   // Of the graph, then of each branch.
  std::vector<int> branches_;  // That each value belongs to.
  std::vector<std::vector<int>> body_inputs_;  // Of each branch.
  std::unordered_set<std::string> node_names_;
};

}  // namespace

absl::StatusOr<Graph> BuildGraph(OnnxModel model, const ShapeBindings& shapes) {
  return Builder(std::move(model)).Build(shapes);
}

}  // namespace layerd
