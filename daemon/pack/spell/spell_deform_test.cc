// DeformConv, against its definition in plain loops.

#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "daemon/pack/import/onnx_test_model.h"
#include "kernels/reference/reference_backend.h"
#include "test/catch/catch.h"
#include "test/sim/imported_answers.h"

namespace layerd {
namespace {

using Floats = std::vector<float>;

Floats Draw(int64_t count, uint32_t seed, float reach) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> unit(-reach, reach);
  Floats numbers(static_cast<size_t>(count));
  for (float& number : numbers) number = unit(random);
  return numbers;
}

struct Deformed {
  const char* name;
  int64_t groups = 1, offset_groups = 1;
  bool has_bias = false, has_mask = false;
  int64_t stride = 1, dilation = 1, pad = 0;
  float reach = 2;  // Of the offsets, in pixels.

  static constexpr int64_t kBatch = 2, kInputs = 4, kOutputs = 6, kHeight = 5,
                           kWidth = 7, kRows = 2, kColumns = 3;
  static constexpr int64_t kPlaces = kRows * kColumns;
  int64_t Outputs(int64_t size, int64_t taps) const {
    return (size + 2 * pad - (taps - 1) * dilation - 1) / stride + 1;
  }
  int64_t height() const { return Outputs(kHeight, kRows); }
  int64_t width() const { return Outputs(kWidth, kColumns); }
};

struct Numbers {
  explicit Numbers(const Deformed& d)
      : x(Draw(Deformed::kBatch * Deformed::kInputs * Deformed::kHeight *
                   Deformed::kWidth,
               1, 1)),
        w(Draw(Deformed::kOutputs * Deformed::kInputs / d.groups *
                   Deformed::kPlaces,
               2, 1)),
        offset(Draw(Deformed::kBatch * d.offset_groups * 2 * Deformed::kPlaces *
                        d.height() * d.width(),
                    3, d.reach)),
        bias(Draw(Deformed::kOutputs, 4, 1)),
        mask(Draw(static_cast<int64_t>(offset.size()) / 2, 5, 1)) {}

