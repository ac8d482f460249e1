#include "daemon/plan/operator_codec.h"

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "config/status_macros.h"
#include "google/protobuf/repeated_field.h"

namespace layerd {
namespace {

using Numbers = google::protobuf::RepeatedField<int64_t>;

std::vector<int64_t> VectorOf(const Numbers& numbers) {
  return {numbers.begin(), numbers.end()};
}

void Assign(const std::vector<int64_t>& from, Numbers* to) {
  to->Assign(from.begin(), from.end());
}

template <typename Enum>
absl::StatusOr<Enum> EnumFrom(const char* noun, uint32_t number, Enum last) {
  if (number <= static_cast<uint32_t>(last)) return static_cast<Enum>(number);
  return absl::InvalidArgumentError(
      absl::StrFormat("%s: %d does not exist", noun, number));
}

absl::StatusOr<Activation> From(const manifest::Activation& proto) {
  ASSIGN_OR_RETURN(const ActivationKind kind,
                   EnumFrom("activation", proto.kind(), ActivationKind::kTanh));
  return Activation{kind, proto.alpha(), proto.beta()};
}

absl::StatusOr<Operator> From(const manifest::Convolution& proto) {
  ASSIGN_OR_RETURN(const Activation activation, From(proto.activation()));
  return Convolution{.groups = proto.groups(),
                     .strides = VectorOf(proto.strides()),
                     .dilations = VectorOf(proto.dilations()),
                     .pads_begin = VectorOf(proto.pads_begin()),
                     .pads_end = VectorOf(proto.pads_end()),
                     .has_bias = proto.has_bias(),
                     .adds_residual = proto.adds_residual(),
                     .activation = activation};
}

absl::StatusOr<Operator> From(const manifest::FullyConnected& proto) {
  ASSIGN_OR_RETURN(const Activation activation, From(proto.activation()));
  return FullyConnected{proto.has_bias(), proto.adds_residual(), activation};
}

absl::StatusOr<Operator> From(const manifest::Pool& proto) {
  ASSIGN_OR_RETURN(const Pool::Kind kind, EnumFrom("kind of pool", proto.kind(),
                                                   Pool::Kind::kAverage));
  return Pool{.kind = kind,
              .kernel = VectorOf(proto.kernel()),
              .strides = VectorOf(proto.strides()),
              .dilations = VectorOf(proto.dilations()),
              .pads_begin = VectorOf(proto.pads_begin()),
              .pads_end = VectorOf(proto.pads_end()),
              .count_include_pad = proto.count_include_pad()};
}

absl::StatusOr<Operator> From(const manifest::Unary& proto) {
  ASSIGN_OR_RETURN(const Activation activation, From(proto.activation()));
  return Unary{activation};
}

absl::StatusOr<Operator> From(const manifest::Binary& proto) {
  ASSIGN_OR_RETURN(
      const Binary::Kind kind,
      EnumFrom("kind of binary", proto.kind(), Binary::Kind::kDiv));
  ASSIGN_OR_RETURN(
      const Binary::Constant constant,
      EnumFrom("constant operand", proto.constant(), Binary::Constant::kRight));
  ASSIGN_OR_RETURN(const Activation activation, From(proto.activation()));
  return Binary{kind, constant, activation};
}

absl::StatusOr<Operator> From(const manifest::ScaleShift& proto) {
  ASSIGN_OR_RETURN(const Activation activation, From(proto.activation()));
  return ScaleShift{activation};
}

absl::StatusOr<Operator> From(const manifest::Pad& proto) {
  ASSIGN_OR_RETURN(const Pad::Mode mode,
                   EnumFrom("mode of pad", proto.mode(), Pad::Mode::kEdge));
  return Pad{mode, VectorOf(proto.begin()), VectorOf(proto.end()),
             proto.value()};
}

void Write(const Activation& activation, manifest::Activation* proto) {
  proto->set_kind(static_cast<uint32_t>(activation.kind));
  proto->set_alpha(activation.alpha);
  proto->set_beta(activation.beta);
}

// One Write for each operator: std::visit finds it.
void Write(const Convolution& op, manifest::Layer* layer) {
  manifest::Convolution* proto = layer->mutable_convolution();
  proto->set_groups(op.groups);
  Assign(op.strides, proto->mutable_strides());
  Assign(op.dilations, proto->mutable_dilations());
  Assign(op.pads_begin, proto->mutable_pads_begin());
  Assign(op.pads_end, proto->mutable_pads_end());
  proto->set_has_bias(op.has_bias);
  proto->set_adds_residual(op.adds_residual);
  Write(op.activation, proto->mutable_activation());
}

void Write(const FullyConnected& op, manifest::Layer* layer) {
  manifest::FullyConnected* proto = layer->mutable_fully_connected();
  proto->set_has_bias(op.has_bias);
  proto->set_adds_residual(op.adds_residual);
  Write(op.activation, proto->mutable_activation());
}

void Write(const MatMul& op, manifest::Layer* layer) {
  layer->mutable_mat_mul()->set_scale(op.scale);
}

void Write(const Pool& op, manifest::Layer* layer) {
  manifest::Pool* proto = layer->mutable_pool();
  proto->set_kind(static_cast<uint32_t>(op.kind));
  Assign(op.kernel, proto->mutable_kernel());
  Assign(op.strides, proto->mutable_strides());
  Assign(op.dilations, proto->mutable_dilations());
  Assign(op.pads_begin, proto->mutable_pads_begin());
  Assign(op.pads_end, proto->mutable_pads_end());
  proto->set_count_include_pad(op.count_include_pad);
}

void Write(const Unary& op, manifest::Layer* layer) {
  Write(op.activation, layer->mutable_unary()->mutable_activation());
}

void Write(const Binary& op, manifest::Layer* layer) {
  manifest::Binary* proto = layer->mutable_binary();
  proto->set_kind(static_cast<uint32_t>(op.kind));
  proto->set_constant(static_cast<uint32_t>(op.constant));
  Write(op.activation, proto->mutable_activation());
}

void Write(const ScaleShift& op, manifest::Layer* layer) {
  Write(op.activation, layer->mutable_scale_shift()->mutable_activation());
}

void Write(const Softmax& op, manifest::Layer* layer) {
  layer->mutable_softmax()->set_axis_first(op.axis_first);
  layer->mutable_softmax()->set_axis_count(op.axis_count);
}

void Write(const Lrn& op, manifest::Layer* layer) {
  manifest::Lrn* proto = layer->mutable_lrn();
  proto->set_size(op.size);
  proto->set_alpha(op.alpha);
  proto->set_beta(op.beta);
  proto->set_k(op.k);
}

void Write(const Pad& op, manifest::Layer* layer) {
  manifest::Pad* proto = layer->mutable_pad();
  proto->set_mode(static_cast<uint32_t>(op.mode));
  Assign(op.begin, proto->mutable_begin());
  Assign(op.end, proto->mutable_end());
  proto->set_value(op.value);
}

void Write(const Copy&, manifest::Layer* layer) { layer->mutable_copy(); }

}  // namespace

absl::StatusOr<Operator> OperatorFrom(const manifest::Layer& layer) {
  switch (layer.operator_case()) {
    case manifest::Layer::kConvolution:
      return From(layer.convolution());
    case manifest::Layer::kFullyConnected:
      return From(layer.fully_connected());
    case manifest::Layer::kMatMul:
      return MatMul{layer.mat_mul().scale()};
    case manifest::Layer::kPool:
      return From(layer.pool());
    case manifest::Layer::kUnary:
      return From(layer.unary());
    case manifest::Layer::kBinary:
      return From(layer.binary());
    case manifest::Layer::kScaleShift:
      return From(layer.scale_shift());
    case manifest::Layer::kSoftmax:
      return Softmax{layer.softmax().axis_first(),
                     layer.softmax().axis_count()};
    case manifest::Layer::kLrn:
      return Lrn{layer.lrn().size(), layer.lrn().alpha(), layer.lrn().beta(),
                 layer.lrn().k()};
    case manifest::Layer::kPad:
      return From(layer.pad());
    case manifest::Layer::kCopy:
      return Copy{};
    case manifest::Layer::OPERATOR_NOT_SET:
      break;
  }
  return absl::InvalidArgumentError("operator: missing");
}

void WriteOperator(const Operator& op, manifest::Layer* layer) {
  std::visit([layer](const auto& one) { Write(one, layer); }, op);
}

}  // namespace layerd
