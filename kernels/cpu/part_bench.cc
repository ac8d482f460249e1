// What does it cost to compute a layer in parts?
//
// Parts of 32 output channels are what streaming runs on: a dense convolution
// into scratch, then rows copied into a range of channels. Together they must
// not cost more than 3 % over the whole layer where it is larger than an
// extent; at 10 % we would worry. The argument is channels a part, 0 is all.
//
//   bazel run -c opt //kernels/cpu:part_bench
#include <benchmark/benchmark.h>

#include <memory>
#include <vector>

#include "config/check.h"
#include "kernels/cpu/cpu_backend.h"
#include "test/kernels/page_memory.h"
#include "test/kernels/part_sketches.h"

namespace layerd {
namespace {

struct Shape {
  const char* name;
  int64_t inputs, outputs, size, window;
  bool adds_residual;
};

constexpr Shape kShapes[] = {
    {"3x3 256 at 14x14", 256, 256, 14, 3, false},
    {"3x3 512 at 7x7", 512, 512, 7, 3, false},
    {"1x1 2048 to 512 at 7x7", 2048, 512, 7, 1, false},
    {"1x1 64 to 256 at 56x56, residual", 64, 256, 56, 1, true},
    {"1x1 512 to 2048 at 7x7, residual", 512, 2048, 7, 1, true},
    {"7x7 3 to 64 at 112x112", 3, 64, 112, 7, false},
    {"3x3 3 to 32 at 112x112", 3, 32, 112, 3, false},
    {"1x1 32 to 16 at 112x112", 32, 16, 112, 1, false},
    {"1x1 16 to 96 at 112x112", 16, 96, 112, 1, false},
    {"1x1 144 to 24 at 56x56", 144, 24, 56, 1, false},
};

struct Part {
  std::unique_ptr<Kernel> kernel;
  PageMemory weights, scratch;
};

Part PartOf(Backend& backend, const Shape& shape, int64_t first,
            int64_t count) {
  const int64_t pad = shape.window / 2;
  const Activation relu{ActivationKind::kRelu, 0, 0};
  const TensorType y = ChannelsLast({1, shape.outputs, shape.size, shape.size});
  PartSpec spec{
      Convolution{1,
                  {1, 1},
                  {1, 1},
                  {pad, pad},
                  {pad, pad},
                  true,
                  shape.adds_residual,
                  relu},
      {ChannelsLast({1, shape.inputs, shape.size, shape.size})},
      {{WeightLayout::Plain(DataType::kF32,
                            {count, shape.inputs, shape.window, shape.window}),
        0},
       {WeightLayout::Plain(DataType::kF32, {count}), 0}},
      {y},
      {first, count},
      {0, shape.size}};
  if (shape.adds_residual) spec.inputs.push_back(y);
  const auto layouts = backend.WeightLayouts(spec);
  LAYERD_CHECK(layouts.ok());
  const size_t kernel_bytes = ((*layouts)[0].bytes() + 255) / 256 * 256;
  spec.weights = {{(*layouts)[0], 0}, {(*layouts)[1], kernel_bytes}};
  auto kernel = backend.Prepare(spec);
  LAYERD_CHECK(kernel.ok());
  const size_t scratch_bytes = (*kernel)->scratch_bytes();
  return {*std::move(kernel),
          AllocatePages(kernel_bytes + (*layouts)[1].bytes()),
          AllocatePages(scratch_bytes)};
}

void RunLayer(benchmark::State& state, const Shape& shape, int threads) {
  const std::unique_ptr<Backend> backend = MakeCpuBackend(threads);
  const int64_t step = state.range(0) == 0 ? shape.outputs : state.range(0);
  std::vector<Part> parts;
  for (int64_t first = 0; first < shape.outputs; first += step) {
    parts.push_back(PartOf(*backend, shape, first, step));
  }
  const int64_t pixels = shape.size * shape.size;
  const PageMemory x = AllocatePages(4 * pixels * shape.inputs);
  const PageMemory residual = AllocatePages(4 * pixels * shape.outputs);
  const PageMemory y = AllocatePages(4 * pixels * shape.outputs);
  const std::byte* inputs[] = {x.get(), residual.get()};
  std::byte* outputs[] = {y.get()};
  for (auto _ : state) {
    for (const Part& part : parts) {
      const auto ticket = backend->Enqueue(
          *part.kernel, {{inputs, shape.adds_residual ? 2u : 1u},
                         part.weights.get(),
                         outputs,
                         part.scratch.get()});
      LAYERD_CHECK(ticket.ok());
    }
  }
}

}  // namespace
}  // namespace layerd

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  for (const int threads : {1, 2}) {
    for (const layerd::Shape& shape : layerd::kShapes) {
      const std::string name = std::string(shape.name) + ", " +
                               std::to_string(threads) + " threads, channels";
      benchmark::RegisterBenchmark(name.c_str(),
                                   [&shape, threads](benchmark::State& state) {
                                     layerd::RunLayer(state, shape, threads);
                                   })
          ->Arg(0)
          ->Arg(32)
          ->Arg(64)
          ->Unit(benchmark::kMicrosecond)
          ->UseRealTime();
    }
  }
  benchmark::RunSpecifiedBenchmarks();
}
