#include "daemon/pack/network/fold_affine.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include "config/check.h"
#include "config/status_macros.h"

namespace layerd {
namespace {

// y = x * scale[c] + shift[c].
struct Affine {
  std::vector<float> scale, shift;

  bool shifts() const {
    return std::any_of(shift.begin(), shift.end(),
                       [](float number) { return number != 0; });
  }
  bool is_uniform() const {
    return std::count(scale.begin(), scale.end(), scale[0]) ==
           static_cast<int64_t>(scale.size());
  }
  float largest() const {
    float most = 0;
    for (const float number : scale) most = std::max(most, std::abs(number));
    return most;
  }
};

// A weight times more than this might be infinite where no product with it was;
// one that is infinite or no number already is left where it stands.
constexpr float kScaleMost = 0x1p64f;
// Halves that are multiplied as they are stored begin to lose digits at 2^-14,
// and weights are not far above it.
constexpr float kHalfScaleLeast = 0x1p-6f;

bool MayFold(const Affine& affine) {
  return std::all_of(
             affine.scale.begin(), affine.scale.end(),
             [](float number) { return std::abs(number) <= kScaleMost; }) &&
         std::all_of(affine.shift.begin(), affine.shift.end(),
                     [](float number) { return std::isfinite(number); });
}

// Whether a constant of `shape`, broadcast against `whole`, is one number or
// one number a channel.
bool VariesByChannelOnly(const std::vector<int64_t>& shape,
                         const std::vector<int64_t>& whole, size_t dimension) {
  if (shape.size() > whole.size()) return false;
  const size_t missing = whole.size() - shape.size();
  for (size_t d = 0; d < shape.size(); ++d) {
    if (shape[d] == 1) continue;
    if (d + missing != dimension || shape[d] != whole[dimension]) return false;
  }
  return true;
}

std::optional<Affine> AffineOf(Binary op, std::vector<float> numbers) {
  const std::vector<float> ones(numbers.size(), 1.0f);
  const std::vector<float> zeros(numbers.size(), 0.0f);
  const bool left = op.constant == Binary::Constant::kLeft;
  switch (op.kind) {
    case Binary::Kind::kAdd:
      return Affine{ones, std::move(numbers)};
    case Binary::Kind::kSub:
      if (left) return Affine{std::vector<float>(ones.size(), -1.0f), numbers};
      for (float& number : numbers) number = -number;
      return Affine{ones, std::move(numbers)};
    case Binary::Kind::kMul:
      return Affine{std::move(numbers), zeros};
    case Binary::Kind::kDiv:
      if (left) return std::nullopt;
      for (float& number : numbers) {
        number = 1 / number;
        if (!std::isfinite(number)) return std::nullopt;
      }
      return Affine{std::move(numbers), zeros};
    default:
      return std::nullopt;
  }
}

// One walk over a network.
class Folder {
 public:
  Folder(Network* network, bool computes_in_half)
      : network_(network),
        computes_in_half_(computes_in_half),
        uses_(*network) {}

  absl::Status Run() {
    for (size_t n = 0; n < network_->nodes.size(); ++n) {
      RETURN_IF_ERROR(FoldBackward(n));
    }
    DropFolded();
    for (size_t n = network_->nodes.size(); n-- > 0;) {
      RETURN_IF_ERROR(FoldForward(n));
    }
    DropFolded();
    return absl::OkStatus();
  }

 private:
  absl::Status FoldBackward(size_t n);
  absl::Status FoldForward(size_t n);
  // Nothing if `node` is not affine over `dimension` of its input, or by what
  // no weight should be multiplied with.
  absl::StatusOr<std::optional<Affine>> AffineAlong(const Operation& node,
                                                    size_t dimension) const;
  // The one node that makes, or reads, what `node` reads or makes; null if
  // there are others.
  Operation* SoleProducer(const Operation& node);
  Operation* SoleReader(const Operation& node);
  absl::StatusOr<std::vector<float>> Products(
      const Weight& weight, int64_t groups,
      const std::vector<float>& by_input) const;
  void DropFolded();

  const std::vector<int64_t>& ShapeOf(int value) const {
    return network_->values[value].shape;
  }

