#include "daemon/pack/network/half_tensors.h"

#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"

namespace layerd {
namespace {

bool IsFloat(DataType dtype) {
  return dtype == DataType::kF32 || dtype == DataType::kF16;
}

bool MultipliesMatrices(const Operation& node) {
  return OperatorOf<Convolution>(node) != nullptr ||
         OperatorOf<ConvTranspose>(node) != nullptr ||
         OperatorOf<FullyConnected>(node) != nullptr ||
         OperatorOf<MatMul>(node) != nullptr;
}

bool LooksUpInConstant(const Operation& node) {
  return OperatorOf<Gather>(node) != nullptr && !node.weights.empty();
}

class Halving {
 public:
  explicit Halving(Network* network)
      : network_(*network), twins_(network->values.size(), -1) {}

  void Run() {
    const std::vector<bool> wide = WideNodes();
    ChooseDtypes(wide);
    std::vector<Operation> nodes = std::move(network_.nodes);
    network_.nodes.clear();
    for (size_t n = 0; n < nodes.size(); ++n) {
      Operation& node = nodes[n];
      const bool casts = OperatorOf<Copy>(node) != nullptr;
      for (int& input : node.inputs) {
        if (!casts) input = As(wide[n], input, node.description);
      }
      network_.nodes.push_back(std::move(node));
    }
  }

 private:
  DataType DtypeOf(int value) const { return network_.values[value].dtype; }

  // Nodes that compute in f32, or on no floats.
  std::vector<bool> WideNodes() const {
    std::vector<bool> wide(network_.nodes.size(), false);
    std::vector<bool> wanted_wide(network_.values.size(), false);
    for (size_t n = network_.nodes.size(); n-- > 0;) {
      const Operation& node = network_.nodes[n];
      const bool decides = !IsFloat(DtypeOf(node.output));
      wide[n] =
          LooksUpInConstant(node) ||
          (!MultipliesMatrices(node) && (decides || wanted_wide[node.output]));
      if (!wide[n]) continue;
      for (const int input : node.inputs) wanted_wide[input] = true;
    }
    return wide;
  }

  // What the graph brings is as it declares; constants are cast when needed.
  void ChooseDtypes(const std::vector<bool>& wide) {
    for (const int input : network_.inputs) {
      if (network_.graph->values[input].dtype == DataType::kF16) {
        network_.values[input].dtype = DataType::kF16;
      }
    }
    for (size_t n = 0; n < network_.nodes.size(); ++n) {
      DataType& dtype = network_.values[network_.nodes[n].output].dtype;
      if (dtype == DataType::kF32 && !wide[n]) dtype = DataType::kF16;
    }
  }

  // `value`, or its twin of the other type.
  int As(bool wide, int value, const std::string& description) {
    const DataType wanted = wide ? DataType::kF32 : DataType::kF16;
    if (!IsFloat(DtypeOf(value)) || DtypeOf(value) == wanted) return value;
    if (twins_[value] >= 0) return twins_[value];
    Network::Value twin = network_.values[value];
    twin.dtype = wanted;
    const bool constant = twin.constant >= 0;
    const std::string name = twin.name;
    network_.values.push_back(std::move(twin));
    const int made = static_cast<int>(network_.values.size() - 1);
    twins_[value] = made;
    if (constant) return made;
    Operation cast;
    cast.name = absl::StrCat(name, " (cast)");
    cast.description = description;
    cast.op = Operator(Copy{});
    cast.inputs = {value};
    cast.output = made;
    network_.nodes.push_back(std::move(cast));
    return made;
  }

  Network& network_;
  std::vector<int> twins_;  // Of each value; -1: none.
};

}  // namespace

void UseHalfTensors(Network* network) { Halving(network).Run(); }

}  // namespace layerd
