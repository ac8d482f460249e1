// Preparing a part allocates no more than was said before. Alone, because it
// counts every byte of operator new in the process.

#include "kernels/prepared_bytes.h"

#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <new>
#include <utility>
#include <variant>
#include <vector>

#include "kernels/cpu/cpu_backend.h"
#include "test/catch/catch.h"
#include "test/kernels/part_sketches.h"

namespace {

std::atomic<uint64_t> live_bytes{0}, peak_bytes{0};

void* Counted(size_t bytes) {
  void* const memory = std::malloc(bytes);
  if (memory == nullptr) return nullptr;
  const uint64_t live = live_bytes += malloc_usable_size(memory);
  if (live > peak_bytes) peak_bytes = live;
  return memory;
}

void* Must(void* memory) {
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

void Free(void* memory) {
  live_bytes -= malloc_usable_size(memory);
  std::free(memory);
}

}  // namespace

// All of them, or a sanitizer sees its own half of a pair.
void* operator new(size_t bytes) { return Must(Counted(bytes)); }
void* operator new[](size_t bytes) { return Must(Counted(bytes)); }
void* operator new(size_t bytes, const std::nothrow_t&) noexcept {
  return Counted(bytes);
}
void* operator new[](size_t bytes, const std::nothrow_t&) noexcept {
  return Counted(bytes);
}
void operator delete(void* memory) noexcept { Free(memory); }
void operator delete[](void* memory) noexcept { Free(memory); }
void operator delete(void* memory, size_t) noexcept { Free(memory); }
void operator delete[](void* memory, size_t) noexcept { Free(memory); }

namespace layerd {
namespace {

using Sizes = std::vector<int64_t>;

constexpr int64_t kLong = 300'000;
// What any part takes: descriptions, and what vectors have beyond their size.
constexpr uint64_t kPartBytes = 64 << 10;
// Up to which nobody minds: it is in the base of each model.
constexpr uint64_t kBaseBytes = 2 << 20;

Resize ResizeBy(Resize::Mode mode, std::vector<float> scales) {
  Resize op;
  op.mode = mode;
  op.coordinate = Resize::Coordinate::kAsymmetric;
  op.scales = std::move(scales);
  return op;
}

Resize Shrinking(Resize::Mode mode, std::vector<float> scales) {
  Resize op = ResizeBy(mode, std::move(scales));
  op.antialiases = true;
  return op;
}

Resize Cropping(std::vector<float> begin, std::vector<float> end) {
  Resize op = ResizeBy(Resize::Mode::kLinear, {1, 1, 1});
  op.coordinate = Resize::Coordinate::kCropAndResize;
  op.roi_begin = std::move(begin);
  op.roi_end = std::move(end);
  return op;
}

TensorType Repeated(Sizes shape) {
  TensorType type = PlainType(std::move(shape));
  std::fill(type.strides.begin(), type.strides.end(), 0);
  return type;
}

struct Case {
  const char* name;
  Operator op;
  TensorType x, y;
  Sizes kernel = {};
};

std::vector<Case> Cases() {
  const auto nearest = Resize::Mode::kNearest, linear = Resize::Mode::kLinear,
             cubic = Resize::Mode::kCubic;
  return {
      {"nearest", ResizeBy(nearest, {1, 1, 3}), PlainType({1, 1, kLong / 3}),
       PlainType({1, 1, kLong})},
      {"linear", ResizeBy(linear, {1, 1, 3}), PlainType({1, 1, kLong / 3}),
       PlainType({1, 1, kLong})},
      {"cubic", ResizeBy(cubic, {1, 1, 3}), PlainType({1, 1, kLong / 3}),
       PlainType({1, 1, kLong})},
      {"cubic lines", ResizeBy(cubic, {1, 1, 3, 1}),
       PlainType({1, 1, kLong / 3, 7}), PlainType({1, 1, kLong, 7})},
      {"three channels, looked up", ResizeBy(cubic, {1, 1, 2}),
       ChannelsLast({1, 3, kLong / 2}), ChannelsLast({1, 3, kLong})},
      {"a few channels", ResizeBy(linear, {1, 1, 2}),
       ChannelsLast({1, 16, kLong / 2}), ChannelsLast({1, 16, kLong})},
      {"a pixel that is a block", ResizeBy(linear, {1, 1, 2}),
       ChannelsLast({1, 5000, 20'000}), ChannelsLast({1, 5000, 40'000})},
      {"far apart, one block each", ResizeBy(nearest, {1, 1, 1e-4f}),
       Repeated({1, 1, 1'000'000'000}), PlainType({1, 1, 100'000})},
      {"antialiased", Shrinking(cubic, {1, 1, 1e-3f}), PlainType({1, 1, kLong}),
       PlainType({1, 1, kLong / 1000})},
      {"antialiased to next to nothing", Shrinking(linear, {1, 1, 1e-6f}),
       PlainType({1, 1, 8}), PlainType({1, 1, 1})},
      {"a crop with an outside", Cropping({0, 0, -1}, {1, 1, 2}),
       PlainType({1, 1, 1000}), PlainType({1, 1, kLong})},
      {"pooled", Pool{Pool::Kind::kMax, {2}, {1}, {1}, {0}, {1}},
       PlainType({1, 1, kLong}), PlainType({1, 1, kLong})},
      {"padded by its edge", Pad{Pad::Mode::kEdge, {0, 0}, {0, kLong}},
       PlainType({1, 1}), PlainType({1, kLong + 1})},
      {"a depthwise line",
       Convolution{8, {1}, {1}, {1}, {1}},
       ChannelsLast({1, 8, kLong}),
       ChannelsLast({1, 8, kLong}),
       {8, 1, 1, 3}},
      {"a depthwise picture",
       Convolution{8, {1, 1}, {1, 1}, {1, 1}, {1, 1}},
       ChannelsLast({1, 8, 10'000, 20'000}),
       ChannelsLast({1, 8, 10'000, 20'000}),
       {8, 1, 1, 3, 3}},
      {"zeros of many inputs",
       Convolution{1, {1, 1}, {1, 1}, {1, 1}, {1, 1}},
       ChannelsLast({1, kLong, 2, 2}),
       ChannelsLast({1, 16, 4, 4}),
       {16, kLong, 1, 1}},
      {"a kernel for each tap",
       ConvTranspose{1, {64, 64}, {1, 1}, {0, 0}, {0, 0}},
       ChannelsLast({1, 300, 2, 2}),
       ChannelsLast({1, 8, 128, 128}),
       {8, 300, 64, 64}},
      {"taps of one kernel",
       ConvTranspose{1, {32, 32}, {1, 1}, {0, 0}, {0, 0}},
       ChannelsLast({1, 2, 2, 2}),
       ChannelsLast({1, 8, 64, 64}),
       {8, 2, 32, 32}},
  };
}

TEST_CASE("Preparing a part takes what was said, and that is near the truth") {
  const auto backend = MakeCpuBackend(1);
  for (const Case& of : Cases()) {
    INFO(of.name);
    PartSpec spec{of.op, {of.x}, {}, {of.y}, {0, 1}, {0, 1}};
    if (!of.kernel.empty()) {
      spec.channels = {0, of.y.shape[1]};
      const bool is_cut = std::holds_alternative<Convolution>(of.op);
      if (is_cut) spec.rows = {0, of.y.shape[2]};
      spec.weights = {{WeightLayout::Plain(DataType::kF32, of.kernel), 0}};
      const auto layouts = backend->WeightLayouts(spec);
      REQUIRE(layouts.status().message() == "");
      spec.weights[0].layout = layouts->front();
    }
    const uint64_t said = PreparedBytesMax(spec);
    const uint64_t before = live_bytes;
    peak_bytes = before;

    const auto kernel = backend->Prepare(spec);

    REQUIRE(kernel.status().message() == "");
    const uint64_t taken = peak_bytes - before;
    CHECK(taken <= said + kPartBytes);
    CHECK(said <= 5 * taken + kBaseBytes);
  }
}

TEST_CASE("Too much to count is the most there is") {
  const PartSpec spec{Shrinking(Resize::Mode::kCubic, {1, 1e-7f, 1e-7f}),
                      {Repeated({1, 1 << 20, 1 << 20})},
                      {},
                      {Repeated({1, int64_t{1} << 31, int64_t{1} << 31})},
                      {0, 1},
                      {0, 1}};
  CHECK(PreparedBytesMax(spec) > uint64_t{1} << 50);
}

}  // namespace
}  // namespace layerd
