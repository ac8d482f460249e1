#include "daemon/pack/lower/channels_last.h"

#include <variant>

namespace layerd {
namespace {

bool IsPicture(const Network::Value& value) {
  return (value.dtype == DataType::kF32 || value.dtype == DataType::kF16) &&
         value.shape.size() >= 3 && value.shape.size() <= 5;
}

bool WorksOnPictures(const Operation& node) {
  return OperatorOf<Convolution>(node) != nullptr ||
         OperatorOf<ConvTranspose>(node) != nullptr ||
         OperatorOf<Pool>(node) != nullptr || OperatorOf<Lrn>(node) != nullptr;
}

bool MakesRows(const Operation& node) {
  return OperatorOf<MatMul>(node) != nullptr ||
         OperatorOf<FullyConnected>(node) != nullptr ||
         OperatorOf<Recurrent>(node) != nullptr;
}

bool KeepsPlaces(const Operation& node) {
  return !std::holds_alternative<Reshape>(node.op) &&
         !std::holds_alternative<Transpose>(node.op) && !MakesRows(node);
}

// Whether the flag of any input or the output reached another one.
bool Spread(const Network& network, const Operation& node,
            std::vector<bool>* flags) {
  const size_t rank = network.values[node.output].shape.size();
  std::vector<int> values = node.inputs;
  values.push_back(node.output);
  std::erase_if(values, [&](int value) {
    return network.values[value].shape.size() != rank ||
           !IsPicture(network.values[value]);
  });
  bool any = false;
  bool all = true;
  for (const int value : values) {
    any = any || (*flags)[value];
    all = all && (*flags)[value];
  }
  if (!any || all) return false;
  for (const int value : values) (*flags)[value] = true;
  return true;
}

}  // namespace

std::vector<bool> ChooseChannelsLast(const Network& network) {
  std::vector<bool> flags(network.values.size());
  for (const Operation& node : network.nodes) {
    if (!WorksOnPictures(node)) continue;
    for (const int value : {node.inputs[0], node.output}) {
      flags[value] = IsPicture(network.values[value]);
    }
  }
  for (bool spreads = true; spreads;) {
    spreads = false;
    for (const Operation& node : network.nodes) {
      if (KeepsPlaces(node)) spreads |= Spread(network, node, &flags);
    }
  }
  for (const Operation& node : network.nodes) {
    if (MakesRows(node)) flags[node.output] = false;
  }
  return flags;
}

}  // namespace layerd
