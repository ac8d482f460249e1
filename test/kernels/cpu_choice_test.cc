// Which implementation computes: one wrong stride, and the library falls from
// 0.87 ms to 330 without a word.

#include <dnnl.h>

#include <algorithm>
#include <iostream>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "config/check.h"
#include "kernels/cpu/cpu_backend.h"
#include "kernels/cpu/cpu_kernel.h"
#include "kernels/cpu/tiled_layer.h"
#include "kernels/decoded_part.h"
#include "test/catch/catch.h"
#include "test/kernels/cases.h"
#include "test/kernels/test_layer.h"

namespace layerd {
namespace {

// With its weights where and as the backend wants them.
PartSpec Placed(Backend& backend, PartSpec spec) {
  const auto layouts = backend.WeightLayouts(spec);
  LAYERD_CHECK(layouts.ok());
  uint64_t offset_bytes = 0;
  for (size_t i = 0; i < spec.weights.size(); ++i) {
    spec.weights[i] = {(*layouts)[i], offset_bytes};
    offset_bytes += ((*layouts)[i].bytes() + 255) / 256 * 256;
  }
  return spec;
}

std::string ImplementationOf(Backend& backend, const PartSpec& spec) {
  const auto kernel = backend.Prepare(Placed(backend, spec));
  LAYERD_CHECK(kernel.ok());
  return dynamic_cast<cpu::CpuKernel&>(**kernel).implementation();
}

bool IsGenerated(const std::string& implementation) {
  return implementation.find("ref") == std::string::npos &&
         implementation.find(':') != std::string::npos;
}

// "jit:avx2", "brg:avx512_core", "gemm:jit".
bool IsOfLibrary(const std::string& implementation) {
  return implementation.find("jit") != std::string::npos ||
         implementation.starts_with("brg");
}

std::vector<ConvolutionSketch> OfRealNetworks() {
  const Activation relu{ActivationKind::kRelu, 0, 0};
  const Activation relu6{ActivationKind::kClip, 0, 6};
  return {
      {.name = "resnet50 first",
       .x = {1, 3, 224, 224},
       .outputs = 64,
       .kernel = {7, 7},
       .strides = {2, 2},
       .pads_begin = {3, 3},
       .activation = relu},
      {.name = "resnet50 1x1",
       .x = {1, 256, 56, 56},
       .outputs = 64,
       .kernel = {1, 1},
       .activation = relu},
      {.name = "resnet50 1x1 with residual",
       .x = {1, 64, 56, 56},
       .outputs = 256,
       .kernel = {1, 1},
       .adds_residual = true,
       .activation = relu},
      {.name = "resnet50 3x3",
       .x = {1, 256, 14, 14},
       .outputs = 256,
       .kernel = {3, 3},
       .pads_begin = {1, 1},
       .activation = relu},
      {.name = "resnet50 3x3 by 2",
       .x = {1, 512, 14, 14},
       .outputs = 512,
       .kernel = {3, 3},
       .strides = {2, 2},
       .pads_begin = {1, 1},
       .activation = relu},
      {.name = "resnet50 last 3x3",
       .x = {1, 512, 7, 7},
       .outputs = 512,
       .kernel = {3, 3},
       .pads_begin = {1, 1},
       .activation = relu},
      {.name = "resnet50 shortcut",
       .x = {1, 1024, 14, 14},
       .outputs = 2048,
       .kernel = {1, 1},
       .strides = {2, 2}},
      {.name = "mobilenet first",
       .x = {1, 3, 224, 224},
       .outputs = 32,
       .kernel = {3, 3},
       .strides = {2, 2},
       .pads_begin = {1, 1},
       .activation = relu6},
      {.name = "mobilenet depthwise",
       .x = {1, 144, 56, 56},
       .outputs = 144,
       .kernel = {3, 3},
       .pads_begin = {1, 1},
       .groups = 144,
       .activation = relu6},
      {.name = "mobilenet depthwise by 2",
       .x = {1, 192, 28, 28},
       .outputs = 192,
       .kernel = {3, 3},
       .strides = {2, 2},
       .pads_begin = {1, 1},
       .groups = 192,
       .activation = relu6},
      {.name = "mobilenet 1x1",
       .x = {1, 960, 7, 7},
       .outputs = 160,
       .kernel = {1, 1},
       .adds_residual = true},
      {.name = "squeezenet 1x1",
       .x = {1, 128, 27, 27},
       .outputs = 16,
       .kernel = {1, 1},
       .activation = relu},
      {.name = "digits",
       .x = {1, 1, 8, 8},
       .outputs = 16,
       .kernel = {3, 3},
       .pads_begin = {1, 1},
       .activation = relu},
  };
}

TEST_CASE(
    "Layers of real networks, and their parts, run on generated kernels") {
  for (const int threads : {1, 2, 3, 4, 6, 8}) {
    const std::unique_ptr<Backend> backend = MakeCpuBackend(threads);
    for (const ConvolutionSketch& sketch : OfRealNetworks()) {
      INFO(threads << " threads, " << sketch.name);
      TestLayer layer = LayerOf(sketch, 1);
      CHECK(IsGenerated(ImplementationOf(*backend, layer.whole)));
      const Range rows = {layer.whole.rows.count / 2, 3};
      const Range channels = {0, std::min<int64_t>(32, sketch.outputs)};
      CHECK(IsGenerated(ImplementationOf(
          *backend, PartOf(layer, channels, layer.whole.rows))));
      CHECK(IsGenerated(
          ImplementationOf(*backend, PartOf(layer, channels, rows))));
      TensorType& y = layer.whole.outputs[0];  // As if it were concatenated.
      y = ChannelSlice(y.shape, 2 * y.shape[1]);
      CHECK(IsGenerated(ImplementationOf(*backend, layer.whole)));
    }
  }
}

TEST_CASE("Rows, channels and strides of real networks keep their tiles") {
  if (cpu::Tiles() == nullptr) {
    std::cout << "SKIPPED: no tiles for this processor\n";
    return;
  }
  for (const int threads : {1, 2, 8}) {
    const std::unique_ptr<Backend> backend = MakeCpuBackend(threads);
    for (const ConvolutionSketch& sketch : OfRealNetworks()) {
      INFO(threads << " threads, " << sketch.name);
      const TestLayer layer = LayerOf(sketch, 1);
      const std::string whole = ImplementationOf(*backend, layer.whole);
      CHECK(whole ==
            (sketch.groups == 1 ? cpu::Tiles()->name : "depthwise:vectors"));
      const Range channels = {0, std::min<int64_t>(32, sketch.outputs)};
      for (const int64_t rows : {1, 3}) {
        CHECK(ImplementationOf(*backend, PartOf(layer, channels, {0, rows})) ==
              whole);
      }
    }
  }
}

// The library and our tables count in 32 bits.
TEST_CASE("What broadcasts to more elements than they count has plain loops") {
  constexpr int64_t kStride = 1 << 16;
  const std::unique_ptr<Backend> backend = MakeCpuBackend(1);
  const TestLayer layer = LayerOf({.name = "three dimensions",
                                   .x = {1, 8, 1, 1, 1},
                                   .outputs = 16,
                                   .kernel = {1, 1, 1},
                                   .strides = {kStride, kStride, kStride}},
                                  1);
  PartSpec spec = layer.whole;
  CHECK(ImplementationOf(*backend, spec) != "reference");
  spec.inputs[0] = {DataType::kF32, {1, 8, 2048, 1024, 2048}, {0, 0, 0, 0, 0}};
  CHECK(ImplementationOf(*backend, spec) == "reference");
}

// What their windows read in all is no 64-bit number: UBSan looks at it.
TEST_CASE("Windows of no end of padding are prepared like all others") {
  constexpr int64_t kLong = 1 << 16;
  const std::vector<int64_t> sizes = {kLong, kLong, kLong}, ones = {1, 1, 1};
  const PartSpec spec{Pool{.kernel = sizes,
                           .strides = sizes,
                           .dilations = ones,
                           .pads_begin = sizes,
                           .pads_end = sizes},
                      {ChannelsLast({4096, 8, 1, 1, 1})},
                      {},
                      {ChannelsLast({4096, 8, 2, 2, 2})},
                      {},
                      {}};
  CHECK(ImplementationOf(*MakeCpuBackend(1), spec) == "loops");
}

TEST_CASE("Winograd computes where it is wished for and possible") {
  if (cpu::Tiles() == nullptr) {
    std::cout << "SKIPPED: no tiles for this processor\n";
    return;
  }
#if defined(__aarch64__)
  std::cout << "SKIPPED: whether it pays off was never measured here\n";
  return;
#endif
  const std::unique_ptr<Backend> backend = MakeCpuBackend(1);
  for (const int64_t stride : {1, 2}) {
    const TestLayer layer = LayerOf({.name = "3x3",
                                     .x = {1, 128, 28, 28},
                                     .outputs = 128,
                                     .kernel = {3, 3},
                                     .strides = {stride, stride},
                                     .pads_begin = {1, 1}},
                                    1);
    CHECK(ImplementationOf(*backend, layer.whole) == cpu::Tiles()->name);
    PartSpec part = PartOf(layer, {0, 64}, layer.whole.rows);
    part.weights[0].layout = WeightLayout::PlainWinograd({64, 128, 3, 3});
    CHECK(ImplementationOf(*backend, part) ==
          (stride == 1 ? "winograd:tiles" : cpu::Tiles()->name));
  }
}

TEST_CASE("The library's cache has room for the primitives of all models") {
  const std::unique_ptr<Backend> backend = MakeCpuBackend(1);
  const auto capacity = [] {
    int primitives = 0;
    dnnl_get_primitive_cache_capacity(&primitives);
    return primitives;
  };
  const std::vector<TestLayer> layers = AllCases();
  const auto of_library =
      std::find_if(layers.begin(), layers.end(), [&](const TestLayer& layer) {
        return IsOfLibrary(ImplementationOf(*backend, layer.whole));
      });
  if (of_library == layers.end()) {
    std::cout << "SKIPPED: nothing is left to the library here\n";
    return;
  }
  const int before = capacity();
  {
    std::vector<std::unique_ptr<Kernel>> kernels;
    for (int i = 0; i <= before; ++i) {
      absl::StatusOr<std::unique_ptr<Kernel>> kernel =
          backend->Prepare(Placed(*backend, of_library->whole));
      REQUIRE(kernel.ok());
      kernels.push_back(std::move(*kernel));
    }
    CHECK(capacity() > before);
  }
  CHECK(capacity() == before);
}

TEST_CASE("Fully connected parts run on generated kernels, few rows or many") {
  for (const int threads : {1, 2}) {
    const std::unique_ptr<Backend> backend = MakeCpuBackend(threads);
    for (const TestLayer& layer : FullyConnectedCases()) {
      if (layer.name == "rows without one stride") continue;
#if defined(__aarch64__)
      if (layer.name == "columns first") {
        std::cout << "SKIPPED: columns first, which oneDNN does not generate\n";
        continue;
      }
#endif
      INFO(threads << " threads, " << layer.name);
      CHECK(IsGenerated(ImplementationOf(*backend, layer.whole)));
      const Range channels = {
          0, std::min<int64_t>(16, layer.whole.channels.count)};
      CHECK(IsGenerated(ImplementationOf(
          *backend, PartOf(layer, channels, layer.whole.rows))));
    }
  }
}

// Turned to rows and back, a picture is moved twice, and lies in scratch.
TEST_CASE("Channels of a picture are normalised where they lie") {
  const std::unique_ptr<Backend> backend = MakeCpuBackend(1);
  const TensorType picture = ChannelsLast({1, 64, 128, 128});
  const TestLayer layer =
      MakeWhole("each channel", LayerNorm{2}, {picture}, {}, picture);

  const auto kernel = backend->Prepare(layer.whole);

  REQUIRE(kernel.ok());
  CHECK((*kernel)->scratch_bytes() * 8 <
        static_cast<uint64_t>(picture.element_count()) * sizeof(float));
}

// The contract holds for the reference loops too, so the contract test would
// not see it if everything fell back to them.
TEST_CASE("Only what is listed here falls back to the reference loops") {
  const std::set<std::string> expected = {
      "rows without one stride",
      // Rare: what networks pad are floats, and their kernels are weights.
      "bytes, reflected", "integers", "convolution, kernel from run time",
      "convolution in groups, kernel from run time",
      "transposed, kernel from run time",
      "transposed in groups, kernel from run time"};
  std::set<std::string> fallen;
  const std::unique_ptr<Backend> backend = MakeCpuBackend(1);
  for (const TestLayer& layer : AllCases()) {
    if (!IsNarrow(layer.whole) &&
        ImplementationOf(*backend, layer.whole) == "reference") {
      fallen.insert(layer.name);
    }
  }
  CHECK(fallen == expected);
}

TEST_CASE("What is decoded runs on the kernels of f32") {
  const std::unique_ptr<Backend> backend = MakeCpuBackend(1);
  for (const auto& [narrow, decoded] : NarrowCases()) {
    INFO(narrow.name);
    CHECK(ImplementationOf(*backend, narrow.whole) ==
          ImplementationOf(*backend, decoded.whole));
  }
}

}  // namespace
}  // namespace layerd
