// What every backend promises, of the CUDA backend on the twin: all memory
// strategies, with the libraries willing and unwilling.

#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <variant>

#include "cudnn.h"
#include "kernels/cuda/cuda_backend.h"
#include "kernels/cuda/layouts.h"
#include "test/catch/catch.h"
#include "test/gpu/attached_backend.h"
#include "test/gpu/half_layer.h"
#include "test/gpu/operator_contract.h"
#include "test/gpu/twin/twin.h"
#include "test/kernels/cases.h"
#include "test/kernels/oracle.h"
#include "test/kernels/test_layer.h"

namespace layerd {
namespace {

struct Setting {
  const char* name;
  CudaMemory memory;
  int not_supported_percent;
};

// The libraries say yes, sometimes, never.
const Setting kSettings[] = {
    {"staged", CudaMemory::kStaged, 0},
    {"mapped", CudaMemory::kMapped, 40},
    {"managed, plain loops only", CudaMemory::kManaged, 100},
};

std::unique_ptr<Backend> MakeOnTwin(const Setting& setting, uint32_t seed) {
  twin::Reset({.seed = seed,
               .library_seed = seed,
               .not_supported_percent = setting.not_supported_percent});
  auto backend = MakeCudaBackend({.memory = setting.memory});
  REQUIRE(backend.ok());
  return std::make_unique<AttachedBackend>(*std::move(backend));
}

void CheckTwin() {
  twin::CheckGuards();
  CHECK(twin::FirstAlarm() == "");
}

void CheckAgainstOracle(Backend& backend, const TestLayer& layer,
                        const std::vector<PartSpec>& parts,
                        const RunOptions& options = {}) {
  CHECK(WrongBesideOracle(backend, layer, parts, options) == "");
  REQUIRE(twin::FirstAlarm() == "");
}

// As layers of graphs are: then nothing need be moved to be aligned.
TestLayer Aligned(TestLayer layer) {
  layer.whole.alignment_bytes = 64;
  return layer;
}

TEST_CASE("The CUDA backend holds what gpu_check asks of a device") {
  for (const Setting& setting : kSettings) {
    const std::unique_ptr<Backend> backend = MakeOnTwin(setting, 1);
    HoldOperators(
        *backend, DataType::kF32, 1e-4f, [&](const OperatorVerdict& one) {
          INFO(setting.name << ": " << one.layer << ", " << one.sentence);
          REQUIRE(one.wrong == "");
          REQUIRE(twin::FirstAlarm() == "");
        });
    CheckTwin();
  }
}

TEST_CASE("Any order, ranges, places and data are what gpu_check asks too") {
  for (const Setting& setting : kSettings) {
    const std::unique_ptr<Backend> backend = MakeOnTwin(setting, 3);
    HoldArrangements(*backend, 1e-4f, [&](const OperatorVerdict& one) {
      INFO(setting.name << ": " << one.layer << ", " << one.sentence);
      REQUIRE(one.wrong == "");
      REQUIRE(twin::FirstAlarm() == "");
    });
    CheckTwin();
  }
}

TEST_CASE("Random convolutions, cut at random, are right on the twin") {
  for (uint32_t seed = 0; seed < 60; ++seed) {
    INFO("seed " << seed);
    const std::unique_ptr<Backend> backend =
        MakeOnTwin(kSettings[seed % 3], seed);
    TestLayer layer = RandomConvolution(seed);
    if (seed % 2 == 0) layer = Aligned(layer);
    CheckAgainstOracle(*backend, layer,
                       Cut(layer, 1 + seed % 40, 1 + seed % 5));
  }
}

TEST_CASE("Every operator computes in f16 within one percent") {
  for (const Setting& setting : kSettings) {
    const std::unique_ptr<Backend> backend = MakeOnTwin(setting, 7);
    HoldOperators(
        *backend, DataType::kF16, 1e-2f, [&](const OperatorVerdict& one) {
          INFO(setting.name << ": " << one.layer << ", " << one.sentence);
          REQUIRE(one.wrong == "");
          REQUIRE(twin::FirstAlarm() == "");
        });
    CheckTwin();
  }
}

// Of so many channels, in a square of 6 x 6.
TestLayer HalfConvolution(int64_t inputs, int64_t outputs, bool has_bias) {
  const TestLayer layer = Aligned(LayerOf({.name = "3x3",
                                           .x = {1, inputs, 6, 6},
                                           .outputs = outputs,
                                           .kernel = {3, 3},
                                           .strides = {1, 1},
                                           .dilations = {1, 1},
                                           .pads_begin = {1, 1},
                                           .pads_end = {1, 1},
                                           .has_bias = has_bias},
                                          3));
  return InHalf(layer).half;
}

TEST_CASE("Tensor cores get whole runs of 8 channels, whatever the layer has") {
  const std::unique_ptr<Backend> backend = MakeOnTwin(kSettings[0], 9);
  for (const int64_t inputs : {1, 3, 8, 12}) {
    for (const int64_t outputs : {5, 16, 21}) {
      const bool has_bias = outputs != 5;
      INFO(inputs << " to " << outputs << " channels");
      const uint64_t before = twin::counters().convolutions;
      const Outcome one =
          Run(*backend, HalfConvolution(inputs, outputs, has_bias));
      REQUIRE(one.status.ok());
      CHECK(twin::counters().convolutions == before + 1);
    }
  }
  CheckTwin();
}

// What the twin says of a 1x1 convolution of f16 in NHWC on tensor cores.
std::string AlarmOf(int inputs, int outputs) {
  twin::Reset({.seed = 1});
  cudnnTensorDescriptor_t x, y;
  cudnnFilterDescriptor_t w;
  cudnnConvolutionDescriptor_t conv;
  cudnnCreateTensorDescriptor(&x);
  cudnnCreateTensorDescriptor(&y);
  cudnnCreateFilterDescriptor(&w);
  cudnnCreateConvolutionDescriptor(&conv);
  constexpr auto kFormat = CUDNN_TENSOR_NHWC;
  constexpr auto kType = CUDNN_DATA_HALF;
  cudnnSetTensor4dDescriptor(x, kFormat, kType, 1, inputs, 4, 4);
  cudnnSetTensor4dDescriptor(y, kFormat, kType, 1, outputs, 4, 4);
  cudnnSetFilter4dDescriptor(w, kType, kFormat, outputs, inputs, 1, 1);
  cudnnSetConvolution2dDescriptor(conv, 0, 0, 1, 1, 1, 1,
                                  CUDNN_CROSS_CORRELATION, CUDNN_DATA_FLOAT);
  cudnnSetConvolutionMathType(conv, CUDNN_TENSOR_OP_MATH);
  int count = 0;
  cudnnConvolutionFwdAlgoPerf_t found[CUDNN_CONVOLUTION_FWD_ALGO_COUNT];
  cudnnGetConvolutionForwardAlgorithm_v7(
      nullptr, x, w, conv, y, CUDNN_CONVOLUTION_FWD_ALGO_COUNT, &count, found);
  cudnnDestroyTensorDescriptor(x);
  cudnnDestroyTensorDescriptor(y);
  cudnnDestroyFilterDescriptor(w);
  cudnnDestroyConvolutionDescriptor(conv);
  return twin::FirstAlarm();
}

TEST_CASE("The twin takes no other channels on tensor cores") {
  CHECK(AlarmOf(16, 8) == "");
  CHECK_THAT(AlarmOf(3, 8), Catch::Contains("multiple of 8"));
  CHECK_THAT(AlarmOf(8, 12), Catch::Contains("multiple of 8"));
}

PartSpec Placed(const Backend& backend, PartSpec spec) {
  const auto layouts = backend.WeightLayouts(spec);
  REQUIRE(layouts.ok());
  size_t end = 0;
  for (size_t i = 0; i < spec.weights.size(); ++i) {
    spec.weights[i] = {(*layouts)[i], end};
    end += ((*layouts)[i].bytes() + 255) / 256 * 256;
  }
  return spec;
}

TEST_CASE("A plan without a device reckons with no less than one takes") {
  const std::unique_ptr<Backend> sketch = MakeCudaLayouts();
  for (const int not_supported_percent : {0, 100}) {
    twin::Reset({.seed = 1,
                 .library_seed = 11,
                 .not_supported_percent = not_supported_percent});
    const auto backend = MakeCudaBackend({.memory = CudaMemory::kStaged});
    REQUIRE(backend.ok());
    for (const TestLayer& one : AllCases()) {
      const auto& inputs = one.whole.inputs;
      if (!inputs.empty() && inputs[0].dtype == DataType::kF64) continue;
      for (const TestLayer& layer : {one, InHalf(one).half}) {
        INFO(NameOf(layer.whole.op) << ", " << layer.name);
        const PartSpec spec = Placed(*sketch, layer.whole);
        const auto taken = (*backend)->Prepare(spec);
        const auto planned = sketch->Prepare(spec);
        REQUIRE((taken.ok() && planned.ok()));
        CHECK((*planned)->scratch_bytes() >= (*taken)->scratch_bytes());
        CHECK((*planned)->decoded_bytes() == (*taken)->decoded_bytes());
      }
    }
  }
}

TEST_CASE("The CUDA backend refuses what is unsound, and says for whom") {
  const std::unique_ptr<Backend> backend = MakeOnTwin(kSettings[0], 8);
  PartSpec spec = ConvolutionCases()[0].whole;
  const absl::Status foreign = backend->Prepare(spec).status();
  CHECK(absl::IsFailedPrecondition(foreign));
  CHECK_THAT(std::string(foreign.message()),
             Catch::StartsWith("Convolution") && Catch::Contains("stored as"));
  spec.channels = {0, spec.channels.count + 1};
  CHECK(absl::IsInvalidArgument(backend->Prepare(spec).status()));
  CHECK(absl::IsInvalidArgument(backend->WeightLayouts(spec).status()));
  CHECK(backend->key() == KernelKey{"cuda", "any", "f32", "KRSC"});
}

TEST_CASE("Without driver, device or code for it the backend says so") {
  struct Row {
    twin::Options options;
    const char* message;
  };
  const Row rows[] = {
      {{.no_driver = true}, "no NVIDIA driver"},
      {{.no_device = true}, "no NVIDIA device"},
      {{.no_code = true}, "not built for this device, of compute capability 8"},
  };
  for (const Row& row : rows) {
    twin::Reset(row.options);
    const absl::Status status = MakeCudaBackend({}).status();
    CHECK(absl::IsUnavailable(status));
    CHECK_THAT(std::string(status.message()), Catch::Contains(row.message));
  }
}

TEST_CASE("Too little device memory is said, and nothing is left behind") {
  for (int left = 0; left < 5; ++left) {
    INFO(left << " allocations");
    twin::Reset({.seed = 1, .allocations_left = left});
    {
      auto backend = MakeCudaBackend({.memory = CudaMemory::kStaged});
      absl::Status status = backend.status();
      std::vector<std::byte> block(4096);
      if (backend.ok()) status = (*backend)->Attach(block);
      CHECK(absl::IsResourceExhausted(status) == (left < 4));
    }
    CHECK(twin::counters().device_bytes == 0);
  }
}

// A job that gave way to a more urgent one, of many parts.
TEST_CASE("What a part did wrong is heard by who waits for it, however late") {
  twin::Reset({.seed = 1});
  auto backend = MakeCudaBackend({.memory = CudaMemory::kMapped});
  REQUIRE(backend.ok());
  alignas(64) std::byte block[1024] = {};
  REQUIRE((*backend)->Attach(block).ok());
  const PartSpec spec{
      Gather{}, {PlainType({4}), PlainType({1}, DataType::kI64)},
      {},       {PlainType({1})},
      {},       {}};
  const auto kernel = (*backend)->Prepare(spec);
  REQUIRE(kernel.ok());
  const int64_t indices[] = {4, 3};  // Of the one job, and of the other.
  REQUIRE((*backend)->CopyIn(block, std::as_bytes(std::span(indices))).ok());
  const auto enqueue = [&](size_t job) {
    const std::byte* const inputs[] = {block + 256, block + 8 * job};
    std::byte* const outputs[] = {block + 512 + 64 * job};
    const auto ticket =
        (*backend)->Enqueue(**kernel, {.inputs = inputs, .outputs = outputs});
    REQUIRE(ticket.ok());
    return *ticket;
  };

  const Ticket outside = enqueue(0);
  for (int part = 0; part < 20; ++part) {
    CHECK((*backend)->Wait(enqueue(1)).ToString() == "OK");
  }

  CHECK(absl::IsInvalidArgument((*backend)->Wait(outside)));
  CHECK((*backend)->Wait(enqueue(1)).ok());
  CheckTwin();
}

TEST_CASE("What a copy and a launch cost is probed, and leaves nothing") {
  twin::Reset({.seed = 3});
  const auto rates = ProbeCudaRates();
  REQUIRE(rates.ok());
  CHECK(rates->copy_bytes_per_s > 0);
  CHECK(rates->launch_seconds > 0);
  CheckTwin();
  CHECK(twin::counters().device_bytes == 0);
  twin::Reset({.seed = 3, .no_driver = true});
  CHECK(absl::IsUnavailable(ProbeCudaRates().status()));
}

TEST_CASE("The probe maps memory only where the device shares it") {
  twin::Reset({.seed = 1, .integrated = false});
  auto backend = MakeCudaBackend({});
  REQUIRE(backend.ok());
  std::vector<std::byte> block(4096);
  REQUIRE((*backend)->Attach(block).ok());
  CHECK(twin::counters().device_bytes >= block.size());
  backend = absl::UnknownError("");
  for (uint32_t seed = 0; seed < 20; ++seed) {
    twin::Reset({.seed = seed, .integrated = true});
    backend = MakeCudaBackend({});
    REQUIRE(backend.ok());
    CheckTwin();
    backend = absl::UnknownError("");
  }
}

}  // namespace
}  // namespace layerd
