#include "test/gpu/operator_contract.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <sstream>
#include <vector>

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
            const TestLayer& asked, const std::vector<PartSpec>& parts) {
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
         WrongBesideOracle(backend_, layer, parts, {}, question));
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

}  // namespace layerd
