#include "daemon/pack/import/loop_bodies.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "config/status_macros.h"
#include "daemon/pack/graph/element_type.h"
#include "daemon/pack/graph/graph.h"
#include "daemon/pack/onnx/onnx_limits.h"
#include "daemon/pack/operators/node_check.h"

namespace layerd {
namespace {

absl::StatusOr<std::vector<int64_t>> IntsAttribute(const Node& node,
                                                   const char* name,
                                                   size_t count) {
  const auto found = node.attributes.find(name);
  if (found == node.attributes.end()) return std::vector<int64_t>(count, 0);
  const auto* value = std::get_if<std::vector<int64_t>>(&found->second);
  if (value != nullptr && value->size() == count) return *value;
  return Refuse(
      node, absl::StrCat("attribute ", name, " has not one integer for each"));
}

std::string Quoted(const Graph& graph, int value) {
  const std::string& name = graph.values[static_cast<size_t>(value)].name;
  return absl::StrCat("\"", Printable(name), "\"");
}

constexpr const char* kBinds =
    ", which is not known while packing; --value binds an input that decides";

}  // namespace

int LoopBodies::OutermostBody(const Node& node) const {
  int outermost = -1;
  for (int b = node.branch; b >= 0;
       b = graph_->branches[static_cast<size_t>(b)].parent) {
    if (graph_->branches[static_cast<size_t>(b)].is_body) outermost = b;
  }
  return outermost;
}

bool LoopBodies::Take(Node& node) {
  const int outermost = OutermostBody(node);
  if (outermost < 0) return false;
  bodies_[outermost].push_back(std::move(node));
  return true;
}

absl::Status LoopBodies::Unroll(const Node& loop, const InferenceDoor& door) {
  Run run{loop, door, {}, {}, 0, {}};
  const Branch& body = graph_->branches[static_cast<size_t>(loop.body)];
  run.own.assign(loop.inputs.begin(),
                 loop.inputs.end() - static_cast<int64_t>(body.outputs));
  const absl::Status done =
      loop.op_type == "Loop" ? UnrollLoop(run) : UnrollScan(run);
  bodies_.erase(loop.body);
  return done;
}

absl::Status LoopBodies::CheckCounts(const Run& run, size_t first_inputs,
                                     size_t first_outputs) const {
  const Branch& body = graph_->branches[static_cast<size_t>(run.loop.body)];
  const size_t outputs = run.carried.size() + run.collected;
  if (body.inputs.size() == run.carried.size() + first_inputs &&
      body.outputs == outputs + first_outputs &&
      run.loop.outputs.size() <= outputs) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrFormat(
      "%s: its body has %d inputs and %d outputs, which do not fit %d inputs "
      "and %d outputs",
      Describe(run.loop), body.inputs.size(), body.outputs, run.own.size(),
      run.loop.outputs.size()));
}

absl::Status LoopBodies::UnrollLoop(Run& run) {
  const Branch& body = graph_->branches[static_cast<size_t>(run.loop.body)];
  if (run.own.size() > 2) {
    run.carried.assign(run.own.begin() + 2, run.own.end());
  }
  run.own.resize(2, kAbsent);
  if (body.outputs < 1 + run.carried.size() ||
      std::count(run.carried.begin(), run.carried.end(), kAbsent) > 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        Describe(run.loop), ": its body writes too little, or it lacks input"));
  }
  run.collected = body.outputs - 1 - run.carried.size();
  RETURN_IF_ERROR(CheckCounts(run, 2, 1));
  ASSIGN_OR_RETURN(const int64_t turns, TurnsAtMost(run));
  for (int64_t turn = 0; turn < turns; ++turn) {
    ASSIGN_OR_RETURN(const bool goes, Goes(run, run.own[1]));
    if (!goes) break;
    std::vector<int> inputs = {KnownInt(DataType::kI64, turn, {}),
                               KnownInt(DataType::kBool, 1, {})};
    inputs.insert(inputs.end(), run.carried.begin(), run.carried.end());
    RETURN_IF_ERROR(Turn(run, std::move(inputs), 1));
  }
  return Finish(run, std::vector<int64_t>(run.collected, 0));
}

