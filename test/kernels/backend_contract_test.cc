// What every backend promises, over all of them.

#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "daemon/plan/layer_rows.h"
#include "kernels/cpu/cpu_backend.h"
#include "kernels/reference/reference_backend.h"
#include "test/catch/catch.h"
#include "test/kernels/cases.h"
#include "test/kernels/oracle.h"
#include "test/kernels/test_layer.h"
#include "test/kernels/twins.h"

namespace layerd {
namespace {

void CheckAgainstOracle(Backend& backend, const TestLayer& layer,
                        const std::vector<PartSpec>& parts,
                        const RunOptions& options = {}) {
  CHECK(WrongBesideOracle(backend, layer, parts, options) == "");
}

TEST_CASE("Every backend computes every operator as the oracle does") {
  for (const Twin& twin : AllTwins()) {
    const std::unique_ptr<Backend> backend = twin.make();
    for (const TestLayer& layer : AllCases()) {
      INFO(twin.name << ": " << NameOf(layer.whole.op) << ", " << layer.name);
      CheckAgainstOracle(*backend, layer, {layer.whole});
    }
  }
}

TEST_CASE("Parts over channels together make the layer") {
  for (const Twin& twin : AllTwins()) {
    const std::unique_ptr<Backend> backend = twin.make();
    for (const TestLayer& layer : AllCases()) {
      if (!IsCut(layer)) continue;
      INFO(twin.name << ": " << NameOf(layer.whole.op) << ", " << layer.name);
      CheckAgainstOracle(*backend, layer,
                         Cut(layer, 16, layer.whole.rows.count));
    }
  }
}

TEST_CASE("Parts over rows, and over both, together make the layer") {
  for (const Twin& twin : AllTwins()) {
    const std::unique_ptr<Backend> backend = twin.make();
    for (const TestLayer& layer : AllCases()) {
      if (!IsCutIntoRows(layer)) continue;
      INFO(twin.name << ": " << NameOf(layer.whole.op) << ", " << layer.name);
      CheckAgainstOracle(*backend, layer,
                         Cut(layer, layer.whole.channels.count, 3));
      CheckAgainstOracle(*backend, layer, Cut(layer, 32, 4));
    }
  }
}

// Rows of a layer that PartSpec does not cut, `step` at a time; none if it has
// only one.
std::vector<PartSpec> CutIntoSlices(const PartSpec& whole, int64_t step,
                                    std::vector<PartPlace>* places) {
  std::vector<PartSpec> parts;
  const int64_t all = RowsOfLayer(whole);
  for (int64_t row = 0; row < all && all > 1; row += step) {
    RowSlice slice = SliceRows(whole, {row, std::min(step, all - row)});
    parts.push_back(std::move(slice.spec));
    places->push_back(
        {slice.input_offsets_bytes, slice.output_offsets_bytes[0]});
  }
  return parts;
}

// Sums whose loops choose their order by how the memory lies.
bool SumsAlongMemory(const Operator& op) {
  return std::holds_alternative<Reduce>(op) ||
         std::holds_alternative<Resize>(op);
}

TEST_CASE("Rows of a layer without weights are smaller layers, bit for bit") {
  const int64_t step = GENERATE(1, 3);
  for (const Twin& twin : AllTwins()) {
    const std::unique_ptr<Backend> backend = twin.make();
    std::set<size_t> operators;
    for (const TestLayer& layer : AllCases()) {
      RunOptions options;
      const std::vector<PartSpec> parts =
          CutIntoSlices(layer.whole, step, &options.places);
      if (parts.empty()) continue;
      operators.insert(layer.whole.op.index());
      INFO(twin.name << ": " << NameOf(layer.whole.op) << ", " << layer.name);
      const Outcome whole = Run(*backend, layer);
      const Outcome sliced = Run(*backend, layer, parts, options);
      REQUIRE(whole.status.ok());
      INFO(sliced.status);
      REQUIRE(sliced.status.ok());
      CHECK(sliced.guards_held);
      CHECK(Difference(layer.whole.outputs[0].dtype, sliced.output,
                       whole.output) == "");
      CHECK((sliced.output == whole.output || SumsAlongMemory(layer.whole.op)));
    }
    // All but convolutions, transposed or not, and fully connected layers; and
    // but Recurrent and TopK, which have tests of their own.
    CHECK(operators.size() == std::variant_size_v<Operator> - 5);
  }
}

// Too large for all of the tests above.
TEST_CASE("Tensors larger than the caches change no answer") {
  const ConvolutionSketch sketch =
      GENERATE(ConvolutionSketch{.name = "output",
                                 .x = {1, 3, 150, 152},
                                 .outputs = 64,
                                 .kernel = {1, 1},
                                 .activation = {ActivationKind::kRelu, 0, 0}},
               ConvolutionSketch{.name = "input",
                                 .x = {1, 64, 66, 66},
                                 .outputs = 4,
                                 .kernel = {3, 3},
                                 .pads_begin = {1, 1}},
               ConvolutionSketch{.name = "inputs beside padding",
                                 .x = {1, 100'000, 1, 2},
                                 .outputs = 4,
                                 .kernel = {1, 1},
                                 .pads_begin = {1, 1}});
  const TestLayer layer = LayerOf(sketch, 1);
  for (const Twin& twin : AllTwins()) {
    const std::unique_ptr<Backend> backend = twin.make();
    INFO(twin.name << ": " << layer.name);
    CheckAgainstOracle(*backend, layer, Cut(layer, 32, 100));
  }
}

std::vector<PartSpec> WithWinograd(std::vector<PartSpec> parts) {
  for (PartSpec& part : parts) {
    WeightLayout& kernel = part.weights[0].layout;
    kernel = WeightLayout::PlainWinograd(kernel.shape);
  }
  return parts;
}

TEST_CASE("Who wishes for Winograd's transform gets the same answers") {
  for (const Twin& twin : AllTwins()) {
    const std::unique_ptr<Backend> backend = twin.make();
    uint32_t seed = 1;
    for (const ConvolutionSketch& sketch : WinogradSketches()) {
      INFO(twin.name << ": " << sketch.name);
      const TestLayer layer = LayerOf(sketch, ++seed);
      CheckAgainstOracle(*backend, layer, WithWinograd({layer.whole}));
      CheckAgainstOracle(*backend, layer, WithWinograd(Cut(layer, 32, 8)));
      CheckAgainstOracle(*backend, layer, WithWinograd(Cut(layer, 16, 3)));
      // Not whole vectors of channels: those get none.
      CheckAgainstOracle(*backend, layer, WithWinograd(Cut(layer, 24, 3)));
    }
  }
}

// As if the layer's output were one of three that are concatenated.
TEST_CASE("Convolutions write into a range of a larger buffer") {
  for (const Twin& twin : AllTwins()) {
    const std::unique_ptr<Backend> backend = twin.make();
    for (TestLayer& layer : ConvolutionCases()) {
      INFO(twin.name << ": " << layer.name);
      TensorType& y = layer.whole.outputs[0];
      y = ChannelSlice(y.shape, y.shape[1] + 24);
      CheckAgainstOracle(*backend, layer, {layer.whole});
      CheckAgainstOracle(*backend, layer, Cut(layer, 16, 4));
    }
  }
}

TEST_CASE("Convolutions take inputs and residuals in any order") {
  for (const Twin& twin : AllTwins()) {
    const std::unique_ptr<Backend> backend = twin.make();
    for (const TestLayer& layer : ConvolutionCases()) {
      INFO(twin.name << ": " << layer.name);
      PartSpec spec = layer.whole;
      for (TensorType& input : spec.inputs) input = PlainType(input.shape);
      spec.outputs[0] = PlainType(spec.outputs[0].shape);
      const TestLayer plain = Draw(layer.name, spec, 3);
      CheckAgainstOracle(*backend, plain, {plain.whole});
      CheckAgainstOracle(*backend, plain, Cut(plain, 16, 4));
      spec.inputs[0] =
          ChannelSlice(spec.inputs[0].shape, spec.inputs[0].shape[1] + 5);
      const TestLayer sliced = Draw(layer.name, spec, 3);
      CheckAgainstOracle(*backend, sliced, {sliced.whole});
    }
  }
}

TEST_CASE("Random convolutions, cut at random, are right") {
  const std::unique_ptr<Backend> one = MakeCpuBackend(1);
  const std::unique_ptr<Backend> two = MakeCpuBackend(2);
  for (uint32_t seed = 0; seed < 150; ++seed) {
    INFO("seed " << seed);
    const TestLayer layer = RandomConvolution(seed);
    std::mt19937 random(seed);
    const int64_t step = 1 + random() % 40;
    CheckAgainstOracle(seed % 2 == 0 ? *one : *two, layer,
                       Cut(layer, step, 1 + random() % 5));
  }
}

TEST_CASE("The same part gives the same bits, wherever its memory is") {
  for (const Twin& twin : AllTwins()) {
    const std::unique_ptr<Backend> backend = twin.make();
    for (const TestLayer& layer : AllCases()) {
      INFO(twin.name << ": " << NameOf(layer.whole.op) << ", " << layer.name);
      const Outcome first = Run(*backend, layer);
      REQUIRE(first.status.ok());
      for (const size_t shift_bytes : {64, 192, 8}) {
        // Tensors of graphs lie at multiples of 64; slices may lie anywhere.
        const Outcome again =
            Run(*backend, layer, RunOptions{shift_bytes, false});
        CHECK(again.output == first.output);
      }
    }
  }
}

TEST_CASE("A backend of the same threads, made anew, gives the same bits") {
  for (const Twin& twin : AllTwins()) {
    for (const TestLayer& layer : ConvolutionCases()) {
      INFO(twin.name << ": " << layer.name);
      CHECK(Run(*twin.make(), layer).output == Run(*twin.make(), layer).output);
    }
  }
}

TEST_CASE("Who helps changes no bits") {
  const std::unique_ptr<Backend> alone = MakeCpuBackend(2);
  const std::unique_ptr<Backend> helped = MakeHelpedCpuBackend();
  REQUIRE(helped->helpers() == 1);
  for (const TestLayer& layer : AllCases()) {
    INFO(NameOf(layer.whole.op) << ", " << layer.name);
    CHECK(Run(*helped, layer).output == Run(*alone, layer).output);
  }
}

// Large enough to be shared: many panels of channels that few places meet, and
// one that many do at once.
TEST_CASE("Whoever decodes a panel first, the bits are the same") {
  const ConvolutionSketch sketches[] = {{.name = "many panels",
                                         .x = {1, 128, 7, 7},
                                         .outputs = 200,
                                         .kernel = {1, 1}},
                                        {.name = "one panel",
                                         .x = {1, 32, 20, 20},
                                         .outputs = 12,
                                         .kernel = {3, 3},
                                         .pads_begin = {1, 1}}};
  const std::unique_ptr<Backend> alone = MakeCpuBackend(1);
  const std::unique_ptr<Backend> helped = MakeHelpedCpuBackend();
  for (const ConvolutionSketch& sketch : sketches) {
    for (const auto& [narrow, decoded] : NarrowCasesOf(LayerOf(sketch, 1))) {
      INFO(narrow.name);
      const auto expected = Run(*alone, decoded).output;
      for (int round = 0; round < 10; ++round) {
        REQUIRE(Run(*helped, narrow).output == expected);
      }
    }
  }
}

TEST_CASE("A narrow part gives the bits of the same part decoded") {
  for (const Twin& twin : AllTwins()) {
    const std::unique_ptr<Backend> backend = twin.make();
    for (const auto& [narrow, decoded] : NarrowCases()) {
      INFO(twin.name << ": " << narrow.name);
      const Outcome outcome = Run(*backend, narrow, Cut(narrow, 32, 4));
      REQUIRE(outcome.status.ToString() == "OK");
      CHECK(outcome.output ==
            Run(*backend, decoded, Cut(decoded, 32, 4)).output);
    }
  }
}

TEST_CASE("Row parts share one layout, and so do thread counts") {
  const std::unique_ptr<Backend> one = MakeCpuBackend(1);
  const std::unique_ptr<Backend> two = MakeCpuBackend(2);
  for (const TestLayer& layer : AllCases()) {
    if (!IsCutIntoRows(layer)) continue;
    INFO(NameOf(layer.whole.op) << ", " << layer.name);
    const auto whole = one->WeightLayouts(layer.whole);
    const auto part = two->WeightLayouts(
        PartOf(layer, layer.whole.channels, {layer.whole.rows.count - 1, 1}));
    REQUIRE((whole.ok() && part.ok()));
    CHECK(*whole == *part);
  }
}

TEST_CASE("Transposed convolutions write into a range of a larger buffer") {
  for (const Twin& twin : AllTwins()) {
    const std::unique_ptr<Backend> backend = twin.make();
    for (TestLayer& layer : ConvTransposeCases()) {
      INFO(twin.name << ": " << layer.name);
      TensorType& y = layer.whole.outputs[0];
      y = ChannelSlice(y.shape, y.shape[1] + 24);
      const int64_t rows = layer.whole.rows.count;
      CheckAgainstOracle(*backend, layer, {layer.whole});
      CheckAgainstOracle(*backend, layer, Cut(layer, 16, rows));
    }
  }
}

template <typename T>
void SetElement(std::vector<std::byte>& tensor, size_t i, T value) {
  std::memcpy(&tensor[i * sizeof(T)], &value, sizeof(T));
}

TEST_CASE("An index outside fails the job and says so") {
  for (const Twin& twin : AllTwins()) {
    const std::unique_ptr<Backend> backend = twin.make();
    for (TestLayer& layer : GatherCases()) {
      for (const int32_t index : {1 << 30, -(1 << 30)}) {
        INFO(twin.name << ": " << layer.name << ", index " << index);
        if (layer.whole.inputs.back().dtype == DataType::kI32) {
          SetElement<int32_t>(layer.inputs.back(), 0, index);
        } else {
          SetElement<int64_t>(layer.inputs.back(), 0, index);
        }
        const Outcome outcome = Run(*backend, layer);
        CHECK(absl::IsInvalidArgument(outcome.status));
        CHECK_THAT(std::string(outcome.status.message()),
                   Catch::StartsWith("Gather") &&
                       Catch::Contains(std::to_string(index)) &&
                       Catch::Contains("not within"));
      }
    }
  }
}

TEST_CASE(
    "A division of integers by zero fails the job, of others it does not") {
  for (const Twin& twin : AllTwins()) {
    const std::unique_ptr<Backend> backend = twin.make();
    for (TestLayer& layer : IntegerCases()) {
      const auto* op = std::get_if<Binary>(&layer.whole.op);
      if (op == nullptr || layer.inputs.size() != 2 ||
          layer.whole.inputs[1].dtype != DataType::kI64) {
        continue;
      }
      INFO(twin.name << ": " << layer.name);
      SetElement<int64_t>(layer.inputs[1], 3, 0);
      // The other quotient that a processor traps on.
      SetElement<int64_t>(layer.inputs[0], 5,
                          std::numeric_limits<int64_t>::min());
      SetElement<int64_t>(layer.inputs[1], 5, -1);
      const bool divides =
          op->kind == Binary::Kind::kDiv || op->kind == Binary::Kind::kMod;
      const absl::Status status = Run(*backend, layer).status;
      CHECK(absl::IsInvalidArgument(status) == divides);
      if (divides) {
        CHECK_THAT(std::string(status.message()),
                   Catch::Contains("divided by zero"));
      } else {
        CheckAgainstOracle(*backend, layer, {layer.whole});
      }
    }
  }
}

TEST_CASE("Weights laid out for another kernel are refused by name") {
  const std::unique_ptr<Backend> backend = MakeCpuBackend(1);
  TestLayer layer = ConvolutionCases()[0];  // 3x3, 32 outputs: blocked.
  PartSpec spec = layer.whole;              // Plain.
  REQUIRE_FALSE((*backend->WeightLayouts(spec))[0] == spec.weights[0].layout);

  const absl::Status status = backend->Prepare(spec).status();

  CHECK(absl::IsFailedPrecondition(status));
  CHECK_THAT(std::string(status.message()), Catch::StartsWith("Convolution") &&
                                                Catch::Contains("stored as") &&
                                                Catch::Contains("blocks"));
}

// Its vectors would write beyond the part's channels.
TEST_CASE("Half a vector of channels is refused, stored with a transform") {
  const std::unique_ptr<Backend> backend = MakeCpuBackend(1);
  const TestLayer layer = LayerOf({.name = "3x3",
                                   .x = {1, 128, 28, 28},
                                   .outputs = 128,
                                   .kernel = {3, 3},
                                   .pads_begin = {1, 1}},
                                  1);
  PartSpec spec = WithWinograd({PartOf(layer, {0, 32}, layer.whole.rows)})[0];
  spec.weights[0].layout = (*backend->WeightLayouts(spec))[0];
  if (spec.weights[0].layout.transform == WeightLayout::Transform::kNone) {
    WARN("SKIPPED: nobody wishes for Winograd's transform here");
    return;
  }
  spec.weights[1].offset_bytes = 1 << 20;
  REQUIRE(backend->Prepare(spec).ok());
  spec.channels.count = 24;
  spec.weights[0].layout.shape[0] = 24;
  spec.weights[1].layout = PlainPiece({24}).layout;

  CHECK(absl::IsFailedPrecondition(backend->Prepare(spec).status()));
}

TEST_CASE("Every backend refuses what is unsound") {
  for (const Twin& twin : AllTwins()) {
    INFO(twin.name);
    const std::unique_ptr<Backend> backend = twin.make();
    PartSpec spec = ConvolutionCases()[0].whole;
    spec.channels = {0, spec.channels.count + 1};
    CHECK(absl::IsInvalidArgument(backend->Prepare(spec).status()));
    CHECK(absl::IsInvalidArgument(backend->WeightLayouts(spec).status()));
    spec = FullyConnectedCases()[0].whole;
    spec.weights[0].offset_bytes = 17;
    CHECK(absl::IsInvalidArgument(backend->Prepare(spec).status()));
  }
}

TEST_CASE("A backend says for whom weights are laid out") {
  CHECK(MakeReferenceBackend()->key().backend == "reference");
  const KernelKey key = MakeCpuBackend(1)->key();
  CHECK(key.backend == "cpu");
  CHECK(key.dtype == "f32");
  CHECK_THAT(key.library, Catch::StartsWith("oneDNN "));
  CHECK_FALSE(key.isa.empty());
  CHECK(key == MakeCpuBackend(2)->key());
}

#if defined(__x86_64__)
// Which is what the test without AVX-512 stands on.
TEST_CASE("oneDNN keeps to the instructions that it is allowed") {
  const char* most = std::getenv("DNNL_MAX_CPU_ISA");
  if (most == nullptr) return;
  REQUIRE(std::string(most) == "AVX2");
  if (!__builtin_cpu_supports("avx2")) {
    WARN("SKIPPED: this processor has no AVX2");
    return;
  }
  CHECK(MakeCpuBackend(1)->key().isa == "avx2");
}
#endif

}  // namespace
}  // namespace layerd
