// Which 3 x 3 convolutions does Winograd make faster, and by how much?
//
// Prints the rows of winograd_table.inc for this machine's tiles, which take the
// place of those that are there: the direct time over Winograd's, at one thread,
// the quickest of many runs each. Below 1.15 a layer stays direct when packing
// --for latency.
//
//   bazel run //test/bench:winograd_bench
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <vector>

#include "config/check.h"
#include "kernels/cpu/cpu_backend.h"
#include "kernels/cpu/winograd_layer.h"
#include "test/kernels/page_memory.h"
#include "test/kernels/part_sketches.h"

namespace layerd {
namespace {

// Of this thread alone: others on the machine do not count.
double ThreadSeconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) +
         1e-9 * static_cast<double>(now.tv_nsec);
}

// One layer, whole, with weights enough that they come from memory each time.
class Layer {
 public:
  Layer(Backend& backend, int64_t inputs, int64_t outputs, int64_t size,
        bool winograd)
      : backend_(backend),
        x_(AllocatePages(4 * size * size * inputs)),
        y_(AllocatePages(4 * size * size * outputs)) {
    const std::vector<int64_t> shape = {outputs, inputs, 3, 3};
    PartSpec spec{
        Convolution{.groups = 1,
                    .strides = {1, 1},
                    .dilations = {1, 1},
                    .pads_begin = {1, 1},
                    .pads_end = {1, 1},
                    .has_bias = true,
                    .adds_residual = false,
                    .activation = {ActivationKind::kRelu, 0, 0}},
        {ChannelsLast({1, inputs, size, size})},
        {{winograd ? cpu::WinogradLayout(shape) : cpu::TiledLayout(shape), 0},
         {WeightLayout::Plain(DataType::kF32, {outputs}), 0}},
        {ChannelsLast({1, outputs, size, size})},
        {0, outputs},
        {0, size}};
    const size_t kernel_bytes = spec.weights[0].layout.bytes();
    spec.weights[1].offset_bytes = (kernel_bytes + 255) / 256 * 256;
    weights_bytes_ = spec.weights[1].offset_bytes + 4096;
    copies_ = std::clamp<size_t>((64 << 20) / weights_bytes_, 1, 16);
    weights_ = AllocatePages(copies_ * weights_bytes_);
    auto kernel = backend.Prepare(spec);
    LAYERD_CHECK(kernel.ok(), std::string(kernel.status().message()));
    kernel_ = *std::move(kernel);
    scratch_ = AllocatePages(kernel_->scratch_bytes());
  }

  double Run() {
    const std::byte* inputs[] = {x_.get()};
    std::byte* outputs[] = {y_.get()};
    const double begin = ThreadSeconds();
    const auto ticket = backend_.Enqueue(
        *kernel_, {inputs, weights_.get() + next_ * weights_bytes_, outputs,
                   scratch_.get()});
    LAYERD_CHECK(ticket.ok());
    next_ = (next_ + 1) % copies_;
    return ThreadSeconds() - begin;
  }

 private:
  Backend& backend_;
  PageMemory x_, y_, weights_, scratch_;
  std::unique_ptr<Kernel> kernel_;
  size_t weights_bytes_ = 0, copies_ = 1, next_ = 0;
};

double GainOf(Backend& backend, int64_t inputs, int64_t outputs, int64_t size) {
  Layer direct(backend, inputs, outputs, size, false);
  Layer winograd(backend, inputs, outputs, size, true);
  double best[2] = {1e9, 1e9};
  for (int round = 0; round < 40; ++round) {
    best[0] = std::min(best[0], direct.Run());
    best[1] = std::min(best[1], winograd.Run());
  }
  return best[0] / best[1];
}

}  // namespace
}  // namespace layerd

int main() {
  const auto backend = layerd::MakeCpuBackend(1);
  const layerd::cpu::TileSet* const tiles = layerd::cpu::Tiles();
  if (tiles == nullptr) return 1;
  std::printf("// tiles, inputs, outputs, size, gain.\n");
  for (const int64_t inputs : {16, 32, 64, 128, 256, 512}) {
    for (const int64_t outputs : {32, 64, 128, 256, 512}) {
      if (inputs > 4 * outputs || outputs > 4 * inputs) continue;
      for (const int64_t size : {7, 14, 28, 56, 112}) {
        if (inputs * outputs * size * size > int64_t{512} * 512 * 28 * 28) {
          continue;
        }
        std::printf("{\"%s\", %d, %d, %d, %.2f},\n", tiles->name,
                    static_cast<int>(inputs), static_cast<int>(outputs),
                    static_cast<int>(size),
                    layerd::GainOf(*backend, inputs, outputs, size));
        std::fflush(stdout);
      }
    }
  }
}