absl::StatusOr<int64_t> LoopBodies::TurnsAtMost(const Run& run) const {
  if (run.own[0] == kAbsent) return std::numeric_limits<int64_t>::max();
  const std::optional<int64_t> known = IntOf(run.door.stands_for(run.own[0]));
  if (known) return *known;
  return Refuse(run.loop, absl::StrCat("how often it turns depends on ",
                                       Quoted(*graph_, run.own[0]), kBinds));
}

absl::StatusOr<bool> LoopBodies::Goes(const Run& run, int condition) const {
  if (condition == kAbsent) return true;
  const std::optional<int64_t> goes = IntOf(run.door.stands_for(condition));
  if (goes) return *goes != 0;
  return Refuse(run.loop, absl::StrCat("whether it turns again depends on ",
                                       Quoted(*graph_, condition), kBinds));
}

absl::Status LoopBodies::UnrollScan(Run& run) {
  ASSIGN_OR_RETURN(const Scanned scanned, ScannedBy(run));
  run.collected = graph_->branches[static_cast<size_t>(run.loop.body)].outputs -
                  run.carried.size();
  RETURN_IF_ERROR(CheckCounts(run, scanned.sources.size(), 0));
  ASSIGN_OR_RETURN(const std::vector<int64_t> to_axes,
                   IntsAttribute(run.loop, "scan_output_axes", run.collected));
  ASSIGN_OR_RETURN(
      const std::vector<int64_t> reversed,
      IntsAttribute(run.loop, "scan_output_directions", run.collected));
  for (int64_t turn = 0; turn < scanned.length; ++turn) {
    std::vector<int> inputs = run.carried;
    for (size_t i = 0; i < scanned.sources.size(); ++i) {
      ASSIGN_OR_RETURN(const int element, ElementOf(run, scanned, i, turn));
      inputs.push_back(element);
    }
    RETURN_IF_ERROR(Turn(run, std::move(inputs), 0));
  }
  for (size_t i = 0; i < run.elements.size(); ++i) {
    if (reversed[i] != 0) {
      std::reverse(run.elements[i].begin(), run.elements[i].end());
    }
  }
  return Finish(run, to_axes);
}

// The last inputs; those before them are carried.
absl::StatusOr<LoopBodies::Scanned> LoopBodies::ScannedBy(Run& run) const {
  if (run.loop.opset < 9) {
    return Refuse(run.loop, "before opset 9 it is not supported");
  }
  ASSIGN_OR_RETURN(const int64_t count, IntOr(run.loop, "num_scan_inputs", 0));
  const Branch& body = graph_->branches[static_cast<size_t>(run.loop.body)];
  if (count < 1 || static_cast<size_t>(count) > run.own.size() ||
      std::count(run.own.begin(), run.own.end(), kAbsent) > 0 ||
      body.outputs < run.own.size() - static_cast<size_t>(count)) {
    return absl::InvalidArgumentError(
        absl::StrCat(Describe(run.loop), ": its inputs do not fit its body"));
  }
  const auto first = run.own.end() - count;
  run.carried.assign(run.own.begin(), first);
  Scanned scanned;
  scanned.sources.assign(first, run.own.end());
  ASSIGN_OR_RETURN(scanned.axes, IntsAttribute(run.loop, "scan_input_axes",
                                               scanned.sources.size()));
  ASSIGN_OR_RETURN(
      scanned.backwards,
      IntsAttribute(run.loop, "scan_input_directions", scanned.sources.size()));
  for (size_t i = 0; i < scanned.sources.size(); ++i) {
    ASSIGN_OR_RETURN(const int64_t length,
                     LengthOf(run, scanned.sources[i], scanned.axes[i]));
    if (i > 0 && length != scanned.length) {
      return absl::InvalidArgumentError(absl::StrCat(
          Describe(run.loop), ": what it scans has not the same length"));
    }
    scanned.length = length;
  }
  return scanned;
}

