// Operators that are spelled with others, against what they are by definition.

#include <algorithm>
#include <cmath>
#include <complex>
#include <limits>
#include <numbers>
#include <string>
#include <vector>

#include "daemon/pack/import/onnx_test_model.h"
#include "kernels/reference/reference_backend.h"
#include "test/catch/catch.h"
#include "test/sim/imported_answers.h"

namespace layerd {
namespace {

using Floats = std::vector<float>;
using Shape = std::vector<int64_t>;

Floats Answer(TestModel& model, const std::vector<Floats>& inputs) {
  return ImportedAnswers(model, inputs, *MakeReferenceBackend())[0];
}

void CheckNear(const Floats& answer, const std::vector<double>& expected) {
  REQUIRE(answer.size() == expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    INFO("element " << i);
    CHECK(answer[i] == Approx(expected[i]).epsilon(1e-5).margin(2e-6));
  }
}

TEST_CASE("Functions of one number are what they are called") {
  struct Row {
    const char* op_type;
    double (*function)(double);
    double low, high;
  };
  const auto row = GENERATE(values<Row>({
      {"Acos", std::acos, -1, 1},
      {"Acosh", std::acosh, 1, 40},
      {"Acosh", std::acosh, 1, 1e30},
      {"Asin", std::asin, -1, 1},
      {"Asinh", std::asinh, -40, 40},
      {"Asinh", std::asinh, -1e30, 1e30},
      {"Atan", std::atan, -40, 40},
      {"Atanh", std::atanh, -0.99, 0.99},
      {"Cosh", std::cosh, -8, 8},
      {"Sinh", std::sinh, -8, 8},
      {"Tan", std::tan, -1.5, 1.5},
  }));
  INFO(row.op_type);
  constexpr int kCount = 201;
  Floats x;
  std::vector<double> expected;
  for (int i = 0; i < kCount; ++i) {
    x.push_back(
        static_cast<float>(row.low + (row.high - row.low) * i / (kCount - 1)));
    expected.push_back(row.function(x.back()));
  }
  TestModel model(13);
  model.Input("x", {kCount});
  model.Add(row.op_type, {"x"}, {"y"});
  model.Output("y");
  CheckNear(Answer(model, {x}), expected);
}

// 0.3 as a half is 0.30005, and 1.3e-7 is 1.19e-7.
TEST_CASE("What an operator has of its own is no half beside halves") {
  const Floats x = {0x1p-12f, 0x1p-13f, -0x1p-12f, 0};
  TestModel model(17);
  model.Input("x", {1, 4});
  model.Weights("ones", {4}, {1, 1, 1, 1});
  SetInt(model.Add("Cast", {"x"}, {"h"}), "to", onnx::TensorProto::FLOAT16);
  SetInt(model.Add("Cast", {"ones"}, {"g"}), "to", onnx::TensorProto::FLOAT16);
  SetFloat(model.Add("SimplifiedLayerNormalization", {"h", "g"}, {"norm"}),
           "epsilon", 1.3e-7f);
  onnx::NodeProto* product = model.Add("FusedMatMul", {"h", "h"}, {"square"});
  product->set_domain("com.microsoft");
  SetFloat(SetInt(product, "transB", 1), "alpha", 0.3f);
  for (const char* name : {"norm", "square"}) {
    const std::string output = std::string(name) + "_f32";
    SetInt(model.Add("Cast", {name}, {output}), "to", onnx::TensorProto::FLOAT);
    model.Output(output);
  }

  const auto y = ImportedAnswers(model, {x}, *MakeReferenceBackend());

  double squares = 0;
  for (const float each : x) squares += double{each} * each;
  for (size_t i = 0; i < x.size(); ++i) {
    CHECK(y[0][i] ==
          Approx(x[i] / std::sqrt(squares / 4 + 1.3e-7)).epsilon(1e-6));
  }
  CHECK(y[1][0] == Approx(0.3 * squares).epsilon(1e-6));
}

TEST_CASE("A vector is scaled by its size, and nothing stays nothing") {
  TestModel model(13);
  model.Input("x", {2, 2});
  model.Add("LpNormalization", {"x"}, {"y"});
  model.Output("y");
  CheckNear(Answer(model, {{3, 4, 0, 0}}), {0.6, 0.8, 0, 0});
}

TEST_CASE("A pool of powers is as long as what it pools") {
  TestModel model(18);
  model.Input("x", {1, 1, 2, 2});
  model.Add("GlobalLpPool", {"x"}, {"all"});
  SetInts(SetInt(model.Add("LpPool", {"x"}, {"rows"}), "p", 3), "kernel_shape",
          {1, 2});
  model.Output("all");
  model.Output("rows");

  const auto y =
      ImportedAnswers(model, {{1, -2, 4, 2}}, *MakeReferenceBackend());

  CheckNear(y[0], {5});
  CheckNear(y[1], {std::cbrt(9.0), std::cbrt(72.0)});
}

TEST_CASE("What is above a threshold is one, at it nothing") {
  TestModel model(13);
  model.Input("x", {4});
  onnx::NodeProto* node = model.Add("Binarizer", {"x"}, {"y"});
  node->set_domain("ai.onnx.ml");
  SetFloat(node, "threshold", 0.5f);
  model.Output("y");
  CheckNear(Answer(model, {{0.25f, 0.5f, 0.75f, -3}}), {0, 0, 1, 0});
}

TEST_CASE("The first of the largest is one") {
  TestModel model(13);
  model.Input("x", {2, 3});
  model.Add("Hardmax", {"x"}, {"y"});
  model.Output("y");
  CheckNear(Answer(model, {{1, 3, 3, 5, 4, 5}}), {0, 1, 0, 1, 0, 0});
}

TEST_CASE("Before opset 13 it is the first of all dimensions from an axis on") {
  TestModel model(12);
  model.Input("x", {2, 2, 2});
  model.Add("Hardmax", {"x"}, {"y"});
  model.Output("y");
  CheckNear(Answer(model, {{1, 3, 3, 2, 5, 4, 5, 6}}),
            {0, 1, 0, 0, 0, 0, 0, 1});
}

TEST_CASE("What a division of integers leaves has either one's sign") {
  for (const bool is_of_dividend : {false, true}) {
    TestModel model(13);
    model.Input("x", {4});
    model.Input("by", {4});
    SetInt(model.Add("Cast", {"x"}, {"a"}), "to", onnx::TensorProto::INT64);
    SetInt(model.Add("Cast", {"by"}, {"b"}), "to", onnx::TensorProto::INT64);
    SetInt(model.Add("Mod", {"a", "b"}, {"rest"}), "fmod", is_of_dividend);
    SetInt(model.Add("Cast", {"rest"}, {"y"}), "to", onnx::TensorProto::FLOAT);
    model.Output("y");
    CHECK(Answer(model, {{-7, 7, -7, 6}, {3, -3, -3, 3}}) ==
          (is_of_dividend ? Floats{-1, 1, -1, 0} : Floats{2, -2, -1, 0}));
  }
}

TEST_CASE("What a known mask lets through stays in order") {
  TestModel model(13);
  model.Input("x", {2, 3});
  onnx::TensorProto* mask = model.Weights("mask", {3}, {});
  mask->set_data_type(onnx::TensorProto::BOOL);
  mask->set_raw_data(std::string("\1\0\1", 3));
  SetInt(model.Add("Compress", {"x", "mask"}, {"y"}), "axis", 1);
  model.Output("y");
  CheckNear(Answer(model, {{1, 2, 3, 4, 5, 6}}), {1, 3, 4, 6});
}

// By definition, `given` samples of a period of `length`.
std::vector<double> Spectrum(const Floats& x, int64_t length, int64_t outputs,
                             bool is_complex, double sign, double scale) {
  std::vector<double> numbers;
  const int64_t given = static_cast<int64_t>(x.size()) / (is_complex ? 2 : 1);
  for (int64_t k = 0; k < outputs; ++k) {
    std::complex<double> sum = 0;
    for (int64_t n = 0; n < std::min(given, length); ++n) {
      const auto at = static_cast<size_t>(is_complex ? 2 * n : n);
      const std::complex<double> sample(x[at], is_complex ? x[at + 1] : 0);
      sum += sample * std::polar(1.0, sign * 2 * std::numbers::pi *
                                          static_cast<double>(n * k) /
                                          static_cast<double>(length));
    }
    numbers.push_back(sum.real() * scale);
    numbers.push_back(sum.imag() * scale);
  }
  return numbers;
}

TEST_CASE("A DFT is the sum it is, one-sided, padded or inverse") {
  const Floats x = {1, -2, 0.5f, 3, 0.25f, -1};
  const bool is_inverse = GENERATE(false, true);
  const int64_t length = GENERATE(5, 6, 8);
  INFO(is_inverse << " " << length);
  const int64_t given = is_inverse ? 3 : 6;
  TestModel model(17);
  model.Input("x", {1, given, is_inverse ? 2 : 1});
  model.Ints("length", {}, {length});
  onnx::NodeProto* node = model.Add("DFT", {"x", "length"}, {"y"});
  SetInt(SetInt(node, "inverse", is_inverse), "onesided", !is_inverse);
  model.Output("y");
  CheckNear(Answer(model, {x}),
            is_inverse ? Spectrum(x, length, length, true, 1,
                                  1.0 / static_cast<double>(length))
                       : Spectrum(x, length, length / 2 + 1, false, -1, 1));
}

TEST_CASE("Of a half of its spectrum a real signal comes back") {
  const int64_t length = GENERATE(5, 6);
  INFO(length);
  TestModel model(17);
  model.Input("x", {1, length, 1});
  model.Ints("length", {}, {length});
  SetInt(model.Add("DFT", {"x"}, {"half"}), "onesided", 1);
  onnx::NodeProto* node = model.Add("DFT", {"half", "length"}, {"y"});
  SetInt(SetInt(node, "inverse", 1), "onesided", 1);
  model.Output("y");
  Floats x = {1, -2, 0.5f, 3, 0.25f, -1};
  x.resize(static_cast<size_t>(length));
  CheckNear(Answer(model, {x}), {x.begin(), x.end()});

  TestModel cut(17);
  cut.Input("x", {1, 4, 2});
  cut.Ints("length", {}, {4});
  node = cut.Add("DFT", {"x", "length"}, {"y"});
  SetInt(SetInt(node, "inverse", 1), "onesided", 1);
  cut.Output("y");
  CHECK_THAT(std::string(cut.Import().status().message()),
             Catch::Contains("only of all complex frequencies"));
}

TEST_CASE("Frames of a signal have their spectrum under a window") {
  TestModel model(17);
  model.Input("x", {1, 7, 1});
  model.Ints("step", {}, {3});
  model.Ints("four", {}, {4});
  model.Add("HannWindow", {"four"}, {"window"});
  model.Add("STFT", {"x", "step", "window"}, {"y"});
  model.Output("y");
  const Floats x = {1, 2, 3, 4, 5, 6, 7};
  std::vector<double> expected;
  for (size_t frame = 0; frame < 2; ++frame) {
    Floats windowed;
    for (size_t n = 0; n < 4; ++n) {
      const float share[] = {0, 0.5f, 1, 0.5f};
      windowed.push_back(x[3 * frame + n] * share[n]);
    }
    for (const double number : Spectrum(windowed, 4, 3, false, -1, 1)) {
      expected.push_back(number);
    }
  }
  CheckNear(Answer(model, {x}), expected);
}

// Rows of [4, 2] by numbers of a request, which come as floats.
Floats Scattered(const char* reduction, const Floats& indices,
                 const Floats& updates = {10, 20, 30, 40}) {
  TestModel model(16);
  model.Input("x", {4, 2});
  model.Input("at", {2, 1});
  model.Input("updates", {2, 2});
  SetInt(model.Add("Cast", {"at"}, {"i"}), "to", onnx::TensorProto::INT64);
  SetString(model.Add("ScatterND", {"x", "i", "updates"}, {"y"}), "reduction",
            reduction);
  model.Output("y");
  return Answer(model, {{1, 2, 3, 4, 5, 6, 7, 8}, indices, updates});
}

TEST_CASE("Rows are put where a request says, the last counts, or all do") {
  CHECK(Scattered("none", {2, 0}) == Floats{30, 40, 3, 4, 10, 20, 7, 8});
  CHECK(Scattered("none", {-1, 3}) == Floats{1, 2, 3, 4, 5, 6, 30, 40});
  CHECK(Scattered("add", {1, 1}) == Floats{1, 2, 43, 64, 5, 6, 7, 8});
  CHECK(Scattered("mul", {1, 1}) == Floats{1, 2, 900, 3200, 5, 6, 7, 8});
  CHECK(Scattered("max", {1, 1}) == Floats{1, 2, 30, 40, 5, 6, 7, 8});
  CHECK(Scattered("min", {1, 1}) == Floats{1, 2, 3, 4, 5, 6, 7, 8});
}

TEST_CASE("The middle is cropped or padded, and what is odd is at the end") {
  const bool names_axes = GENERATE(true, false);
  TestModel model(18);
  model.Input("x", {2, 5});
  if (names_axes) {
    model.Ints("shape", {2}, {2, 5});
  } else {
    model.Ints("shape", {2}, {5, 2});
  }
  onnx::NodeProto* node = model.Add("CenterCropPad", {"x", "shape"}, {"y"});
  if (names_axes) SetInts(node, "axes", {-1, 0});
  model.Output("y");
  CHECK(Answer(model, {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}}) ==
        Floats{0, 0, 2, 3, 7, 8, 0, 0, 0, 0});
}

TEST_CASE("Doubles are clipped by limits of each opset") {
  const int64_t opset = GENERATE(7, 10, 11, 13);
  const bool has_low = GENERATE(true, false);
  const bool has_high = GENERATE(true, false);
  INFO("opset " << opset << " low " << has_low << " high " << has_high);
  TestModel model(opset);
  model.Input("x", {5});
  SetInt(model.Add("Cast", {"x"}, {"given"}), "to", onnx::TensorProto::DOUBLE);
  std::vector<std::string> inputs = {"given"};
  const auto add_limit = [&](bool is_there, const char* name, float limit) {
    if (opset < 11) return;
    model.Weights(std::string(name) + "32", {}, {limit});
    if (is_there) {
      SetInt(model.Add("Cast", {std::string(name) + "32"}, {name}), "to",
             onnx::TensorProto::DOUBLE);
    }
    inputs.push_back(is_there ? name : "");
  };
  add_limit(has_low, "low", -1.5f);
  add_limit(has_high, "high", 2.25f);
  onnx::NodeProto* clip = model.Add("Clip", inputs, {"clipped"});
  if (opset < 11 && has_low) SetFloat(clip, "min", -1.5f);
  if (opset < 11 && has_high) SetFloat(clip, "max", 2.25f);
  SetInt(model.Add("Cast", {"clipped"}, {"y"}), "to", onnx::TensorProto::FLOAT);
  model.Output("y");
  CHECK(Answer(model, {{-7, -1, 0, 2, 7}}) ==
        Floats{has_low ? -1.5f : -7, -1, 0, 2, has_high ? 2.25f : 7});
}

TEST_CASE("What is infinite or no number changes no row but its own") {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
  const Floats odd = {kInfinity, 1, -kInfinity, -kInfinity};
  CHECK(Scattered("add", {1, 2}, odd) ==
        Floats{1, 2, kInfinity, 5, -kInfinity, -kInfinity, 7, 8});
  CHECK(Scattered("mul", {1, 2}, odd) ==
        Floats{1, 2, kInfinity, 4, -kInfinity, -kInfinity, 7, 8});
  CHECK(Scattered("max", {1, 2}, odd) ==
        Floats{1, 2, kInfinity, 4, 5, 6, 7, 8});
  CHECK(Scattered("min", {1, 2}, odd) ==
        Floats{1, 2, 3, 1, -kInfinity, -kInfinity, 7, 8});
  CHECK(Scattered("none", {1, 2}, odd) ==
        Floats{1, 2, kInfinity, 1, -kInfinity, -kInfinity, 7, 8});

  Floats both = Scattered("add", {1, 1}, odd);
  CHECK(std::isnan(both[2]));
  CHECK(both[3] == -kInfinity);
  for (const char* reduction : {"add", "mul", "max", "min"}) {
    Floats unclear = Scattered(reduction, {3, 0}, {kNaN, 1, 1, 1});
    INFO(reduction);
    CHECK(std::isnan(unclear[6]));
    unclear[6] = 0;
    CHECK(std::none_of(unclear.begin(), unclear.end(),
                       [](float number) { return std::isnan(number); }));
  }
}

// [3, width] and two updates of its rows, or of the columns of its transpose:
// one index for each, as graph networks write it.
Floats RowsScattered(const char* reduction, int64_t width, int64_t axis) {
  const auto turned = [axis](int64_t rows, int64_t columns) {
    return axis == 0 ? std::vector<int64_t>{rows, columns}
                     : std::vector<int64_t>{columns, rows};
  };
  TestModel model(18);
  model.Input("x", turned(3, width));
  model.Input("at", {2});
  model.Input("updates", turned(2, width));
  SetInt(model.Add("Cast", {"at"}, {"rows"}), "to", onnx::TensorProto::INT64);
  model.Ints("beside", {1}, {1 - axis});
  model.Ints("all", {2}, turned(2, width));
  model.Add("Unsqueeze", {"rows", "beside"}, {"one"});
  model.Add("Expand", {"one", "all"}, {"i"});
  onnx::NodeProto* node =
      model.Add("ScatterElements", {"x", "i", "updates"}, {"y"});
  SetString(SetInt(node, "axis", axis), "reduction", reduction);
  model.Output("y");
  Floats x, updates;
  for (int64_t k = 0; k < 3 * width; ++k) x.push_back(static_cast<float>(k));
  for (int64_t k = 0; k < 2 * width; ++k) updates.push_back(100.f + x[k]);
  return Answer(model, {x, {-1, 0}, updates});
}

TEST_CASE("Rows are put where one index for each says") {
  CHECK(RowsScattered("add", 2, 0) == Floats{102, 104, 2, 3, 104, 106});
  CHECK(RowsScattered("none", 2, 0) == Floats{102, 103, 2, 3, 100, 101});
  CHECK(RowsScattered("max", 2, 0) == Floats{102, 103, 2, 3, 100, 101});
  CHECK(RowsScattered("add", 2, 1) == Floats{101, 1, 102, 106, 4, 107});
}

TEST_CASE("Rows may be wider than elements could be asked for one by one") {
  constexpr int64_t kWide = 2048;
  const Floats y = RowsScattered("add", kWide, 0);
  REQUIRE(y.size() == 3 * kWide);
  CHECK(y[0] == 100 + kWide);
  CHECK(y[2 * kWide + 7] == 2 * kWide + 7 + 107);
}

template <typename T>
int64_t Narrowed(int64_t number) {
  return static_cast<int64_t>(static_cast<T>(number));
}

// [3] of one type with updates for the elements {1, 1, 2}, and whether it is
// `expected`.
TestModel ScatteredAs(const char* reduction, onnx::TensorProto::DataType type,
                      const std::vector<int64_t>& data,
                      const std::vector<int64_t>& updates,
                      const std::vector<int64_t>& expected) {
  TestModel model(18);
  model.Input("at", {3, 1});
  model.Ints("given", {3}, data);
  model.Ints("brought", {3}, updates);
  model.Ints("expected", {3}, expected);
  const auto cast = [&](const char* from, const char* to, int64_t as) {
    SetInt(model.Add("Cast", {from}, {to}), "to", as);
  };
  cast("at", "i", onnx::TensorProto::INT64);
  cast("given", "x", type);
  cast("brought", "updates", type);
  SetString(model.Add("ScatterND", {"x", "i", "updates"}, {"put"}), "reduction",
            reduction);
  cast("put", "wide", onnx::TensorProto::INT64);
  model.Add("Equal", {"wide", "expected"}, {"agrees"});
  cast("agrees", "y", onnx::TensorProto::FLOAT);
  model.Output("y");
  return model;
}

TEST_CASE("Updates of any numbers become one, and integers wrap") {
  struct Type {
    onnx::TensorProto::DataType type;
    int64_t (*narrowed)(int64_t);
    bool is_float;
  };
  const auto type = GENERATE(values<Type>({
      {onnx::TensorProto::INT8, Narrowed<int8_t>, false},
      {onnx::TensorProto::UINT8, Narrowed<uint8_t>, false},
      {onnx::TensorProto::INT32, Narrowed<int32_t>, false},
      {onnx::TensorProto::UINT32, Narrowed<uint32_t>, false},
      {onnx::TensorProto::INT64, Narrowed<int64_t>, false},
      {onnx::TensorProto::UINT64, Narrowed<int64_t>, false},
      {onnx::TensorProto::FLOAT16, Narrowed<int64_t>, true},
      {onnx::TensorProto::DOUBLE, Narrowed<int64_t>, true},
  }));
  INFO("type " << type.type);
  // More digits than floats have.
  const int64_t large = type.is_float ? -3 : (int64_t{1} << 53) + 1;
  std::vector<int64_t> data = {5, large, 7}, updates = {100, 4, -2};
  for (int64_t& number : data) number = type.narrowed(number);
  for (int64_t& number : updates) number = type.narrowed(number);
  const auto check = [&](const char* reduction, auto join) {
    INFO(reduction);
    const std::vector<int64_t> expected = {
        data[0], type.narrowed(join(join(data[1], updates[0]), updates[1])),
        type.narrowed(join(data[2], updates[2]))};
    TestModel model =
        ScatteredAs(reduction, type.type, data, updates, expected);
    CHECK(Answer(model, {{1, 1, 2}}) == Floats{1, 1, 1});
  };
  check("add", [](int64_t a, int64_t b) { return a + b; });
  check("mul", [](int64_t a, int64_t b) { return a * b; });
  if (type.type == onnx::TensorProto::UINT64) return;
  check("max", [](int64_t a, int64_t b) { return std::max(a, b); });
  check("min", [](int64_t a, int64_t b) { return std::min(a, b); });
}

TEST_CASE("Updates that have no order here are refused with a way out") {
  const auto refusal = [](const char* reduction,
                          onnx::TensorProto::DataType type) {
    const TestModel model =
        ScatteredAs(reduction, type, {0, 1, 0}, {1, 0, 1}, {0, 0, 0});
    return std::string(model.Import().status().message());
  };
  CHECK_THAT(refusal("max", onnx::TensorProto::UINT64),
             Catch::Contains("UINT64") && Catch::Contains("cast"));
  CHECK_THAT(refusal("add", onnx::TensorProto::BOOL),
             Catch::Contains("BOOL") && Catch::Contains("cast"));
}

TEST_CASE("Celu bends below 0, whatever the sign of its alpha") {
  const float alpha = GENERATE(-1.0f, -0.5f, 0.5f, 1.0f, 2.0f);
  INFO("alpha " << alpha);
  const Floats x = {-3, -1, -0.25f, 0, 0.25f, 1, 3};
  std::vector<double> expected;
  for (const double number : x) {
    expected.push_back(
        std::max(number, 0.0) +
        std::min(0.0, alpha * std::expm1(number / double{alpha})));
  }
  TestModel model(12);
  model.Input("x", {7});
  SetFloat(model.Add("Celu", {"x"}, {"y"}), "alpha", alpha);
  model.Output("y");
  CheckNear(Answer(model, {x}), expected);
}

}  // namespace
}  // namespace layerd
