// Layers of many products for few places: a processor may take their tiles in
// another order, and where channels do not fill a panel it does not.

#include <memory>
#include <vector>

#include "kernels/cpu/cpu_backend.h"
#include "test/catch/catch.h"
#include "test/kernels/cases.h"
#include "test/kernels/oracle.h"
#include "test/kernels/test_layer.h"

namespace layerd {
namespace {

const ConvolutionSketch kSketches[] = {
    {.name = "1x1", .x = {1, 700, 7, 7}, .outputs = 64, .kernel = {1, 1}},
    {.name = "3x3, residual, ReLU",
     .x = {1, 90, 7, 7},
     .outputs = 64,
     .kernel = {3, 3},
     .pads_begin = {1, 1},
     .adds_residual = true,
     .activation = {ActivationKind::kRelu, 0, 0}},
    {.name = "3x3, many places, 16 panels",
     .x = {1, 120, 12, 40},
     .outputs = 256,
     .kernel = {3, 3},
     .pads_begin = {1, 1}},
    {.name = "3x3 by 2, batch 2, dilated",
     .x = {2, 300, 19, 17},
     .outputs = 48,
     .kernel = {3, 3},
     .strides = {2, 2},
     .dilations = {2, 2},
     .pads_begin = {2, 2}}};

TEST_CASE("However a layer of many inputs is cut, the bits are the same") {
  const std::unique_ptr<Backend> one = MakeCpuBackend(1);
  const std::unique_ptr<Backend> two = MakeCpuBackend(2);
  for (const ConvolutionSketch& sketch : kSketches) {
    const TestLayer layer = LayerOf(sketch, 1);
    INFO(layer.name);
    CHECK(WrongBesideOracle(*one, layer, {layer.whole}) == "");
    const auto expected = Run(*one, layer).output;
    CHECK(Run(*two, layer).output == expected);
    for (const int64_t channels : {8, 16, 32, 40}) {
      for (const int64_t rows : {3, 7}) {
        INFO(channels << " channels, " << rows << " rows");
        CHECK(Run(*one, layer, Cut(layer, channels, rows)).output == expected);
        CHECK(Run(*two, layer, Cut(layer, channels, rows)).output == expected);
      }
    }
  }
}

}  // namespace
}  // namespace layerd
