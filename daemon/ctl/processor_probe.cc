#include "daemon/ctl/processor_probe.h"

#include <array>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <numeric>
#include <span>
#include <vector>

#include "config/status_macros.h"
#include "daemon/rt/clock.h"
#include "kernels/cpu/cpu_backend.h"
#include "loader/store/crc32c.h"
#include "loader/store/page_buffer.h"

namespace layerd {
namespace {

using Seconds = std::chrono::duration<double>;

constexpr Seconds kTime(0.3);
constexpr size_t kBlockBytes = 128 << 20;
constexpr size_t kTileBytes = 256 << 10;
constexpr int64_t kChannels = 256, kSide = 14, kWindow = 3;

// Seconds of processor time that one call takes, after one that warms up.
double SecondsOf(const std::function<void()>& work) {
  work();
  const MonotonicClock clock;
  const auto begin = clock.cpu_time();
  Seconds time{};
  int calls = 0;
  do {
    work();
    ++calls;
    time = *clock.cpu_time() - *begin;
  } while (time < kTime);
  return time.count() / calls;
}

// Channels last, as the packer lays activations.
TensorType Activations() {
  return {DataType::kF32,
          {1, kChannels, kSide, kSide},
          {kChannels * kSide * kSide, 1, kSide * kChannels, kChannels}};
}

absl::StatusOr<PartSpec> ConvolutionPart(const Backend& backend) {
  PartSpec spec;
  spec.op = Convolution{.strides = {1, 1},
                        .dilations = {1, 1},
                        .pads_begin = {1, 1},
                        .pads_end = {1, 1},
                        .activation = {}};
  spec.inputs = {Activations()};
  spec.outputs = {Activations()};
  spec.weights = {{WeightLayout::Plain(
      DataType::kF32, {kChannels, kChannels, kWindow, kWindow})}};
  spec.channels = {0, kChannels};
  spec.rows = {0, kSide};
  ASSIGN_OR_RETURN(const std::vector<WeightLayout> layouts,
                   backend.WeightLayouts(spec));
  spec.weights.front().layout = layouts.front();
  return spec;
}

}  // namespace

absl::StatusOr<double> ConvolutionFlopsPerS() {
  const std::unique_ptr<Backend> backend = MakeCpuBackend(1);
  ASSIGN_OR_RETURN(const PartSpec spec, ConvolutionPart(*backend));
  ASSIGN_OR_RETURN(const std::unique_ptr<Kernel> kernel,
                   backend->Prepare(spec));
  const size_t activation_bytes = kChannels * kSide * kSide * sizeof(float);
  PageBuffer input(activation_bytes), output(activation_bytes);
  PageBuffer weights(spec.weights.front().layout.bytes());
  PageBuffer scratch(kernel->scratch_bytes() + 1);
  const std::array<const std::byte*, 1> inputs{input.bytes().data()};
  const std::array<std::byte*, 1> outputs{output.bytes().data()};
  const PartMemory memory{.inputs = inputs,
                          .weights = weights.bytes().data(),
                          .outputs = outputs,
                          .scratch = scratch.bytes().data()};
  absl::Status status;
  const double seconds = SecondsOf(
      [&] { status.Update(backend->Enqueue(*kernel, memory).status()); });
  RETURN_IF_ERROR(status);
  const double flops =
      2.0 * kChannels * kChannels * kWindow * kWindow * kSide * kSide;
  return flops / seconds;
}

double MemoryBytesPerS() {
  const PageBuffer block(kBlockBytes);
  const std::span words(reinterpret_cast<const uint64_t*>(block.bytes().data()),
                        kBlockBytes / sizeof(uint64_t));
  volatile uint64_t sum = 0;
  return kBlockBytes / SecondsOf([&] {
           sum = std::accumulate(words.begin(), words.end(), uint64_t{0});
         });
}

double CrcBytesPerCpuS() {
  const PageBuffer block(kBlockBytes);
  volatile uint32_t sum = 0;
  return kBlockBytes / SecondsOf([&] {
           for (size_t at = 0; at < kBlockBytes; at += kTileBytes) {
             sum = sum + Crc32c(block.bytes().subspan(at, kTileBytes));
           }
         });
}

}  // namespace layerd