  Floats x, w, offset, bias, mask;
};

// Of one channel, between four pixels; what lies outside is 0.
double Sample(const float* picture, double y, double x) {
  double sum = 0;
  const double top = std::floor(y);
  const double left = std::floor(x);
  for (int i = 0; i < 4; ++i) {
    const auto row = static_cast<int64_t>(top) + i / 2;
    const auto column = static_cast<int64_t>(left) + i % 2;
    if (row < 0 || row >= Deformed::kHeight || column < 0 ||
        column >= Deformed::kWidth) {
      continue;
    }
    const double share = (1 - std::abs(y - static_cast<double>(row))) *
                         (1 - std::abs(x - static_cast<double>(column)));
    sum += share * picture[row * Deformed::kWidth + column];
  }
  return sum;
}

// Output (n, o, oy, ox) by definition.
double Expected(const Deformed& d, const Numbers& in, int64_t n, int64_t o,
                int64_t oy, int64_t ox) {
  const int64_t each = Deformed::kInputs / d.groups;
  double sum = d.has_bias ? in.bias[static_cast<size_t>(o)] : 0;
  for (int64_t i = 0; i < each; ++i) {
    const int64_t c = o / (Deformed::kOutputs / d.groups) * each + i;
    const int64_t g = c / (Deformed::kInputs / d.offset_groups);
    const float* const picture = in.x.data() + (n * Deformed::kInputs + c) *
                                                   Deformed::kHeight *
                                                   Deformed::kWidth;
    for (int64_t k = 0; k < Deformed::kPlaces; ++k) {
      const int64_t place = (n * d.offset_groups + g) * Deformed::kPlaces + k;
      const auto at = [&](const Floats& numbers, int64_t map) {
        return static_cast<double>(numbers[static_cast<size_t>(
            (map * d.height() + oy) * d.width() + ox)]);
      };
      const auto y = static_cast<double>(
          oy * d.stride + k / Deformed::kColumns * d.dilation - d.pad);
      const auto x = static_cast<double>(
          ox * d.stride + k % Deformed::kColumns * d.dilation - d.pad);
      const double seen = Sample(picture, y + at(in.offset, 2 * place),
                                 x + at(in.offset, 2 * place + 1));
      const double share = d.has_mask ? at(in.mask, place) : 1;
      sum += seen * share *
             in.w[static_cast<size_t>((o * each + i) * Deformed::kPlaces + k)];
    }
  }
  return sum;
}

TestModel ModelOf(const Deformed& d, const Numbers& in) {
  TestModel model(19);
  model.Input("x", {Deformed::kBatch, Deformed::kInputs, Deformed::kHeight,
                    Deformed::kWidth});
  model.Weights("w",
                {Deformed::kOutputs, Deformed::kInputs / d.groups,
                 Deformed::kRows, Deformed::kColumns},
                in.w);
  const int64_t maps = d.offset_groups * Deformed::kPlaces;
  model.Input("offset", {Deformed::kBatch, 2 * maps, d.height(), d.width()});
  std::vector<std::string> inputs = {"x", "w", "offset"};
  if (d.has_bias) model.Weights("b", {Deformed::kOutputs}, in.bias);
  inputs.push_back(d.has_bias ? "b" : "");
  if (d.has_mask) {
    model.Input("mask", {Deformed::kBatch, maps, d.height(), d.width()});
    inputs.push_back("mask");
  }
  onnx::NodeProto* node = model.Add("DeformConv", inputs, {"y"});
  SetInts(node, "strides", {d.stride, d.stride});
  SetInts(node, "dilations", {d.dilation, d.dilation});
  SetInts(node, "pads", {d.pad, d.pad, d.pad, d.pad});
  SetInt(SetInt(node, "group", d.groups), "offset_group", d.offset_groups);
  model.Output("y");
  return model;
}

TEST_CASE("A deformed convolution looks where its offsets say") {
  const auto d = GENERATE(values<Deformed>({
      {"plain"},
      {"bias", 1, 1, true},
      {"mask", 1, 1, false, true},
      {"groups", 2, 1, true, true},
      {"groups of offsets", 1, 2, true, true},
      {"both", 2, 4, true, true},
      {"stride", 1, 1, false, false, 2},
      {"dilation and pad", 1, 2, false, true, 1, 2, 1},
      {"far outside", 1, 1, false, false, 1, 1, 1, 40},
      {"nowhere else", 1, 1, false, false, 1, 1, 1, 0},
  }));
  INFO(d.name);
  const Numbers in(d);
  TestModel model = ModelOf(d, in);
  std::vector<Floats> inputs = {in.x, in.offset};
  if (d.has_mask) inputs.push_back(in.mask);
  const Floats y = ImportedAnswers(model, inputs, *MakeReferenceBackend())[0];

  REQUIRE(y.size() ==
          static_cast<size_t>(Deformed::kBatch * Deformed::kOutputs *
                              d.height() * d.width()));
  size_t i = 0;
  for (int64_t n = 0; n < Deformed::kBatch; ++n) {
    for (int64_t o = 0; o < Deformed::kOutputs; ++o) {
      for (int64_t oy = 0; oy < d.height(); ++oy) {
        for (int64_t ox = 0; ox < d.width(); ++ox, ++i) {
          INFO(n << " " << o << " " << oy << " " << ox);
          CHECK(y[i] == Approx(Expected(d, in, n, o, oy, ox)).margin(2e-5));
        }
      }
    }
  }
}

TEST_CASE("A deformed convolution whose pieces do not fit is refused") {
  struct Wrong {
    const char* name;
    void (*spoil)(TestModel&);
    const char* message;
  };
  // clang-format off
  const auto row = GENERATE(values<Wrong>({
      {"kernel", [](TestModel& m) { SetInts(m.proto.mutable_graph()->mutable_node(0), "kernel_shape", {3, 3}); }, "kernel_shape"},
      {"offsets", [](TestModel& m) { m.proto.mutable_graph()->mutable_input(1)->mutable_type()->mutable_tensor_type()->mutable_shape()->mutable_dim(2)->set_dim_value(9); }, "not as many as its outputs"},
      {"groups", [](TestModel& m) { m.proto.mutable_graph()->mutable_input(1)->mutable_type()->mutable_tensor_type()->mutable_shape()->mutable_dim(1)->set_dim_value(10); }, "of its groups"},
  }));
  // clang-format on
  INFO(row.name);
  const Deformed d = {"plain"};
  TestModel model = ModelOf(d, Numbers(d));
  row.spoil(model);
  const auto graph = model.Import();
  REQUIRE(!graph.ok());
  CHECK_THAT(std::string(graph.status().message()),
             Catch::Contains("DeformConv") && Catch::Contains(row.message));
}

}  // namespace
}  // namespace layerd
