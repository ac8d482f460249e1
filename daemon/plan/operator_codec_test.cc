#include "daemon/plan/operator_codec.h"

#include <string>
#include <variant>

#include "test/catch/catch.h"

namespace layerd {
namespace {

// Each kind has a message of its own, and so has a norm that keeps its mean.
manifest::Layer::OperatorCase CaseOf(const Operator& op) {
  const auto* norm = std::get_if<LayerNorm>(&op);
  if (norm != nullptr && norm->keeps_mean) return manifest::Layer::kRootNorm;
  return static_cast<manifest::Layer::OperatorCase>(4 + op.index());
}

TEST_CASE("Every operator survives the manifest") {
  const Activation leaky = {ActivationKind::kLeakyRelu, 0.1f, 0};
  const Operator op = GENERATE_COPY(values<Operator>({
      Convolution{2, {1, 2}, {3, 4}, {5, 6}, {7, 8}, true, true, leaky},
      FullyConnected{true, true, leaky},
      MatMul{0.125f},
      Pool{Pool::Kind::kAverage, {1}, {2}, {3}, {4}, {5}, true},
      Unary{leaky},
      Binary{Binary::Kind::kDiv, Binary::Constant::kLeft, leaky},
      ScaleShift{leaky},
      Softmax{1, 2},
      Lrn{5, 1, 2, 3},
      Pad{Pad::Mode::kReflect, {0, 1}, {2, -3}, 4},
      Copy{},
      ConvTranspose{2, {1, 2}, {3, 4}, {5, 6}, {7, 8}, true, leaky, true},
      LayerNorm{1, 1e-3f, true, true},
      LayerNorm{1, 1e-3f, true, true, true},
      Reduce{Reduce::Kind::kArgMin, {1, 2}, true},
      Gather{2},
      Select{},
      Resize{Resize::Mode::kCubic,
             Resize::Coordinate::kCropAndResize,
             Resize::Nearest::kSimple,
             -0.5f,
             true,
             true,
             9,
             {1, 2},
             {3, 4},
             {5, 6}},
      Recurrent{Recurrent::Kind::kGru, true, true, true, 0.5f, leaky, leaky,
                leaky},
      TopK{3, false},
  }));
  manifest::Layer layer;
  WriteOperator(op, &layer);

  CHECK(layer.operator_case() == CaseOf(op));
  const absl::StatusOr<Operator> read = OperatorFrom(layer);
  REQUIRE(read.ok());
  CHECK(read->index() == op.index());
  manifest::Layer again;
  WriteOperator(*read, &again);
  CHECK(again.SerializeAsString() == layer.SerializeAsString());
}

}  // namespace
}  // namespace layerd
