#include "daemon/pack/network/fuse.h"

#include <utility>
#include <vector>

namespace layerd {
namespace {

bool* AddsResidual(Operation& node) {
  if (auto* conv = OperatorOf<Convolution>(node)) {
    return conv->kernel_is_input ? nullptr : &conv->adds_residual;
  }
  if (auto* fc = OperatorOf<FullyConnected>(node)) return &fc->adds_residual;
  return nullptr;
}

// What kernels of convolutions and matrices do on their way. Our own loops do
// all of it.
bool Fuses(const Operation& producer, const Activation& activation) {
  const bool is_own = OperatorOf<Convolution>(producer) == nullptr &&
                      OperatorOf<ConvTranspose>(producer) == nullptr &&
                      OperatorOf<FullyConnected>(producer) == nullptr;
  switch (activation.kind) {
    case ActivationKind::kNone:
    case ActivationKind::kRelu:
    case ActivationKind::kClip:
    case ActivationKind::kLeakyRelu:
    case ActivationKind::kSigmoid:
    case ActivationKind::kTanh:
    case ActivationKind::kGelu:
    case ActivationKind::kGeluTanh:
    case ActivationKind::kSwish:
    case ActivationKind::kHardSigmoid:
    case ActivationKind::kMish:
    case ActivationKind::kLinear:
      return true;
    case ActivationKind::kHardSwish:
      return is_own ||
             (activation.alpha == 1.0f / 6 && activation.beta == 0.5f);
    case ActivationKind::kElu:
      return is_own || activation.beta == 1;
    default:
      return is_own;
  }
}

class Fuser {
 public:
  explicit Fuser(Network* network) : network_(network), uses_(*network) {}

  void Run() {
    for (size_t n = 0; n < network_->nodes.size(); ++n) {
      FuseActivation(n);
      FuseResidual(n);
    }
    std::erase_if(network_->nodes,
                  [](const Operation& node) { return node.output < 0; });
  }

 private:
  void FuseActivation(size_t n);
  void FuseResidual(size_t n);
  // The node that makes `value`, if only one node reads it and nothing was
  // applied after the sums; -1 otherwise.
  int OpenProducer(int value);

  Network* network_;
  Uses uses_;
};

int Fuser::OpenProducer(int value) {
  const int producer = uses_.producer[value];
  if (producer < 0 || uses_.count[value] != 1) return -1;
  const Activation* activation = ActivationOf(network_->nodes[producer]);
  if (activation == nullptr || activation->kind != ActivationKind::kNone) {
    return -1;
  }
  return producer;
}

void Fuser::FuseActivation(size_t n) {
  Operation& node = network_->nodes[n];
  const Unary* unary = OperatorOf<Unary>(node);
  if (unary == nullptr) return;
  const int p = OpenProducer(node.inputs[0]);
  if (p < 0) return;
  Operation& producer = network_->nodes[p];
  if (network_->values[node.output].dtype != DataType::kF32 ||
      !Fuses(producer, unary->activation)) {
    return;
  }
  *ActivationOf(producer) = unary->activation;
  producer.output = node.output;
  uses_.producer[node.output] = p;
  node.output = -1;
}

void Fuser::FuseResidual(size_t n) {
  Operation& node = network_->nodes[n];
  const Binary* binary = OperatorOf<Binary>(node);
  if (binary == nullptr || binary->kind != Binary::Kind::kAdd ||
      binary->constant != Binary::Constant::kNone ||
      network_->values[node.inputs[0]].shape !=
          network_->values[node.inputs[1]].shape) {
    return;
  }
  // Of two that could take the residual the later one does: it moves less.
  int best = -1;
  for (const int input : node.inputs) {
    const int p = OpenProducer(input);
    if (p <= best) continue;
    const bool* adds = AddsResidual(network_->nodes[p]);
    if (adds != nullptr && !*adds) best = p;
  }
  if (best < 0) return;
  Operation fused = std::move(network_->nodes[best]);
  network_->nodes[best].output = -1;
  const int residual =
      fused.output == node.inputs[0] ? node.inputs[1] : node.inputs[0];
  *AddsResidual(fused) = true;
  fused.inputs.push_back(residual);
  fused.output = node.output;
  node = std::move(fused);
  uses_.producer[node.output] = static_cast<int>(n);
}

}  // namespace

void Fuse(Network* network) { Fuser(network).Run(); }

}  // namespace layerd
