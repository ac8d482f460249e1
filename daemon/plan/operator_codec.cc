#include "daemon/plan/operator_codec.h"

#include <cmath>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "config/status_macros.h"
#include "google/protobuf/repeated_field.h"

namespace layerd {
namespace {

template <typename Number>
using Numbers = google::protobuf::RepeatedField<Number>;

template <typename Number>
std::vector<Number> VectorOf(const Numbers<Number>& numbers) {
  return {numbers.begin(), numbers.end()};
}

template <typename Number>
void Assign(const std::vector<Number>& from, Numbers<Number>* to) {
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
                   EnumFrom("activation", proto.kind(), kLastActivationKind));
  return Activation{kind, proto.alpha(), proto.beta()};
}

// What a convolution has whichever way it goes.
template <typename Conv, typename Proto>
absl::StatusOr<Conv> ConvolutionFrom(const Proto& proto) {
  Conv op;
  op.groups = proto.groups();
  op.strides = VectorOf(proto.strides());
  op.dilations = VectorOf(proto.dilations());
  op.pads_begin = VectorOf(proto.pads_begin());
  op.pads_end = VectorOf(proto.pads_end());
  op.has_bias = proto.has_bias();
  ASSIGN_OR_RETURN(op.activation, From(proto.activation()));
  op.kernel_is_input = proto.kernel_is_input();
  return op;
}

absl::StatusOr<Operator> From(const manifest::Convolution& proto) {
  ASSIGN_OR_RETURN(Convolution op, ConvolutionFrom<Convolution>(proto));
  op.adds_residual = proto.adds_residual();
  return op;
}

absl::StatusOr<Operator> From(const manifest::ConvTranspose& proto) {
  return ConvolutionFrom<ConvTranspose>(proto);
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
  ASSIGN_OR_RETURN(const Binary::Kind kind,
                   EnumFrom("kind of binary", proto.kind(), Binary::kLastKind));
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

Operator From(const manifest::LayerNorm& proto, bool keeps_mean) {
  return LayerNorm{proto.axis_first(), proto.epsilon(), proto.has_scale(),
                   proto.has_bias(), keeps_mean};
}

absl::StatusOr<Operator> From(const manifest::Reduce& proto) {
  ASSIGN_OR_RETURN(
      const Reduce::Kind kind,
      EnumFrom("kind of reduction", proto.kind(), Reduce::kLastKind));
  return Reduce{kind, VectorOf(proto.dimensions()), proto.selects_last()};
}

absl::StatusOr<Operator> From(const manifest::Resize& proto) {
  ASSIGN_OR_RETURN(
      const Resize::Mode mode,
      EnumFrom("mode of resize", proto.mode(), Resize::Mode::kCubic));
  ASSIGN_OR_RETURN(const Resize::Coordinate coordinate,
                   EnumFrom("coordinates of resize", proto.coordinate(),
                            Resize::Coordinate::kCropAndResize));
  ASSIGN_OR_RETURN(const Resize::Nearest nearest,
                   EnumFrom("rounding of resize", proto.nearest(),
                            Resize::Nearest::kSimple));
  return Resize{.mode = mode,
                .coordinate = coordinate,
                .nearest = nearest,
                .cubic_a = proto.cubic_a(),
                .excludes_outside = proto.excludes_outside(),
                .antialiases = proto.antialiases(),
                .extrapolation_value = proto.extrapolation_value(),
                .scales = VectorOf(proto.scales()),
                .roi_begin = VectorOf(proto.roi_begin()),
                .roi_end = VectorOf(proto.roi_end())};
}

absl::StatusOr<Operator> From(const manifest::Recurrent& proto) {
  Recurrent op;
  ASSIGN_OR_RETURN(op.kind, EnumFrom("kind of recurrence", proto.kind(),
                                     Recurrent::kLastKind));
  ASSIGN_OR_RETURN(op.f, From(proto.f()));
  ASSIGN_OR_RETURN(op.g, From(proto.g()));
  ASSIGN_OR_RETURN(op.h, From(proto.h()));
  op.is_reverse = proto.is_reverse();
  op.resets_product = proto.resets_product();
  op.has_peepholes = proto.has_peepholes();
  if (proto.clip() != 0) op.clip = proto.clip();
  return op;
}

void Write(const Activation& activation, manifest::Activation* proto) {
  proto->set_kind(static_cast<uint32_t>(activation.kind));
  proto->set_alpha(activation.alpha);
  proto->set_beta(activation.beta);
}

template <typename Conv, typename Proto>
void WriteConvolution(const Conv& op, Proto* proto) {
  proto->set_groups(op.groups);
  Assign(op.strides, proto->mutable_strides());
  Assign(op.dilations, proto->mutable_dilations());
  Assign(op.pads_begin, proto->mutable_pads_begin());
  Assign(op.pads_end, proto->mutable_pads_end());
  proto->set_has_bias(op.has_bias);
  Write(op.activation, proto->mutable_activation());
  proto->set_kernel_is_input(op.kernel_is_input);
}

// One Write for each operator: std::visit finds it.
void Write(const Convolution& op, manifest::Layer* layer) {
  WriteConvolution(op, layer->mutable_convolution());
  layer->mutable_convolution()->set_adds_residual(op.adds_residual);
}

void Write(const ConvTranspose& op, manifest::Layer* layer) {
  WriteConvolution(op, layer->mutable_conv_transpose());
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

void Write(const LayerNorm& op, manifest::Layer* layer) {
  manifest::LayerNorm* proto =
      op.keeps_mean ? layer->mutable_root_norm() : layer->mutable_layer_norm();
  proto->set_axis_first(op.axis_first);
  proto->set_epsilon(op.epsilon);
  proto->set_has_scale(op.has_scale);
  proto->set_has_bias(op.has_bias);
}

void Write(const Reduce& op, manifest::Layer* layer) {
  manifest::Reduce* proto = layer->mutable_reduce();
  proto->set_kind(static_cast<uint32_t>(op.kind));
  Assign(op.dimensions, proto->mutable_dimensions());
  proto->set_selects_last(op.selects_last);
}

void Write(const Gather& op, manifest::Layer* layer) {
  layer->mutable_gather()->set_axis(op.axis);
}

void Write(const Select&, manifest::Layer* layer) { layer->mutable_select(); }

void Write(const Resize& op, manifest::Layer* layer) {
  manifest::Resize* proto = layer->mutable_resize();
  proto->set_mode(static_cast<uint32_t>(op.mode));
  proto->set_coordinate(static_cast<uint32_t>(op.coordinate));
  proto->set_nearest(static_cast<uint32_t>(op.nearest));
  proto->set_cubic_a(op.cubic_a);
  proto->set_excludes_outside(op.excludes_outside);
  proto->set_antialiases(op.antialiases);
  proto->set_extrapolation_value(op.extrapolation_value);
  Assign(op.scales, proto->mutable_scales());
  Assign(op.roi_begin, proto->mutable_roi_begin());
  Assign(op.roi_end, proto->mutable_roi_end());
}

void Write(const Recurrent& op, manifest::Layer* layer) {
  manifest::Recurrent* proto = layer->mutable_recurrent();
  proto->set_kind(static_cast<uint32_t>(op.kind));
  proto->set_is_reverse(op.is_reverse);
  proto->set_resets_product(op.resets_product);
  proto->set_has_peepholes(op.has_peepholes);
  if (std::isfinite(op.clip)) proto->set_clip(op.clip);
  Write(op.f, proto->mutable_f());
  Write(op.g, proto->mutable_g());
  Write(op.h, proto->mutable_h());
}

void Write(const TopK& op, manifest::Layer* layer) {
  layer->mutable_top_k()->set_axis(op.axis);
  layer->mutable_top_k()->set_is_largest(op.is_largest);
}

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
    case manifest::Layer::kConvTranspose:
      return From(layer.conv_transpose());
    case manifest::Layer::kLayerNorm:
      return From(layer.layer_norm(), false);
    case manifest::Layer::kRootNorm:
      return From(layer.root_norm(), true);
    case manifest::Layer::kReduce:
      return From(layer.reduce());
    case manifest::Layer::kGather:
      return Gather{layer.gather().axis()};
    case manifest::Layer::kSelect:
      return Select{};
    case manifest::Layer::kResize:
      return From(layer.resize());
    case manifest::Layer::kRecurrent:
      return From(layer.recurrent());
    case manifest::Layer::kTopK:
      return TopK{layer.top_k().axis(), layer.top_k().is_largest()};
    case manifest::Layer::OPERATOR_NOT_SET:
      break;
  }
  return absl::InvalidArgumentError("operator: missing");
}

void WriteOperator(const Operator& op, manifest::Layer* layer) {
  std::visit([layer](const auto& one) { Write(one, layer); }, op);
}

}  // namespace layerd
