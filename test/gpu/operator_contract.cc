#include "test/gpu/operator_contract.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <sstream>
#include <variant>
#include <vector>

#include "kernels/reference/reference_backend.h"
#include "test/kernels/cases.h"
#include "test/kernels/test_layer.h"

namespace layerd {
namespace {

bool IsCut(const TestLayer& layer) {
  return std::holds_alternative<Convolution>(layer.whole.op) ||
         std::holds_alternative<FullyConnected>(layer.whole.op);
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

  void Whole(const TestLayer& layer) {
    Near("whole", layer, {layer.whole});
    TestLayer aligned = layer;
    aligned.whole.alignment_bytes = 64;
    Near("whole, aligned", aligned, {aligned.whole});
  }

  void InParts(TestLayer layer) {
    layer.whole.alignment_bytes = 64;
    const int64_t channels = layer.whole.channels.count;
    const int64_t rows = layer.whole.rows.count;
    Near("in channel parts", layer, Cut(layer, 16, rows));
    Near("in row parts", layer, Cut(layer, channels, 3));
    Near("in parts of both", layer, Cut(layer, 32, 4));
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
            const std::vector<PartSpec>& parts) {
    const Outcome expected = Run(*oracle_, layer);
    const Outcome actual = Run(backend_, layer, parts, {});
    std::string wrong(actual.status.message());
    if (wrong.empty() && !actual.guards_held) wrong = "a guard was written";
    const DataType dtype = layer.whole.outputs[0].dtype;
    if (wrong.empty()) {
      wrong = dtype == DataType::kF32
                  ? FarFrom(actual.output, expected.output, tolerance_)
                  : Difference(dtype, actual.output, expected.output);
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

void HoldOperators(Backend& backend, float tolerance,
                   const std::function<void(const OperatorVerdict&)>& tell) {
  Hold hold(backend, tolerance, tell);
  for (const TestLayer& layer : AllCases()) {
    hold.Whole(layer);
    if (IsCut(layer)) hold.InParts(layer);
    hold.SameBits(layer);
  }
}

}  // namespace layerd
