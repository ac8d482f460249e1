#include "test/gpu/operator_contract.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <sstream>
#include <vector>

#include "kernels/in_place.h"
#include "test/gpu/half_layer.h"
#include "test/kernels/cases.h"
#include "test/kernels/oracle.h"
#include "test/kernels/test_layer.h"

namespace layerd {
namespace {

// As far as halves reach: what is beyond is infinite, or their lowest number
// where a pool sees nothing.
std::vector<std::byte> Saturated(std::vector<std::byte> floats) {
  constexpr float kHalfMax = 65504;
  for (size_t i = 0; i + 4 <= floats.size(); i += 4) {
    float value;
    std::memcpy(&value, &floats[i], 4);
    if (std::isnan(value)) continue;
    value = std::clamp(value, -kHalfMax, kHalfMax);
    std::memcpy(&floats[i], &value, 4);
  }
  return floats;
}

std::string FarFrom(const std::vector<std::byte>& actual,
                    const std::vector<std::byte>& expected, float tolerance) {
  for (size_t i = 0; i + 4 <= actual.size(); i += 4) {
    if (std::equal(&actual[i], &actual[i] + 4, &expected[i])) continue;
    float a, e;
    std::memcpy(&a, &actual[i], 4);
    std::memcpy(&e, &expected[i], 4);
    // All bits set is what nobody wrote.
    uint32_t bits;
    std::memcpy(&bits, &actual[i], 4);
    if (a != a && e != e && bits != ~uint32_t{0}) continue;
    if (std::abs(a - e) <= tolerance * (1 + std::abs(e))) continue;
    std::ostringstream text;
    text << "element " << i / 4 << " is " << a << ", expected " << e;
    return text.str();
  }
  return "";
}

class Hold {
 public:
  Hold(Backend& backend, float tolerance,
       const std::function<void(const OperatorVerdict&)>& tell)
      : backend_(backend), tolerance_(tolerance), tell_(tell) {}

  // `asked` is for the oracle.
  void All(const TestLayer& layer, const TestLayer& asked) {
    Whole(layer, asked);
    if (IsCut(layer)) InParts(layer, asked);
    SameBits(layer);
  }

  // As layers of graphs are: then nothing need be moved to be aligned.
  static TestLayer Aligned(TestLayer layer) {
    layer.whole.alignment_bytes = 64;
    return layer;
  }

  void AnyOrder(TestLayer layer) {
    PartSpec spec = layer.whole;
    for (TensorType& input : spec.inputs) input = PlainType(input.shape);
    spec.outputs[0] = PlainType(spec.outputs[0].shape);
    const TestLayer plain = Aligned(Draw(layer.name, spec, 3));
    Near("in plain order", plain, plain, Cut(plain, 16, 4));
    spec.inputs[0] =
        ChannelSlice(spec.inputs[0].shape, spec.inputs[0].shape[1] + 5);
    const TestLayer sliced = Draw(layer.name, spec, 3);
    Near("from a range", sliced, sliced, Cut(sliced, 16, 4));
    TensorType& y = layer.whole.outputs[0];
    y = ChannelSlice(y.shape, y.shape[1] + 24);
    Near("into a range", layer, layer, {layer.whole});
  }

  void CutAtRandom(uint32_t seed) {
    TestLayer layer = RandomConvolution(seed);
    layer.name = "random " + std::to_string(seed);
    if (seed % 2 == 0) layer = Aligned(layer);
    Near("cut at random", layer, layer,
         Cut(layer, 1 + seed % 40, 1 + seed % 5));
  }

  void InPlace(const TestLayer& layer) {
    const PartSpec& whole = layer.whole;
    const auto input = InputInPlace(whole.op);
    if (!input || whole.inputs[*input] != whole.outputs[0]) return;
    Near("in place", layer, layer, {whole},
         {.shift_bytes = 0, .in_place = true});
  }

  // Every element of that input is `number`.
  void Fails(const TestLayer& layer, size_t input, int64_t number,
             const std::string& message) {
    TestLayer wrong = layer;
    std::vector<std::byte>& bytes = wrong.inputs[input];
    for (size_t i = 0; i < bytes.size(); i += sizeof(number)) {
      std::memcpy(&bytes[i], &number, sizeof(number));
    }
    const absl::Status status = Run(backend_, wrong).status;
    const bool said =
        absl::IsInvalidArgument(status) &&
        std::string(status.message()).find(message) != std::string::npos;
    Tell("refuses what data asks for", layer,
         said ? "" : "says " + status.ToString());
    Near("computes after a refusal", layer, layer, {layer.whole});
  }

