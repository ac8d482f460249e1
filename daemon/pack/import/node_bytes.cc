#include "daemon/pack/import/node_bytes.h"

#include <string>
#include <variant>
#include <vector>

namespace layerd {
namespace {

uint64_t HeldBytes(const AttributeValue& attribute) {
  if (const auto* constant = std::get_if<Constant>(&attribute)) {
    return constant->held_bytes();
  }
  if (const auto* ints = std::get_if<std::vector<int64_t>>(&attribute)) {
    return 8 * ints->size();
  }
  if (const auto* floats = std::get_if<std::vector<float>>(&attribute)) {
    return 4 * floats->size();
  }
  const auto* text = std::get_if<std::string>(&attribute);
  return text != nullptr ? text->size() : 0;
}

}  // namespace

uint64_t HeldBytes(const Node& node) {
  uint64_t bytes = sizeof(Node) + 2 * node.name.size() +
                   node.inputs.size() * sizeof(int) +
                   2 * node.outputs.size() * sizeof(Value);
  for (const auto& [name, value] : node.attributes) {
    bytes += 128 + name.size() + HeldBytes(value);
  }
  return bytes;
}

}  // namespace layerd