// Along `axis`, which counts from the front then.
absl::StatusOr<int64_t> LoopBodies::LengthOf(const Run& run, int source,
                                             int64_t& axis) const {
  const int value = run.door.stands_for(source);
  const auto& shape = graph_->values[static_cast<size_t>(value)].shape;
  const auto rank = shape ? static_cast<int64_t>(shape->size()) : 0;
  if (axis < 0) axis += rank;
  if (axis >= 0 && axis < rank) return (*shape)[static_cast<size_t>(axis)];
  return absl::InvalidArgumentError(absl::StrCat(
      Describe(run.loop), ": what it scans does not have the axis"));
}

absl::StatusOr<int> LoopBodies::ElementOf(const Run& run,
                                          const Scanned& scanned, size_t i,
                                          int64_t turn) {
  const int64_t place =
      scanned.backwards[i] != 0 ? scanned.length - 1 - turn : turn;
  Node gather;
  gather.name = absl::StrCat(run.loop.name, ":", turn, ":", i);
  gather.op_type = "Gather";
  gather.opset = kWrittenOpset;
  gather.inputs = {scanned.sources[i], KnownInt(DataType::kI64, place, {})};
  gather.outputs = {NewValue(gather.name)};
  gather.attributes["axis"] = scanned.axes[i];
  const int element = gather.outputs[0];
  RETURN_IF_ERROR(run.door.process(std::move(gather)));
  return element;
}

// `skipped` outputs of the body are not carried; the first of them is kept as
// the condition to go on.
absl::Status LoopBodies::Turn(Run& run, std::vector<int> inputs,
                              size_t skipped) {
  const auto& known = bodies_.find(run.loop.body);
  const size_t count = known == bodies_.end() ? 0 : known->second.size();
  RETURN_IF_ERROR(turns_->Take(1));
  const std::vector<int> names =
      graph_->branches[static_cast<size_t>(run.loop.body)].inputs;
  const size_t outputs =
      graph_->branches[static_cast<size_t>(run.loop.body)].outputs;
  RETURN_IF_ERROR(edges_.Take(names.size() + outputs));
  std::map<int, int> values;
  for (size_t i = 0; i < names.size(); ++i) {
    if (names[i] != kAbsent) values[names[i]] = inputs[i];
  }
  std::map<int, int> branches = {{run.loop.body, run.loop.branch}};
  for (size_t n = 0; n < count; ++n) {
    ASSIGN_OR_RETURN(Node copy, CopyOf(known->second[n], values, branches));
    RETURN_IF_ERROR(run.door.process(std::move(copy)));
  }
  const auto first = run.loop.inputs.end() - static_cast<int64_t>(outputs);
  std::vector<int> written;
  for (auto output = first; output != run.loop.inputs.end(); ++output) {
    const auto found = values.find(*output);
    written.push_back(found == values.end() ? *output : found->second);
  }
  if (skipped > 0) run.own[1] = written[0];
  const auto carried = written.begin() + static_cast<int64_t>(skipped);
  std::copy_n(carried, run.carried.size(), run.carried.begin());
  run.elements.resize(run.collected);
  for (size_t i = 0; i < run.collected; ++i) {
    run.elements[i].push_back(written[skipped + run.carried.size() + i]);
  }
  return absl::OkStatus();
}

