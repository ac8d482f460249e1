#include "daemon/pack/lower/work_flops.h"

#include <algorithm>
#include <variant>
#include <vector>

#include "daemon/pack/graph/element_type.h"
#include "daemon/plan/program_check.h"

namespace layerd {
namespace {

// A first layer has few sums, and megabytes to write.
constexpr uint64_t kFlopsOfOutput = 64;
// And where its activation is a curve: Mish takes 1.3 ns on AVX2.
constexpr uint64_t kFlopsOfCurve = 128;
// Each element of x is compared with the chosen.
constexpr uint64_t kChoiceCost = 40;
// Of one output element; the whole output is `elements`.
struct FlopsEach {
  const PartSpec& spec;

  // The window of a kernel is what is left of its shape behind the outputs.
  int64_t operator()(const Convolution& op) const { return OfWindow(op); }
  // Each kernel element meets one input, so those of y share them.
  int64_t operator()(const ConvTranspose& op) const {
    return std::max<int64_t>(1, OfWindow(op) / CountOf(op.strides));
  }
  template <typename Op>
  int64_t OfWindow(const Op& op) const {
    const std::vector<int64_t>& shape = op.kernel_is_input
                                            ? spec.inputs[1].shape
                                            : spec.weights[0].layout.shape;
    return 2 * CountOf({shape.begin() + (op.groups > 1 ? 2 : 1), shape.end()});
  }
  int64_t operator()(const FullyConnected&) const {
    return 2 * spec.inputs[0].shape.back();
  }
  int64_t operator()(const MatMul&) const {
    return 2 * spec.inputs[0].shape.back();
  }
  int64_t operator()(const Pool& op) const { return CountOf(op.kernel); }
  int64_t operator()(const Lrn& op) const { return 2 * op.size; }
  int64_t operator()(const Reduce&) const {
    return std::max<int64_t>(
        1, spec.inputs[0].element_count() / spec.outputs[0].element_count());
  }
  int64_t operator()(const Recurrent& op) const {
    return 2 * spec.inputs[0].shape[2] / op.states();
  }
  int64_t operator()(const TopK&) const {
    return kChoiceCost * spec.inputs[0].element_count() /
           spec.outputs[0].element_count();
  }
  template <typename Other>
  int64_t operator()(const Other&) const {
    return 1;
  }
};

// Whether a function takes exponentials, quotients or the like, and not a few
// additions.
bool IsCurve(const Activation& activation) {
  switch (activation.kind) {
    case ActivationKind::kNone:
    case ActivationKind::kRelu:
    case ActivationKind::kClip:
    case ActivationKind::kLeakyRelu:
    case ActivationKind::kHardSigmoid:
    case ActivationKind::kHardSwish:
    case ActivationKind::kThreshold:
    case ActivationKind::kLinear:
    case ActivationKind::kAbs:
    case ActivationKind::kNegative:
    case ActivationKind::kSign:
    case ActivationKind::kFloor:
    case ActivationKind::kCeil:
    case ActivationKind::kRound:
    case ActivationKind::kNot:
      return false;
    case ActivationKind::kSigmoid:
    case ActivationKind::kTanh:
    case ActivationKind::kGelu:
    case ActivationKind::kGeluTanh:
    case ActivationKind::kSwish:
    case ActivationKind::kMish:
    case ActivationKind::kSoftplus:
    case ActivationKind::kSoftsign:
    case ActivationKind::kElu:
    case ActivationKind::kErf:
    case ActivationKind::kExp:
    case ActivationKind::kLog:
    case ActivationKind::kSqrt:
    case ActivationKind::kReciprocal:
    case ActivationKind::kSin:
    case ActivationKind::kCos:
      return true;
  }
  return true;
}

}  // namespace

uint64_t WorkFlops(const PartSpec& spec) {
  const Range channels = AllChannels(spec.op, spec.outputs[0]);
  const Range rows = AllRows(spec.op, spec.outputs[0]);
  const uint64_t elements = spec.outputs[0].element_count() / channels.count *
                            spec.channels.count / rows.count * spec.rows.count;
  return elements * std::visit(FlopsEach{spec}, spec.op);
}

uint64_t OutputFlops(const Operator& op) {
  return std::visit(
      [](const auto& each) {
        if constexpr (requires { each.activation; }) {
          if (IsCurve(each.activation)) return kFlopsOfOutput + kFlopsOfCurve;
        }
        return kFlopsOfOutput;
      },
      op);
}

}  // namespace layerd