 private:
  void Whole(const TestLayer& layer, const TestLayer& asked) {
    Near("whole", layer, asked, {layer.whole});
    TestLayer aligned = layer;
    aligned.whole.alignment_bytes = 64;
    Near("whole, aligned", aligned, asked, {aligned.whole});
  }

  void InParts(TestLayer layer, const TestLayer& asked) {
    layer.whole.alignment_bytes = 64;
    const int64_t channels = layer.whole.channels.count;
    const int64_t rows = layer.whole.rows.count;
    Near("in channel parts", layer, asked, Cut(layer, 16, rows));
    if (!IsCutIntoRows(layer)) return;
    Near("in row parts", layer, asked, Cut(layer, channels, 3));
    Near("in parts of both", layer, asked, Cut(layer, 32, 4));
  }

  void SameBits(const TestLayer& layer) {
    const Outcome first = Run(backend_, layer);
    for (const size_t shift_bytes : {64, 8}) {
      const Outcome again = Run(backend_, layer, {shift_bytes, false});
      Tell("the same bits elsewhere", layer,
           again.output == first.output ? "" : "other bits");
    }
  }

  void Near(const char* sentence, const TestLayer& layer,
            const TestLayer& asked, const std::vector<PartSpec>& parts,
            const RunOptions& options = {}) {
    OracleQuestion question{.asked = &asked};
    if (asked.whole.outputs[0].dtype == DataType::kF32) {
      const bool half = layer.whole.outputs[0].dtype == DataType::kF16;
      question.compare = [this, half](const auto& actual, const auto& right) {
        return half ? FarFrom(Saturated(Widened(actual)), Saturated(right),
                              tolerance_)
                    : FarFrom(actual, right, tolerance_);
      };
    }
    Tell(sentence, layer,
         WrongBesideOracle(backend_, layer, parts, options, question));
  }

  void Tell(const char* sentence, const TestLayer& layer,
            const std::string& wrong) {
    tell_({sentence, std::string(NameOf(layer.whole.op)) + ", " + layer.name,
           wrong});
  }

  Backend& backend_;
  const float tolerance_;
  const std::function<void(const OperatorVerdict&)>& tell_;
};

}  // namespace

void HoldOperators(Backend& backend, DataType compute, float tolerance,
                   const std::function<void(const OperatorVerdict&)>& tell) {
  Hold hold(backend, tolerance, tell);
  for (const TestLayer& one : AllCases()) {
    // Doubles are not computed on a device.
    const auto& inputs = one.whole.inputs;
    if (!inputs.empty() && inputs[0].dtype == DataType::kF64) continue;
    if (compute == DataType::kF32) {
      hold.All(one, one);
      continue;
    }
    const HalfLayer half = InHalf(one);
    hold.All(half.half, half.rounded);
    // And with weights as another model may store them.
    if (!HasFloatKernel(one.whole)) continue;
    const HalfLayer wide = InHalf(one, /*halves_kernel=*/false);
    hold.All(wide.half, wide.rounded);
  }
}

void HoldArrangements(Backend& backend, float tolerance,
                      const std::function<void(const OperatorVerdict&)>& tell) {
  constexpr uint32_t kSeeds = 60;
  Hold hold(backend, tolerance, tell);
  for (const TestLayer& layer : ConvolutionCases()) {
    hold.AnyOrder(layer);
    hold.InPlace(layer);
  }
  for (uint32_t seed = 0; seed < kSeeds; ++seed) hold.CutAtRandom(seed);
  for (const TestLayer& layer : ElementwiseCases()) hold.InPlace(layer);
  const TensorType numbers = PlainType({4}, DataType::kI64);
  const TestLayer rows = MakeWhole(
      "rows", Gather{0}, {PlainType({30, 5}), numbers}, {}, PlainType({4, 5}));
  const TestLayer quotients = MakeWhole("quotients", Binary{Binary::Kind::kDiv},
                                        {numbers, numbers}, {}, numbers);
  const TestLayer rests = MakeWhole("rests", Binary{Binary::Kind::kMod},
                                    {numbers, numbers}, {}, numbers);
  hold.Fails(rows, 1, 30, "index is outside");
  hold.Fails(rows, 1, -31, "index is outside");
  hold.Fails(quotients, 1, 0, "divided by zero");
  hold.Fails(rests, 1, 0, "divided by zero");
}

}  // namespace layerd