  Network* network_;
  bool computes_in_half_;
  Uses uses_;
};

absl::StatusOr<std::optional<Affine>> Folder::AffineAlong(
    const Operation& node, size_t dimension) const {
  const std::vector<int64_t>& shape = ShapeOf(node.output);
  const auto folding = [](std::optional<Affine> affine) {
    return affine && MayFold(*affine) ? std::move(affine) : std::nullopt;
  };
  if (OperatorOf<ScaleShift>(node) != nullptr && dimension == 1) {
    return folding(Affine{node.weights[0].held, node.weights[1].held});
  }
  const auto* binary = OperatorOf<Binary>(node);
  if (binary == nullptr || binary->constant == Binary::Constant::kNone ||
      ShapeOf(node.inputs[0]) != shape ||
      !VariesByChannelOnly(node.weights[0].shape, shape, dimension)) {
    return std::nullopt;
  }
  ASSIGN_OR_RETURN(std::vector<float> numbers,
                   ReadAll(*network_, node.weights[0]));
  if (numbers.size() == 1) numbers.resize(shape[dimension], numbers[0]);
  return folding(AffineOf(*binary, std::move(numbers)));
}

Operation* Folder::SoleProducer(const Operation& node) {
  const int input = node.inputs.empty() ? -1 : node.inputs[0];
  if (input < 0 || uses_.count[input] != 1 || uses_.producer[input] < 0) {
    return nullptr;
  }
  return &network_->nodes[uses_.producer[input]];
}

Operation* Folder::SoleReader(const Operation& node) {
  if (uses_.count[node.output] != 1 || uses_.last[node.output] < 0) {
    return nullptr;
  }
  return &network_->nodes[uses_.last[node.output]];
}

void Scale(std::vector<float>* scale, const std::vector<float>& by) {
  if (scale->empty()) scale->assign(by.size(), 1.0f);
  for (size_t c = 0; c < by.size(); ++c) (*scale)[c] *= by[c];
}

// bias = bias * scale + shift, where there was none before if `shift` is not
// zero.
void FoldIntoBias(const Affine& affine, bool* has_bias,
                  std::vector<Weight>* weights) {
  if (!*has_bias) {
    if (!affine.shifts()) return;
    *has_bias = true;
    weights->push_back(
        Weight::Vector(std::vector<float>(affine.shift.size(), 0.0f)));
  }
  std::vector<float>& bias = (*weights)[1].held;
  for (size_t c = 0; c < bias.size(); ++c) {
    bias[c] = bias[c] * affine.scale[c] + affine.shift[c];
  }
}

bool* HasBias(Operation& node) {
  if (auto* conv = OperatorOf<Convolution>(node)) {
    return conv->kernel_is_input ? nullptr : &conv->has_bias;
  }
  if (auto* fc = OperatorOf<FullyConnected>(node)) return &fc->has_bias;
  return nullptr;
}

absl::Status Folder::FoldBackward(size_t n) {
  Operation& node = network_->nodes[n];
  Operation* producer = SoleProducer(node);
  if (producer == nullptr) return absl::OkStatus();
  MatMul* product = OperatorOf<MatMul>(*producer);
  bool* has_bias = HasBias(*producer);
  auto* spread = OperatorOf<ConvTranspose>(*producer);
  if (spread != nullptr && !spread->kernel_is_input) {
    has_bias = &spread->has_bias;
  }
  if (product == nullptr && has_bias == nullptr) return absl::OkStatus();
  const size_t rank = ShapeOf(node.output).size();
  ASSIGN_OR_RETURN(
      const std::optional<Affine> affine,
      AffineAlong(node,
                  OperatorOf<Convolution>(*producer) || spread ? 1 : rank - 1));
  if (!affine) return absl::OkStatus();
  if (product != nullptr) {
    if (affine->shifts() || !affine->is_uniform()) return absl::OkStatus();
    product->scale *= affine->scale[0];
  } else {
    Scale(&producer->weights[0].output_scale, affine->scale);
    FoldIntoBias(*affine, has_bias, &producer->weights);
  }
  producer->output = node.output;
  uses_.producer[node.output] = uses_.producer[node.inputs[0]];
  node.output = -1;
  return absl::OkStatus();
}

// Whether a convolution reads zeros around its input.
bool Pads(const Operation& node) {
  const auto* conv = OperatorOf<Convolution>(node);
  if (conv == nullptr) return false;
  const auto pads = [](int64_t pad) { return pad != 0; };
  return std::any_of(conv->pads_begin.begin(), conv->pads_begin.end(), pads) ||
         std::any_of(conv->pads_end.begin(), conv->pads_end.end(), pads);
}

absl::Status Folder::FoldForward(size_t n) {
  Operation& node = network_->nodes[n];
  const Activation* activation = ActivationOf(node);
  if (activation == nullptr || activation->kind != ActivationKind::kNone) {
    return absl::OkStatus();
  }
  Operation* reader = SoleReader(node);
  bool* has_bias = reader == nullptr ? nullptr : HasBias(*reader);
  if (has_bias == nullptr) return absl::OkStatus();
  const auto* conv = OperatorOf<Convolution>(*reader);
  ASSIGN_OR_RETURN(
      const std::optional<Affine> affine,
      AffineAlong(node, conv != nullptr ? 1 : ShapeOf(node.output).size() - 1));
  if (!affine || (affine->shifts() && Pads(*reader)) ||
      (computes_in_half_ && affine->largest() < kHalfScaleLeast)) {
    return absl::OkStatus();
  }
  std::vector<float> shift;
  if (affine->shifts()) {
    ASSIGN_OR_RETURN(
        shift, Products(reader->weights[0], conv != nullptr ? conv->groups : 1,
                        affine->shift));
  }
  // One number for all is as well multiplied with what comes out: there it
  // leaves halves and bytes of the model as they are.
  Weight& kernel = reader->weights[0];
  if (affine->is_uniform()) {
    Scale(&kernel.output_scale,
          std::vector<float>(kernel.shape[0], affine->scale[0]));
  } else {
    Scale(&kernel.input_scale, affine->scale);
  }
  if (!shift.empty()) {
    const std::vector<float> ones(shift.size(), 1.0f);
    FoldIntoBias({ones, std::move(shift)}, has_bias, &reader->weights);
  }
  reader->inputs[0] = node.inputs[0];
  uses_.last[node.inputs[0]] = uses_.last[node.output];
  node.output = -1;
  return absl::OkStatus();
}

// Of each output channel: the sum of its weights, each times the number of its
// input channel.
absl::StatusOr<std::vector<float>> Folder::Products(
    const Weight& weight, int64_t groups,
    const std::vector<float>& by_input) const {
  LAYERD_CHECK(weight.constant >= 0 && weight.picture_channels == 0);
  const Constant& constant = network_->graph->constants[weight.constant];
  const int64_t rows = constant.shape.size() == 1 ? 1 : constant.shape[0];
  const int64_t columns = constant.element_count() / rows;
  const int64_t outputs = weight.shape[0];
  const int64_t inputs = weight.shape[1];  // Of one group.
  std::vector<double> sums(outputs);
  std::vector<float> row(columns);
  for (int64_t r = 0; r < rows; ++r) {
    RETURN_IF_ERROR(
        network_->graph->ReadF32(constant, r * columns, std::span<float>(row)));
    for (int64_t c = 0; c < columns; ++c) {
      const int64_t output = weight.transposed ? c : r;
      const int64_t input =
          weight.transposed
              ? r
              : output / (outputs / groups) * inputs + c / (columns / inputs);
      const double scale =
          weight.input_scale.empty() ? 1 : weight.input_scale[input];
      sums[output] += row[c] * scale * by_input[input];
    }
  }
  if (!weight.output_scale.empty()) {
    for (int64_t o = 0; o < outputs; ++o) sums[o] *= weight.output_scale[o];
  }
  return std::vector<float>(sums.begin(), sums.end());
}

void Folder::DropFolded() {
  std::erase_if(network_->nodes,
                [](const Operation& node) { return node.output < 0; });
  uses_ = Uses(*network_);
}

}  // namespace

absl::Status FoldAffine(Network* network, bool computes_in_half) {
  return Folder(network, computes_in_half).Run();
}

}  // namespace layerd
