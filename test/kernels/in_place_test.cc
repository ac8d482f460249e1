// May an output be written over an input, where InputInPlace() says so? Whole
// layers and parts have the bits of an output elsewhere, on every backend.

#include "kernels/in_place.h"

#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "test/catch/catch.h"
#include "test/kernels/cases.h"
#include "test/kernels/oracle.h"
#include "test/kernels/test_layer.h"
#include "test/kernels/twins.h"

namespace layerd {
namespace {

void CheckInPlace(Backend& backend, const TestLayer& layer,
                  const std::vector<PartSpec>& parts) {
  const Outcome elsewhere = Run(backend, layer, parts);
  const Outcome in_place =
      Run(backend, layer, parts, {.shift_bytes = 0, .in_place = true});
  CHECK(in_place.status.ok());
  CHECK(in_place.guards_held);
  CHECK(in_place.output == elsewhere.output);
}

TEST_CASE("Outputs may be written over the input that operators say") {
  for (const Twin& twin : AllTwins()) {
    const std::unique_ptr<Backend> backend = twin.make();
    std::set<size_t> operators;
    for (const TestLayer& layer : AllCases()) {
      const PartSpec& whole = layer.whole;
      const std::optional<size_t> input = InputInPlace(whole.op);
      if (!input || whole.inputs[*input] != whole.outputs[0]) continue;
      operators.insert(whole.op.index());
      INFO(twin.name << ": " << NameOf(whole.op) << ", " << layer.name);
      CheckInPlace(*backend, layer, {whole});
      if (!IsCut(layer)) continue;
      const int64_t rows = IsCutIntoRows(layer) ? 3 : whole.rows.count;
      CheckInPlace(*backend, layer, Cut(layer, 16, rows));
    }
    CHECK(operators.size() == 5);
  }
}

// Slices, a tile that threads share, Winograd's transform, and an activation
// that tiles leave to others.
TEST_CASE("Sums may be written over large residuals") {
  struct Size {
    int64_t inputs, outputs, size, kernel;
  };
  const Size of = GENERATE(Size{272, 48, 14, 3}, Size{600, 12, 2, 1});
  const int64_t pad = of.kernel / 2;
  ConvolutionSketch sketch{.name = "large",
                           .x = {1, of.inputs, of.size, of.size},
                           .outputs = of.outputs,
                           .kernel = {of.kernel, of.kernel},
                           .pads_begin = {pad, pad}};
  sketch.adds_residual = true;
  sketch.activation.kind =
      GENERATE(ActivationKind::kRelu, ActivationKind::kMish);
  const TestLayer layer = LayerOf(sketch, 1);
  for (const Twin& twin : AllTwins()) {
    const std::unique_ptr<Backend> backend = twin.make();
    INFO(twin.name);
    CheckInPlace(*backend, layer, {layer.whole});
    CheckInPlace(*backend, layer, Cut(layer, 32, 5));
    if (of.kernel == 3) {
      PartSpec winograd = layer.whole;
      WeightLayout& kernel = winograd.weights[0].layout;
      kernel = WeightLayout::PlainWinograd(kernel.shape);
      CheckInPlace(*backend, layer, {winograd});
    }
  }
}

}  // namespace
}  // namespace layerd
