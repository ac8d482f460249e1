#include <utility>

#include "daemon/pack/import/graph_builder.h"

namespace layerd {
namespace {

using Flags = std::vector<bool>;

// From the outputs back: nodes are in topological order.
Flags LiveValues(const Graph& graph, Flags& live_nodes) {
  Flags live(graph.values.size(), false);
  for (const int output : graph.outputs)
    live[static_cast<size_t>(output)] = true;
  for (size_t n = graph.nodes.size(); n-- > 0;) {
    const Node& node = graph.nodes[n];
    for (const int output : node.outputs) {
      if (output != kAbsent && live[static_cast<size_t>(output)]) {
        live_nodes[n] = true;
      }
    }
    if (!live_nodes[n]) continue;
    for (const int input : node.inputs) {
      if (input != kAbsent) live[static_cast<size_t>(input)] = true;
    }
  }
  for (const int input : graph.inputs) live[static_cast<size_t>(input)] = true;
  return live;
}

void Trim(std::vector<int>& edges) {
  while (!edges.empty() && edges.back() == kAbsent) edges.pop_back();
}

void DropDeadNodes(Graph& graph, const Flags& live_nodes, const Flags& live) {
  size_t kept = 0;
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    if (!live_nodes[n]) continue;
    Node& node = graph.nodes[n];
    for (int& output : node.outputs) {
      if (output != kAbsent && !live[static_cast<size_t>(output)]) {
        output = kAbsent;
      }
    }
    // How many a Split has says how long its pieces are.
    if (node.op_type != "Split") Trim(node.outputs);
    Trim(node.inputs);
    if (kept != n) graph.nodes[kept] = std::move(node);
    ++kept;
  }
  graph.nodes.resize(kept);
}

// Moves what is live to the front; where each went, kAbsent for the dead.
template <typename T>
std::vector<int> Compact(std::vector<T>& items, const Flags& live) {
  std::vector<int> moved(items.size(), kAbsent);
  size_t kept = 0;
  for (size_t i = 0; i < items.size(); ++i) {
    if (!live[i]) continue;
    if (kept != i) items[kept] = std::move(items[i]);
    moved[i] = static_cast<int>(kept++);
  }
  items.resize(kept);
  return moved;
}

void Renumber(std::vector<int>& edges, const std::vector<int>& moved) {
  for (int& edge : edges) {
    if (edge != kAbsent) edge = moved[static_cast<size_t>(edge)];
  }
}

// The constants that it reads.
std::vector<int> OthersOf(const Constant::Blocks& blocks) {
  if (blocks.zeros < 0) return {blocks.scales};
  return {blocks.scales, blocks.zeros};
}

void PruneValues(Graph& graph, const Flags& live) {
  const std::vector<int> moved = Compact(graph.values, live);
  for (Node& node : graph.nodes) {
    Renumber(node.inputs, moved);
    Renumber(node.outputs, moved);
  }
  for (Branch& branch : graph.branches) {
    if (branch.condition != kAbsent) {
      branch.condition = moved[static_cast<size_t>(branch.condition)];
    }
    Renumber(branch.inputs, moved);
  }
  Renumber(graph.inputs, moved);
  Renumber(graph.outputs, moved);
}

// Those of values, and those that these read.
Flags LiveConstants(const Graph& graph) {
  Flags live(graph.constants.size(), false);
  for (const Value& value : graph.values) {
    if (value.constant >= 0) live[static_cast<size_t>(value.constant)] = true;
  }
  for (size_t i = 0; i < graph.constants.size(); ++i) {
    if (!live[i] || !graph.constants[i].blocks) continue;
    for (const int other : OthersOf(*graph.constants[i].blocks)) {
      live[static_cast<size_t>(other)] = true;
    }
  }
  return live;
}

void PruneConstants(Graph& graph) {
  const std::vector<int> moved = Compact(graph.constants, LiveConstants(graph));
  for (Constant& constant : graph.constants) {
    if (!constant.blocks) continue;
    int& scales = constant.blocks->scales;
    int& zeros = constant.blocks->zeros;
    scales = moved[static_cast<size_t>(scales)];
    if (zeros >= 0) zeros = moved[static_cast<size_t>(zeros)];
  }
  for (Value& value : graph.values) {
    if (value.constant >= 0) {
      value.constant = moved[static_cast<size_t>(value.constant)];
    }
  }
}

}  // namespace

void Prune(Graph& graph) {
  Flags live_nodes(graph.nodes.size(), false);
  const Flags live_values = LiveValues(graph, live_nodes);
  DropDeadNodes(graph, live_nodes, live_values);
  PruneValues(graph, live_values);
  PruneConstants(graph);
}

}  // namespace layerd