absl::Status LoopBodies::Finish(Run& run, const std::vector<int64_t>& axes) {
  run.elements.resize(run.collected);
  for (size_t i = 0; i < run.loop.outputs.size(); ++i) {
    const int output = run.loop.outputs[i];
    if (output == kAbsent) continue;
    if (i < run.carried.size()) {
      run.door.let_stand_for(output, run.door.stands_for(run.carried[i]));
      continue;
    }
    const size_t c = i - run.carried.size();
    if (run.elements[c].empty()) {
      return Refuse(run.loop, "it never turns, so an output is empty");
    }
    Node concat;
    concat.name = i == 0 ? run.loop.name : absl::StrCat(run.loop.name, "/", i);
    concat.op_type = "Concat";
    concat.opset = kWrittenOpset;
    concat.outputs = {output};
    concat.attributes["axis"] = axes[c];
    for (const int element : run.elements[c]) {
      Node unsqueeze;
      unsqueeze.name = absl::StrCat(concat.name, "/", concat.inputs.size());
      unsqueeze.op_type = "Unsqueeze";
      unsqueeze.opset = kWrittenOpset;
      unsqueeze.inputs = {element, KnownInt(DataType::kI64, axes[c], {1})};
      unsqueeze.outputs = {NewValue(unsqueeze.name)};
      concat.inputs.push_back(unsqueeze.outputs[0]);
      RETURN_IF_ERROR(run.door.process(std::move(unsqueeze)));
    }
    RETURN_IF_ERROR(run.door.process(std::move(concat)));
  }
  return absl::OkStatus();
}

absl::StatusOr<Node> LoopBodies::CopyOf(const Node& from,
                                        std::map<int, int>& values,
                                        std::map<int, int>& branches) {
  Node copy = from;
  // First: its inputs may be those of a body inside.
  ASSIGN_OR_RETURN(copy.branch, BranchFor(from.branch, values, branches));
  if (copy.body >= 0) {
    ASSIGN_OR_RETURN(copy.body, BranchFor(from.body, values, branches));
  }
  for (int& input : copy.inputs) {
    const auto found = values.find(input);
    if (found != values.end()) input = found->second;
  }
  for (int& output : copy.outputs) {
    if (output == kAbsent) continue;
    const std::string name = graph_->values[static_cast<size_t>(output)].name;
    output = values[output] = NewValue(name);
  }
  return copy;
}

// Those inside the body are another's in each turn.
absl::StatusOr<int> LoopBodies::BranchFor(int branch,
                                          std::map<int, int>& values,
                                          std::map<int, int>& branches) {
  const auto known = branches.find(branch);
  if (known != branches.end()) return known->second;
  RETURN_IF_ERROR(turns_->Take(1));
  Branch copy = graph_->branches[static_cast<size_t>(branch)];
  ASSIGN_OR_RETURN(copy.parent, BranchFor(copy.parent, values, branches));
  const auto condition = values.find(copy.condition);
  if (condition != values.end()) copy.condition = condition->second;
  for (int& input : copy.inputs) {
    if (input == kAbsent) continue;
    const std::string name = graph_->values[static_cast<size_t>(input)].name;
    input = values[input] = NewValue(name);
  }
  graph_->branches.push_back(std::move(copy));
  return branches[branch] = static_cast<int>(graph_->branches.size()) - 1;
}

int LoopBodies::NewValue(std::string_view like) {
  return graph_->AddValue(absl::StrCat(std::string(like.substr(0, 200)), ":",
                                       graph_->values.size()));
}

int LoopBodies::KnownInt(DataType dtype, int64_t number,
                         std::vector<int64_t> shape) {
  const int value = NewValue("turn");
  graph_->SetConstant(value, IntConstant(dtype, std::move(shape), {number}));
  return value;
}

std::optional<int64_t> LoopBodies::IntOf(int value) const {
  const Value& known = graph_->values[static_cast<size_t>(value)];
  if (known.constant < 0) return std::nullopt;
  const auto elements =
      graph_->ReadI64(graph_->constants[static_cast<size_t>(known.constant)]);
  if (!elements.ok() || elements->size() != 1) return std::nullopt;
  return elements->front();
}

}  // namespace layerd
