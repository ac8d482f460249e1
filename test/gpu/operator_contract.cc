#include "test/gpu/operator_contract.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <sstream>
#include <variant>
#include <vector>

#include "kernels/reference/reference_backend.h"
#include "test/gpu/half_layer.h"
#include "test/kernels/cases.h"
#include "test/kernels/test_layer.h"

namespace layerd {
namespace {

bool IsCut(const TestLayer& layer) {
  return std::holds_alternative<Convolution>(layer.whole.op) ||
         std::holds_alternative<FullyConnected>(layer.whole.op);
}

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
      : backend_(backend),
        tolerance_(tolerance),
        tell_(tell),
        oracle_(MakeReferenceBackend()) {}

  // `asked` is for the oracle.
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

 private:
  void Near(const char* sentence, const TestLayer& layer,
            const TestLayer& asked, const std::vector<PartSpec>& parts) {
    const Outcome expected = Run(*oracle_, asked);
    const Outcome actual = Run(backend_, layer, parts, {});
    std::string wrong(actual.status.message());
    if (wrong.empty() && !actual.guards_held) wrong = "a guard was written";
    const DataType dtype = layer.whole.outputs[0].dtype;
    const DataType exact = asked.whole.outputs[0].dtype;
    if (wrong.empty() && exact != DataType::kF32) {
      wrong = Difference(exact, actual.output, expected.output);
    } else if (wrong.empty() && dtype == DataType::kF16) {
      wrong = FarFrom(Saturated(Widened(actual.output)),
                      Saturated(expected.output), tolerance_);
    } else if (wrong.empty()) {
      wrong = FarFrom(actual.output, expected.output, tolerance_);
    }
    Tell(sentence, layer, wrong);
  }

  void Tell(const char* sentence, const TestLayer& layer,
            const std::string& wrong) {
    tell_({sentence, std::string(NameOf(layer.whole.op)) + ", " + layer.name,
           wrong});
  }

  Backend& backend_;
  const float tolerance_;
  const std::function<void(const OperatorVerdict&)>& tell_;
  const std::unique_ptr<Backend> oracle_;
};

}  // namespace

std::vector<PartSpec> Cut(const TestLayer& layer, int64_t channels,
                          int64_t rows) {
  const auto* op = std::get_if<Convolution>(&layer.whole.op);
  const Range& all_channels = layer.whole.channels;
  const Range& all_rows = layer.whole.rows;
  if (op != nullptr && op->groups > 1) {
    const int64_t of_group = all_channels.count / op->groups;
    channels = std::max<int64_t>(channels / of_group, 1) * of_group;
  }
  std::vector<PartSpec> parts;
  for (int64_t c = 0; c < all_channels.count; c += channels) {
    for (int64_t r = 0; r < all_rows.count; r += rows) {
      parts.push_back(PartOf(layer,
                             {c, std::min(channels, all_channels.count - c)},
                             {r, std::min(rows, all_rows.count - r)}));
    }
  }
  return parts;
}

void HoldOperators(Backend& backend, DataType compute, float tolerance,
                   const std::function<void(const OperatorVerdict&)>& tell) {
  Hold hold(backend, tolerance, tell);
  for (const TestLayer& one : AllCases()) {
    const HalfLayer in_half = InHalf(one);
    const bool half = compute == DataType::kF16;
    const TestLayer& layer = half ? in_half.half : one;
    const TestLayer& asked = half ? in_half.rounded : one;
    hold.Whole(layer, asked);
    if (IsCut(layer)) hold.InParts(layer, asked);
    hold.SameBits(layer);
  }
}

}  // namespace layerd
